"""What a refused or failed request means, as a CloudError: pure, so that every case has a test."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..errors import CloudError
from ..messages import t
from ..text import clean, duration, shorten

CLOCK_TOLERANCE = 300.0  # seconds; the gateway takes requests of up to 15 minutes, but a clock that is 5 off is wrong
_LATER = (429, 503)  # the server did nothing with it


class Attempt(Exception):
    """One attempt failed. ``never_arrived``: sending it again can do no harm. ``wished``: seconds the server asks to wait."""

    def __init__(self, error: CloudError, *, never_arrived: bool, wished: float = 0.0) -> None:
        super().__init__(error.message)
        self.error = error
        self.never_arrived = never_arrived
        self.wished = wished


def refused(status: int, headers: Mapping[str, str], content: bytes, what: str, ahead: float = 0.0) -> Attempt:
    """The failure that an answer of status 300 and above is. ``ahead``: seconds that the clock here is ahead of theirs."""
    code, message, request_id = _words(content)
    request_id = headers.get("x-request-id") or request_id
    said = " ".join(filter(None, (code, message))) or t("no reason given")
    text = t("{what}: {status}, {said}", what=what, status=status, said=said)
    if request_id:
        text += " " + t("(request id {id})", id=clean(request_id)[:80])
    error = CloudError(
        text, _hint(status, code, ahead), status=status, error_code=code, error_msg=message, request_id=request_id
    )
    try:
        wished = float(headers.get("retry-after", 0))
    except ValueError:
        wished = 0.0  # a date: our own pause will do
    wished = wished if 0 <= wished < float("inf") else 0.0
    return Attempt(error, never_arrived=status in _LATER, wished=wished)


def unsent(error: Exception, host: str) -> Attempt:
    """The failure that an exception of requests is."""
    import requests.exceptions as known

    text = str(error)
    if isinstance(error, known.ProxyError):
        hint = (
            t("The proxy wants a user and a password: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT.") if "407" in text
            else t("See HTTPS_PROXY and NO_PROXY.")
        )
        return _attempt(t("The proxy on the way to {host} refuses.", host=host), hint, temporary=False, arrived=False)
    if isinstance(error, known.SSLError):
        return _attempt(
            t("{host} shows a certificate that does not verify.", host=host),
            t("If it is your company's, name its CA bundle: MODELARTS_NB_CA_BUNDLE=/path/to/ca.pem."), temporary=False,
            arrived=False,
        )
    if any(sign in text for sign in ("NameResolutionError", "Name or service not known", "getaddrinfo failed")):
        return _attempt(
            t("The name {host} cannot be resolved.", host=host), t("Is the region right? Is there a network? A proxy?"),
            temporary=True, arrived=False,
        )
    if isinstance(error, known.ConnectTimeout) or "NewConnectionError" in text:
        return _attempt(
            t("{host} cannot be reached.", host=host),
            t("Is there a network, or a proxy to use (HTTPS_PROXY)? The sandbox: `modelarts-nb sandbox status`."),
            temporary=True, arrived=False,
        )
    if isinstance(error, known.Timeout):
        return _attempt(t("{host} did not answer in time.", host=host), t("Try again."), temporary=True, arrived=True)
    return _attempt(t("The connection to {host} was lost.", host=host), t("Try again."), temporary=True, arrived=True)


def _attempt(message: str, hint: str, *, temporary: bool, arrived: bool) -> Attempt:
    return Attempt(CloudError(message, hint, status=503 if temporary else 0), never_arrived=temporary and not arrived)


def _words(content: bytes) -> tuple[str, str, str]:
    """Code, message and request id of an error's body, in any of the forms that the services use."""
    try:
        body: Any = json.loads(content)
    except (ValueError, RecursionError):
        return "", shorten(clean(" ".join(content.decode("utf-8", "replace").split())))[:200], ""
    for name in ("error", "errors"):
        if isinstance(body, dict) and isinstance(body.get(name), (dict, list)):
            body = body[name]
    if isinstance(body, list):
        body = body[0] if body else {}
    if not isinstance(body, dict):
        return "", shorten(clean(str(body)))[:200], ""
    found = (
        next((body[name] for name in names if isinstance(body.get(name), (str, int))), "")
        for names in (
            ("error_code", "errorCode", "code"), ("error_msg", "errorMsg", "errorMessage", "message"),
            ("request_id", "requestId"),
        )
    )
    code, message, request_id = (clean(str(value))[:500] for value in found)
    return code, message, request_id


def _hint(status: int, code: str, ahead: float) -> str:
    if status in (400, 401, 403) and abs(ahead) > CLOCK_TOLERANCE:
        which = t("ahead of") if ahead > 0 else t("behind")
        return t(
            "The clock of this machine is {time} {which} the cloud's: set it (for example with NTP), then try again.",
            time=duration(abs(ahead)), which=which,
        )
    if status == 401:
        return t("The key is wrong, was deleted, or its token has expired: %login once more.")
    if status == 403:
        return t("This user may not do that: ask for the permission in IAM, or use another key (%login).")
    if status == 404:
        return t("There is no such thing in this region and project: %login shows which they are.")
    if status == 429:
        return t("The cloud asks to slow down: wait a minute, then try again.")
    if status >= 500:
        return t("The service has a problem of its own: try again later; its support asks for the request id.")
    return ""
