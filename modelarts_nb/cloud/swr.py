"""SWR's API (basic edition): logins, organizations, repositories, tags, quotas; swr_rules.py has the rest.

Images themselves go through the registry protocol. Paths and bodies: the official SDK, huaweicloudsdkswr 3.1.219.
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import CloudError
from ..messages import t
from ..settings import Secret
from .client import Client, listed
from .credentials import instant
from .signing import encode, registry_password

LEVELS = {"manage": 7, "edit": 3, "read": 1}  # NamespaceAuth: 7, 3, 1
LOGIN_SECONDS = 6 * 3600.0  # of a temporary login whose answer does not say when it ends (SWR user manual)


@dataclass(frozen=True)
class RegistryLogin:
    """A login to the registry: ``expires`` in seconds since the epoch (0: never)."""

    host: str
    user: str
    password: Secret
    expires: float = 0.0

    def good(self, spare: float = 60.0) -> bool:
        """Whether it will still do in ``spare`` seconds."""
        return not self.expires or self.expires - time.time() > spare


def registry_login(client: Client, project: str, *, renewed: bool = False) -> RegistryLogin:
    """A login for pushing and pulling. Raises CloudError.

    A long-term key makes its own (user ``PROJECT@AK``, an HMAC as password); with a temporary key, and when the long-term
    one was refused (``renewed``), the service makes one (CreateSecret) that ends after some hours.
    """
    credentials = client.identity.current()
    if credentials.token is None and not renewed:
        password = registry_password(credentials.access, credentials.secret)
        return RegistryLogin(client.region.registry, f"{project}@{credentials.access}", password)
    answer = client.send("POST", "swr_api", "/v2/manage/utils/secret", (("projectname", project),), repeatable=True)
    try:
        [(host, entry)] = answer.body["auths"].items()
        user, separator, password_text = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
    except (TypeError, KeyError, ValueError, AttributeError, binascii.Error) as error:
        raise CloudError(t("SWR's login is not as documented.")) from error
    if not separator:
        raise CloudError(t("SWR's login is not as documented."))
    return RegistryLogin(str(host), user, Secret(password_text), _end(answer.headers.get("x-swr-expireat", "")))


def _end(text: str) -> float:
    try:
        return instant(text)
    except ValueError:
        return time.time() + LOGIN_SECONDS


@dataclass(frozen=True)
class Organization:
    """An organization (SWR's namespace); ``level``: what this user may do in it."""

    name: str
    creator: str
    level: str


@dataclass(frozen=True)
class Repository:
    """A repository in an organization; ``size`` in bytes."""

    organization: str
    name: str
    tags: int
    size: int
    public: bool
    updated: str


@dataclass(frozen=True)
class Tag:
    """A tag; ``kind``: Docker's schema, or “list” for a manifest list."""

    name: str
    digest: str
    size: int
    kind: str
    updated: str


def organizations(client: Client) -> list[Organization]:
    """Those that this user sees."""
    body = client.get("swr_api", "/v2/manage/namespaces")
    levels = {number: name for name, number in LEVELS.items()}
    return [
        Organization(str(each.get("name", "")), str(each.get("creator_name", "")), levels.get(_int(each.get("auth")), "?"))
        for each in listed(body, "namespaces")
    ]


def create_organization(client: Client, name: str) -> None:
    """Make it. Raises CloudError (409: it is somebody else's, or the quota is used up)."""
    client.send("POST", "swr_api", "/v2/manage/namespaces", body={"namespace": name})


def delete_organization(client: Client, name: str) -> None:
    """Delete an empty one."""
    client.send("DELETE", "swr_api", f"/v2/manage/namespaces/{encode(name)}")


def repositories(client: Client, organization: str = "") -> Iterator[Repository]:
    """Those in an organization, or all."""
    query = (("namespace", organization),) if organization else ()
    for each in client.pages("swr_api", "/v2/manage/repos", query=query):
        yield Repository(
            str(each.get("namespace", "")), str(each.get("name", "")), _int(each.get("num_images")), _int(each.get("size")),
            bool(each.get("is_public")), str(each.get("updated_at", "")),
        )


def delete_repository(client: Client, organization: str, repository: str) -> None:
    """Delete it with all its tags."""
    client.send("DELETE", "swr_api", _repository(organization, repository))


def tags(client: Client, organization: str, repository: str) -> Iterator[Tag]:
    """The tags of a repository."""
    for each in client.pages("swr_api", f"{_repository(organization, repository)}/tags"):
        kind = "list" if each.get("tag_type") == 1 else f"schema {each.get('schema', '?')}"
        yield Tag(
            str(each.get("Tag") or each.get("tag") or ""), str(each.get("digest", "")), _int(each.get("size")), kind,
            str(each.get("updated", "")),
        )


def tag(client: Client, organization: str, repository: str, name: str) -> Mapping[str, Any] | None:
    """What SWR says of one tag; None where there is none. Raises CloudError."""
    try:
        found: Mapping[str, Any] = client.get("swr_api", f"{_repository(organization, repository)}/tags/{encode(name)}")
    except CloudError as error:
        if error.status == 404:
            return None
        raise
    return found


def delete_tag(client: Client, organization: str, repository: str, name: str) -> None:
    """Delete one tag."""
    client.send("DELETE", "swr_api", f"{_repository(organization, repository)}/tags/{encode(name)}")


def retag(client: Client, organization: str, repository: str, source: str, target: str, *, override: bool = False) -> None:
    """Give an image a second tag, without moving a byte."""
    body = {"source_tag": source, "destination_tag": target, "override": override}
    client.send("POST", "swr_api", f"{_repository(organization, repository)}/tags", body=body)


def quotas(client: Client) -> list[Mapping[str, Any]]:
    """``quota_key``, ``quota_limit``, ``used``, ``unit`` of each quota."""
    return listed(client.get("swr_api", f"/v2/manage/projects/{encode(client.project_id)}/quotas"), "quotas")


def _repository(organization: str, repository: str) -> str:
    return f"/v2/manage/namespaces/{encode(organization)}/repos/{part(repository)}"


def part(repository: str) -> str:
    """A repository's name in a path of the API: SWR wants “$” for “/” (API reference, swr_02_0032)."""
    return encode(repository.replace("/", "$"))


def _int(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        return 0
