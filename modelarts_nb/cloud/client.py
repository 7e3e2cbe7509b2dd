"""One signed request, its retries, and what went wrong in the cloud's own words.

What is sent again: an answer that says “later” (429, 503) whatever the request; a lost connection and other temporary
answers only where sending twice does no harm (``repeatable``). Certificates are always verified.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from ..catalog import Region
from ..errors import CloudError
from ..messages import t
from . import failures, signing
from .credentials import Credentials, Identity

Query = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Patience:
    """How long to try. ``connect`` and ``answer`` in seconds; ``attempts`` in all; the pause before attempt n is random, up to
    ``pause`` · 2ⁿ, and never over ``longest``."""

    connect: float = 10.0
    answer: float = 60.0
    attempts: int = 5
    pause: float = 0.4
    longest: float = 20.0

    def before(self, attempt: int, wished: float = 0.0) -> float:
        """Seconds to wait before attempt ``attempt`` (from 1); ``wished`` is what the server asked for."""
        return min(self.longest, max(wished, random.uniform(0, self.pause * 2**attempt)))  # noqa: S311  # jitter is no secret


@dataclass(frozen=True)
class Answer:
    """What came back: parsed JSON (None for an empty body) and the headers, names in lower case."""

    body: Any
    headers: Mapping[str, str] = field(repr=False)


class Client:
    """Requests to one region as one identity.

    ``project_id`` is set once it is known; until then requests carry none. ``ca``: a file of certificates to trust
    instead of the usual ones ("": the usual ones). ``sleep`` waits between attempts.
    """

    def __init__(
        self, region: Region, identity: Identity, *, project_id: str = "", ca: str = "", patience: Patience | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.region = region
        self.identity = identity
        self.project_id = project_id
        self.ca = ca
        self.patience = patience or Patience()
        self._sleep = sleep
        self._session: Any = None

    def get(self, service: str, path: str, query: Query = ()) -> Any:
        """The JSON that a GET answers. ``service``: ``iam``, ``swr_api`` or ``modelarts``. Raises CloudError."""
        return self.send("GET", service, path, query).body

    def send(
        self, method: str, service: str, path: str, query: Query = (), body: Any = None, *, repeatable: bool | None = None
    ) -> Answer:
        """The answer to one request, tried again where that can help. Raises CloudError.

        ``repeatable``: whether it may be sent again after it may have arrived; None: by its method.
        """
        again = method in ("GET", "PUT", "DELETE", "HEAD") if repeatable is None else repeatable
        credentials, renewed, attempt = self.identity.current(), False, 0
        while True:
            try:
                return self._once(method, service, path, query, body, credentials)
            except failures.Attempt as failed:
                attempt += 1
                if failed.error.status == 401 and self.identity.renewable and not renewed:
                    credentials, renewed = self.identity.current(rejected=credentials), True
                elif attempt < self.patience.attempts and (failed.never_arrived or (again and failed.error.temporary)):
                    self._sleep(self.patience.before(attempt, failed.wished))
                else:
                    raise failed.error from failed.__cause__

    def pages(self, service: str, path: str, items: str = "", query: Query = (), size: int = 100) -> Iterator[Any]:
        """Every item of a list that is paged by offset. ``items``: the member that holds them ("": the body is the list)."""
        offset = 0
        while True:
            body = self.get(service, path, (*query, ("limit", str(size)), ("offset", str(offset))))
            found = listed(body, items)
            yield from found
            if len(found) < size:
                return
            offset += size

    def _once(
        self, method: str, service: str, path: str, query: Query, body: Any, credentials: Credentials
    ) -> Answer:
        import requests

        base = urlsplit(self._address(service))
        headers = {"Content-Type": "application/json"}
        if self.project_id:
            headers["X-Project-Id"] = self.project_id
        data = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        request = signing.Request(method, base.netloc, base.path.rstrip("/") + path, query, headers, data)
        signed = signing.sign(
            request, credentials.access, credentials.secret, datetime.fromtimestamp(now(), timezone.utc), credentials.token
        )
        text = signing.query_string(query)
        url = f"{base.scheme}://{base.netloc}{request.path}" + (f"?{text}" if text else "")
        try:
            response = self._requests().request(
                method, url, data=data, headers=signed, timeout=(self.patience.connect, self.patience.answer),
                allow_redirects=False, proxies=_direct(base.hostname or ""), verify=self.ca or None,
            )
        except requests.exceptions.RequestException as error:
            raise failures.unsent(error, base.hostname or "") from error
        return _read(response, f"{method} {base.hostname}{path}")

    def _address(self, service: str) -> str:
        address: str = getattr(self.region, service)
        if not address:
            raise CloudError(
                t("There is no ModelArts in {region}.", region=self.region.id),
                t("Choose another region: %login --region REGION."),
            )
        return address

    def _requests(self) -> Any:
        if self._session is None:
            import requests

            self._session = requests.Session()
            self._session.auth = lambda request: request  # else requests puts ~/.netrc in place of our signature
        return self._session


def now() -> float:
    """The clock of this machine, by which requests are dated."""
    return time.time()


def listed(body: Any, items: str) -> list[Any]:
    """The list in an answer. Raises CloudError where there is none."""
    found = body.get(items, []) if items and isinstance(body, dict) else body
    if found is None:
        return []
    if not isinstance(found, list):
        raise CloudError(t("The cloud's answer is not as documented: no list “{items}”.", items=items))
    return found


def _read(response: Any, what: str) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    if 200 <= response.status_code < 300:
        if not response.content:
            return Answer(None, headers)
        try:
            return Answer(response.json(), headers)
        except (ValueError, RecursionError) as error:
            raise CloudError(
                t("{what}: the answer is no JSON.", what=what), t("A proxy or a login page may stand in between."),
                status=response.status_code, request_id=headers.get("x-request-id", ""),
            ) from error
    raise failures.refused(response.status_code, headers, response.content, what, _clock(headers))


def _clock(headers: Mapping[str, str]) -> float:
    """How many seconds this machine's clock is ahead of the server's; 0 where it does not say its time."""
    try:
        return now() - parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return 0.0


def _direct(host: str) -> dict[str, str]:
    """No proxy for this very machine; for all others what the environment says."""
    return {"no_proxy": host} if host in ("localhost", "::1") or host.startswith("127.") else {}
