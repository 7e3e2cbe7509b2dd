"""Run a workflow under a view, with its trace and its log file."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import paths
from ..errors import ModelArtsError
from ..follow import follow
from ..logfile import LogFile
from ..text import Redactor
from ..trace import Trace
from .current import current_settings


@dataclass
class Following:
    """One workflow with its trace, log and view."""

    work: Any
    subject: str
    path: Path
    progress: str
    redact: Redactor
    next_line: str = ""

    def __post_init__(self) -> None:
        self.trace = Trace(self.redact)
        self.log = LogFile(self.path, self.redact)

    def run(self, workflow: Any) -> Any:
        """What the workflow returns; its errors name the log file."""
        from ..notebook.view.live import choose

        progress = self.progress or current_settings().progress
        cancel = threading.Event()
        view = choose(progress, self.work, self.subject, str(self.path), self.next_line, cancel=cancel)
        try:
            return follow(workflow, self.trace, self.log, view, cancel)
        except ModelArtsError as error:
            error.log_path = str(self.path)
            raise


def log_path(log: str | Path, kind: str) -> Path:
    """Where the log goes: the place asked for, else a file of its own in the product's folder."""
    if log:
        return Path(log)
    return paths.logs() / f"{kind}-{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 1000:03d}.log"
