"""The way to the region and the registry: proxy, certificates, names, addresses, the clock, and whether the key is taken.

Nothing is asked but the addresses that the chosen region has, and the sandbox's registry. Each gets one request without a
login: any answer shows that the way is open, and its ``Date`` tells the clock.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..building.site import CA_NAMES
from ..catalog import Region
from ..cloud import failures
from ..errors import ModelArtsError
from ..messages import t
from ..registry.client import base_url
from ..settings import Settings
from ..text import duration
from .model import Line, failed, masked, passed, unchecked

TIMEOUT = (4.0, 6.0)  # seconds to connect, to answer
SERVICES = ("iam", "swr_api", "registry", "obs", "modelarts")
SET_CLOCK = "sudo timedatectl set-ntp true"


@dataclass(frozen=True)
class Answered:
    """What one address answered: its status, and how many seconds this machine's clock is ahead of it (None: not told)."""

    status: int
    ahead: float | None


def clock(ahead: list[float]) -> Line:
    """Whether signatures will be taken: by the servers' own time; ``ahead``: what each told."""
    if not ahead:
        return unchecked("clock", t("no server told its time"), SET_CLOCK)
    most = max(ahead, key=abs)
    which = t("ahead of") if most > 0 else t("behind")
    said = t("{time} {which} the servers", time=duration(abs(most)), which=which)
    return passed("clock", said) if abs(most) < failures.CLOCK_TOLERANCE else failed("clock", said, SET_CLOCK)


def answer(name: str, url: str, status: int) -> Line:
    """An address that answered: whatever it said without a login, the way is open, unless what answers is broken."""
    said = t("{url} answers ({status})", url=url, status=status)
    if status == 407:
        return failed(name, said, t("The proxy wants a user and a password: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT."))
    if status >= 500:
        return failed(name, said, t("The service has a problem of its own: try again later."))
    return passed(name, said)


def certificates(origin: str, path: str) -> Line:
    """A bundle that is named: there, readable, with certificates in it."""
    if not Path(path).exists():
        return failed("ca", t("{name} names {path}, which is not there", name=origin, path=path), f"unset {origin}")
    try:
        context = ssl.create_default_context(cafile=path) if Path(path).is_file() else ssl.create_default_context(capath=path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", "") or getattr(error, "strerror", "") or str(error)
        said = t("{name} names {path}, which holds no certificates: {reason}", name=origin, path=path, reason=reason)
        return failed("ca", said, f"openssl x509 -in {path} -noout -subject")
    count = context.cert_store_stats()["x509"]
    return passed("ca", t("{name} names {path}: {count} certificates", name=origin, path=path, count=count))


def names(hosts: Mapping[str, str], *, proxied: bool) -> list[Line]:
    """Whether the hosts' names are known. ``hosts``: reason by host, "" for one that resolves."""
    broken = {host: reason for host, reason in hosts.items() if reason}
    if not hosts:
        return [unchecked("dns", t("nothing to look up"))]
    if broken:
        said = "; ".join(f"{host}: {reason}" for host, reason in broken.items())
        if proxied:
            return [unchecked("dns", t("{hosts} (the proxy looks names up itself)", hosts=said))]
        return [failed("dns", said, f"getent hosts {next(iter(broken))}")]
    return [passed("dns", t("{count} names are known", count=len(hosts)))]


def services(region: Region) -> dict[str, str]:
    """URL by service, of those that the region has."""
    found = {name: getattr(region, name) for name in SERVICES}
    found["registry"] = f"{base_url(region.registry)}/v2/"
    return {name: url for name, url in found.items() if url}


def bundles(settings: Settings, environment: Mapping[str, str]) -> list[Line]:
    """Each CA bundle that is named, by us or for other programs: builds are given them, and pip in them."""
    named = {"MODELARTS_NB_CA_BUNDLE": settings.ca_bundle, **{name: environment.get(name, "") for name in CA_NAMES}}
    lines = [certificates(origin, path) for origin, path in named.items() if path]
    return lines or [passed("ca", t("none named: the usual certificates"))]


# ---- probing ----------------------------------------------------------------------------------------------------------


def look_at_proxy(environment: Mapping[str, str]) -> list[Line]:
    """The proxy of this process, if any, and whether something listens there."""
    kept = {name: environment.get(name) or environment.get(name.lower()) or "" for name in ("HTTPS_PROXY", "HTTP_PROXY")}
    found = {name: value for name, value in kept.items() if value}
    if not found:
        return [passed("proxy", t("none"))]
    away = environment.get("NO_PROXY") or environment.get("no_proxy") or ""
    lines = []
    for name, value in found.items():
        said = f"{name}={masked(value)}" + (f", NO_PROXY={away}" if away else "")
        parts = urlsplit(value if "://" in value else f"http://{value}")
        try:
            where = (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
            with socket.create_connection(where, timeout=TIMEOUT[0]):
                lines.append(passed("proxy", said))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            lines.append(failed("proxy", f"{said}: {reason}", t("Correct {name}, or unset it.", name=name)))
    return lines


def look_at_names(region: Region | None, environment: Mapping[str, str]) -> list[Line]:
    """Whether the region's names resolve on this machine."""
    hosts = {urlsplit(url).hostname or "" for url in services(region).values()} if region else set()
    found = {}
    for host in sorted(host for host in hosts if not _is_address(host)):
        try:
            socket.getaddrinfo(host, 443, proto=socket.IPPROTO_TCP)
            found[host] = ""
        except OSError as error:
            found[host] = error.strerror or str(error)
    return names(found, proxied=bool(environment.get("HTTPS_PROXY") or environment.get("https_proxy")))


def look_at_service(name: str, url: str, ca: str, told: Callable[[float], None]) -> list[Line]:
    """One address; ``told`` hears how far this machine's clock is ahead of it."""
    try:
        got = ask(url, ca)
    except ModelArtsError as error:
        return [failed(name, error.message, error.hint)]
    if got.ahead is not None:
        told(got.ahead)
    return [answer(name, url, got.status)]


def ask(url: str, ca: str) -> Answered:
    """What answers there. Raises CloudError in the cloud client's own words."""
    import requests

    from ..cloud.client import now

    host = urlsplit(url).hostname or ""
    direct = {"no_proxy": host} if host in ("localhost", "::1") or host.startswith("127.") else {}
    try:
        with requests.get(
            url, timeout=TIMEOUT, verify=ca or True, proxies=direct, allow_redirects=False, stream=True,
            auth=lambda request: request,  # not ~/.netrc: nothing is sent that says who asks
        ) as response:
            moment = now()
    except (requests.exceptions.RequestException, OSError) as error:
        raise failures.unsent(error, host).error from error
    try:
        ahead = moment - parsedate_to_datetime(response.headers["Date"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return Answered(response.status_code, None)
    return Answered(response.status_code, ahead)


def look_at_key(region: Region | None, settings: Settings, ca: str, identity: Callable[[Region | None], Any]) -> list[Line]:
    """Which key is found, masked, and whether the region takes it."""
    from ..cloud.account import open_account
    from ..cloud.client import Client, Patience

    try:
        found = identity(region)
        if found is None:
            return [unchecked("key", t("none found"), "%login --region REGION")]
        key = found.current()
        said = t("{key}, from {source}", key=key.masked, source=key.source)
        if region is None:
            return [unchecked("key", t("{key}; no region to try it in", key=said), "modelarts-nb doctor --region REGION")]
        patience = Patience(connect=TIMEOUT[0], answer=TIMEOUT[1], attempts=1)
        client = Client(region, found, ca=ca, patience=patience)
        account = open_account(client, project=settings.project, workspace=settings.workspace)
    except ModelArtsError as error:
        return [failed("key", error.message, error.hint or "%login --region REGION")]
    return [passed("key", t("{key}; taken, project {project}", key=said, project=account.project.name))]


def look_at_login(region: Region | None) -> list[Line]:
    """Whether Docker keeps a login to the region's registry; pushes make their own from the key."""
    if region is None:
        return [unchecked("login", t("no region"))]
    from ..api.current import stored_logins

    found = stored_logins()(region.registry)
    if found is None:
        return [unchecked("login", t("none kept for {host}: %push makes one from the key", host=region.registry))]
    user = found[0] if len(found[0]) < 9 else f"{found[0][:6]}…"
    return [passed("login", t("{user} at {host}, kept by Docker", user=user, host=region.registry))]


def look_at_practice(told: Callable[[float], None]) -> list[Line]:
    """The sandbox's registry, where it has been started."""
    from ..sandbox import note

    registry = str(note.read(note.file()).get("registry") or "")
    if not registry:
        return [unchecked("practice", t("the sandbox has not been started"), "modelarts-nb sandbox up")]
    lines = look_at_service("practice", f"http://{registry}/v2/", "", told)
    return [Line(line.id, line.state, line.said, line.mend and "modelarts-nb sandbox up") for line in lines]


def environment() -> dict[str, str]:
    """The variables of this process, as they are now."""
    return dict(os.environ)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return host == "localhost"
    return True
