"""A stand-alone BuildKit: where it listens, and how to reach it."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ...errors import SettingsError
from ...messages import t
from .duplex import Duplex, PlainSocket, TlsSocket

CONNECT = 10.0  # seconds


@dataclass(frozen=True)
class Builder:
    """A buildkitd at ``unix:///path`` or ``tcp://host:port``; ``tls`` for one that wants certificates."""

    address: str
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    def connect(self) -> Duplex:
        """A connection that speaks HTTP/2 at once. Raises OSError, SettingsError for an address of another kind."""
        url = urlsplit(self.address)
        if url.scheme == "unix" and url.path:
            sock = socket.socket(socket.AF_UNIX)
            try:
                sock.settimeout(CONNECT)
                sock.connect(url.path)
            except BaseException:
                sock.close()
                raise
            return PlainSocket(sock)
        if url.scheme != "tcp" or not url.hostname or not url.port:
            raise SettingsError(
                t("{address} is no builder's address.", address=self.address), t("unix:///path/of/socket or tcp://host:port")
            )
        sock = socket.create_connection((url.hostname, url.port), CONNECT)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.tls is None:
            return PlainSocket(sock)
        try:
            self.tls.set_alpn_protocols(["h2"])
            return TlsSocket(self.tls.wrap_socket(sock, server_hostname=url.hostname))
        except BaseException:
            sock.close()
            raise
