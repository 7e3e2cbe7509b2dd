"""Object storage through the official SDK (esdk-obs-python, the extra ``modelarts_nb[obs]``), with its edges taken off.

- it does not check certificates by itself, and with ``ssl_verify=True`` neither loads any nor compares host names: here it
  gets a context that does all of it;
- it answers errors as values or as bare exceptions: here they become CloudError, and temporary ones are tried again;
- an address that is an IP or loopback needs paths instead of host names for buckets.
"""

from __future__ import annotations

import ipaddress
import ssl
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from ..catalog import Region
from ..errors import CloudError, ModelArtsError, SettingsError
from ..messages import t
from ..text import clean
from ..training.preflight import Bucket
from .client import Patience
from .credentials import Credentials, Identity

EXPIRED = ("InvalidAccessKeyId", "SecurityTokenExpired", "ExpiredToken", "InvalidToken")
PAGE = 1000  # keys of one list, the most that the service gives
PROBE = ".modelarts-nb-probe"


@dataclass(frozen=True)
class Object:
    """One object in a bucket; ``etag`` is the MD5 of its content unless it came in parts."""

    key: str
    size: int
    etag: str


class Store:
    """Object storage of one region as one identity. ``stop()`` ends what runs, from another thread."""

    def __init__(
        self, region: Region, identity: Identity, *, ca: str = "", patience: Patience | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.region = region
        self._identity = identity
        self._ca = ca
        self._patience = patience or Patience()
        self._sleep = sleep
        self._lock = threading.Lock()
        self._kept: tuple[Credentials, Any] | None = None
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Make transfers end at their next block."""
        self._stopped.set()

    @property
    def stopped(self) -> bool:
        """Whether ``stop`` was called."""
        return self._stopped.is_set()

    def ask(self, what: str, request: Callable[[Any], Any]) -> Any:
        """The answer to ``request(client)``, tried again where the failure is temporary. Raises CloudError."""
        rejected: Credentials | None = None
        attempt = 0
        while True:
            credentials = self._identity.current(rejected=rejected)
            error = self._attempt(what, request, credentials)
            if not isinstance(error, CloudError):
                return error
            attempt += 1
            if error.error_code in EXPIRED and self._identity.renewable and rejected is None:
                rejected = credentials
            elif self.stopped or attempt >= self._patience.attempts or not error.temporary:
                raise error
            else:
                self._sleep(self._patience.before(attempt))

    def _attempt(self, what: str, request: Callable[[Any], Any], credentials: Credentials) -> Any:
        try:
            response = request(self._client(credentials))
        except (ModelArtsError, InterruptedError):
            raise
        except OSError as error:
            return _unsent(what, error, self.region)
        except Exception as error:  # the SDK raises bare Exception for whatever went wrong in a transfer
            if self.stopped:
                raise
            return _unsent(what, error, self.region)
        if response is not None and response.status >= 300:
            return _refused(what, response)
        return response

    def objects(self, bucket: str, prefix: str) -> Iterator[Object]:
        """All objects whose keys start with ``prefix``."""
        marker: str | None = None
        while True:
            page = self._page(bucket, prefix, marker)
            for each in page.contents:
                yield Object(unquote(each.key), int(each.size or 0), str(each.etag or "").strip('"'))
            if not page.is_truncated:
                return
            marker = unquote(page.next_marker or page.contents[-1].key)

    def _page(self, bucket: str, prefix: str, marker: str | None) -> Any:
        def request(client: Any) -> Any:
            answer = client.listObjects(bucket, prefix=prefix or None, marker=marker, max_keys=PAGE, encoding_type="url")
            if answer.status < 300 and answer.body is None:  # the SDK's way to say that the answer broke off
                raise ConnectionError
            return answer

        return self.ask(t("Listing {bucket}", bucket=bucket), request).body

    def bucket(self, name: str, prefix: str, *, write: bool) -> Bucket:
        """What can be found out about a bucket; ``write``: whether to write and delete a probe below ``prefix``."""
        try:
            self.ask(t("Bucket {bucket}", bucket=name), lambda client: client.headBucket(name))
            location = _location(self.ask(t("Bucket {bucket}", bucket=name), lambda client: client.getBucketLocation(name)))
        except CloudError as error:
            if error.status == 404:
                return Bucket(exists=False)
            if error.status == 403:
                return Bucket(exists=True, readable=False)
            return Bucket(problem=error.message)
        readable = self._allowed(lambda client: client.listObjects(name, prefix=prefix or None, max_keys=1))
        key = f"{prefix}{PROBE}"
        writable = self._allowed(lambda client: client.putContent(name, key, "")) if write else None
        if writable:
            self._allowed(lambda client: client.deleteObject(name, key))
        return Bucket(True, location, readable, writable)

    def _allowed(self, request: Callable[[Any], Any]) -> bool:
        try:
            self.ask("OBS", request)
        except CloudError as error:
            if error.status == 403:
                return False
            raise
        return True

    def _client(self, credentials: Credentials) -> Any:
        with self._lock:
            if self._kept is None or self._kept[0] != credentials:
                self._kept = (credentials, self._make(credentials))
            return self._kept[1]

    def _make(self, credentials: Credentials) -> Any:
        try:
            from obs import ObsClient
        except ImportError as error:
            raise SettingsError(
                t("Object storage needs the official SDK, which is not installed."), t("%pip install 'modelarts_nb[obs]'")
            ) from error
        address = urlsplit(self.region.obs)
        secure = address.scheme != "http"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # it makes a context of a kind that Python gives up
            client = self._connect(ObsClient, credentials, secure, address.hostname or "")
        if secure:
            client.context = _trust(self._ca)
        return client

    def _connect(self, kind: Any, credentials: Credentials, secure: bool, host: str) -> Any:
        return kind(
            access_key_id=credentials.access, secret_access_key=credentials.secret.reveal(), server=self.region.obs,
            security_token=credentials.token.reveal() if credentials.token is not None else None, ssl_verify=True,
            path_style=_needs_paths(host), is_secure=secure, timeout=int(self._patience.answer),
            max_retry_count=0, region=self.region.id, **_proxy(self.region.obs),
        )


def _trust(ca: str) -> ssl.SSLContext:
    import os

    import certifi  # comes with requests, and is what it trusts

    chosen = ca or os.environ.get("REQUESTS_CA_BUNDLE") or certifi.where()
    return ssl.create_default_context(cafile=chosen)


def _needs_paths(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return True


def _proxy(address: str) -> dict[str, Any]:
    """The SDK's options for the proxy that the environment names for this address."""
    from requests.utils import get_environ_proxies

    host = urlsplit(address).hostname or ""
    if host == "localhost" or host.startswith("127."):
        return {}
    proxies = get_environ_proxies(address)
    url = urlsplit(proxies.get(urlsplit(address).scheme) or proxies.get("all") or "")
    if not url.hostname:
        return {}
    return {
        "proxy_host": url.hostname, "proxy_port": url.port or 80,
        "proxy_username": unquote(url.username) if url.username else None,
        "proxy_password": unquote(url.password) if url.password else None,
    }


def _location(answer: Any) -> str:
    return str(getattr(answer.body, "location", "") or "")


def _refused(what: str, response: Any) -> CloudError:
    code, message = clean(str(response.errorCode or "")), clean(str(response.errorMessage or response.reason or ""))[:500]
    request_id = clean(str(response.requestId or ""))
    hints = {
        403: t("This user may not do that there, or the key is wrong: %login."),
        404: t("Is the bucket in this region, and spelt right?"),
    }
    if code == "RequestTimeTooSkewed":
        hints[403] = t("The clock of this machine is wrong: set it (for example with NTP), then try again.")
    text = f"{what}: {response.status} {code} {message}".strip()
    if request_id:
        text += " " + t("(request id {id})", id=request_id)
    return CloudError(
        text, hints.get(response.status, ""), status=response.status, error_code=code, error_msg=message, request_id=request_id
    )


def _unsent(what: str, error: Exception, region: Region) -> CloudError:
    host = urlsplit(region.obs).hostname or ""
    if isinstance(error, ssl.SSLCertVerificationError):
        return CloudError(
            t("{host} shows a certificate that does not verify.", host=host),
            t("If it is your company's, name its CA bundle: MODELARTS_NB_CA_BUNDLE=/path/to/ca.pem."),
        )
    if isinstance(error, (FileNotFoundError, PermissionError, IsADirectoryError)):
        return CloudError(f"{what}: {error.strerror}: {error.filename}")
    said = clean(str(error))[:300] or type(error).__name__
    permanent = "status:4" in said.lower() or "errorcode:accessdenied" in said.lower()
    return CloudError(f"{what}: {said}", t("Is there a network? Try again."), status=0 if permanent else 503)
