"""Object storage: moto's S3 server (an extra of the package), behind a gate that knows keys, owners and regions.

moto keeps everything in memory. What an object becomes is therefore also written to files, before the client is answered, and
given back to moto when the sandbox comes up again; uploads in parts that were not completed are lost then, and say so
(NoSuchUpload). moto holds a whole object in memory while it is written or read: parts of 9 MiB, as the SDK sends, are cheap.
"""

from __future__ import annotations

import contextlib
import io
import os
import socket
import time
import uuid
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

from .faults import Fault, Faults
from .iam import REGION, Caller, Keys, iso
from .kept import KeptObjects
from .obs_auth import Asked, identify, signed_url
from .state import Document
from .web import LOOPBACK, MARK, Refusal

os.environ["S3_IGNORE_SUBDOMAIN_BUCKETNAME"] = "true"  # read by moto at import; buckets stand in the path here

from moto.moto_server.werkzeug_app import create_backend_app  # after the variable
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.test import Client

URL_SECONDS = 3600  # of a temporary URL of a log
Environ = dict[str, Any]
Start = Callable[..., Any]


class ObjectStorage:
    """The server on its port, and what the sandbox itself does with objects."""

    def __init__(self, folder: Path, port: int, keys: Keys, faults: Faults) -> None:
        self._keys, self._faults, self._base = keys, faults, f"http://{LOOPBACK}:{port}"
        self._buckets = Document(folder / "buckets.json")
        self._app = create_backend_app("s3")
        self._client = _Inside(self._app)
        self._kept = KeptObjects(folder / "objects", self._client)
        self._kept.restore(list(self._buckets.read()))
        self.server: BaseWSGIServer = make_server(LOOPBACK, port, self, threaded=True, request_handler=_Quiet)

    # What the sandbox itself needs

    def bucket(self, name: str) -> tuple[str, str] | None:
        """(region, owner's account) of a bucket; None where there is none."""
        found = self._buckets.get(name)
        return (found["region"], found["domain_id"]) if found else None

    def keys(self, bucket: str, prefix: str) -> list[tuple[str, int]]:
        """(key, size) of all objects below a prefix."""
        found: list[tuple[str, int]] = []
        token = ""
        while True:
            more = {"continuation-token": token} if token else {}
            answer = self._client.get(f"/{bucket}", query_string={"list-type": "2", "prefix": prefix, **more})
            root = ElementTree.fromstring(answer.get_data())  # noqa: S314  # made by moto in this process
            space = root.tag.partition("}")[0] + "}" if "}" in root.tag else ""
            for item in root.iter(f"{space}Contents"):
                found.append((item.findtext(f"{space}Key") or "", int(item.findtext(f"{space}Size") or 0)))
            token = root.findtext(f"{space}NextContinuationToken") or ""
            if not token:
                return found

    def download(self, bucket: str, key: str, path: Path) -> None:
        """Write an object's content to a file. Raises OSError."""
        answer = self._client.get(f"/{bucket}/{quote(key)}")
        if answer.status_code != 200:
            raise OSError(f"obs://{bucket}/{key}: {answer.status}")
        path.write_bytes(answer.get_data())

    def upload(self, bucket: str, key: str, path: Path) -> None:
        """Make an object of a file. Raises OSError."""
        answer = self._client.put(f"/{bucket}/{quote(key)}", data=path.read_bytes())
        if answer.status_code != 200:
            raise OSError(f"obs://{bucket}/{key}: {answer.status}")
        self._kept.keep(bucket, key)

    def sign_url(self, caller: Caller, bucket: str, key: str) -> str:
        """A URL by which an object can be read for an hour."""
        return signed_url(self._base, f"/{bucket}/{key}", caller, URL_SECONDS)

    # The server

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Answer one request (WSGI)."""
        request_id = uuid.uuid4().hex.upper()
        marks = [MARK, ("x-amz-request-id", request_id), ("x-obs-request-id", request_id)]

        def marked(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            return start(status, [*headers, *marks], *rest)

        raw = str(environ.get("RAW_URI") or environ["PATH_INFO"])
        fault = self._faults.take("obs", environ["REQUEST_METHOD"], raw)
        try:
            if fault is not None:
                _misbehave(fault, environ)
            body = self._answer(environ, marked, raw)
        except Refusal as refusal:
            body = _refuse(refusal, marked, request_id)
        return _cut(body, fault.drop_after, environ) if fault is not None and fault.drop_after is not None else body

    def _answer(self, environ: Environ, start: Start, raw: str) -> Iterable[bytes]:
        path, _, query = raw.partition("?")
        asked = Asked(environ["REQUEST_METHOD"], path, query, _headers(environ))
        caller = identify(asked, self._keys, time.time())
        name, _, key = path.lstrip("/").partition("/")
        name, key = unquote(name), unquote(key)
        parameters = {parameter.lower() for parameter, _ in asked.parameters}
        if not name:
            return self._list_buckets(caller, start)
        if asked.method == "PUT" and not key and not parameters - {"x-obs-acl"}:
            return self._make_bucket(caller, name, environ, start)
        found = self._buckets.get(name)
        if found is None:
            raise Refusal(404, "NoSuchBucket", "The specified bucket does not exist")
        if found["domain_id"] != caller.domain_id:
            raise Refusal(403, "AccessDenied", "Access Denied")
        if not key and "location" in parameters:
            return self._location(found, start)
        return self._pass_on(asked, name, key, parameters, environ, start)

    def _pass_on(
        self, asked: Asked, bucket: str, key: str, parameters: set[str], environ: Environ, start: Start
    ) -> Iterable[bytes]:
        """Let moto answer; what changed is kept before the client hears of it."""
        answered: list[tuple[str, list[tuple[str, str]]]] = []

        def note(status: str, headers: list[tuple[str, str]], error: Any = None) -> Callable[[bytes], object]:
            answered.append((status, headers))
            return lambda data: None

        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)) if "delete" in parameters else None
        if body is not None:
            environ["wsgi.input"] = io.BytesIO(body)
        chunks = b"".join(self._app(environ, note))
        status = answered[-1][0]
        headers = [each for each in answered[-1][1] if not each[0].lower().startswith("access-control-")]  # no page may read it
        if status.startswith("2"):
            try:
                self._keep(asked, bucket, key, parameters, body)
            except OSError as error:
                raise Refusal(503, "ServiceUnavailable", f"The object cannot be kept: {error.strerror}") from error
        if not key and asked.method == "HEAD":
            region = self._buckets.get(bucket)["region"] if self._buckets.get(bucket) else REGION
            headers += [("x-amz-bucket-region", region), ("x-obs-bucket-location", region)]
        start(status, headers)
        return [chunks]

    def _keep(self, asked: Asked, bucket: str, key: str, parameters: set[str], body: bytes | None) -> None:
        if asked.method == "DELETE" and not key and not parameters:
            with self._buckets.change() as state:
                state.pop(bucket, None)
            self._kept.forget_bucket(bucket)
        elif asked.method == "DELETE" and not parameters & {"uploadid", "tagging"}:
            self._kept.forget(bucket, key)
        elif asked.method == "POST" and body is not None:
            self._kept.forget_missing(bucket)
        elif key and (asked.method, "uploadid" in parameters) in (("PUT", False), ("POST", True)):
            self._kept.keep(bucket, key)

    def _make_bucket(self, caller: Caller, name: str, environ: Environ, start: Start) -> Iterable[bytes]:
        found = self._buckets.get(name)
        if found is not None and found["domain_id"] != caller.domain_id:
            raise Refusal(409, "BucketAlreadyExists", "The requested bucket name is not available.")
        if found is not None:
            raise Refusal(409, "BucketAlreadyOwnedByYou", "The bucket exists already, and is yours.")
        region = _wanted_region(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))) or REGION
        answer = self._client.put(f"/{quote(name)}")
        if answer.status_code != 200:
            start(answer.status, [("Content-Type", "application/xml")])
            return [answer.get_data()]
        with self._buckets.change() as state:
            state[name] = {"region": region, "domain_id": caller.domain_id, "created": iso(time.time())}
        start("200 OK", [("Content-Length", "0"), ("Location", f"/{name}")])
        return []

    def _list_buckets(self, caller: Caller, start: Start) -> Iterable[bytes]:
        mine = sorted((name, each) for name, each in self._buckets.read().items() if each["domain_id"] == caller.domain_id)
        listed = "".join(
            f"<Bucket><Name>{escape(name)}</Name><CreationDate>{each['created'][:23]}Z</CreationDate>"
            f"<Location>{escape(each['region'])}</Location></Bucket>" for name, each in mine
        )
        owner = f"<Owner><ID>{caller.domain_id}</ID></Owner>"
        return _xml(start, f"<ListAllMyBucketsResult>{owner}<Buckets>{listed}</Buckets></ListAllMyBucketsResult>")

    def _location(self, found: Mapping[str, Any], start: Start) -> Iterable[bytes]:
        region = escape(str(found["region"]))
        # S3 clients read the outer element, the OBS SDK over S3 signatures the inner one
        inner = f"<LocationConstraint>{region}</LocationConstraint>"
        return _xml(start, f"<LocationConstraint>{region}{inner}</LocationConstraint>")


def _wanted_region(body: bytes) -> str:
    """The region that a bucket is asked for in; "" where none is named."""
    if not body or len(body) > 4096 or b"<!" in body:
        return ""
    try:
        root = ElementTree.fromstring(body)  # noqa: S314  # short, and without declarations
    except ElementTree.ParseError:
        raise Refusal(400, "MalformedXML", "The XML you provided was not well-formed.") from None
    return next((item.text or "" for item in root.iter() if item.tag.endswith(("Location", "LocationConstraint"))), "")


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    found = {name[5:].replace("_", "-").lower(): str(value) for name, value in environ.items() if name.startswith("HTTP_")}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            found[name.replace("_", "-").lower()] = str(environ[name])
    return found


def _misbehave(fault: Fault, environ: Environ) -> None:
    if fault.delay:
        time.sleep(fault.delay)
    if fault.drop_request_after is not None:
        environ["wsgi.input"].read(fault.drop_request_after)
        _drop(environ)
    if fault.status:
        raise Refusal(fault.status, fault.error_code or "ServiceUnavailable", fault.error_msg or "Please reduce your rate.")
    if fault.drop_after == 0:
        _drop(environ)


def _cut(body: Iterable[bytes], left: int, environ: Environ) -> Iterator[bytes]:
    """The first bytes of an answer, and then a broken connection."""
    for block in body:
        yield block[:left]
        left -= len(block)
        if left <= 0:
            _drop(environ)


def _drop(environ: Environ) -> None:
    """Break the connection off, as a network does."""
    with contextlib.suppress(OSError):
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError


def _refuse(refusal: Refusal, start: Start, request_id: str) -> Iterable[bytes]:
    text = (
        f"<Error><Code>{escape(refusal.code)}</Code><Message>{escape(refusal.message)}</Message>"
        f"<RequestId>{request_id}</RequestId><HostId>sandbox</HostId></Error>"
    )
    return _xml(start, text, f"{refusal.status} {refusal.code}")


def _xml(start: Start, text: str, status: str = "200 OK") -> Iterable[bytes]:
    body = f'<?xml version="1.0" encoding="UTF-8"?>{text}'.encode()
    start(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [body]


class _Inside(Client):
    """The sandbox's own requests to moto, which takes one without a key for a stranger's."""

    def open(self, *words: Any, **options: Any) -> Any:
        """Send one."""
        return super().open(*words, environ_overrides={"HTTP_AUTHORIZATION": "AWS sandbox:inside"}, **options)


class _Quiet(WSGIRequestHandler):
    """A connection that writes no log: a request line may hold a signature."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Nothing."""
