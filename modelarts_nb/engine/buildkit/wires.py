"""The two kinds of exchanges with the Engine's HTTP/1.1: one that is answered, and one that becomes another protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from ...messages import t
from . import grpc, http1, http2
from .http2 import Buffer

_OURS = {"connection", "upgrade", "host", "accept-encoding", "accept", "content-length", "content-type"}
_MAX_ERROR = 64 << 10  # bytes of a refusal's body that are read


def head(client: Any, path: str, query: list[tuple[str, str]], headers: list[tuple[str, str]]) -> bytes:
    """A POST without a body to the Engine's API ``path``, with the headers that docker-py would send."""
    url = urlsplit(client._url(path))
    target = url.path + (f"?{urlencode(query)}" if query else "")
    own = [(str(name), str(value)) for name, value in client.headers.items() if name.lower() not in _OURS]
    return http1.request("POST", target, [("Host", url.netloc or "docker"), *own, *headers, ("Content-Length", "0")])


class Answered:
    """A request and its answer. ``body`` hears its bytes, ``done(status, reason)`` its end, once.

    ``reason`` is "" for a complete answer, else what broke it.
    """

    def __init__(
        self, request: bytes, body: Callable[[int, bytes], None], done: Callable[[int, str], None],
        paused: Callable[[], bool] = lambda: False,
    ) -> None:
        self._request: list[Buffer] = [request]
        self._response = http1.Response()
        self._body = body
        self._done: Callable[[int, str], None] | None = done
        self._paused = paused
        self.over = False

    @property
    def paused(self) -> bool:
        """Whether whoever hears the body has enough for now."""
        return self._paused()

    def pull(self) -> list[Buffer]:
        """The request, once."""
        request, self._request = self._request, []
        return request

    def feed(self, data: bytes) -> None:
        """A part of the answer."""
        try:
            part = self._response.feed(data)
        except http1.HttpError as error:
            self._end(str(error))
            return
        if part:
            self._body(self._response.status, part)
        if self._response.complete:
            self._end("")

    def lost(self, reason: str) -> None:
        """The connection ended."""
        self._response.closed()
        self._end("" if self._response.complete else reason)

    def _end(self, reason: str) -> None:
        done, self._done = self._done, None
        self.over = True
        if done is not None:
            done(self._response.status, reason)


class Direct:
    """A connection that is a gRPC peer's from its first byte; ``closed(reason)`` when it ends."""

    def __init__(self, peer: grpc.Server | grpc.Client, closed: Callable[[str], None]) -> None:
        self._peer = peer
        self._closed = closed
        self.over = False

    @property
    def paused(self) -> bool:
        """Whether the peer must first read what we answered."""
        return self._peer.connection.flooded

    def pull(self) -> list[Buffer]:
        """What the peer has to say."""
        return self._peer.pull()

    def feed(self, data: bytes) -> None:
        """What the other side says."""
        try:
            self._peer.feed(data)
        except http2.ProtocolError as error:
            self.over = True  # closed once the last GOAWAY is sent
            self._closed(t("the protocol was broken: {error}", error=error))

    def lost(self, reason: str) -> None:
        """The connection ended."""
        if not self.over:
            self._peer.lost(reason)
            self._closed(self._peer.gone_away or reason)


class Upgraded:
    """A request that the Engine answers with 101, after which the connection is a gRPC peer's.

    ``opened()`` is called then; ``refused(status, text)`` instead, where the Engine answers otherwise (status 0: not at
    all); ``closed(reason)`` when an opened one ends.
    """

    def __init__(
        self, request: bytes, peer: grpc.Server | grpc.Client, opened: Callable[[], None],
        refused: Callable[[int, str], None], closed: Callable[[str], None],
    ) -> None:
        self._request: list[Buffer] = [request]
        self._response = http1.Response()
        self._refusal = bytearray()
        self._inner = Direct(peer, closed)
        self._opened = opened
        self._refused = refused
        self._open = False
        self._over = False

    @property
    def paused(self) -> bool:
        """Whether the Engine must first read what we answered."""
        return self._inner.paused

    @property
    def over(self) -> bool:
        """Whether the connection can be closed."""
        return self._over or self._inner.over

    def pull(self) -> list[Buffer]:
        """The request, then what the peer has to say."""
        if self._request:
            request, self._request = self._request, []
            return request
        return self._inner.pull() if self._open else []

    def feed(self, data: bytes) -> None:
        """The answer's head, then the other protocol."""
        if not self._open:
            try:
                data = self._response.feed(data)
            except http1.HttpError as error:
                self._refuse(0, str(error))
                return
            if self._response.status != 101:
                self._not_upgraded(data)
                return
            self._open = True
            self._opened()
        if data:
            self._inner.feed(data)

    def _not_upgraded(self, data: bytes) -> None:
        self._refusal += data[:_MAX_ERROR]
        if self._response.complete or len(self._refusal) >= _MAX_ERROR:
            self._refuse(self._response.status, self._refusal.decode("utf-8", "replace"))

    def _refuse(self, status: int, text: str) -> None:
        self._over = True
        self._refused(status, text)

    def lost(self, reason: str) -> None:
        """The connection ended."""
        if self._open:
            self._inner.lost(reason)
        elif not self._over:
            self._refuse(self._response.status, self._refusal.decode("utf-8", "replace") or reason)
