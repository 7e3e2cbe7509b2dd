"""An OCI registry over HTTP, for reading: is it there, what does it hold, of which kind (distribution-spec v1.1).

Certificates are always verified. Plain HTTP is used for loopback only, as the Docker Engine does by default.
"""

from __future__ import annotations

import base64
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

from ..errors import RegistryError
from ..manifests import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from ..messages import t
from ..reference import ImageReference
from ..settings import Secret

TIMEOUT = (5, 30)  # seconds to connect, to answer
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
TOKEN_SPARE = 10.0  # seconds before its end at which a token is no longer used

Login = tuple[str, Secret]  # user, password or token
Credentials = Callable[[str], Login | None]  # registry host → login

# Tokens that still do, by host, repository and login: a push asks a registry several things
_tokens: dict[tuple[str, str, Login | None], tuple[str, float]] = {}
_connections = threading.local()


@dataclass(frozen=True)
class Manifest:
    """A manifest as the registry serves it. ``size``: compressed bytes of its layers and config (0 for an index)."""

    digest: str
    media_type: str
    size: int


def base_url(host: str) -> str:
    """``http`` for loopback, ``https`` for everything else; docker.io's registry has a host of its own."""
    name = urlsplit(f"//{host}").hostname or host
    loopback = name == "localhost" or name == "::1" or name.startswith("127.")
    return f"{'http' if loopback else 'https'}://{'registry-1.docker.io' if host in ('', 'docker.io') else host}"


def read_manifest(reference: ImageReference, credentials: Credentials = lambda host: None) -> Manifest:
    """The manifest that the registry holds under that tag or digest. Raises RegistryError."""
    response = _manifest(reference, credentials)
    body = _json(response, reference)
    layers = body.get("layers")
    parts = [*(layers if isinstance(layers, list) else ()), body.get("config")]
    return Manifest(
        digest=response.headers.get("Docker-Content-Digest", ""),
        media_type=str(response.headers.get("Content-Type") or body.get("mediaType") or "").split(";")[0],
        size=sum(_size(part) for part in parts),
    )


def _size(part: object) -> int:
    size = part.get("size") if isinstance(part, dict) else 0
    return size if isinstance(size, int) else 0  # whatever a registry may answer


def read_config(reference: ImageReference, credentials: Credentials = lambda host: None) -> dict[str, Any]:
    """The configuration of a plain image: ``architecture``, ``config``, ``rootfs.diff_ids``. Raises RegistryError.

    {} for an index, which has none of its own.
    """
    manifest = _json(_manifest(reference, credentials), reference)
    config = manifest.get("config")
    digest = str((config.get("digest") if isinstance(config, dict) else "") or "")
    if not digest:
        return {}
    url = f"{base_url(reference.host)}/v2/{reference.path}/blobs/{digest}"
    response = _get(url, reference.host, credentials, "*/*")
    if response.status_code != 200:
        raise refused(f"{reference}", response)
    return _json(response, reference)


def _manifest(reference: ImageReference, credentials: Credentials) -> Any:
    wanted = reference.digest or reference.tag or "latest"
    url = f"{base_url(reference.host)}/v2/{reference.path}/manifests/{wanted}"
    response = _get(url, reference.host, credentials, ", ".join((DOCKER_MANIFEST, OCI_MANIFEST, DOCKER_LIST, OCI_INDEX)))
    if response.status_code != 200:
        raise refused(f"{reference}", response)
    return response


def _json(response: Any, reference: ImageReference) -> dict[str, Any]:
    try:
        body = response.json()
    except (ValueError, RecursionError) as error:
        text = t("{reference}: the registry's manifest is no JSON.", reference=reference)
        raise RegistryError(text, status=response.status_code) from error
    return body if isinstance(body, dict) else {}


def ping(host: str, credentials: Credentials = lambda host: None) -> None:
    """Nothing when a registry answers there; raises RegistryError saying what happened otherwise."""
    response = _get(f"{base_url(host)}/v2/", host, credentials, "application/json")
    if response.status_code != 200:
        raise refused(host, response)


def refused(what: str, response: Any) -> RegistryError:
    """The error that a registry's answer is, in its own words."""
    code = message = ""
    try:
        first = (response.json().get("errors") or [{}])[0]
        code, message = str(first.get("code", "")), str(first.get("message", ""))
    except (ValueError, AttributeError, IndexError, KeyError, TypeError, RecursionError):
        message = response.reason or ""
    hints = {
        401: t("It wants a login: `docker login HOST`, then try again."),
        403: t("This account may not do that there."),
        404: t("There is no such image or tag in it."),
        429: t("It asks to slow down: wait a minute, then try again."),
    }
    words = f"{response.status_code} {code} {message}".rstrip()
    text = t("{what}: the registry answered {words}", what=what, words=words)
    return RegistryError(text, hints.get(response.status_code, ""), status=response.status_code, code=code)


def _get(url: str, host: str, credentials: Credentials, accept: str) -> Any:
    import requests

    login = credentials(host)
    held = (host, url.partition("/v2/")[2].rpartition("/")[0].rpartition("/")[0], login)
    authorization, good_until = _tokens.get(held, ("", 0.0))
    headers = {"Accept": accept, **({"Authorization": authorization} if time.monotonic() < good_until else {})}
    try:
        response = _send(url, headers)
        if response.status_code == 401:
            authorization, seconds = _authorize(response.headers.get("WWW-Authenticate", ""), login)
            if authorization:
                _tokens[held] = (authorization, time.monotonic() + seconds)
                response = _send(url, {"Accept": accept, "Authorization": authorization})
    except requests.exceptions.SSLError as error:
        raise RegistryError(
            t("The registry {host} shows a certificate that does not verify.", host=host),
            t("If it is your company's, name its CA bundle: REQUESTS_CA_BUNDLE=/path/to/ca.pem."),
        ) from error
    except requests.exceptions.RequestException as error:
        raise RegistryError(
            t("The registry {host} does not answer.", host=host),
            t("Is its address right, and does it run? The sandbox's: `modelarts-nb sandbox status`."), status=503,
        ) from error
    return response


def _send(url: str, headers: dict[str, str], params: dict[str, str] | None = None) -> Any:
    """One GET over a connection that is kept, one for each thread; opened anew where the other side has closed it."""
    import requests

    session = getattr(_connections, "session", None)
    if session is not None:
        try:
            return session.get(url, headers=headers, params=params, timeout=TIMEOUT, proxies=_direct(url))
        except requests.exceptions.ConnectionError:
            session.close()
    session = _connections.session = requests.Session()
    session.auth = lambda request: request  # else requests puts ~/.netrc in place of our Authorization
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))  # a request says all by itself
    return session.get(url, headers=headers, params=params, timeout=TIMEOUT, proxies=_direct(url))


def _authorize(challenge: str, login: Login | None) -> tuple[str, float]:
    """The Authorization header that answers a challenge (Basic, or Bearer: the token protocol of distribution).

    With the seconds for which it may be sent again unasked.
    """
    scheme, _, rest = challenge.partition(" ")
    if scheme.lower() == "basic":
        return (_basic(login), 0.0) if login else ("", 0.0)
    if scheme.lower() != "bearer":
        return "", 0.0
    fields = dict(_CHALLENGE.findall(rest))
    realm = fields.pop("realm", "")
    try:
        where = urlsplit(realm)
        safe = where.scheme == "https" or base_url(where.netloc).startswith("http:")
    except ValueError:  # no address
        return "", 0.0
    if not safe:
        return "", 0.0  # a login never travels in clear to another machine
    answer = _send(realm, {"Authorization": _basic(login)} if login else {}, fields)
    if answer.status_code != 200:
        raise refused(t("login"), answer)
    try:
        body = answer.json()
        lasts = body.get("expires_in")
    except (ValueError, AttributeError, RecursionError):
        raise refused(t("login"), answer) from None
    seconds = float(lasts) if isinstance(lasts, (int, float)) else 60.0  # 60: the token protocol's own default
    return f"Bearer {body.get('token') or body.get('access_token', '')}", seconds - TOKEN_SPARE


def _direct(url: str) -> dict[str, str]:
    """No proxy for loopback, as for the Docker Engine; requests would take ``HTTP_PROXY`` for it, too."""
    parts = urlsplit(url)
    return {"no_proxy": parts.hostname or ""} if base_url(parts.netloc).startswith("http:") else {}


def _basic(login: Login) -> str:
    user, password = login
    return "Basic " + base64.b64encode(f"{user}:{password.reveal()}".encode()).decode()
