"""Run a workflow under a view, with its trace and its log file."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import paths
from ..errors import ModelArtsError
from ..follow import follow
from ..logfile import LogFile
from ..text import Redactor
from ..trace import Trace
from ..training.metrics import Metrics
from .background import Background
from .current import current_settings


@dataclass
class Following:
    """One workflow with its trace, log and view. ``provides``: the images that it makes; ``metrics``: what reads
    the numbers that it prints."""

    work: Any
    subject: str
    path: Path
    progress: str
    redact: Redactor
    next_line: str = ""
    provides: tuple[str, ...] = ()
    metrics: Metrics | None = None

    def __post_init__(self) -> None:
        self.trace = Trace(self.redact, self.metrics)
        self.log = LogFile(self.path, self.redact)
        self.adorn: Callable[[Any], None] = lambda view: None  # gives the view what only the caller knows

    def run(self, workflow: Any, then: Callable[[Any], Any] = lambda result: result, *, background: bool = False) -> Any:
        """What ``then`` makes of the workflow's result; its errors name the log file.

        ``background``: a Background at once. Where nobody looks (nbclient, papermill) it has come to its end by then, as
        their kernels end with the last cell.
        """
        from ..notebook.view.live import attended, choose

        handle = Background(self.work.name, self.subject, self.path, self.provides)
        blocking = not background or not attended()
        progress = self.progress or current_settings().progress
        view = choose(
            progress, self.work, self.subject, str(self.path), self.next_line, cancel=handle.stop, blocking=blocking
        )
        self.adorn(view)

        def work() -> Any:
            try:
                return then(follow(workflow, self.trace, self.log, view, handle.stop))
            except ModelArtsError as error:
                error.log_path = str(self.path)
                raise
            except KeyboardInterrupt as error:
                error._render_traceback_ = _briefly  # type: ignore[attr-defined]  # IPython asks for it
                raise

        if not background:
            return work()
        view.paint(self.trace)  # here, so that it stands in this cell
        handle.start(work)
        if blocking:
            handle.wait()
        return handle


def _briefly() -> list[str]:
    return ["KeyboardInterrupt"]


def log_path(log: str | Path, kind: str) -> Path:
    """Where the log goes: the place asked for, else a file of its own in the product's folder."""
    if log:
        return Path(log)
    return paths.logs() / f"{kind}-{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 1000:03d}.log"
