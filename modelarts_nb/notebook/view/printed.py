"""Lines as they come, printed like those of any cell: for scripts in a shell."""

from __future__ import annotations

import sys

from ...messages import t
from ...terminal import plain
from ...trace import Trace
from .card import short_path

MOST = 1000  # lines that a cell keeps; the log has all


class PrintedView:
    """Prints each line of a trace, up to ``MOST``."""

    def __init__(self, trace: Trace, log_path: str) -> None:
        trace.keep_unread()
        self._printed, self._log_path = 0, log_path

    def paint(self, trace: Trace) -> None:
        """Print what is new."""
        for step in trace.steps.values():
            lines, step.unread = step.unread or [], []
            shown = lines[: max(0, MOST - self._printed)]
            self._printed += len(lines)
            for line in shown:
                sys.stdout.write(f"{plain(line)}\n")
        sys.stdout.flush()

    def finish(self, trace: Trace, error: BaseException | None, result: object) -> None:
        """Print the rest, and say how much is missing."""
        self.paint(trace)
        if self._printed > MOST:
            said = t("{count} more lines are in the log: {path}", count=self._printed - MOST, path=short_path(self._log_path))
            sys.stdout.write(f"{said}\n")
