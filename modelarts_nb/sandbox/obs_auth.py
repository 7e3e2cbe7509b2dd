"""Who asks object storage: the three signatures that OBS and S3 clients make, and signed URLs.

``AWS KEY:…`` (S3, version 2), ``OBS KEY:…`` (the same with ``x-obs-`` headers), ``AWS4-HMAC-SHA256 …`` (version 4, whose hash
of the body is taken as said). Sources: esdk-obs-python 3.26.6, ``auth.py``; the S3 API's documentation.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from calendar import timegm
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl, quote, unquote

from .iam import CLOCK_SECONDS, Caller, Keys, stamp
from .web import Refusal

# Parameters of a query that are signed
SUBRESOURCES = frozenset({
    "acl", "append", "cors", "delete", "deletebucket", "encryption", "inventory", "lifecycle", "location", "logging",
    "metadata", "modify", "notification", "object-lock", "partnumber", "policy", "position", "quota", "rename",
    "replication", "requestpayment", "response-cache-control", "response-content-disposition",
    "response-content-encoding", "response-content-language", "response-content-type", "response-expires", "restore",
    "retention", "storageclass", "storageinfo", "storagepolicy", "tagging", "torrent", "truncate", "uploadid",
    "uploads", "versionid", "versioning", "versions", "website", "x-image-process",
})


@dataclass(frozen=True)
class Asked:
    """What was asked, as far as signatures look at it; names of headers are in lower case, ``path`` is as sent."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str] = field(repr=False)

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """The query's parameters, in order."""
        return parse_qsl(self.query, keep_blank_values=True)


def identify(asked: Asked, keys: Keys, now: float) -> Caller:
    """Whose request that is. Raises Refusal with OBS's codes."""
    words = asked.headers.get("authorization", "")
    parameters = {name.lower(): value for name, value in asked.parameters}
    scheme, _, rest = words.partition(" ")
    if scheme in ("AWS", "OBS"):
        ak, _, given = rest.partition(":")
        caller = _known(keys, ak)
        _timely(_date(asked.headers), now)
        expected = version2(asked, caller, scheme, "")
    elif scheme == "AWS4-HMAC-SHA256":
        fields = dict(part.strip().partition("=")[::2] for part in rest.split(","))
        caller, given = _known(keys, fields.get("Credential", "").split("/")[0]), fields.get("Signature", "")
        _timely(_date(asked.headers), now)
        expected = (_version4(asked, caller, fields),)
    elif "signature" in parameters:
        caller = _known(keys, parameters.get("awsaccesskeyid") or parameters.get("accesskeyid", ""))
        given, expires = parameters["signature"], parameters.get("expires", "0")
        if not expires.isdigit() or int(expires) < now:
            raise Refusal(403, "AccessDenied", "Request has expired")
        expected = version2(asked, caller, "OBS" if "accesskeyid" in parameters else "AWS", expires)
    else:
        raise Refusal(403, "AccessDenied", "Access Denied")
    if not any(hmac.compare_digest(each, given) for each in expected):
        raise Refusal(
            403, "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
        )
    _check_token(caller, asked, parameters)
    return caller


def version2(asked: Asked, caller: Caller, scheme: str, expires: str) -> tuple[str, ...]:
    """The signatures that are right: a bucket's path may be meant with and without its last “/”."""
    prefix = "x-obs-" if scheme == "OBS" else "x-amz-"
    own = sorted((name, value) for name, value in asked.headers.items() if name.startswith(prefix))
    date = expires or ("" if f"{prefix}date" in asked.headers else asked.headers.get("date", ""))
    lines = [asked.method, asked.headers.get("content-md5", ""), asked.headers.get("content-type", ""), date]
    lines += [f"{name}:{value.strip()}" for name, value in own]
    kept = sorted((n, v) for n, v in asked.parameters if n.lower() in SUBRESOURCES or n.lower().startswith(prefix))
    query = "&".join(f"{name}={value}" if value else name for name, value in kept)
    found = []
    for path in (asked.path, asked.path.rstrip("/") or "/", asked.path.rstrip("/") + "/"):
        text = "\n".join([*lines, path + (f"?{query}" if query else "")])
        digest = hmac.new(caller.sk.reveal().encode(), text.encode(), hashlib.sha1).digest()
        found.append(base64.b64encode(digest).decode())
    return tuple(found)


def signed_url(base: str, path: str, caller: Caller, seconds: int) -> str:
    """A URL of an object that anybody may read for that long."""
    expires = str(int(time.time()) + seconds)
    quoted = quote(path)
    signature = version2(Asked("GET", quoted, "", {}), caller, "AWS", expires)[0]
    return f"{base}{quoted}?AWSAccessKeyId={caller.ak}&Expires={expires}&Signature={quote(signature, safe='')}"


def _version4(asked: Asked, caller: Caller, fields: Mapping[str, str]) -> str:
    names = fields.get("SignedHeaders", "").split(";")
    scope = fields.get("Credential", "").split("/")[1:]
    query = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in asked.parameters)
    canonical = "\n".join((
        asked.method, quote(unquote(asked.path), safe="/-_.~"), "&".join(f"{name}={value}" for name, value in query),
        *(f"{name}:{' '.join(asked.headers.get(name, '').split())}" for name in names), "", ";".join(names),
        asked.headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
    ))
    date = stamp(_date(asked.headers))
    text = f"AWS4-HMAC-SHA256\n{date}\n{'/'.join(scope)}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{caller.sk.reveal()}".encode()
    for part in scope:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _known(keys: Keys, ak: str) -> Caller:
    caller = keys.find(ak)
    if caller is None:
        raise Refusal(403, "InvalidAccessKeyId", "The access key ID you provided does not exist in our records.")
    if "obs" not in caller.allowed:
        raise Refusal(403, "AccessDenied", "Access Denied")
    return caller


def _check_token(caller: Caller, asked: Asked, parameters: Mapping[str, str]) -> None:
    if caller.token is None:
        return
    given = [asked.headers.get(f"{prefix}security-token", "") for prefix in ("x-amz-", "x-obs-")]
    given += [parameters.get(f"{prefix}security-token", "") for prefix in ("x-amz-", "x-obs-")]
    if not any(hmac.compare_digest(each, caller.token.reveal()) for each in given):
        raise Refusal(403, "InvalidToken", "The provided token is malformed or otherwise invalid.")
    if caller.expired:
        raise Refusal(400, "ExpiredToken", "The provided token has expired.")


def _timely(seconds: float, now: float) -> None:
    if abs(seconds - now) > CLOCK_SECONDS:
        raise Refusal(
            403, "RequestTimeTooSkewed", "The difference between the request time and the server's time is too large."
        )


def _date(headers: Mapping[str, str]) -> float:
    text = headers.get("x-obs-date") or headers.get("x-amz-date") or headers.get("date", "")
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError):
        return _seconds(text)


def _seconds(text: str) -> float:
    try:
        return float(timegm(time.strptime(text, "%Y%m%dT%H%M%SZ")))
    except ValueError:
        raise Refusal(403, "AccessDenied", "The request has no valid date.") from None
