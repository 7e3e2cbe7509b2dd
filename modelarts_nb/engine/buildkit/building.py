"""The build as its caller sees it: a generator that waits, and that can be interrupted while it waits."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator
from typing import Any

from ...events import Event
from .builder import Builder
from .control import Control
from .engineapi import EngineApi
from .request import BuildResult, SessionBuild, check
from .run import End, Run, Way

HEARTBEAT = 0.1  # seconds between two chances to repaint or to stop
CANCEL = 0.4  # seconds that the Engine gets to confirm a cancel, before the connections are closed
JOIN = 2.0  # seconds that the thread gets to end


def build(
    client: Any, request: SessionBuild, way: Callable[[Run], Way] | None = None
) -> Generator[Event | None, None, BuildResult]:
    """Build; see the package's docstring."""
    check(request)
    run = Run(client, request, way or _way(client))
    thread = threading.Thread(target=run.main, name="modelarts_nb-build", daemon=True)
    thread.start()
    over = False
    try:
        while True:
            try:
                item = run.items.get(timeout=HEARTBEAT)
            except queue.Empty:
                yield None
                continue
            run.resume()
            if isinstance(item, End):
                over = True
                if isinstance(item.outcome, BaseException):
                    raise item.outcome
                return item.outcome
            yield item
    finally:
        if not over:
            run.cancel(CANCEL)
        run.loop.stop()
        thread.join(JOIN)


def _way(client: Any) -> Callable[[Run], Way]:
    """BuildKit's own API where its errors say more than the Engine's: from Engine 23 (API 1.42) on."""
    if isinstance(client, Builder):
        return Control
    version = tuple(int(part) for part in client._version.split(".") if part.isdigit())
    return Control if version >= (1, 42) else EngineApi
