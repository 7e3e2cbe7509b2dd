"""Who calls: the sandbox's keys, the signature of every call, and IAM's look-up of projects.

The signature is SDK-HMAC-SHA256 as the official SDK makes it (huaweicloudsdkcore, ``signer.py``); the words of refusals are
those of the vendor's page on common errors of IAM authentication (devg-apisign, api-sign-0001).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
import time
from calendar import timegm
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

from ..settings import Secret
from .state import Document
from .web import Answer, Refusal, Request, route

ALGORITHM = "SDK-HMAC-SHA256"
CLOCK_SECONDS = 15 * 60  # the page's own number
REGION = "sandbox"
SERVICES = ("iam", "swr", "modelarts", "obs")
_LETTERS = string.ascii_uppercase + string.digits


@dataclass(frozen=True)
class Caller:
    """Whose key it is. ``allowed``: the services that it may use; ``token`` and ``expires``: of a temporary key."""

    ak: str
    sk: Secret = field(repr=False)
    user_name: str = "sandbox-user"
    user_id: str = ""
    domain_name: str = "sandbox"
    domain_id: str = ""
    project_id: str = ""
    project_name: str = REGION
    token: Secret | None = None
    expires: float = 0.0
    allowed: tuple[str, ...] = SERVICES
    main: bool = False  # the key that `sandbox up` made; it alone may use /sandbox/…

    @property
    def expired(self) -> bool:
        """Whether it was temporary and its time is over."""
        return bool(self.expires) and time.time() > self.expires


class Keys:
    """All keys that the sandbox knows, in a file (0600): secret keys are needed in clear to verify what they signed."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def main(self) -> Caller:
        """The sandbox's own key; made at the first call."""
        for caller in map(_caller, self._document.read().values()):
            if caller.main:
                return caller
        return self.make(main=True)

    def make(
        self, *, tenant: str = "", user: str = "", seconds: float = 0, allowed: tuple[str, ...] = SERVICES, main: bool = False
    ) -> Caller:
        """A new key: of the sandbox's own account or of another ``tenant``; temporary where it lives for ``seconds``."""
        domain = tenant or "sandbox"
        values = {
            "ak": "".join(secrets.choice(_LETTERS) for _ in range(20)),
            "sk": "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(40)),
            "user_name": user or f"{domain}-user",
            "domain_name": domain,
            "token": secrets.token_urlsafe(96) if seconds else "",
            "expires": time.time() + seconds if seconds else 0.0,
            "allowed": list(allowed),
            "main": main,
        }
        with self._document.change() as keys:
            keys[str(values["ak"])] = values
        return _caller(values)

    def find(self, ak: str) -> Caller | None:
        """The key of that id."""
        values = self._document.get(ak)
        return _caller(values) if values else None

    def remove(self, ak: str) -> None:
        """Forget a key: what it signs is refused from now on."""
        with self._document.change() as keys:
            if not keys.get(ak, {}).get("main"):
                keys.pop(ak, None)


def _caller(values: Mapping[str, Any]) -> Caller:
    domain = str(values["domain_name"])
    return Caller(
        ak=values["ak"], sk=Secret(values["sk"]), user_name=values["user_name"], domain_name=domain,
        user_id=fixed_id("user", domain, values["user_name"]), domain_id=fixed_id("domain", domain),
        project_id=fixed_id("project", domain), token=Secret(values["token"]) if values["token"] else None,
        expires=float(values["expires"]), allowed=tuple(values["allowed"]), main=bool(values["main"]),
    )


def fixed_id(*parts: str) -> str:
    """32 hex digits, as IAM's ids are, the same for the same words."""
    return hashlib.sha256("\0".join(("modelarts-nb", *parts)).encode()).hexdigest()[:32]


def verify(request: Request, keys: Keys, now: float) -> Caller:
    """Who signed the request. Raises Refusal (401) for everything that is not right with it."""
    words = request.headers.get("authorization", "")
    scheme, _, rest = words.partition(" ")
    if scheme != ALGORITHM:
        raise _refused("APIGW.0301", "x-auth-token not found")
    fields = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    ak, names = fields.get("Access", ""), fields.get("SignedHeaders", "").split(";")
    caller = keys.find(ak)
    if caller is None:
        raise _refused("APIGW.0301", f"Get secretKey failed,ak:{ak[:40]},err:ak not exist")
    date = request.headers.get("x-sdk-date", "")
    if abs(_seconds(date) - now) > CLOCK_SECONDS:
        raise _refused("APIGW.0301", f"signature expired, x-sdk-date: {date[:20]}, server time: {stamp(now)}")
    if not {"host", "x-sdk-date"} <= set(names) or not set(names) <= set(request.headers):
        raise _refused("APIGW.0301", "verify aksk signature fail, a signed header is missing")
    expected = signature(request, names, caller.sk)
    if not hmac.compare_digest(expected, fields.get("Signature", "")):
        raise _refused("APIGW.0301", "verify aksk signature fail")
    check_token(caller, request.headers.get("x-security-token", ""))
    return caller


def check_token(caller: Caller, token: str) -> None:
    """Raise Refusal unless ``token`` is what this key needs now: none, or its own while it is valid."""
    if caller.token is None:
        return
    if not hmac.compare_digest(token, caller.token.reveal()):
        raise _refused("APIGW.0301", "decrypt token fail")
    if caller.expired:
        raise _refused("APIGW.0301", f"token expires, expires_at: {iso(caller.expires)}")


def signature(request: Request, names: list[str], sk: Secret) -> str:
    """The signature that the request should carry, in hex."""
    path = "/".join(quote(part, safe="~") for part in unquote(request.raw_path).split("/"))
    query = "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in sorted(request.query))
    headers = "".join(f"{name}:{_utf8(request.headers[name])}\n" for name in names)
    content = request.headers.get("x-sdk-content-sha256", "")
    if content != "UNSIGNED-PAYLOAD" or "x-sdk-content-sha256" not in names or not request.body:
        content = hashlib.sha256(request.body).hexdigest()
    canonical = "\n".join((request.method, path.rstrip("/") + "/", query, headers, ";".join(names), content))
    text = f"{ALGORITHM}\n{request.headers['x-sdk-date']}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return hmac.new(sk.reveal().encode(), text.encode(), hashlib.sha256).hexdigest()


def long_term_password(caller: Caller) -> str:
    """The password of a registry login that lasts as long as the key (SWR user manual, swr_01_1000)."""
    return hmac.new(caller.sk.reveal().encode(), caller.ak.encode(), hashlib.sha256).hexdigest()


def stamp(seconds: float) -> str:
    """``20261124T104500Z``."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))


def iso(seconds: float) -> str:
    """``2026-11-24T10:45:00.000000Z``."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1e6):06d}Z"


def _seconds(date: str) -> float:
    try:
        return timegm(time.strptime(date, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        raise _refused("APIGW.0301", "x-sdk-date is missing or not of the form YYYYMMDDTHHMMSSZ") from None


def _utf8(value: str) -> str:
    """A header's value as the client had it: HTTP brings its bytes as latin-1."""
    return value.encode("latin-1", "replace").decode("utf-8", "replace").strip()


def _refused(code: str, what: str) -> Refusal:
    return Refusal(401, code, f"Incorrect IAM authentication information: {what}")


class Projects:
    """IAM's look-ups: projects and accounts."""

    @route("GET /v3/projects")
    def _projects(self, request: Request) -> Answer:
        """The caller's, by ``name`` where one is given; a region that is not here has none."""
        caller: Caller = request.caller
        project = {
            "id": caller.project_id, "name": caller.project_name, "domain_id": caller.domain_id,
            "parent_id": caller.domain_id, "enabled": True, "is_domain": False,
            "description": "the sandbox on this machine", "links": {"self": ""},
        }
        matches = request.option("name", caller.project_name) == caller.project_name
        return Answer(200, {"projects": [project] if matches else [], "links": _LINKS})

    @route("GET /v3/auth/domains")
    def _domains(self, request: Request) -> Answer:
        caller: Caller = request.caller
        domain = {"id": caller.domain_id, "name": caller.domain_name, "enabled": True, "description": ""}
        return Answer(200, {"domains": [{**domain, "links": {"self": ""}}], "links": _LINKS})


_LINKS = {"self": "", "next": None, "previous": None}
