"""HTTP for the sandbox's own APIs: requests and answers as values, a table of routes, one listener on loopback.

Every answer says that it is the sandbox's (``X-Sandbox``) and carries a request id, as the real gateway's does.
"""

from __future__ import annotations

import json
import re
import socket
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote

from .faults import Fault, Faults

LOOPBACK = "127.0.0.1"
MARK = ("X-Sandbox", "modelarts-nb")
MAX_BODY = 12 << 20  # bytes of one API call
MOST_SKIPPED = 64 << 20  # bytes of a refused body that are read away
IDLE_SECONDS = 300  # a connection without a request for so long is closed


@dataclass(frozen=True)
class Request:
    """One call. ``target`` is the path and query as sent; names of ``headers`` are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    caller: Any = None  # the identity that signed it, see iam.py

    @property
    def raw_path(self) -> str:
        """The path as sent, still quoted."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> list[tuple[str, str]]:
        """Its parameters, in order."""
        return parse_qsl(self.target.partition("?")[2], keep_blank_values=True)

    def option(self, name: str, default: str = "") -> str:
        """One parameter of the query."""
        return dict(self.query).get(name, default)

    def number(self, name: str, default: int, least: int = 0, most: int = 1 << 62) -> int:
        """A parameter that is a number. Raises ValueError naming it when it is none, or out of bounds."""
        text = self.option(name)
        if not text:
            return default
        if not re.fullmatch(r"-?\d{1,18}", text) or not least <= int(text) <= most:
            raise ValueError(name)
        return int(text)

    def json(self) -> dict[str, Any]:
        """The body, an object. Raises ValueError when it is none."""
        read = json.loads(self.body or b"{}")
        if not isinstance(read, dict):
            raise ValueError("the body is no JSON object")
        return read


@dataclass(frozen=True)
class Answer:
    """What is sent back: ``body`` is JSON unless it is bytes; None for no body."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """A call that is refused, in the words of the API that refuses it."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {code} {message}")
        self.status, self.code, self.message = status, code, message
        self.headers = headers or {}


Handler = Callable[..., Answer]


def route(what: str) -> Callable[[Handler], Handler]:
    """Decorator of a method that answers ``METHOD /path/{name}``: it is called with (request, name=…).

    A name stands for one part of a path.
    """

    def mark(handler: Handler) -> Handler:
        handler.__dict__.setdefault("routes", []).append(what)
        return handler

    return mark


class Routes:
    """Who answers what: the methods of ``owners`` that ``route`` stands above, in their order."""

    def __init__(self, *owners: object) -> None:
        self._table: list[tuple[str, re.Pattern[str], Handler]] = []
        for owner in owners:
            for name, function in vars(type(owner)).items():
                for what in getattr(function, "routes", ()):
                    self._enter(what, getattr(owner, name))

    def _enter(self, what: str, handler: Handler) -> None:
        method, _, path = what.partition(" ")
        parts = re.split(r"\{(\w+)\}", path)
        text = "".join(f"(?P<{part}>[^/]+)" if number % 2 else re.escape(part) for number, part in enumerate(parts))
        self._table.append((method, re.compile(f"{text}/?\\Z"), handler))

    def find(self, method: str, path: str) -> tuple[Handler, dict[str, str]] | None:
        """The function for a call, with the parts of the path that it names."""
        for wanted, pattern, handler in self._table:
            found = pattern.match(path)
            if wanted == method and found:
                return handler, {name: unquote(value) for name, value in found.groupdict().items()}
        return None


class Listener(ThreadingHTTPServer):
    """A server on one port of loopback, a thread a connection. ``faults``: what it is told to do wrong, for tests."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, port: int, handler: type[Connection], faults: Faults) -> None:
        self.faults = faults
        super().__init__((LOOPBACK, port), handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nothing to report; everything else is a bug and goes to the log."""
        import sys

        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class Connection(BaseHTTPRequestHandler):
    """What all listeners of the sandbox have in common. ``service`` names it to faults."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_SECONDS
    wbufsize = 1 << 16  # head and body in one packet
    server: Listener
    service = ""

    def setup(self) -> None:
        """Prepare the connection."""
        super().setup()
        self.request_id = ""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Nothing: a request line may hold what is secret."""

    def read_body(self, limit: int = MAX_BODY) -> bytes:
        """The body of the request, whole. Raises Refusal when it is larger than ``limit``."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            body = b"".join(self.chunks(limit))
        else:
            length = self.headers.get("Content-Length", "0")
            if not length.isdigit() or int(length) > limit:
                self.skip_body()
                self.close_connection = True
                raise Refusal(413, "APIGW.0201", "Request entity too large")
            body = self.rfile.read(int(length))
        return body

    def chunks(self, limit: int = 1 << 62) -> Any:
        """The pieces of a chunked body. Raises ConnectionError where it breaks off."""
        total = 0
        while True:
            line = self.rfile.readline(64).split(b";")[0].strip()
            try:
                size = int(line, 16)
            except ValueError:
                raise ConnectionError("a chunk without a length") from None
            if not size:
                while self.rfile.readline(8192) not in (b"\r\n", b"\n", b""):
                    pass
                return
            total += size
            if total > limit:
                self.close_connection = True
                raise Refusal(413, "APIGW.0201", "Request entity too large")
            while size:
                block = self.rfile.read(min(size, 1 << 18))
                if not block:
                    raise ConnectionError("a chunked body broke off")
                size -= len(block)
                yield block
            self.rfile.readline(8)

    def head(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the status line and headers, with the sandbox's mark."""
        self.send_response(status)
        for name, value in {**headers, MARK[0]: MARK[1], "X-Request-Id": self.request_id or uuid.uuid4().hex}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def send(self, answer: Answer, fault: Fault | None = None) -> None:
        """Send an answer whole; cut off where a fault says so."""
        body = answer.body
        kind = "application/octet-stream"
        if body is not None and not isinstance(body, bytes):
            body, kind = json.dumps(body, ensure_ascii=False).encode(), "application/json;charset=utf8"
        headers = {"Content-Type": kind, **answer.headers} if body else dict(answer.headers)
        if answer.status not in (204, 304):
            headers["Content-Length"] = headers.get("Content-Length", str(len(body or b"")))
        self.head(answer.status, headers)
        sent = b"" if self.command == "HEAD" else body or b""
        if fault is not None and fault.drop_after is not None:
            self.wfile.write(sent[: fault.drop_after])
            self.drop()
        else:
            self.wfile.write(sent)
        self.wfile.flush()

    def drop(self) -> None:
        """Break the connection off, as a network does."""
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)
        raise ConnectionAbortedError

    def misbehave(self) -> Fault | None:
        """Do what a fault for this call says, as far as it comes before the answer; the fault, where there is one."""
        fault = self.server.faults.take(self.service, self.command, self.path)
        if fault is None:
            return None
        if fault.delay:
            time.sleep(fault.delay)
        if fault.status:
            self.skip_body()
            self.close_connection = True
            headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after else {}
            self.send(Answer(fault.status, fault.body(), headers))
            raise Answered
        if fault.drop_after == 0:
            self.drop()
        return fault

    def skip_body(self) -> None:
        """Read away what a client sends, as far as that is not much: it would take a reset for a broken network."""
        length = self.headers.get("Content-Length", "0")
        left = min(int(length), MOST_SKIPPED) if length.isdigit() else 0
        while left and (block := self.rfile.read(min(left, 1 << 18))):
            left -= len(block)

    @property
    def lower_headers(self) -> dict[str, str]:
        """The request's headers by name in lower case."""
        message: Message = self.headers
        return {name.lower(): str(value) for name, value in message.items()}


class Answered(Exception):  # no error: the answer has been sent
    """The call has been answered by a fault."""
