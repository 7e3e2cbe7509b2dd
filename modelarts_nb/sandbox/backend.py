"""The registry behind the front: Distribution on a Unix socket, which nobody but its owner can reach.

The platform's own organizations are read from the plain practice registry, where the base image is.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterable, Mapping
from typing import Any

from ..manifests import TAKEN
from .web import LOOPBACK

TIMEOUT = 120  # seconds for one read or write


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("registry", timeout=TIMEOUT)
        self._path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Backend:
    """Where images are: ``path`` of the socket, ``practice`` the port of the practice registry."""

    def __init__(self, path: str, practice: int) -> None:
        self.path, self.practice = path, practice

    def connection(self, platform: bool = False) -> http.client.HTTPConnection:
        """A new connection: to the region's registry, or to that with the platform's organizations."""
        if platform:
            return http.client.HTTPConnection(LOOPBACK, self.practice, timeout=TIMEOUT)
        return UnixConnection(self.path)

    def call(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes | Iterable[bytes] | None = None,
        *, platform: bool = False,
    ) -> tuple[int, Mapping[str, str], bytes]:
        """One small request: (status, headers, body). Raises OSError where it does not answer."""
        connection = self.connection(platform)
        try:
            connection.request(method, target, body=body, headers=dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        except http.client.HTTPException as error:
            raise OSError(f"the registry broke off: {error}") from error
        finally:
            connection.close()

    def manifest(self, path: str, reference: str, *, platform: bool = False) -> tuple[str, dict[str, Any]] | None:
        """(digest, manifest) of an image; None where there is none."""
        status, headers, body = self.call(
            "GET", f"/v2/{path}/manifests/{reference}", {"Accept": ", ".join(TAKEN)}, platform=platform
        )
        if status != 200:
            return None
        return str(headers.get("Docker-Content-Digest", "")), json.loads(body)

    def configuration(self, path: str, manifest: Mapping[str, Any], *, platform: bool = False) -> dict[str, Any]:
        """An image's configuration: architecture, user, environment; {} for a list of images."""
        digest = (manifest.get("config") or {}).get("digest")
        if not digest:
            return {}
        status, _, body = self.call("GET", f"/v2/{path}/blobs/{digest}", platform=platform)
        read = json.loads(body) if status == 200 else {}
        return read if isinstance(read, dict) else {}

    def delete_manifest(self, path: str, digest: str) -> None:
        """Remove an image; one that is gone already is no error."""
        self.call("DELETE", f"/v2/{path}/manifests/{digest}")
