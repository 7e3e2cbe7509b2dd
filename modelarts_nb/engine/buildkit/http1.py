"""One HTTP/1.1 exchange without any I/O: the request's bytes, and the answer's parts out of pieces of any size.

``http.client`` reads from a blocking file; a build must read two connections at once and be interrupted at any moment.
Source: RFC 9112, as far as Docker's API uses it (identity or chunked bodies, 101 answers).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_LINE = 32  # bytes that hold the line between two chunks, unless it has extensions
MAX_HEAD = 64 << 10  # bytes of status line and headers


class HttpError(Exception):
    """The answer is no HTTP/1.1."""


def request(method: str, target: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """A request without a body. Names may repeat. Line breaks in a value are refused."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a line break in a header")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")


class Response:
    """An answer: ``feed`` gives the body's bytes as they come; ``status`` and ``headers`` are there before the first.

    ``complete`` is set at the body's end; after a 101 nothing is complete, and the body is the new protocol's bytes.
    """

    def __init__(self) -> None:
        self._inbox = bytearray()
        self.status = 0
        self.headers: dict[str, str] = {}
        self.complete = False
        self._left: int | None = None  # bytes to the end of the body or chunk; None: until the connection closes
        self._chunked = False
        self._in_chunk = False

    def feed(self, data: bytes) -> bytes:
        """The part of the body that ``data`` completes. Raises HttpError."""
        self._inbox += data
        while not self.status:
            if not self._take_head():
                return b""
        return self._take_chunks() if self._chunked else self._take_plain()

    def pieces(self, data: bytes) -> Iterator[memoryview]:
        """The same without a copy, for bodies of gigabytes."""
        view = memoryview(data)
        if not self.status:
            head = self.feed(data)
            if self.status:
                yield memoryview(head)
            return
        while len(view) and not self.complete:
            if not self._chunked or self._left:
                piece = view if self._left is None else view[: self._left]
                view = view[len(piece) :]
                if self._left is not None:
                    self._left -= len(piece)
                    self.complete = not self._chunked and self._left == 0
                yield piece
                continue
            line = bytes(view[:_LINE])  # of it, what is behind the line between two chunks is taken back
            self._inbox += line
            if self._next_chunk():
                view = view[len(line) - len(self._inbox) :]
                self._inbox.clear()
            else:
                view = view[len(line) :]

    def closed(self) -> None:
        """The connection ended: that completes a body without a length, and breaks every other one."""
        if self.status and self.status != 101 and self._left is None and not self._chunked:
            self.complete = True

    def _take_head(self) -> bool:
        end = self._inbox.find(b"\r\n\r\n")
        if end < 0:
            if len(self._inbox) > MAX_HEAD:
                raise HttpError("headers of more than 64 KiB")
            return False
        first, *lines = bytes(self._inbox[:end]).decode("latin-1").split("\r\n")
        del self._inbox[: end + 4]
        version, _, rest = first.partition(" ")
        code = rest[:3]
        if not version.startswith("HTTP/1.") or not (code.isascii() and code.isdigit()):
            raise HttpError(f"no HTTP answer: {first[:80]!r}")
        if code == "100":
            return True
        self.status = int(code)
        self.headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self._measure()
        return True

    def _measure(self) -> None:
        length = self.headers.get("content-length", "")
        if self.status in (204, 304):
            self._left = 0
        elif self.status == 101:
            self._left = None
        elif "chunked" in self.headers.get("transfer-encoding", "").lower():
            self._chunked = True
            self._left = 0
        elif length:
            if not (length.isascii() and length.isdigit()):
                raise HttpError(f"a length of {length[:40]!r}")
            self._left = int(length)
        self.complete = self._left == 0 and not self._chunked

    def _take_plain(self) -> bytes:
        body = bytes(self._inbox if self._left is None else self._inbox[: self._left])
        if self._left is not None:
            self._left -= len(body)
            self.complete = self._left == 0
        self._inbox.clear()
        return body

    def _take_chunks(self) -> bytes:
        body = bytearray()
        while not self.complete:
            if self._left:
                piece = self._inbox[: self._left]
                body += piece
                del self._inbox[: len(piece)]
                self._left -= len(piece)
                if self._left:
                    break
            if not self._next_chunk():
                break
        return bytes(body)

    def _next_chunk(self) -> bool:
        """Read the line between two chunks; False when it is not there yet."""
        if self._in_chunk:
            if len(self._inbox) < 2:
                return False
            if self._inbox[:2] != b"\r\n":
                raise HttpError("a chunk without an end")
            del self._inbox[:2]
            self._in_chunk = False
        end = self._inbox.find(b"\r\n")
        if end < 0:
            if len(self._inbox) > MAX_HEAD:
                raise HttpError("a chunk without a size")
            return False
        text = bytes(self._inbox[:end]).split(b";")[0].strip()
        del self._inbox[: end + 2]
        try:
            size = int(text, 16)
        except ValueError:
            raise HttpError(f"a chunk of size {text[:40]!r}") from None
        if size < 0:
            raise HttpError("a chunk of negative size")
        self._left = size
        self._in_chunk = size > 0
        self.complete = size == 0  # trailers, which Docker does not send, would be left unread
        return True
