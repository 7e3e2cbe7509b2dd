"""The rest of SWR's API, which sets rules: who may use a repository, and what happens by itself when an image comes.

Paths and bodies: the official SDK, huaweicloudsdkswr 3.1.219.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .client import Client, listed
from .signing import encode
from .swr import LEVELS, part

Items = list[Mapping[str, Any]]


def permissions(client: Client, organization: str, repository: str = "") -> Items:
    """Who may do what in an organization or repository: user_id, user_name, auth (7 manage, 3 edit, 1 read)."""
    body = client.get("swr_api", _access(organization, repository))
    return [*([body["self_auth"]] if body.get("self_auth") else []), *listed(body, "others_auths")]


def grant(client: Client, organization: str, repository: str, user_id: str, user_name: str, level: str) -> None:
    """Let a user do that much. ``level``: a key of ``swr.LEVELS``."""
    body = [{"user_id": user_id, "user_name": user_name, "auth": LEVELS[level]}]
    client.send("POST", "swr_api", _access(organization, repository), body=body)


def revoke(client: Client, organization: str, repository: str, user_id: str) -> None:
    """Take a user's permission away."""
    client.send("DELETE", "swr_api", _access(organization, repository), body=[user_id])


def shares(client: Client, organization: str, repository: str) -> Items:
    """The accounts that a repository is shared with."""
    return listed(client.get("swr_api", _domains(organization, repository)), "")


def share(client: Client, organization: str, repository: str, domain: str, deadline: str = "forever") -> None:
    """Let another account pull. ``deadline``: UTC time, or ``forever``."""
    client.send("POST", "swr_api", _domains(organization, repository), body=share_body(domain, deadline))


def share_body(domain: str, deadline: str) -> dict[str, Any]:
    """The request of ``share``."""
    return {"access_domain": domain, "permit": "read", "deadline": deadline, "description": ""}


def unshare(client: Client, organization: str, repository: str, domain: str) -> None:
    """End a share."""
    client.send("DELETE", "swr_api", f"{_domains(organization, repository)}/{encode(domain)}")


def triggers(client: Client, organization: str, repository: str) -> Items:
    """What happens elsewhere when an image is pushed."""
    return listed(client.get("swr_api", f"{_repository(organization, repository)}/triggers"), "")


def create_trigger(client: Client, organization: str, repository: str, trigger: Mapping[str, Any]) -> None:
    """Let a push update an application in CCE. ``trigger``: see ``cce_trigger``."""
    client.send("POST", "swr_api", f"{_repository(organization, repository)}/triggers", body=dict(trigger))


def cce_trigger(
    name: str, *, cluster_id: str, cluster_name: str, namespace: str, application: str, container: str,
    kind: str = "deployments", condition: str = ".*", condition_kind: str = "all",
) -> dict[str, str]:
    """The body that makes a push update one container of a workload in a CCE cluster."""
    return {
        "name": name, "action": "update", "app_type": kind, "application": application, "cluster_id": cluster_id,
        "cluster_name": cluster_name, "cluster_ns": namespace, "container": container, "condition": condition,
        "trigger_type": condition_kind, "trigger_mode": "cce", "enable": "true",
    }


def delete_trigger(client: Client, organization: str, repository: str, name: str) -> None:
    """Delete a trigger."""
    client.send("DELETE", "swr_api", f"{_repository(organization, repository)}/triggers/{encode(name)}")


def retentions(client: Client, organization: str, repository: str) -> Items:
    """The rules by which old tags are deleted."""
    return listed(client.get("swr_api", f"{_repository(organization, repository)}/retentions"), "")


def retain(client: Client, organization: str, repository: str, *, days: int = 0, count: int = 0) -> None:
    """Delete tags that are older than ``days``, or all but the newest ``count``."""
    body = retention_body(days=days, count=count)
    client.send("POST", "swr_api", f"{_repository(organization, repository)}/retentions", body=body)


def retention_body(*, days: int = 0, count: int = 0) -> dict[str, Any]:
    """The request of ``retain``."""
    template, params = ("date_rule", {"days": str(days)}) if days else ("tag_rule", {"num": str(count)})
    return {"algorithm": "or", "rules": [{"template": template, "params": params, "tag_selectors": []}]}


def delete_retention(client: Client, organization: str, repository: str, identifier: str) -> None:
    """Delete a retention rule."""
    client.send("DELETE", "swr_api", f"{_repository(organization, repository)}/retentions/{encode(identifier)}")


def syncs(client: Client, organization: str, repository: str) -> Items:
    """The regions that a repository is copied to."""
    return listed(client.get("swr_api", f"{_repository(organization, repository)}/sync_repo"), "")


def sync(
    client: Client, organization: str, repository: str, region: str, remote_organization: str, *, override: bool = False
) -> None:
    """Copy every new image to another region by itself."""
    body = sync_body(region, remote_organization, override=override)
    client.send("POST", "swr_api", f"{_repository(organization, repository)}/sync_repo", body=body)


def sync_body(region: str, remote_organization: str, *, override: bool = False) -> dict[str, Any]:
    """The request of ``sync``."""
    return {"remoteRegionId": region, "remoteNamespace": remote_organization, "syncAuto": True, "override": override}


def _repository(organization: str, repository: str) -> str:
    return f"/v2/manage/namespaces/{encode(organization)}/repos/{part(repository)}"


def _domains(organization: str, repository: str) -> str:
    return f"/v2/manage/namespaces/{encode(organization)}/repositories/{part(repository)}/access-domains"


def _access(organization: str, repository: str) -> str:
    where = f"/v2/manage/namespaces/{encode(organization)}"
    return f"{where}/repos/{part(repository)}/access" if repository else f"{where}/access"
