"""Requests to object storage, signed by hand."""

import base64
import contextlib
import hashlib
import hmac
import http.client
import time
from email.utils import formatdate
from urllib.parse import urlsplit


def ask(region, method, path, body=b"", *, query="", headers=None, sk="", ahead=0, scheme="AWS"):
    """One request with an S3 signature of version 2: (status, headers in lower case, body)."""
    date = formatdate(time.time() + ahead, usegmt=True)
    extra = {name.lower(): value for name, value in (headers or {}).items()}
    if region.access.get("token"):
        extra[f"x-{'obs' if scheme == 'OBS' else 'amz'}-security-token"] = region.access["token"]
    lines = "".join(f"{name}:{value}\n" for name, value in sorted(extra.items()) if name.startswith(("x-amz-", "x-obs-")))
    text = f"{method}\n\n{extra.get('content-type', '')}\n{date}\n{lines}{path}{query and '?' + query}"
    signature = base64.b64encode(hmac.new((sk or region.access["sk"]).encode(), text.encode(), hashlib.sha1).digest()).decode()
    sent = {**extra, "Date": date, "Authorization": f"{scheme} {region.access['ak']}:{signature}"}
    return send(region, method, path + (query and "?" + query), body, sent)


def send(region, method, target, body=b"", headers=None):
    address = urlsplit(region.access["endpoints"]["obs"]).netloc
    with contextlib.closing(http.client.HTTPConnection(address, timeout=30)) as connection:
        connection.request(method, target, body=body or None, headers=headers or {})
        with contextlib.closing(connection.getresponse()) as answer:
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
