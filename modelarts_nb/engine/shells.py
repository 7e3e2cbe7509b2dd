"""A container that waits, and commands in it. It bears our labels: ``marks.sweep`` finds it after a killed kernel."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from typing import Any

from ..building import shell as core
from ..errors import EngineAPIError, EngineError
from ..events import Event, Vertex, VertexLog
from ..messages import t
from . import output
from .discovery import Engine
from .failures import mapped
from .images import hang_up
from .marks import labels, remove
from .streaming import call, pump


def start(engine: Engine, made: core.Start, job: str) -> Generator[Event | None, None, None]:
    """Start the container. Raises EngineAPIError, also for an image without a shell; nothing is left then."""
    try:
        with mapped(t("Starting a shell")):
            yield from call(lambda: _start(engine, made, job))
    except EngineAPIError as error:
        remove(engine, job)
        if "/bin/sh" not in error.message:
            raise
        raise EngineAPIError(t("The image has no /bin/sh, so that there is no shell to open."), status=error.status) from error
    except BaseException:
        remove(engine, job)
        raise


def _start(engine: Engine, made: core.Start, job: str) -> None:
    client = engine.client
    host = client.create_host_config(network_mode=made.network, extra_hosts=dict(made.hosts) or None)
    container = client.create_container(
        made.image, command=[], entrypoint=["/bin/sh"], user=made.user or None, working_dir=made.directory or None,
        environment=dict(made.environment), hostname=made.hostname or None, labels=labels(job), name=made.name,
        host_config=host, stdin_open=True, tty=False,  # it waits for a line that never comes
    )
    client.start(container["Id"])


def deliver(engine: Engine, container: str, chunks: Iterator[bytes]) -> Generator[None, None, None]:
    """Unpack a tar at the container's root."""
    with mapped(t("Delivering files")):
        yield from call(lambda: engine.client.put_archive(container, "/", chunks))


def program(engine: Engine, container: str) -> str:
    """The path of bash, else of sh."""
    said = _said(engine, container, ["/bin/sh", "-c", "command -v bash || command -v sh"])
    return said if said in ("/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash") else "/bin/sh"


def _said(engine: Engine, container: str, command: Sequence[str]) -> str:
    with mapped(t("Asking a container")):
        made = engine.client.exec_create(container, list(command), stderr=False)
        return str(engine.client.exec_start(made["Id"])[:1000].decode(errors="replace")).strip()


def alive(engine: Engine, container: str) -> bool:
    """Whether the container still runs."""
    try:
        with mapped(t("Asking a container")):
            return bool(engine.client.inspect_container(container)["State"]["Running"])
    except EngineError:
        return False


def execute(engine: Engine, shell: core.Shell, script: str) -> Generator[Event | None, None, int]:
    """Run a script; what it prints as events, then its exit code. Closing the generator ends what it started."""
    client = engine.client
    began = time.time()
    yield Vertex("shell", shell.subject, started=began)
    with mapped(t("Running in a container")):
        made = client.exec_create(shell.container, core.arguments(shell.shell, script), stdout=True, stderr=True)["Id"]
        stream = _begin(client, made, tty=False)
        ended = False
        try:
            client._raise_for_status(stream)
            for item in pump([output.attached(client, stream)], lambda: hang_up(stream)):
                yield VertexLog("shell", item[1], item[0], time.time()) if item is not None else None
            ended = True
        finally:
            if not ended:
                stop(engine, shell.container)
        code = yield from call(lambda: _exit_code(client, made))
    yield Vertex("shell", shell.subject, started=began, completed=time.time())
    return code


def _begin(client: Any, made: str, *, tty: bool) -> Any:
    """Start the command; the answer's socket carries what it prints."""
    return client._post_json(
        client._url("/exec/{0}/start", made), data={"Tty": tty, "Detach": False}, stream=True, timeout=None,
        headers={"Connection": "Upgrade", "Upgrade": "tcp"},
    )


def _exit_code(client: Any, made: str) -> int:
    """Its exit code; the Engine may say “running” for a moment after the last byte has come."""
    while True:
        found = client.exec_inspect(made)
        if not found.get("Running"):
            return int(found.get("ExitCode") or 0)
        time.sleep(0.01)


def stop(engine: Engine, container: str) -> None:
    """End what the last script started; the container stays."""
    try:
        _said(engine, container, core.STOP)
    except EngineError:
        return  # it is gone, and what it ran with it
