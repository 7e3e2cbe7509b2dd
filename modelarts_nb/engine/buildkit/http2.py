"""HTTP/2 (RFC 9113) as gRPC uses it, either side of a connection, without any I/O: bytes in, events and bytes out.

``Connection.receive`` takes what the peer sent and returns what it means. ``Connection.pull`` returns what to send next,
as buffers to be written in order: it asks the streams' outlets for data only as far as the peer's flow-control windows
are open, so that nothing piles up here.

Only what BuildKit needs is here: no server push, no priorities, header blocks written as plain literals. What breaks
the protocol raises ``ProtocolError``, after which ``pull`` returns a last GOAWAY.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import hpack

Buffer = bytes | memoryview
Headers = list[tuple[bytes, bytes]]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, WITH_PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20
NO_ERROR, PROTOCOL, INTERNAL, FLOW_CONTROL, _, STREAM_CLOSED, FRAME_SIZE, REFUSED, CANCEL, COMPRESSION = range(10)
ENHANCE_YOUR_CALM = 11

OUR_WINDOW = 4 << 20  # bytes that the peer may send before we grant more, per stream and in all
MAX_FRAME = 16384  # what we accept and what we send: HTTP/2's initial value, which the Engine never raises
MAX_HEADERS = 16 << 20  # exclude patterns arrive as headers, and .dockerignore files can be long
MAX_STREAMS = 1000  # that the peer may have open at a time; a build uses a handful
MAX_CONTROL = 1 << 20  # bytes of answers waiting; a peer that makes us hold more does not read what it asks for
PULL = 256 << 10  # bytes asked for in one go
_MAX_WINDOW = (1 << 31) - 1
_HEADER = struct.Struct(">BHBBL")  # length (24 bits), type, flags, stream


class ProtocolError(Exception):
    """The peer broke HTTP/2; ``code`` is the error code that our GOAWAY names."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Outlet(Protocol):
    """Where a stream's data come from."""

    def batch(self) -> list[Buffer] | None:
        """The next buffers to send, or None: nothing for now (``Connection.wake`` asks again).

        A buffer must keep its content until the next batch is asked for.
        """


class Stream:
    """One request and its answer."""

    def __init__(self, stream_id: int, window: int) -> None:
        self.id = stream_id
        self.window = window
        self.outlet: Outlet | None = None
        self.outbox: deque[Buffer] = deque()
        self.pending = 0  # bytes in the outbox
        self.trailers: bytes | None = None  # the frame that ends our side, once everything before it was sent
        self.unacknowledged = 0  # bytes received and not yet granted again
        self.held = False  # whether the peer is to get no new grants
        self.closed_by_us = False
        self.closed_by_peer = False


@dataclass(frozen=True)
class Opened:
    """The peer opened a stream (server), or answered on ours (client)."""

    stream: Stream
    headers: Headers


@dataclass(frozen=True)
class Received:
    """Data of a stream, not empty."""

    stream: Stream
    data: bytes


@dataclass(frozen=True)
class Trailers:
    """Headers after the data."""

    stream: Stream
    headers: Headers


@dataclass(frozen=True)
class Ended:
    """The peer sends no more on this stream."""

    stream: Stream


@dataclass(frozen=True)
class Reset:
    """The stream is no more: the peer gave it up, or broke it."""

    stream: Stream
    code: int


@dataclass(frozen=True)
class GoneAway:
    """The peer will close the connection."""

    code: int
    reason: bytes


Event = Opened | Received | Trailers | Ended | Reset | GoneAway


class Connection:
    """One HTTP/2 connection. ``client``: we open the streams and begin with the preface."""

    def __init__(self, *, client: bool) -> None:
        self._client = client
        self._inbox = bytearray()
        self._preface = b"" if client else PREFACE
        self._settings_seen = False
        self._decoder = hpack.Decoder(max_header_list_size=MAX_HEADERS)
        self._decoder.max_allowed_table_size = 4096
        self._control: list[Buffer] = []
        self._control_size = 0
        self._streams: dict[int, Stream] = {}
        self._last_peer_stream = 0
        self._next_stream = 1
        self._ready: dict[int, Stream] = {}  # streams whose outlet may have something
        self._window = 65535  # bytes that we may send, all streams together
        self._initial_window = 65535
        self._unacknowledged = 0
        self._headers: tuple[Stream, int, bytearray, bool] | None = None  # a header block that is not complete yet
        self.broken: ProtocolError | None = None
        self.woken: Callable[[], None] = lambda: None  # ``pull`` may have something; for a connection inside another one
        if client:
            self._say(PREFACE)
        # 2: no pushes, which only a client may say; 3 and 4: how many streams, and how much on each
        settings = struct.pack(">HL", 2, 0) if client else struct.pack(">HL", 3, MAX_STREAMS)
        settings += struct.pack(">HL", 4, OUR_WINDOW)
        self._frame(SETTINGS, 0, 0, settings)
        self._frame(WINDOW_UPDATE, 0, 0, struct.pack(">L", OUR_WINDOW - 65535))

    # -- what the peer sends --------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> list[Event]:
        """What ``data`` means; what ends in the middle of a frame is kept for the next call. Raises ProtocolError."""
        if self.broken:
            return []
        self._inbox += data
        events: list[Event] = []
        try:
            if self._preface and not self._take_preface():
                return events
            position = 0
            inbox = self._inbox
            while len(inbox) - position >= 9:
                high, low, kind, flags, stream_id = _HEADER.unpack_from(inbox, position)
                size = high << 16 | low
                if size > MAX_FRAME:
                    raise ProtocolError(FRAME_SIZE, f"a frame of {size} bytes")
                if len(inbox) - position - 9 < size:
                    break
                payload = bytes(inbox[position + 9 : position + 9 + size])
                position += 9 + size
                self._take_frame(kind, flags, stream_id & 0x7FFFFFFF, payload, events)
            del inbox[:position]
        except ProtocolError as error:
            self._break(error)
            raise
        return events

    def _take_preface(self) -> bool:
        have = bytes(self._inbox[: len(self._preface)])
        if not self._preface.startswith(have):
            raise ProtocolError(PROTOCOL, "the peer does not speak HTTP/2")
        if len(have) < len(self._preface):
            return False
        del self._inbox[: len(have)]
        self._preface = b""
        return True

    def _take_frame(self, kind: int, flags: int, stream_id: int, payload: bytes, events: list[Event]) -> None:
        if not self._settings_seen and kind != SETTINGS:
            raise ProtocolError(PROTOCOL, "the first frame is not SETTINGS")
        if self._headers is not None and (kind != CONTINUATION or self._headers[0].id != stream_id):
            raise ProtocolError(PROTOCOL, "a header block was interrupted")
        if (kind in _ON_STREAM) is (stream_id == 0) and kind in _KNOWN and kind != WINDOW_UPDATE:
            raise ProtocolError(PROTOCOL, f"a frame of type {kind} on stream {stream_id}")
        handler = _HANDLERS.get(kind)
        if handler is not None:  # unknown types are ignored, as RFC 9113 4.1 wants it
            handler(self, flags, stream_id, payload, events)

    def _on_data(self, flags: int, stream_id: int, payload: bytes, events: list[Event]) -> None:
        self._unacknowledged += len(payload)
        if self._unacknowledged > OUR_WINDOW:
            raise ProtocolError(FLOW_CONTROL, "more data than was granted")
        if self._unacknowledged > OUR_WINDOW // 2:
            self._frame(WINDOW_UPDATE, 0, 0, struct.pack(">L", self._unacknowledged))
            self._unacknowledged = 0
        stream = self._streams.get(stream_id)
        if stream is None or stream.closed_by_peer:
            self._late(stream_id)
            return
        stream.unacknowledged += len(payload)
        if stream.unacknowledged > OUR_WINDOW:
            raise ProtocolError(FLOW_CONTROL, "more data than was granted")
        content = _unpadded(flags, payload)
        if content:
            events.append(Received(stream, content))
        if flags & END_STREAM:
            self._end(stream, events)
        else:
            self._grant(stream)

    def _grant(self, stream: Stream) -> None:
        if not stream.held and not stream.closed_by_peer and stream.unacknowledged > OUR_WINDOW // 2:
            self._frame(WINDOW_UPDATE, 0, stream.id, struct.pack(">L", stream.unacknowledged))
            stream.unacknowledged = 0

    def hold(self, stream: Stream) -> None:
        """Let the peer send no more on this stream than was granted already."""
        stream.held = True

    def release(self, stream: Stream) -> None:
        """The stream may go on."""
        stream.held = False
        self._grant(stream)

    def _late(self, stream_id: int) -> None:
        """Frames for a stream that is over are ignored; for one that never was, they are an error."""
        if stream_id > self._last_peer_stream if self._is_peers(stream_id) else stream_id >= self._next_stream:
            raise ProtocolError(PROTOCOL, f"a frame for stream {stream_id}, which was never opened")

    def _is_peers(self, stream_id: int) -> bool:
        return stream_id % 2 == (0 if self._client else 1)

    def _on_headers(self, flags: int, stream_id: int, payload: bytes, events: list[Event]) -> None:
        block = _unpadded(flags, payload)
        if flags & WITH_PRIORITY:
            if len(block) < 5:
                raise ProtocolError(FRAME_SIZE, "HEADERS without their priority")
            block = block[5:]
        opening = not self._client and self._is_peers(stream_id) and stream_id > self._last_peer_stream
        if opening:
            self._last_peer_stream = stream_id
            self._streams[stream_id] = Stream(stream_id, self._initial_window)
            if len(self._streams) > MAX_STREAMS:
                self.reset(self._streams[stream_id], REFUSED)
        elif stream_id not in self._streams:
            self._late(stream_id)
        stream = self._streams.get(stream_id) or Stream(stream_id, 0)  # one that is over: read for HPACK's sake alone
        self._headers = (stream, flags & END_STREAM, bytearray(block), opening)
        if flags & END_HEADERS:
            self._headers_complete(events)

    def _on_continuation(self, flags: int, stream_id: int, payload: bytes, events: list[Event]) -> None:
        if self._headers is None:
            raise ProtocolError(PROTOCOL, "CONTINUATION without HEADERS")
        block = self._headers[2]
        block += payload
        if len(block) > MAX_HEADERS:
            raise ProtocolError(ENHANCE_YOUR_CALM, "headers of more than 16 MiB")
        if flags & END_HEADERS:
            self._headers_complete(events)

    def _headers_complete(self, events: list[Event]) -> None:
        assert self._headers is not None
        stream, end, block, opening = self._headers
        self._headers = None
        try:
            headers: Headers = [(bytes(f[0]), bytes(f[1])) for f in self._decoder.decode(bytes(block), raw=True)]
        except (hpack.HPACKError, UnicodeDecodeError, IndexError, ValueError) as error:
            raise ProtocolError(COMPRESSION, "a header block that cannot be decoded") from error
        if stream.id not in self._streams or stream.closed_by_peer:
            return
        fresh = opening if not self._client else any(name == b":status" for name, _ in headers)
        events.append(Opened(stream, headers) if fresh else Trailers(stream, headers))
        if end:
            self._end(stream, events)

    def _on_reset(self, flags: int, stream_id: int, payload: bytes, events: list[Event]) -> None:
        if len(payload) != 4:
            raise ProtocolError(FRAME_SIZE, "RST_STREAM of a wrong size")
        stream = self._streams.get(stream_id)
        if stream is None:
            self._late(stream_id)
            return
        self._forget(stream)
        events.append(Reset(stream, int.from_bytes(payload, "big")))

    def _on_settings(self, flags: int, stream_id: int, payload: bytes, events: list[Event]) -> None:
        if flags & ACK:
            if payload:
                raise ProtocolError(FRAME_SIZE, "an acknowledgement of SETTINGS with a payload")
            return
        if len(payload) % 6:
            raise ProtocolError(FRAME_SIZE, "SETTINGS of a wrong size")
        self._settings_seen = True
        for key, value in struct.iter_unpack(">HL", payload):
            if key == 4:
                self._initial_window_is(value)
            elif key == 5 and not 16384 <= value < 1 << 24:
                raise ProtocolError(PROTOCOL, f"a maximum frame size of {value}")
        self._frame(SETTINGS, ACK, 0, b"")

    def _initial_window_is(self, value: int) -> None:
        if value > _MAX_WINDOW:
            raise ProtocolError(FLOW_CONTROL, "a window of more than 2^31-1 bytes")
        for stream in self._streams.values():
            stream.window += value - self._initial_window
            if stream.window > _MAX_WINDOW:
                raise ProtocolError(FLOW_CONTROL, "a window of more than 2^31-1 bytes")
        self._initial_window = value

    def _on_ping(self, flags: int, stream_id: int, payload: bytes, events: list[Event]) -> None:
        if len(payload) != 8:
            raise ProtocolError(FRAME_SIZE, "PING of a wrong size")
        if not flags & ACK:
            self._frame(PING, ACK, 0, payload)

    def _on_goaway(self, flags: int, stream_id: int, payload: bytes, events: list[Event]) -> None:
        if len(payload) < 8:
            raise ProtocolError(FRAME_SIZE, "GOAWAY of a wrong size")
        events.append(GoneAway(int.from_bytes(payload[4:8], "big"), payload[8:]))

    def _on_window(self, flags: int, stream_id: int, payload: bytes, events: list[Event]) -> None:
        if len(payload) != 4:
            raise ProtocolError(FRAME_SIZE, "WINDOW_UPDATE of a wrong size")
        grant = int.from_bytes(payload, "big") & 0x7FFFFFFF
        if not grant:
            raise ProtocolError(PROTOCOL, "a window update of 0")
        if not stream_id:
            self._window += grant
            if self._window > _MAX_WINDOW:
                raise ProtocolError(FLOW_CONTROL, "a window of more than 2^31-1 bytes")
            return
        stream = self._streams.get(stream_id)
        if stream is None:
            self._late(stream_id)
            return
        stream.window += grant
        if stream.window > _MAX_WINDOW:
            raise ProtocolError(FLOW_CONTROL, "a window of more than 2^31-1 bytes")

    def _on_push(self, flags: int, stream_id: int, payload: bytes, events: list[Event]) -> None:
        raise ProtocolError(PROTOCOL, "PUSH_PROMISE, which nobody allowed")

    # -- what we send ---------------------------------------------------------------------------------------------

    def open(self, headers: Headers, outlet: Outlet) -> Stream:
        """A new stream of ours (client)."""
        stream = Stream(self._next_stream, self._initial_window)
        self._next_stream += 2
        self._streams[stream.id] = stream
        self._send_block(stream.id, 0, literal_headers(headers))
        self.feed_from(stream, outlet)
        return stream

    def answer(self, stream: Stream, headers: bytes, outlet: Outlet) -> None:
        """The headers of our answer (server), as an encoded block; ``outlet`` gives what follows."""
        self._send_block(stream.id, 0, headers)
        self.feed_from(stream, outlet)

    def refuse(self, stream: Stream, headers: bytes) -> None:
        """An answer of headers alone."""
        self._send_block(stream.id, END_STREAM, headers)
        self._close_ours(stream)
        self.reset(stream, NO_ERROR)

    def feed_from(self, stream: Stream, outlet: Outlet) -> None:
        """Take the stream's data from ``outlet`` from now on."""
        stream.outlet = outlet
        self.wake(stream)

    def wake(self, stream: Stream) -> None:
        """The stream's outlet may have something."""
        if not stream.closed_by_us and stream.id in self._streams:
            self._ready[stream.id] = stream
            self.woken()

    def finish(self, stream: Stream, trailers: bytes | None) -> None:
        """End our side after what the outlet still has: with trailers (an encoded block), or without."""
        kind = (DATA, b"") if trailers is None else (HEADERS, trailers)
        stream.trailers = _encode(kind[0], END_STREAM | (END_HEADERS if trailers is not None else 0), stream.id, kind[1])
        self.wake(stream)

    def reset(self, stream: Stream, code: int = CANCEL) -> None:
        """Give a stream up, both ways."""
        if stream.id in self._streams:
            self._frame(RST_STREAM, 0, stream.id, struct.pack(">L", code))
            self._forget(stream)

    def pull(self, budget: int = PULL) -> list[Buffer]:
        """What to send next: answers first, then about ``budget`` bytes of the streams' data. Empty: nothing for now.

        All of it must be written, or copied, before the next call: outlets use their buffers again.
        """
        out, self._control = self._control, []
        self._control_size = 0
        if self.broken:
            return out
        for stream in list(self._ready.values()):
            if budget <= 0:
                break
            # the one served goes to the end, so that a long transfer does not starve a health check
            del self._ready[stream.id]
            taken = self._fill(stream, out, budget)
            if taken is not None:
                budget -= taken
                if stream.id in self._streams and not stream.closed_by_us:
                    self._ready[stream.id] = stream
        return out

    def _fill(self, stream: Stream, out: list[Buffer], budget: int) -> int | None:
        """Take frames of one stream; None when it has nothing more for now."""
        if not stream.pending:
            batch = stream.outlet.batch() if stream.outlet is not None else None
            if batch is None:
                if stream.trailers is not None:
                    out.append(stream.trailers)
                    self._close_ours(stream)
                    if not self._client:
                        self.reset(stream, NO_ERROR)  # the answer is complete: no more of the question is wanted
                return None
            stream.outbox.extend(batch)
            stream.pending = sum(len(buffer) for buffer in batch)
        allowed = min(budget, self._window, stream.window, stream.pending)
        if allowed <= 0:
            return 0
        self._window -= allowed
        stream.window -= allowed
        left = allowed
        while left > 0:
            size = min(left, MAX_FRAME)
            out.append(_HEADER.pack(0, size, DATA, 0, stream.id))
            _take(stream.outbox, size, out)
            left -= size
        stream.pending -= allowed
        return allowed

    @property
    def flooded(self) -> bool:
        """Whether the peer should not be listened to until it has read our answers."""
        return self._control_size > MAX_CONTROL

    def go_away(self, code: int = NO_ERROR, reason: bytes = b"") -> None:
        """Say that we end the connection."""
        self._frame(GOAWAY, 0, 0, struct.pack(">LL", self._last_peer_stream, code) + reason)

    def _break(self, error: ProtocolError) -> None:
        self.go_away(error.code, str(error).encode()[:200])
        self.broken = error
        self._ready.clear()
        self._inbox.clear()

    def _send_block(self, stream_id: int, flags: int, block: bytes) -> None:
        first, rest = block[:MAX_FRAME], block[MAX_FRAME:]
        self._frame(HEADERS, flags | (0 if rest else END_HEADERS), stream_id, first)
        while rest:
            first, rest = rest[:MAX_FRAME], rest[MAX_FRAME:]
            self._frame(CONTINUATION, 0 if rest else END_HEADERS, stream_id, first)

    def _frame(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        self._say(_encode(kind, flags, stream_id, payload))

    def _say(self, data: bytes) -> None:
        self._control.append(data)
        self._control_size += len(data)

    def _end(self, stream: Stream, events: list[Event]) -> None:
        stream.closed_by_peer = True
        if stream.closed_by_us:
            self._forget(stream)
        events.append(Ended(stream))

    def _close_ours(self, stream: Stream) -> None:
        stream.closed_by_us = True
        self._ready.pop(stream.id, None)
        if stream.closed_by_peer:
            self._forget(stream)

    def _forget(self, stream: Stream) -> None:
        stream.closed_by_us = stream.closed_by_peer = True
        self._streams.pop(stream.id, None)
        self._ready.pop(stream.id, None)
        stream.outbox.clear()
        stream.pending = 0


_ON_STREAM = {DATA, HEADERS, PRIORITY, RST_STREAM, PUSH_PROMISE, CONTINUATION}
_KNOWN = range(10)
_HANDLERS = {
    DATA: Connection._on_data,
    HEADERS: Connection._on_headers,
    RST_STREAM: Connection._on_reset,
    SETTINGS: Connection._on_settings,
    PUSH_PROMISE: Connection._on_push,
    PING: Connection._on_ping,
    GOAWAY: Connection._on_goaway,
    WINDOW_UPDATE: Connection._on_window,
    CONTINUATION: Connection._on_continuation,
}


def literal_headers(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A header block of literals without indexing (RFC 7541 6.2.2): nothing to remember on either side."""
    return b"".join(b"\x00" + _hpack_string(name) + _hpack_string(value) for name, value in headers)


def _hpack_string(text: bytes) -> bytes:
    size = len(text)
    if size < 127:
        return bytes((size,)) + text
    prefix, size = bytearray((127,)), size - 127
    while size > 127:
        prefix.append(size & 127 | 128)
        size >>= 7
    prefix.append(size)
    return bytes(prefix) + text


def _encode(kind: int, flags: int, stream_id: int, payload: bytes) -> bytes:
    return _HEADER.pack(len(payload) >> 16, len(payload) & 0xFFFF, kind, flags, stream_id) + payload


def _unpadded(flags: int, payload: bytes) -> bytes:
    if not flags & PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise ProtocolError(PROTOCOL, "more padding than payload")
    return payload[1 : len(payload) - payload[0]]


def _take(outbox: deque[Buffer], size: int, out: list[Buffer]) -> None:
    """Move exactly ``size`` bytes from the outbox, without copying them."""
    while size > 0:
        buffer = outbox.popleft()
        if len(buffer) > size:
            view = memoryview(buffer)
            outbox.appendleft(view[size:])
            buffer = view[:size]
        out.append(buffer)
        size -= len(buffer)
