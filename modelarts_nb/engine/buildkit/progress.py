"""BuildKit's progress, decoded: ``moby.buildkit.v1.StatusResponse`` to events (api/services/control/control.proto)."""

from __future__ import annotations

from collections.abc import Iterator

from ...events import Event, Vertex, VertexLog, VertexStatus, VertexWarning
from .protobuf import Message

STUCK = 1000  # empty reports in a row; an Engine in order sends none


class Reports:
    """One build's reports, in their order.

    ``stuck``: the Engine repeats itself without end. Engines before 23 do, once a batch of more than 1 MiB of output ended
    with the line that made it too long (moby/buildkit, control.go of v0.8: ``retry`` stays true).
    """

    def __init__(self) -> None:
        self._empty = 0

    @property
    def stuck(self) -> bool:
        """Whether nothing more can be expected."""
        return self._empty >= STUCK

    def read(self, raw: bytes) -> list[Event]:
        """The events of one StatusResponse. Raises protobuf.WireError."""
        self._empty = 0 if raw else self._empty + 1
        return list(decode(raw))


def decode(raw: bytes) -> Iterator[Event]:
    """The events of one StatusResponse, vertexes first. Raises protobuf.WireError."""
    response = Message(raw)
    for vertex in response.messages(1):
        yield _vertex(vertex)
    for status in response.messages(2):
        yield VertexStatus(
            id=status.text(1), vertex=status.text(2), name=status.text(3), current=status.number(4),
            total=status.number(5), timestamp=_time(status, 6), started=_time(status, 7), completed=_time(status, 8),
        )
    for log in response.messages(3):
        yield VertexLog(vertex=log.text(1), data=log.bytes(4), stream=log.number(3) or 1, timestamp=_time(log, 2))
    for warning in response.messages(4):
        yield VertexWarning(
            vertex=warning.text(1), short=warning.text(3), detail=tuple(warning.texts(4)), url=warning.text(5),
            level=warning.number(2), ranges=tuple(line_range(r) for r in warning.messages(7)),
        )


def line_range(message: Message) -> tuple[int, int]:
    """``Range{start=1 end=2}`` of ``Position{line=1}`` as (first, last) line."""
    start, end = message.message(1), message.message(2)
    first = start.number(1) if start else 0
    return first, (end.number(1) if end else 0) or first


def _vertex(message: Message) -> Vertex:
    return Vertex(
        digest=message.text(1), name=message.text(3), inputs=tuple(message.texts(2)), started=_time(message, 5),
        completed=_time(message, 6), cached=bool(message.number(4)), error=message.text(7),
    )


def _time(message: Message, field: int) -> float | None:
    """``Timestamp{seconds=1 nanos=2}`` as seconds since the epoch."""
    time = message.message(field)
    return None if time is None else time.number(1) + time.number(2) / 1e9
