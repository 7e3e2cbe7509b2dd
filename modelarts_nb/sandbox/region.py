"""The sandbox: what a region is to a notebook, on this machine. Today a registry and a base image in it.

``modelarts-nb sandbox up|status|down``. The registry (Distribution) listens on loopback only.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from .. import paths
from ..engine import images
from ..engine.discovery import Engine
from ..errors import RegistryError, SandboxError
from ..packages import need
from ..reference import parse_reference
from ..registry import client as registry
from ..services import Service, alone, unmount_below
from . import base_image

DEFAULT_PORT = 5005
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class SandboxStatus:
    """Whether the sandbox runs, and where: the registry's host and port, and the reference of the base image in it.

    ``recipe``: fingerprint of what the base image was made of; ``source``: the image that it was made from ("": packages).
    """

    running: bool
    registry: str = ""
    base_image: str = ""
    recipe: str = ""
    source: str = ""
    pid: int = 0
    data: str = ""


def status() -> SandboxStatus:
    """How the sandbox stands."""
    pid = _service().pid()
    try:
        read = json.loads(_state().read_text())
        kept = {name: str(read[name]) for name in _KEPT}
    except (OSError, ValueError, TypeError, KeyError):  # none yet, or not as we wrote it
        kept = dict.fromkeys(_KEPT, "")
    return SandboxStatus(bool(pid), **kept, pid=pid, data=str(_data()))


def up(
    engine: Engine, *, port: int = 0, base: str = "", install: bool = True, say: Callable[[str], None] = lambda text: None
) -> SandboxStatus:
    """Start the registry and see that the base image is in it. Raises SandboxError, EngineError or RegistryError.

    ``port`` 0: the one it had before, else 5005. ``base``: make the base image from this image of the Engine, now and
    until told otherwise; "": as it was made before, at first from packages.
    """
    _on_this_machine(engine)
    with alone(paths.folder("sandbox")):
        before = status()
        port = port or int(before.registry.rpartition(":")[2] or DEFAULT_PORT)
        now = before if before.registry == f"localhost:{port}" else replace(before, registry=f"localhost:{port}", recipe="")
        if now.registry != before.registry:
            if before.registry:
                _check(port)  # where the registry cannot move to, it stays where it is
            _service().stop()
        if not _service().pid():
            _start(port, install=install, say=say)
            _keep(now)  # so that it is found where it is, also if the rest fails
        _keep(_with_base(engine, replace(now, source=base or now.source), chosen=bool(base), install=install, say=say))
        if before.base_image and now.registry != before.registry:
            base_image.remove(engine, before.base_image)
    return status()


def down(*, purge: bool = False, engine: Engine | None = None) -> None:
    """Stop the registry. What was pushed to it stays on disk unless ``purge``, which also takes the base image out of
    ``engine``; images that were built from it stay."""
    folder, found = paths.home() / "sandbox", status()
    if folder.exists():
        with alone(folder):
            _service().stop()
            unmount_below(folder)  # what making the base image mounted, where that was killed
    if purge:
        shutil.rmtree(folder, ignore_errors=True)
        if engine is not None:
            base_image.remove(engine, *filter(None, (found.base_image, base_image.LOCAL)))


_KEPT = ("registry", "base_image", "recipe", "source")


def _keep(found: SandboxStatus) -> None:
    written = _state().with_suffix(".new")
    written.write_text(json.dumps({name: value for name, value in asdict(found).items() if name in _KEPT}))
    written.replace(_state())


def _with_base(
    engine: Engine, found: SandboxStatus, *, chosen: bool, install: bool, say: Callable[[str], None]
) -> SandboxStatus:
    """The sandbox with its base image in the registry; made, pushed and named in the Engine only where need be."""
    reference = parse_reference(f"{found.registry}/{base_image.REPOSITORY}:{base_image.TAG}")
    served = bool(found.recipe) and _served(str(reference))
    if found.source and served and not chosen and not images.exists(engine, found.source):
        fingerprint = found.recipe  # the image that it was made from may be gone since
    else:
        source = images.inspect(engine, found.source).id if found.source else ""
        fingerprint = base_image.recipe(os.environ, source)
    if not (served and found.recipe == fingerprint):
        before = base_image.present(engine)
        image = base_image.find(engine, fingerprint)
        image = image or base_image.make(engine, fingerprint, found.source, install=install, say=say)
        say(f"pushing {reference}")
        images.tag(engine, image, reference)
        for _ in images.push(engine, reference):
            pass
        if before not in ("", image):
            base_image.forget(engine, before)
    elif not images.exists(engine, str(reference)) and (image := base_image.find(engine, fingerprint)):
        images.tag(engine, image, reference)
    return replace(found, base_image=str(reference), recipe=fingerprint)


def _served(reference: str) -> bool:
    try:
        registry.read_manifest(parse_reference(reference))
    except RegistryError as error:
        if error.status == 404:
            return False
        raise
    return True


def _on_this_machine(engine: Engine) -> None:
    host = urlsplit(engine.url).hostname or ""
    if urlsplit(engine.url).scheme in ("tcp", "ssh", "http", "https") and not host.startswith(("localhost", "127.", "::1")):
        raise SandboxError(
            f"The Docker Engine at {engine.url} is on another machine and cannot push to a registry on this one.",
            "Run `modelarts-nb sandbox up` there, or use an Engine of this machine.",
        )


def _start(port: int, *, install: bool, say: Callable[[str], None]) -> None:
    services = ("docker-registry.service",)
    program = need("docker-registry", ("docker-registry",), install=install, say=say, services=services)
    _check(port)
    configuration = {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(_data())}, "delete": {"enabled": True}},
        "http": {"addr": f"{LOOPBACK}:{port}"},
    }
    path = paths.folder("sandbox") / "registry.yml"
    path.write_text(json.dumps(configuration))  # JSON is YAML
    # REGISTRY_… variables would overrule the file
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    say(f"starting the registry on localhost:{port}")
    _service().start([program, "serve", str(path)], lambda: _answers(port), environment=environment)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=2)
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _check(port: int) -> None:
    """Raise SandboxError unless a program of this user can listen on that port now."""
    if not 0 < port < 65536:
        raise SandboxError(f"{port} is no port.", "Choose one from 1024 to 65535: `modelarts-nb sandbox up --port N`.")
    reason = _bind(port)
    if reason:
        other = next((number for number in range(port + 1, 65536) if not _bind(number)), DEFAULT_PORT)
        raise SandboxError(
            f"Port {port} of this machine cannot be used: {reason}.",
            f"Choose another: `modelarts-nb sandbox up --port {other}`.",
        )


def _bind(port: int) -> str:
    """Why the port cannot be listened on; "" where it can."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the registry does
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            return error.strerror or str(error)
    return ""


def _service() -> Service:
    return Service("registry", paths.home() / "sandbox")


def _state() -> Path:
    return paths.home() / "sandbox" / "sandbox.json"


def _data() -> Path:
    return paths.home() / "sandbox" / "registry"
