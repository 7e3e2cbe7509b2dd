"""Views that show a trace while it grows: in a notebook one output that is repainted in place, elsewhere plain lines.

The last painting stays: static HTML and plain text, which need no kernel, no widget and no script to be read again.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any, TextIO

from ...errors import ModelArtsError
from ...follow import View
from ...messages import t
from ...trace import State, Trace
from . import html, plain, report  # noqa: F401  # report registers its card
from .card import Fact, Work, facts, merged, whole
from .chart import draw


class RichView:
    """One display that is updated in place, in any notebook front end.

    ``more``: rows for the result that only the one who asked for the work knows.
    """

    more: Callable[[object], Sequence[Fact]] = staticmethod(lambda result: ())

    def __init__(self, work: Work, subject: str, log_path: str, following: str = "") -> None:
        self._work, self._subject, self._log_path, self._following = work, subject, log_path, following
        self._began = time.time()
        self._handle: Any = None
        self.last = ""  # the card as HTML
        self._drawn, self._draw, self._picture = -1, 0.0, ""

    def paint(self, trace: Trace) -> None:
        """Repaint; also when nothing happened, as the clock goes on."""
        self._show(trace, ended=False, error=None, result=None)

    def finish(self, trace: Trace, error: BaseException | None, result: object) -> None:
        """Paint for the last time."""
        self._draw = 0.0
        self._show(trace, ended=True, error=error, result=result)

    def _chart(self, trace: Trace) -> str:
        """The picture of what it measures, drawn again where there is something new, and at most once a second."""
        if trace.metrics is None:
            return ""
        if trace.metrics.version != self._drawn and time.monotonic() >= self._draw:
            self._drawn, self._draw = trace.metrics.version, time.monotonic() + 1.0
            self._picture = draw(trace.metrics)
        return self._picture

    def _seconds(self) -> float:
        return time.time() - self._began

    def _show(self, trace: Trace, *, ended: bool, error: BaseException | None, result: object) -> None:
        from IPython.display import display

        rows = merged(facts(result), self.more(result)) if result is not None else ()
        note = t("As last painted; it goes on only while its kernel runs.")
        self.last = html.render(
            self._work, self._subject, trace, now=time.time(), seconds=self._seconds(), ended=ended, error=error, rows=rows,
            log_path=self._log_path, following=self._following if error is None else "", chart=self._chart(trace), note=note,
        )
        bundle = {
            "text/plain": plain.render(
                self._work, self._subject, trace, seconds=self._seconds(), ended=ended, error=error, rows=rows,
                log_path=self._log_path, note=note,
            ),
            "text/html": self.last,
        }
        bundle = whole(result, self._log_path) or bundle
        self.last = bundle["text/html"]
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]  # IPython's
        else:
            self._handle.update(bundle, raw=True)


class PlainView:
    """A line for each step that finishes, and the facts at the end."""

    more: Callable[[object], Sequence[Fact]] = staticmethod(lambda result: ())

    def __init__(self, work: Work, subject: str, log_path: str, stream: Callable[[], TextIO] = lambda: sys.stdout) -> None:
        self._work, self._subject, self._log_path, self._stream = work, subject, log_path, stream
        self._began = time.time()
        self._said: set[str] = set()

    def paint(self, trace: Trace) -> None:
        """Write the steps that have finished since the last time."""
        for digest, step in trace.steps.items():
            if digest not in self._said and step.state not in (State.WAITING, State.RUNNING):
                self._said.add(digest)
                self._write(plain.step_line(step, time.time()))

    def finish(self, trace: Trace, error: BaseException | None, result: object) -> None:
        """Write the end."""
        self.paint(trace)
        if isinstance(error, ModelArtsError) and trace.failed is not None:
            for line in trace.failed.tail[-html.LAST_LINES :]:
                self._write(f"    {line}")
        own = whole(result, self._log_path)
        if own is not None:
            self._write(own["text/plain"])
            return
        rows = merged(facts(result), self.more(result)) if result is not None else ()
        self._write(
            plain.render(
                self._work, self._subject, trace, seconds=time.time() - self._began, ended=True, error=error, rows=rows,
                log_path=self._log_path,
            )
        )

    def _write(self, text: str) -> None:
        print(text, file=self._stream(), flush=True)


class QuietView:
    """Nothing; the result or the error says it all."""

    def paint(self, trace: Trace) -> None:
        """Show nothing."""

    def finish(self, trace: Trace, error: BaseException | None, result: object) -> None:
        """Show nothing."""


def choose(
    progress: str, work: Work, subject: str, log_path: str, following: str = "", *,
    cancel: threading.Event | None = None, blocking: bool = True,
) -> View:
    """The view for this place: in a notebook's kernel the live one, or ``rich`` alone; ``plain`` elsewhere; or as asked.

    ``cancel``: what the view's button sets. ``blocking``: the cell waits for the work.
    """
    if progress == "quiet":
        return QuietView()
    if progress == "rich" or (progress == "auto" and _kernel() is not None):
        if attended() and find_spec("anywidget") is not None:
            from . import widget

            return widget.LiveView(
                work, subject, log_path, following, cancel=cancel or threading.Event(), blocking=blocking
            )
        return RichView(work, subject, log_path, following)
    return PlainView(work, subject, log_path)


def attended() -> bool:
    """Whether somebody looks: nbclient and papermill, which execute notebooks without anybody, allow no questions."""
    kernel = _kernel()
    request = kernel.get_parent("shell") if kernel is not None else None
    return kernel is not None and bool((request or {}).get("content", {}).get("allow_stdin", True))


def _kernel() -> Any:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None)
