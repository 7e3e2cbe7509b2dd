"""One thread that moves bytes between connections and protocols: the only place of a build that waits or blocks.

Protocols take bytes and give bytes and never block; whoever wants something of them from another thread hands it in with
``Loop.call``. Being alone, this thread needs no locks, a TLS socket is used by one thread only, and answering a PING can
never wait for a window that only the answering thread could open.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from ...messages import t
from .duplex import Duplex
from .http2 import Buffer


class Wire(Protocol):
    """A protocol without I/O, on one connection."""

    def feed(self, data: bytes) -> None:
        """Take what has come."""

    def pull(self) -> list[Buffer]:
        """What to send next; empty: nothing for now. It is written before the next call."""

    def lost(self, reason: str) -> None:
        """The connection ended, or broke; nothing is called any more."""

    @property
    def paused(self) -> bool:
        """Whether nothing should be read for now; asked again after every turn."""

    @property
    def over(self) -> bool:
        """Whether the connection can be closed, once what ``pull`` gave was sent."""


class _Channel:
    """A connection and its protocol."""

    def __init__(self, loop: Loop, duplex: Duplex, wire: Wire) -> None:
        self.loop = loop
        self.duplex = duplex
        self.wire = wire
        self.outgoing: list[Buffer] = []
        self.interest: dict[int, int] = {}  # what the selector watches, by descriptor
        self.blocked = False

    def flush(self) -> bool:
        """Send what there is; True when all of it went, and there may be more."""
        if not self.outgoing:
            self.outgoing = self.wire.pull()
        if not self.outgoing:
            self.blocked = False
            return False
        sent = self.duplex.write(self.outgoing)
        self.outgoing = _rest(self.outgoing, sent)
        self.blocked = bool(self.outgoing) and not sent
        return not self.blocked

    def watch(self) -> None:
        """Tell the selector what this channel waits for."""
        wanted: dict[int, int] = {}
        if not self.wire.paused:
            wanted[self.duplex.read_fd] = selectors.EVENT_READ
        if self.blocked:
            wanted[self.duplex.write_fd] = wanted.get(self.duplex.write_fd, 0) | selectors.EVENT_WRITE
        self._apply(wanted)

    def _apply(self, wanted: dict[int, int]) -> None:
        selector = self.loop.selector
        for fd, events in wanted.items():
            if fd not in self.interest:
                selector.register(fd, events, self)
            elif self.interest[fd] != events:
                selector.modify(fd, events, self)
        for fd in self.interest.keys() - wanted.keys():
            selector.unregister(fd)
        self.interest = wanted

    def close(self) -> None:
        self._apply({})
        self.duplex.close()


class Loop:
    """The thread. ``call`` and ``stop`` may be called by any; everything else only from inside."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.selector.register(self._wake_read, selectors.EVENT_READ)
        self._calls: deque[Callable[[], None]] = deque()
        self._timers: list[tuple[float, Callable[[], None]]] = []
        self._channels: list[_Channel] = []
        self._stopped = False
        self._closed = threading.Lock()  # held while the pipe may be closed
        self._over = False
        self._workers: list[threading.Thread] = []

    def call(self, function: Callable[[], None]) -> None:
        """Run ``function`` in the loop's thread, soon; not at all when the loop has ended."""
        self._calls.append(function)
        with self._closed:
            if not self._over:
                with contextlib.suppress(BlockingIOError):  # the pipe is full of wake-ups: one is enough
                    os.write(self._wake_write, b"\0")

    def stop(self) -> None:
        """End the loop and close its connections."""
        self.call(self._stop)

    def _stop(self) -> None:
        self._stopped = True

    def add(self, duplex: Duplex, wire: Wire) -> None:
        """Serve a connection, which belongs to the loop from now on."""
        self._channels.append(_Channel(self, duplex, wire))

    def later(self, seconds: float, function: Callable[[], None]) -> None:
        """Call ``function`` after a while."""
        self._timers.append((time.monotonic() + seconds, function))

    def in_thread(self, work: Callable[[], None], then: Callable[[], None]) -> None:
        """Run ``work``, which blocks, in a thread of its own, and ``then`` in the loop's."""

        def run() -> None:
            work()
            self.call(then)

        thread = threading.Thread(target=run, name="modelarts_nb-build-job", daemon=True)
        self._workers.append(thread)
        thread.start()

    def run(self) -> None:
        """Serve until ``stop``. All connections are closed in the end, however it comes."""
        try:
            while not self._stopped:
                self._turn()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close everything, also where the loop never ran; a second time does nothing."""
        for channel in self._channels:
            channel.close()
        self._channels.clear()
        with self._closed:
            if not self._over:
                self._over = True
                self.selector.close()
                os.close(self._wake_read)
                os.close(self._wake_write)

    def _turn(self) -> None:
        """Write what can be written, wait where nothing can, read what has come, run what was called."""
        more = bool(self._calls)
        for channel in list(self._channels):
            more |= self._write(channel)
        ready = self.selector.select(0 if more else self._patience())
        readable = {key.data for key, events in ready if events & selectors.EVENT_READ}
        if None in readable:
            os.read(self._wake_read, 4096)
        for channel in list(self._channels):
            if channel in readable or (channel.duplex.buffered and not channel.wire.paused):
                self._read(channel)
        while self._calls and not self._stopped:
            self._calls.popleft()()
        now = time.monotonic()
        for timer in [each for each in self._timers if each[0] <= now]:
            self._timers.remove(timer)
            timer[1]()

    def _patience(self) -> float | None:
        """Seconds until the next timer."""
        if not self._timers:
            return None
        return max(0.0, min(when for when, _ in self._timers) - time.monotonic())

    def _write(self, channel: _Channel) -> bool:
        """Write once; True when there is no need to wait before the next turn."""
        try:
            more = channel.flush()
        except OSError as error:
            self._drop(channel, error.strerror or str(error))
            return False
        if channel.wire.over and not channel.outgoing:
            self._drop(channel, "")
            return False
        channel.watch()
        return more or (channel.duplex.buffered and not channel.wire.paused)

    def _read(self, channel: _Channel) -> None:
        try:
            data = channel.duplex.read()
        except OSError as error:
            self._drop(channel, error.strerror or str(error))
            return
        if data:
            channel.wire.feed(data)
        elif data is not None:
            self._drop(channel, t("the connection was closed by the other side"))

    def _drop(self, channel: _Channel, reason: str) -> None:
        if channel not in self._channels:
            return
        self._channels.remove(channel)
        channel.close()
        channel.wire.lost(reason)


def _rest(buffers: list[Buffer], sent: int) -> list[Buffer]:
    """What is left of ``buffers`` after ``sent`` bytes."""
    for index, buffer in enumerate(buffers):
        if sent < len(buffer):
            return [memoryview(buffer)[sent:], *buffers[index + 1 :]] if sent else buffers[index:]
        sent -= len(buffer)
    return []
