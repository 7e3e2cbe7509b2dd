"""The region's registry, as SWR's: logins, owners, names and kinds of images are checked in front of a real registry.

Tokens as SWR gives them: ``GET /v2/`` answers 401 with a Bearer challenge, the token comes from
``/swr/auth/v2/registry/auth/`` for a login (seen by public clients, service “dockyard”, good for 900 s). Layers stream
through in pieces of 256 KiB; a tag's meaning is what the API says, so that a tag deleted there is gone here.
"""

from __future__ import annotations

import base64
import binascii
import http.client
import json
import re
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from .backend import MANIFESTS, Backend
from .faults import Fault, Faults
from .iam import Caller
from .swr import EDIT, NOTHING, PLATFORM, READ, Swr
from .web import Answer, Answered, Connection, Listener, Refusal

TOKENS = "/swr/auth/v2/registry/auth"  # a path
BLOCK = 1 << 18
MAX_MANIFEST = 4 << 20
_NAMED = re.compile(r"/v2/(?P<path>.+?)/(?P<kind>manifests|blobs|tags)/(?P<rest>.*)\Z")
_HOP = ("connection", "transfer-encoding", "content-length", "keep-alive", "authorization", "expect", "te", "upgrade")
INVALID = "Invalid image, fail to parse 'manifest.json'"  # SWR's words (vllm-ascend 16117)


class Front(Listener):
    """The registry's listener. ``engine_login``: what the sandbox's own jobs pull with; it lives in memory only."""

    def __init__(self, port: int, faults: Faults, swr: Swr, backend: Backend) -> None:
        self.swr, self.backend = swr, backend
        self.engine_login = ("sandbox-jobs", secrets.token_hex(32))
        self._tokens: dict[str, tuple[Caller | None, float]] = {}
        self._lock = threading.Lock()
        super().__init__(port, FrontConnection, faults)

    def give_token(self, caller: Caller | None, until: float) -> tuple[str, int]:
        """A token for that caller (None: the sandbox's jobs), and the seconds that it lasts."""
        seconds = self.swr.setting("token_seconds")
        end = min(time.time() + seconds, until or float("inf"))
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._tokens = {name: kept for name, kept in self._tokens.items() if kept[1] > time.time()}
            self._tokens[token] = caller, end
        return token, max(1, int(end - time.time()))

    def holder(self, token: str) -> tuple[Caller | None] | None:
        """Whose token that is; None where it is nobody's or over."""
        with self._lock:
            kept = self._tokens.get(token)
        if kept is None or kept[1] < time.time() or (kept[0] is not None and kept[0].expired):
            return None
        return (kept[0],)

    def record(self, caller: Caller, path: str, tag: str, digest: str, manifest: bytes) -> None:
        """Enter a pushed image in what the API tells."""
        read = json.loads(manifest)
        parts = [*(read.get("layers") or ()), read.get("config") or {}]
        self.swr.record_tag(caller, path, tag, {
            "digest": digest, "manifest": manifest.decode(), "image_id": (read.get("config") or {}).get("digest", digest),
            "size": sum(int(part.get("size", 0)) for part in parts), "tag_type": 1 if "manifests" in read else 0,
        })


class FrontConnection(Connection):
    """One client of the registry."""

    service = "registry"
    server: Front
    _upstream: dict[bool, http.client.HTTPConnection]

    def setup(self) -> None:
        """Prepare the connection, and none to the registry behind yet."""
        super().setup()
        self._upstream = {}

    def finish(self) -> None:
        """Close both sides."""
        for connection in self._upstream.values():
            connection.close()
        super().finish()

    def _answer(self) -> None:
        try:
            fault = self.misbehave()
            if self.path.partition("?")[0].rstrip("/") == TOKENS:
                self.send(self._token(), fault)
            else:
                self._registry(fault)
        except Answered:
            pass
        except Refusal as refusal:
            self.close_connection = self.close_connection or self.command not in ("GET", "HEAD")  # a body may be unread
            self.send(_error(refusal))
        except OSError as error:
            if isinstance(error, ConnectionError):
                raise
            self.close_connection = True
            self.send(_error(Refusal(503, "UNAVAILABLE", "the registry does not answer")))

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815  # http.server's names

    def _token(self) -> Answer:
        if self.command != "GET":
            raise Refusal(405, "UNSUPPORTED", "The operation is unsupported.")
        login = _basic(self.headers.get("Authorization", ""))
        if login == self.server.engine_login:
            token, seconds = self.server.give_token(None, 0.0)
        else:
            found = self.server.swr.login(*login)
            if found is None:
                raise Refusal(401, "UNAUTHORIZED", "authentication required")
            if "swr" not in found[0].allowed:
                raise Refusal(403, "DENIED", "Authenticate Error")
            token, seconds = self.server.give_token(*found)
        return Answer(200, {"token": token, "access_token": token, "expires_in": seconds})

    def _registry(self, fault: Fault | None) -> None:
        named = _NAMED.match(self.path.partition("?")[0])
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        holder = self.server.holder(token) if scheme == "Bearer" else None
        if holder is None:
            raise Refusal(401, "UNAUTHORIZED", "authentication required", {"WWW-Authenticate": self._challenge(named)})
        if named is None:
            if self.path.rstrip("/") == "/v2":
                self.send(Answer(200, {}, {"Docker-Distribution-Api-Version": "registry/2.0"}), fault)
                return
            raise Refusal(404, "UNSUPPORTED", "The operation is unsupported.")  # no catalogue of everybody's images
        path, kind, rest = named["path"], named["kind"], named["rest"]
        self._check(holder[0], path, kind, rest)
        if kind == "tags":
            self._list(path, fault)
        elif kind == "manifests" and self.command == "PUT":
            assert holder[0] is not None  # jobs push nothing
            self._put_manifest(holder[0], path, rest, fault)
        else:
            self._pass_on(path, kind, rest, fault)

    def _check(self, caller: Caller | None, path: str, kind: str, rest: str) -> None:
        writes = self.command not in ("GET", "HEAD")
        right = READ if caller is None else self.server.swr.right(caller, path)
        if writes and caller is not None:
            begins = (rest.startswith("uploads") and self.command == "POST") or (kind == "manifests" and self.command == "PUT")
            try:
                if begins:
                    self.server.swr.may_push(caller, path)
                elif right < EDIT:
                    raise Refusal(403, "", "")
            except Refusal as refusal:
                raise _denied(refusal, path) from None
        elif writes or right == NOTHING:
            if self.command == "HEAD" and kind == "blobs":
                raise Refusal(404, "BLOB_UNKNOWN", "blob unknown to registry")  # asked before the first push
            raise Refusal(403, "DENIED", f"You do not have the permission to pull the image {path}.")

    def _list(self, path: str, fault: Fault | None) -> None:
        if path.partition("/")[0] in PLATFORM:
            self._pass_on(path, "tags", "list", fault)
            return
        with self.server.swr.document.look() as state:
            tags = sorted((state["repositories"].get(path) or {"tags": {}})["tags"])
        self.send(Answer(200, {"name": path, "tags": tags}), fault)

    def _put_manifest(self, caller: Caller, path: str, reference: str, fault: Fault | None) -> None:
        body = self.read_body(MAX_MANIFEST)
        kind = self.headers.get("Content-Type", "").split(";")[0]
        check_manifest(kind, body, self.server.swr.setting("layer_bytes"))
        status, headers, said = self.server.backend.call(
            "PUT", f"/v2/{path}/manifests/{reference}", {"Content-Type": kind, "Host": self.headers.get("Host", "")}, body
        )
        if status == 201 and not reference.startswith("sha256:"):
            self.server.record(caller, path, reference, str(headers.get("Docker-Content-Digest", "")), body)
        self.send(Answer(status, said, _kept(headers)), fault)

    def _pass_on(self, path: str, kind: str, rest: str, fault: Fault | None) -> None:
        """Stream the request to the registry behind, and its answer back."""
        platform = path.partition("/")[0] in PLATFORM
        target = self.path
        if kind == "manifests" and not platform and not rest.startswith("sha256:"):
            digest = self.server.swr.digest(path, rest)
            if not digest:
                raise Refusal(404, "MANIFEST_UNKNOWN", f"manifest unknown: {path}:{rest}")
            target = f"/v2/{path}/manifests/{digest}"
        answer = self._forward(target, platform, fault)
        length = answer.getheader("Content-Length", "0")
        self.head(answer.status, {**_kept(dict(answer.getheaders())), "Content-Length": length})
        if self.command == "HEAD":
            answer.read()
            return
        left = fault.drop_after if fault is not None else None
        while block := answer.read(BLOCK):
            if left is not None:
                self.wfile.write(block[:left])
                left -= len(block)
                if left <= 0:
                    self.drop()
            else:
                self.wfile.write(block)

    def _forward(self, target: str, platform: bool, fault: Fault | None) -> http.client.HTTPResponse:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        length = self.headers.get("Content-Length")
        chunked = "chunked" in self.headers.get("Transfer-Encoding", "").lower()
        body: Iterator[bytes] | None = None
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
            body = self._counted(self.chunks(), fault)
        elif length is not None and length != "0":
            headers["Content-Length"] = length
            body = self._counted(self._blocks(int(length)), fault)
        elif self.command in ("POST", "PUT", "PATCH"):
            headers["Content-Length"] = "0"
        fresh = platform not in self._upstream
        connection = self._upstream.setdefault(platform, self.server.backend.connection(platform))
        try:
            connection.request(self.command, target, body=body, headers=headers, encode_chunked=chunked)
            return connection.getresponse()
        except (http.client.HTTPException, ConnectionError):
            connection.close()
            if fresh or body is not None:
                self.close_connection = True
                raise TimeoutError("the registry behind broke off") from None
            connection.request(self.command, target, headers=headers)  # it had closed an idle connection
            return connection.getresponse()

    def _blocks(self, length: int) -> Iterator[bytes]:
        while length:
            block = self.rfile.read(min(length, BLOCK))
            if not block:
                raise ConnectionAbortedError("the client broke off")
            length -= len(block)
            yield block

    def _counted(self, blocks: Iterator[bytes], fault: Fault | None) -> Iterator[bytes]:
        """The same blocks, within the size that a layer may have, and as far as a fault lets them come."""
        most, total = self.server.swr.setting("layer_bytes"), 0
        for block in blocks:
            total += len(block)
            if fault is not None and fault.drop_request_after is not None and total > fault.drop_request_after:
                self._upstream.pop(False).close()
                self.drop()
            if total > most:
                self._upstream.pop(False).close()
                raise Refusal(413, "SIZE_INVALID", "The layer is too large.")
            yield block

    def _challenge(self, named: re.Match[str] | None) -> str:
        realm = f'http://{self.headers.get("Host", self.server.swr.host)}{TOKENS}/'
        actions = "pull" if self.command in ("GET", "HEAD") else "pull,push"
        scope = f',scope="repository:{named["path"]}:{actions}"' if named else ""
        return f'Bearer realm="{realm}",service="dockyard"{scope}'


def check_manifest(kind: str, body: bytes, layer_bytes: float) -> None:
    """Raise Refusal for an image that SWR does not take: OCI's formats, broken ones, too large a layer."""
    try:
        read = json.loads(body)
        layers = [int(layer["size"]) for layer in read.get("layers") or ()]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise Refusal(400, "MANIFEST_INVALID", INVALID) from None
    if kind not in MANIFESTS or read.get("mediaType", kind) not in MANIFESTS:
        raise Refusal(400, "MANIFEST_INVALID", INVALID)
    if any(size > layer_bytes for size in layers):
        raise Refusal(413, "SIZE_INVALID", "The layer is too large.")


def _denied(refusal: Refusal, path: str) -> Refusal:
    """A refusal of the API in the words that the Docker client shows behind “denied:”."""
    if refusal.status == 400 and refusal.code.endswith("4000097"):
        return Refusal(403, "DENIED", f"You have no permission to create a namespace: {refusal.message}")
    if refusal.status == 400:  # Docker tries everything again for a minute that is not “denied”
        return Refusal(403, "DENIED", f"invalid repository name: {path}")
    return Refusal(403, "DENIED", f"You do not have the permission to push to {path}.")


def _basic(header: str) -> tuple[str, str]:
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(rest, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in (*_HOP, "date", "server")}


def _error(refusal: Refusal) -> Answer:
    body: Any = {"errors": [{"code": refusal.code, "message": refusal.message, "detail": {}}]}
    return Answer(refusal.status, body, {"Docker-Distribution-Api-Version": "registry/2.0", **refusal.headers})
