"""gRPC over HTTP/2, both sides, without any I/O: calls in, messages out.

``Server`` answers the peer's calls with what its table of methods makes of them; ``Client`` makes calls. A call is a
``Call``: it is told of messages and asked for output. Sources: the pages "gRPC over HTTP2" and "Status codes" of grpc.io.
"""

from __future__ import annotations

import base64
import binascii
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ...messages import t
from . import http2
from .http2 import Buffer, Headers

OK, CANCELLED, UNKNOWN, INVALID_ARGUMENT, NOT_FOUND = 0, 1, 2, 3, 5
RESOURCE_EXHAUSTED, ABORTED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE = 8, 10, 12, 13, 14

MAX_MESSAGE = 16 << 20  # bytes; the Engine sends no larger ones
_RESPONSE = b"\x88" + http2.literal_headers([(b"content-type", b"application/grpc")])  # 0x88: ":status: 200"


class StatusError(Exception):
    """A call ended with a status other than OK; ``details`` is ``grpc-status-details-bin``, decoded."""

    def __init__(self, code: int, message: str, details: bytes = b"") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details


@dataclass(frozen=True)
class Metadata:
    """The headers of a call, names in lower case, each with all its values in order."""

    values: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, headers: Headers) -> Metadata:
        """From HTTP/2's headers."""
        values: dict[str, tuple[bytes, ...]] = {}
        for name, value in headers:
            key = name.decode("latin-1").lower()
            values[key] = (*values.get(key, ()), value)
        return cls(values)

    def all(self, name: str) -> list[str]:
        """Every value of a header; ``NAME-encoded: 1`` means that they are query-escaped (BuildKit >= 0.12)."""
        values = [value.decode("utf-8", "surrogateescape") for value in self.values.get(name, ())]
        if self.values.get(f"{name}-encoded", (b"",))[0] in (b"1", b"t", b"T", b"true", b"TRUE", b"True"):
            values = [urllib.parse.unquote_plus(value, errors="surrogateescape") for value in values]
        return values

    def first(self, name: str) -> str:
        """The first value of a header, or ""."""
        values = self.all(name)
        return values[0] if values else ""


class Call:
    """One call: told of what the peer sends, asked for what to send. This one reads nothing and says nothing.

    ``status`` is set once the call is over from our side: (code, message); the output before it is still sent.
    """

    def __init__(self) -> None:
        self.status: tuple[int, str] | None = None
        self.wake: Callable[[], None] = lambda: None  # say that ``batch`` or ``status`` may have something new

    def received(self, message: bytes) -> None:
        """One message of the peer."""

    def ended(self) -> None:
        """The peer sends no more messages."""

    def dropped(self, reason: str) -> None:
        """The call is no more: given up by the peer, or its connection is gone. Nothing is asked for any more."""

    def batch(self) -> list[Buffer] | None:
        """The next output, framed by ``framed``; None: nothing for now."""
        return None

    def finish(self, code: int = OK, message: str = "") -> None:
        """The call is over."""
        if self.status is None:
            self.status = (code, message)
            self.wake()


def framed(message: bytes) -> bytes:
    """A message as it goes over the wire, uncompressed."""
    return b"\0" + len(message).to_bytes(4, "big") + message


class Unary(Call):
    """A call of one message each way: ``function(request) -> response``, or it raises StatusError.

    ``defer``: the function may block (a program that keeps passwords is asked), so that it is handed out as a ``Job``
    for another thread.
    """

    def __init__(self, function: Callable[[bytes], bytes], defer: Callable[[Job], None] | None = None) -> None:
        super().__init__()
        self._function = function
        self._defer = defer
        self._asked = False
        self._answer: list[Buffer] | None = None

    def received(self, message: bytes) -> None:
        """Answer the first message."""
        if self._asked:
            self.finish(INVALID_ARGUMENT, "one message was expected")
            return
        self._asked = True
        job = Job(self, message)
        if self._defer is None:
            job.run()
            job.settle()
        else:
            self._defer(job)

    def ended(self) -> None:
        """Without any message there is nothing to answer."""
        if not self._asked:
            self.finish(INVALID_ARGUMENT, "a message was expected")

    def batch(self) -> list[Buffer] | None:
        """The answer, once."""
        answer, self._answer = self._answer, None
        return answer


class Job:
    """The blocking half of a unary call: ``run`` in any thread, then ``settle`` in the connection's own."""

    def __init__(self, call: Unary, message: bytes) -> None:
        self._call = call
        self._message = message
        self._outcome: bytes | StatusError = StatusError(INTERNAL, "not answered")

    def run(self) -> None:
        """Call the function."""
        try:
            self._outcome = self._call._function(self._message)
        except StatusError as error:
            self._outcome = error
        except Exception as error:  # a broken handler must answer too; its text could hold a secret, its type cannot
            self._outcome = StatusError(INTERNAL, type(error).__name__)

    def settle(self) -> None:
        """Answer the call."""
        if isinstance(self._outcome, StatusError):
            self._call.finish(self._outcome.code, self._outcome.message)
        else:
            self._call._answer = [framed(self._outcome)]
            self._call.finish()


class _Incoming:
    """The messages of one direction, out of pieces of any size."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are complete now. Raises StatusError."""
        self._buffer += data
        messages, position = [], 0
        while len(self._buffer) - position >= 5:
            size = int.from_bytes(self._buffer[position + 1 : position + 5], "big")
            if self._buffer[position]:
                raise StatusError(UNIMPLEMENTED, "compressed messages were not offered")
            if size > MAX_MESSAGE:
                raise StatusError(RESOURCE_EXHAUSTED, f"a message of {size} bytes")
            if len(self._buffer) - position - 5 < size:
                break
            messages.append(bytes(self._buffer[position + 5 : position + 5 + size]))
            position += 5 + size
        del self._buffer[:position]
        return messages

    @property
    def incomplete(self) -> bool:
        return bool(self._buffer)


class _Outlet:
    """A call as the source of its stream; where the call is over, its stream is ended."""

    def __init__(self, peer: _Peer, stream: http2.Stream, call: Call) -> None:
        self._peer = peer
        self._stream = stream
        self._call = call

    def batch(self) -> list[Buffer] | None:
        buffers = self._call.batch()
        if buffers is None and self._call.status is not None and self._stream.trailers is None:
            self._peer._finish(self._stream, *self._call.status)
        return buffers


class _Peer:
    """What both sides share: streams to calls, pieces to messages."""

    def __init__(self, connection: http2.Connection) -> None:
        self.connection = connection
        self._calls: dict[int, tuple[Call, _Incoming]] = {}
        self.gone_away = ""  # what the peer's GOAWAY said

    def feed(self, data: bytes) -> None:
        """Take what the peer sent. Raises http2.ProtocolError; ``pull`` then has a last frame that says so."""
        try:
            events = self.connection.receive(data)
        except http2.ProtocolError as error:
            self.lost(t("the peer broke the protocol: {error}", error=error))
            raise
        for event in events:
            self._take(event)

    def pull(self, budget: int = http2.PULL) -> list[Buffer]:
        """What to send next (see ``http2.Connection.pull``)."""
        return self.connection.pull(budget)

    def lost(self, reason: str = "") -> None:
        """The connection is gone: every call is told."""
        calls, self._calls = self._calls, {}
        for call, _ in calls.values():
            call.dropped(reason or t("the connection is gone"))

    def _take(self, event: http2.Event) -> None:
        match event:
            case http2.Received(stream, data):
                self._data(stream, data)
            case http2.Ended(stream):
                self._ended(stream)
            case http2.Reset(stream, code):
                call, _ = self._calls.pop(stream.id, (None, None))
                if call is not None:
                    call.dropped(t("given up by the peer (code {code})", code=code))
            case http2.GoneAway(code, reason):
                self.gone_away = t("{reason} (code {code})", reason=reason.decode("utf-8", "replace"), code=code)
            case http2.Opened(stream, headers) | http2.Trailers(stream, headers):
                self._headers(stream, headers, isinstance(event, http2.Opened))

    def _headers(self, stream: http2.Stream, headers: Headers, first: bool) -> None:
        raise NotImplementedError

    def _data(self, stream: http2.Stream, data: bytes) -> None:
        call, incoming = self._calls.get(stream.id, (None, None))
        if call is None or incoming is None:
            return
        try:
            for message in incoming.feed(data):
                call.received(message)
        except StatusError as error:
            call.finish(error.code, error.message)

    def _ended(self, stream: http2.Stream) -> None:
        call, incoming = self._calls.get(stream.id, (None, None))
        if call is None or incoming is None:
            return
        if incoming.incomplete:
            call.finish(INTERNAL, "the peer ended in the middle of a message")
        call.ended()
        call.wake()

    def _register(self, stream: http2.Stream, call: Call) -> _Outlet:
        self._calls[stream.id] = (call, _Incoming())
        call.wake = lambda: self.connection.wake(stream)
        return _Outlet(self, stream, call)

    def _finish(self, stream: http2.Stream, code: int, message: str) -> None:
        raise NotImplementedError


class Server(_Peer):
    """Answers calls. ``methods`` maps "/package.Service/Method" to what makes a ``Call`` of the call's metadata."""

    def __init__(self, methods: Mapping[str, Callable[[Metadata], Call]]) -> None:
        super().__init__(http2.Connection(client=False))
        self.methods = methods

    def _headers(self, stream: http2.Stream, headers: Headers, first: bool) -> None:
        if not first:
            return
        metadata = Metadata.of(headers)
        path = metadata.first(":path")
        method = self.methods.get(path)
        if method is None:
            self.connection.refuse(stream, _RESPONSE + _status(UNIMPLEMENTED, f"unknown method {path}"))
            return
        try:
            call = method(metadata)
        except StatusError as error:
            self.connection.refuse(stream, _RESPONSE + _status(error.code, error.message))
            return
        self.connection.answer(stream, _RESPONSE, self._register(stream, call))

    def _finish(self, stream: http2.Stream, code: int, message: str) -> None:
        self._calls.pop(stream.id, None)
        self.connection.finish(stream, _status(code, message))


class Client(_Peer):
    """Makes calls. A call's ``status`` becomes what the peer answered, its ``dropped`` says that no answer will come.

    ``authority`` is the request's host, as HTTP/2 wants one.
    """

    def __init__(self, authority: str = "localhost") -> None:
        super().__init__(http2.Connection(client=True))
        self._authority = authority.encode()

    def start(self, path: str, call: ClientCall, metadata: Headers = ()) -> http2.Stream:  # type: ignore[assignment]
        """Begin a call of the method ``path``. Returns its stream, for ``cancel``."""
        headers = [
            (b":method", b"POST"), (b":scheme", b"http"), (b":path", path.encode()), (b":authority", self._authority),
            (b"content-type", b"application/grpc"), (b"te", b"trailers"), *metadata,
        ]
        stream = self.connection.open(headers, _Silent())
        self.connection.feed_from(stream, self._register(stream, call))
        return stream

    def cancel(self, stream: http2.Stream) -> None:
        """Give a call up."""
        self._calls.pop(stream.id, None)
        self.connection.reset(stream)

    def _headers(self, stream: http2.Stream, headers: Headers, first: bool) -> None:
        call, _ = self._calls.get(stream.id, (None, None))
        if not isinstance(call, ClientCall):
            return
        metadata = Metadata.of(headers)
        if first and metadata.first(":status") != "200":
            status = metadata.first(":status")
            call.outcome = StatusError(UNAVAILABLE, t("the peer answered with HTTP status {status}", status=status))
        elif "grpc-status" in metadata.values:
            call.outcome = _outcome(metadata)

    def _ended(self, stream: http2.Stream) -> None:
        call, _ = self._calls.pop(stream.id, (None, None))
        if isinstance(call, ClientCall):
            call.completed(call.outcome or StatusError(INTERNAL, t("the peer ended the call without a status")))
        self.connection.reset(stream, http2.NO_ERROR)

    def _finish(self, stream: http2.Stream, code: int, message: str) -> None:
        self.connection.finish(stream, None)


class ClientCall(Call):
    """A call that we make. ``completed`` is called once with its end: ``outcome.code`` 0 is success."""

    def __init__(self, request: bytes | None = None) -> None:
        super().__init__()
        self.outcome: StatusError | None = None
        self._request = request
        if request is not None:
            self.status = (OK, "")  # one message, then our side is over

    def batch(self) -> list[Buffer] | None:
        """The request, once."""
        request, self._request = self._request, None
        return None if request is None else [framed(request)]

    def completed(self, outcome: StatusError) -> None:
        """The peer's answer is complete."""


class _Silent:
    def batch(self) -> list[Buffer] | None:
        return None


def _status(code: int, message: str) -> bytes:
    headers = [(b"grpc-status", str(code).encode())]
    if message:
        text = urllib.parse.quote(message.encode("utf-8", "surrogateescape"), safe=" !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~")
        headers.append((b"grpc-message", text.encode()))
    return http2.literal_headers(headers)


def _outcome(metadata: Metadata) -> StatusError:
    code = metadata.first("grpc-status")
    message = urllib.parse.unquote(metadata.first("grpc-message"), errors="replace")
    raw = metadata.first("grpc-status-details-bin")
    try:
        details = base64.b64decode(raw + "=" * (-len(raw) % 4))
    except (binascii.Error, ValueError):
        details = b""
    return StatusError(int(code) if code.isascii() and code.isdigit() else UNKNOWN, message, details)
