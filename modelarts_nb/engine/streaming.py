"""Blocking reads turned into generators that can be interrupted at any moment.

A generator that waits inside ``recv`` can neither repaint a clock nor be closed. Here the blocking iterators run in
threads; the caller's generator waits on a queue, wakes at least every 100 ms, and is the only one that is interrupted.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")

HEARTBEAT = 0.1  # seconds between two chances to repaint or to stop
JOIN = 2.0  # seconds that a reader may take to notice that its source was closed


class _End:
    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def pump(
    sources: Sequence[Iterable[T]], close: Callable[[], None], *, depth: int = 1024
) -> Generator[T | None, None, None]:
    """Items of all ``sources`` as they come, and None at least every 100 ms; ends when all have ended.

    Each source is read in a thread of its own. An exception of a source is raised here, once the items before it were
    taken. ``close`` must make blocked reads return (shut a socket down); it is called once, however this ends: by the
    end of the sources, an error, an interrupt, or ``.close()`` on the generator. ``depth`` bounds what waits in memory.
    """
    items: queue.Queue[T | _End] = queue.Queue(depth)
    stopped = threading.Event()

    def put(item: T | _End) -> bool:
        while not stopped.is_set():
            with contextlib.suppress(queue.Full):
                items.put(item, timeout=HEARTBEAT)
                return True
        return False

    def read(source: Iterable[T]) -> None:
        error: BaseException | None = None
        try:
            for item in source:
                if not put(item):
                    return
        except BaseException as caught:  # it belongs to the thread that waits, not to this one
            error = caught
        put(_End(error))

    threads = [
        threading.Thread(target=read, args=(source,), name="modelarts_nb-reader", daemon=True) for source in sources
    ]
    try:
        for thread in threads:
            thread.start()
        yield from _drain(items, len(threads))
    finally:
        stopped.set()
        close()
        for thread in threads:
            if thread.ident is not None:
                thread.join(JOIN)


def _drain(items: queue.Queue[T | _End], open_sources: int) -> Generator[T | None, None, None]:
    while open_sources:
        try:
            item = items.get(timeout=HEARTBEAT)
        except queue.Empty:
            yield None
            continue
        if isinstance(item, _End):
            open_sources -= 1
            if item.error is not None:
                raise item.error
        else:
            yield item


def call(function: Callable[[], T], close: Callable[[], None] = lambda: None) -> Generator[None, None, T]:
    """The value of a blocking call, with None every 100 ms while it runs; its exception is raised here."""
    result: list[T] = []

    def once() -> Generator[bool, None, None]:
        result.append(function())
        yield True

    for _ in pump([once()], close):
        yield None
    return result[0]
