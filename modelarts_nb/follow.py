"""Follow a workflow to its end: fold its events, keep its log, keep a view painted, and clean up whatever happens.

The one loop that every front end uses. An interrupt may strike anywhere in it: the workflow is closed (it stops what it
started), the view says "cancelled", and the interrupt goes on. So does a cancel that comes from elsewhere: a button, a handle.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from typing import Protocol, TypeVar

from .events import Event
from .logfile import LogFile
from .trace import Trace

T = TypeVar("T")

REPAINT = 0.1  # seconds between two paintings, at the least


class View(Protocol):
    """What shows a trace. It looks at the trace and nothing else."""

    def paint(self, trace: Trace) -> None:
        """Show where things stand; called at most every 100 ms."""

    def finish(self, trace: Trace, error: BaseException | None, result: object) -> None:
        """Show the end, for good. ``error`` is what ended it, None for success; then ``result`` is what came out."""


def follow(
    workflow: Generator[Event | None, None, T], trace: Trace, log: LogFile, view: View,
    cancel: threading.Event | None = None,
) -> T:
    """What the workflow returns; its exceptions pass through, after the view and the log were finished.

    Raises KeyboardInterrupt soon after ``cancel`` was set, as the interrupt itself does.
    """
    try:
        result = _drain(workflow, trace, log, view, cancel or threading.Event())
    except BaseException as error:
        workflow.close()
        if isinstance(error, KeyboardInterrupt):
            trace.cancel()
        trace.close()
        log.close("cancelled" if isinstance(error, KeyboardInterrupt) else trace.redact(str(error)))
        view.finish(trace, error, None)
        raise
    trace.close()
    log.close()
    view.finish(trace, None, result)
    return result


def _drain(
    workflow: Generator[Event | None, None, T], trace: Trace, log: LogFile, view: View, cancel: threading.Event
) -> T:
    due = 0.0
    while True:
        if cancel.is_set():
            raise KeyboardInterrupt
        try:
            event = next(workflow)
        except StopIteration as end:
            result: T = end.value
            return result
        if event is not None:
            trace.apply(event)
            log.apply(event)
        now = time.monotonic()
        if now >= due:
            view.paint(trace)
            log.flush()
            due = max(now + REPAINT, time.monotonic() + REPAINT / 4)  # a steady beat, and air where painting is slow
