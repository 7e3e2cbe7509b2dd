"""``shell``: a container to look around in, where a build failed or in an image; one is open at a time."""

from __future__ import annotations

import atexit
import contextlib
import uuid
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..building.request import BuildRequest
from ..building.shell import FailedStep, Shell
from ..dockerfile import Dockerfile, locate
from ..errors import BuildFailed, EngineError, ModelArtsError
from ..events import Event
from ..follow import follow
from ..imports import whole
from ..logfile import LogFile
from ..messages import t
from ..session import session
from ..text import Redactor
from ..trace import Trace
from .current import connect, current_settings
from .following import Following, log_path

if TYPE_CHECKING:
    from ..engine.discovery import Engine

T = TypeVar("T")
_open: dict[str, Any] = {}  # of the shell that is open: its engine, and what it was opened for


def shell(
    image: str = "", *, contract: str = "", code: str | Path | None = None, network: str = "isolated", log: str | Path = "",
    progress: str = "",
) -> Shell:
    """Open a shell, or give the one that is open; it stays until ``stop_shell``, another one, or the kernel's end.

    ``image`` "": after a failed build, a container from the last good step, without the build's secrets; else the shell that
    is open, else the last image built. Of an image it is as ``train`` would start it: ``contract``, ``code`` and ``network``
    mean what they mean there. Raises SettingsError, EngineAPIError, BuildFailed.
    """
    whole("docker", "modelarts_nb.workflows")
    from .. import workflows
    from ..notebook.view.card import SHELL
    from ..training.spec import JobSpec
    from .builds import site_secrets  # which imports this module

    engine = connect()
    wanted = (image, contract, str(code or ""), network)
    opened = _kept(engine, wanted)
    if opened is not None:
        return opened
    stop_shell()
    job = uuid.uuid4().hex[:10]
    failed = session.failed if not image else None
    if failed is not None:
        site = site_secrets()
        subject = t("where {name} failed", name=failed.request.source.name or failed.request.source.origin)
        workflow: Any = workflows.at_failure(engine, replace(failed, request=replace(failed.request, secrets=site)), job)
    else:
        spec = JobSpec(
            image=image or session.image_name(), command="sh", contract=contract or current_settings().contract,
            code=Path(code) if code else None, network=network,
        )
        subject, workflow = spec.image, workflows.in_image(engine, spec, job)
    _open.update(engine=engine, job=job, wanted=wanted, news=_news())
    following = Following(SHELL, subject, log_path(log, "shell"), progress, Redactor(()))
    try:
        session.shell = following.run(_swept(engine, workflow))
    except BaseException:
        stop_shell()
        raise
    assert session.shell is not None
    return session.shell


def _news() -> object:
    """The last build's outcome."""
    return session.failed or session.image


def _kept(engine: Engine, wanted: tuple[str, ...]) -> Shell | None:
    """The open shell, where it is what is asked for and still runs."""
    from ..engine import shells

    if session.shell is None or not _open or _open["engine"] is not engine:
        return None
    fits = wanted == _open["wanted"] if wanted[0] else _open["news"] is _news()
    return session.shell if fits and shells.alive(engine, session.shell.container) else None


def _swept(engine: Engine, workflow: Generator[Event | None, None, T]) -> Generator[Event | None, None, T]:
    from ..engine import marks
    from ..engine.streaming import call

    yield from call(lambda: marks.sweep(engine))
    return (yield from workflow)


def run_in_shell(script: str, opened: Shell, *, log: str | Path = "", quiet: bool = False) -> None:
    """Run a script in the open shell and print what it prints. Exported variables, the folder and all files stay for the next.

    Raises RunFailed where it ends with another code than 0. An interrupt ends what it started; the shell stays.
    """
    whole("docker", "modelarts_nb.workflows")
    from .. import workflows
    from ..notebook.view.live import QuietView
    from ..notebook.view.printed import PrintedView

    path, trace = log_path(log, "shell"), Trace(Redactor(()))
    view = QuietView() if quiet else PrintedView(trace, str(path))
    try:
        follow(workflows.run_script(_open["engine"], opened, script), trace, LogFile(path, trace.redact), view)
    except ModelArtsError as error:
        error.log_path = str(path)
        raise


def enter(opened: Shell) -> bool:
    """Sit down in the open shell, with the terminal of this process, until it ends. False: this connection cannot carry it."""
    from ..engine import shells, tty

    engine = _open["engine"]
    return tty.interact(engine, opened.container, [shells.program(engine, opened.container), "-i"])


def stop_shell() -> bool:
    """End the open shell and remove all that was made for it; False where none was open."""
    from ..engine import marks

    if not _open:
        return False
    engine, job = _open["engine"], _open["job"]
    session.shell = None
    _open.clear()  # also where the Engine is gone: what is left there goes when this process has ended (engine/marks.py)
    marks.remove(engine, job)
    return True


@atexit.register
def _at_exit() -> None:
    """A kernel that ends leaves nothing; one that is killed is cleaned up after by the next shell or run."""
    with contextlib.suppress(EngineError):
        stop_shell()


def noting(
    workflow: Generator[Event | None, None, T], request: BuildRequest, dockerfile: Dockerfile, trace: Trace
) -> Generator[Event | None, None, T]:
    """The build, with what ``shell`` needs to know where it fails; no secret is kept."""
    session.failed = None
    try:
        return (yield from workflow)
    except BuildFailed as error:
        step = trace.failed
        found = locate(dockerfile, step.vertex.name, request.target) if step is not None else None
        if found is not None and found.keyword != "FROM":
            session.failed = FailedStep(replace(request, secrets={}, ssh={}), found)
            error.hint = "\n".join(filter(None, (error.hint, t("%shell opens a shell right before this step."))))
        raise


