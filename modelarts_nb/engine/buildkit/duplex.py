"""Connections to the Engine, by every way that docker-py has, as something that one thread can read and write unblocked.

docker-py opens the connection (its addresses, certificates, ssh); from then on the bytes are ours. The connection belongs
to nobody else: it is not in a pool, and closing it closes all of it.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import ssl
import subprocess
import threading
import traceback
from collections.abc import Iterator
from typing import Any, Protocol

from .http2 import Buffer

READ = 256 << 10
MAX_BUFFERS = 512  # of one write; systems take at least 1024
_TERMINATE = 1.0  # seconds that an ssh program gets to end


class Duplex(Protocol):
    """A stream of bytes each way that never blocks."""

    read_fd: int
    write_fd: int

    def read(self) -> bytes | None:
        """What has come; b"" at the end; None: nothing yet. Raises OSError."""

    def write(self, buffers: list[Buffer]) -> int:
        """Send as much of ``buffers`` as fits now, and return how many bytes that was. Raises OSError."""

    @property
    def buffered(self) -> bool:
        """Whether there is something to read that a selector would not see."""

    def close(self) -> None:
        """Close it all; a second time does nothing."""


def connect(client: Any) -> Duplex:
    """A connection of its own to the Engine that ``client`` (docker-py's APIClient) talks to.

    Raises what docker-py's transports raise: OSError, requests' and urllib3's errors.
    """
    connection = _pool(client)._new_conn()
    try:
        connection.connect()
    except BaseException as error:
        _close_abandoned(error)
        raise
    sock = connection.sock
    if getattr(sock, "proc", None) is not None:
        return Program(sock)
    if isinstance(sock, ssl.SSLSocket):
        return TlsSocket(sock)
    if isinstance(sock, socket.socket):
        return PlainSocket(sock)
    return PlainSocket(_bridged(sock))  # paramiko's channel


def _close_abandoned(error: BaseException) -> None:
    """Close the socket that docker-py made, could not connect and dropped: its frame still has it."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        abandoned = frame.f_locals.get("sock")
        if isinstance(abandoned, socket.socket):
            abandoned.close()


def _pool(client: Any) -> Any:
    """urllib3's pool for the Engine's address, as requests would choose it; pools know how to open connections."""
    import requests

    adapter = client.get_adapter(client.base_url)
    prepared = client.prepare_request(requests.Request("POST", client.base_url))
    settings = client.merge_environment_settings(prepared.url, {}, True, None, None)
    proxies, verify, cert = settings["proxies"], settings["verify"], settings["cert"]
    if hasattr(adapter, "get_connection_with_tls_context"):  # requests >= 2.32, docker-py >= 7.1
        return adapter.get_connection_with_tls_context(prepared, verify, proxies=proxies, cert=cert)
    pool = adapter.get_connection(prepared.url, proxies)
    if prepared.url.startswith("https"):
        adapter.cert_verify(pool, prepared.url, verify, cert)
    return pool


class PlainSocket:
    """A socket."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self.read_fd = self.write_fd = sock.fileno()
        self.buffered = False

    def read(self) -> bytes | None:
        """See Duplex."""
        try:
            return self._sock.recv(READ)
        except BlockingIOError:
            return None

    def write(self, buffers: list[Buffer]) -> int:
        """See Duplex."""
        try:
            return self._sock.sendmsg(buffers[:MAX_BUFFERS])
        except BlockingIOError:
            return 0

    def close(self) -> None:
        """See Duplex."""
        with contextlib.suppress(OSError):  # the other side was first
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()


    def blocks(self, size: int) -> Iterator[bytes]:
        """Wait for so many bytes at a time, in the kernel: other threads have the interpreter meanwhile."""
        self._sock.setblocking(True)
        while block := self._sock.recv(size, socket.MSG_WAITALL):
            yield block


def blocks(wire: Duplex, size: int = 1 << 20) -> Iterator[bytes]:
    """All that comes, waiting for it, in pieces of up to ``size``. Closing the wire ends it. Raises OSError."""
    if isinstance(wire, PlainSocket):
        yield from wire.blocks(size)
        return
    while True:
        if not wire.buffered:
            select.select([wire.read_fd], [], [])
        block = wire.read()
        if block == b"":
            return
        if block:
            yield block


class TlsSocket:
    """A TLS socket: all calls of it come from one thread, as OpenSSL wants."""

    def __init__(self, sock: ssl.SSLSocket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self.read_fd = self.write_fd = sock.fileno()

    def read(self) -> bytes | None:
        """See Duplex."""
        try:
            return self._sock.recv(READ)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except ssl.SSLEOFError:  # closed without a farewell, as Go's servers do
            return b""

    def write(self, buffers: list[Buffer]) -> int:
        """See Duplex. TLS takes one buffer: it copies anyway, to encrypt."""
        try:
            return self._sock.send(b"".join(buffers[:MAX_BUFFERS]))
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0

    @property
    def buffered(self) -> bool:
        """See Duplex."""
        return self._sock.pending() > 0

    def close(self) -> None:
        """See Duplex."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()


class Program:
    """The pipes of ``ssh HOST docker system dial-stdio``."""

    def __init__(self, sock: Any) -> None:
        self._proc: subprocess.Popen[bytes] = sock.proc
        socket.socket.close(sock)  # docker-py's stand-in is a socket too, which it never uses and never closes
        assert self._proc.stdin is not None
        assert self._proc.stdout is not None
        self._stdin, self._stdout = self._proc.stdin, self._proc.stdout
        self.read_fd, self.write_fd = self._stdout.fileno(), self._stdin.fileno()
        os.set_blocking(self.read_fd, False)
        os.set_blocking(self.write_fd, False)
        self.buffered = False

    def read(self) -> bytes | None:
        """See Duplex."""
        try:
            return os.read(self.read_fd, READ)
        except BlockingIOError:
            return None

    def write(self, buffers: list[Buffer]) -> int:
        """See Duplex."""
        try:
            return os.writev(self.write_fd, buffers[:MAX_BUFFERS])
        except BlockingIOError:
            return 0

    def close(self) -> None:
        """See Duplex."""
        for pipe in (self._stdin, self._stdout):
            with contextlib.suppress(OSError):
                pipe.close()
        self._proc.terminate()
        try:
            self._proc.wait(_TERMINATE)
        except subprocess.TimeoutExpired:
            self._proc.kill()
            self._proc.wait()


def _bridged(channel: Any) -> socket.socket:
    """One end of a socket pair whose other end two threads connect to something that only has recv and sendall."""
    ours, theirs = socket.socketpair()
    channel.settimeout(None)

    def copy(read: Any, write: Any) -> None:
        with contextlib.suppress(OSError, EOFError):  # the end of either side ends both
            while piece := read(READ):
                write(piece)
        with contextlib.suppress(OSError):
            theirs.shutdown(socket.SHUT_RDWR)
        channel.close()

    inwards = threading.Thread(target=copy, args=(channel.recv, theirs.sendall), daemon=True)
    inwards.start()

    def outwards() -> None:
        copy(theirs.recv, channel.sendall)
        inwards.join()
        theirs.close()

    threading.Thread(target=outwards, daemon=True).start()
    return ours
