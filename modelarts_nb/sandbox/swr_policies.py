"""What SWR's API lets one set on organizations and repositories: permissions, sharing, triggers, retention, synchronization."""

from __future__ import annotations

import json
import time
from typing import Any, ClassVar

from .iam import REGION, Caller, iso
from .swr import EDIT, MANAGE, Swr, refused
from .swr_api import page, path_of
from .web import Answer, Request, route

REPO = "/v2/manage/namespaces/{namespace}/repos/{repository}"
DOMAINS = "/v2/manage/namespaces/{namespace}/repositories/{repository}/access-domains"
Found = tuple[str, dict[str, Any]]  # path, repository


def owners(swr: Swr) -> tuple[object, ...]:
    """All that answers here."""
    return Permissions(swr), Sharing(swr), Triggers(swr), Retention(swr), Synchronization(swr)


class Permissions:
    """Who may do what."""

    def __init__(self, swr: Swr) -> None:
        self._swr = swr

    @route("GET /v2/manage/namespaces/{namespace}/access")
    def _show(self, request: Request, namespace: str) -> Answer:
        return self._shown(request.caller, self._swr.organization(request.caller, namespace), namespace)

    @route(f"GET {REPO}/access")
    def _show_repository(self, request: Request, namespace: str, repository: str) -> Answer:
        return self._shown(request.caller, self._swr.repository(request.caller, path_of(namespace, repository)), repository)

    def _shown(self, caller: Caller, value: dict[str, Any], name: str) -> Answer:
        own = {"user_id": caller.user_id, "user_name": caller.user_name, "auth": value["auth"]}
        others = [{"user_id": user, **entry} for user, entry in value["auths"].items()]
        answer = {"id": value["id"], "name": name, "self_auth": own, "others_auths": others}
        return Answer(200, {**answer, "creator_name": value["creator_name"]})

    @route("POST /v2/manage/namespaces/{namespace}/access")
    @route("PATCH /v2/manage/namespaces/{namespace}/access")
    @route("DELETE /v2/manage/namespaces/{namespace}/access")
    def _change(self, request: Request, namespace: str) -> Answer:
        self._swr.organization(request.caller, namespace, MANAGE)
        with self._swr.document.change() as state:
            return _change(request, state["organizations"][namespace]["auths"])

    @route(f"POST {REPO}/access")
    @route(f"PATCH {REPO}/access")
    @route(f"DELETE {REPO}/access")
    def _change_repository(self, request: Request, namespace: str, repository: str) -> Answer:
        path = path_of(namespace, repository)
        self._swr.repository(request.caller, path, MANAGE)
        with self._swr.document.change() as state:
            return _change(request, state["repositories"][path]["auths"])


def _change(request: Request, auths: dict[str, Any]) -> Answer:
    """Give, change or take permissions: a list of {user_id, user_name, auth}, of ids where they are taken."""
    wanted = json.loads(request.body or b"[]")
    if not isinstance(wanted, list):
        raise refused(400, "4001066", "Invalid permissions.")
    if request.method == "DELETE":
        for user in wanted:
            auths.pop(str(user), None)
        return Answer(204)
    there = request.method == "PATCH"
    for entry in wanted:
        if entry.get("auth") not in (7, 3, 1) or not entry.get("user_id"):
            raise refused(400, "4001066", "Invalid permissions.")
        if (entry["user_id"] in auths) != there:
            if there:
                raise refused(404, "4040078", "The organization permission was not found.")
            raise refused(409, "4090076", "The organization permission already exists.")
        auths[entry["user_id"]] = {"user_name": entry.get("user_name", ""), "auth": entry["auth"]}
    return Answer(201, {})


class Sharing:
    """Repositories that other accounts may read."""

    def __init__(self, swr: Swr) -> None:
        self._swr = swr

    def _shown(self, request: Request, namespace: str, repository: str, domain: str, value: dict[str, Any]) -> dict[str, Any]:
        return {
            "namespace": namespace, "repository": repository, "access_domain": domain, "creator_id": request.caller.user_id,
            "creator_name": request.caller.user_name, "status": True, **value,
        }

    def _checked(self, values: dict[str, Any]) -> dict[str, Any]:
        if values.get("permit") != "read":
            raise refused(400, "4001091", "The permission parameter is incorrect.")
        deadline = str(values.get("deadline") or "forever")
        if deadline != "forever" and deadline[:10] < iso(time.time())[:10]:
            raise refused(400, "4000014", "Invalid API parameters: deadline is over.")
        text = str(values.get("description", ""))
        return {"permit": "read", "deadline": deadline, "description": text, "updated": iso(time.time())}

    def _found(self, request: Request, namespace: str, repository: str, domain: str) -> Found:
        path = path_of(namespace, repository)
        value = self._swr.repository(request.caller, path, MANAGE)
        if domain and domain not in value["domains"]:
            raise refused(404, "4040091", "The permission was not found.")
        return path, value

    @route(f"POST {DOMAINS}")
    def _create(self, request: Request, namespace: str, repository: str) -> Answer:
        values = request.json()
        path, _ = self._found(request, namespace, repository, "")
        domain = str(values.get("access_domain") or "")
        if not domain or domain == request.caller.domain_name:
            raise refused(400, "4001041", "The domain parameter is invalid.")
        with self._swr.document.change() as state:
            domains = state["repositories"][path]["domains"]
            if domain in domains:
                raise refused(409, "4090089", "The permission already exists.")
            domains[domain] = {**self._checked(values), "created": iso(time.time())}
        return Answer(201, {})

    @route(f"GET {DOMAINS}")
    def _list(self, request: Request, namespace: str, repository: str) -> Answer:
        _, value = self._found(request, namespace, repository, "")
        return Answer(200, [self._shown(request, namespace, repository, name, each) for name, each in value["domains"].items()])

    @route(f"GET {DOMAINS}/{{domain}}")
    def _show(self, request: Request, namespace: str, repository: str, domain: str) -> Answer:
        _, value = self._found(request, namespace, repository, "")
        there = value["domains"].get(domain)
        answer = self._shown(request, namespace, repository, domain, there) if there else {}
        return Answer(200, {**answer, "exist": there is not None})

    @route(f"PATCH {DOMAINS}/{{domain}}")
    def _update(self, request: Request, namespace: str, repository: str, domain: str) -> Answer:
        path, _ = self._found(request, namespace, repository, domain)
        with self._swr.document.change() as state:
            state["repositories"][path]["domains"][domain].update(self._checked(request.json()))
        return Answer(201, {})

    @route(f"DELETE {DOMAINS}/{{domain}}")
    def _delete(self, request: Request, namespace: str, repository: str, domain: str) -> Answer:
        path, _ = self._found(request, namespace, repository, domain)
        with self._swr.document.change() as state:
            del state["repositories"][path]["domains"][domain]
        return Answer(204)

    @route("GET /v2/manage/projects/{project_id}/feature-gates")
    def _gates(self, request: Request) -> Answer:
        return Answer(200, {"enable_enterprise": False, "enable_user_def_obs": False, "cer_available": False})


class Triggers:
    """What CCE is told when an image changes."""

    def __init__(self, swr: Swr) -> None:
        self._swr = swr

    allowed: ClassVar = {
        "action": ("update",), "app_type": ("deployments", "statefulsets"), "trigger_type": ("all", "tag", "regular"),
        "trigger_mode": ("cce", "cci"),
    }

    def _found(self, request: Request, namespace: str, repository: str, name: str) -> Found:
        path = path_of(namespace, repository)
        value = self._swr.repository(request.caller, path, EDIT)
        if name and name not in value["triggers"]:
            raise refused(404, "4040083", "The trigger was not found.")
        return path, value

    @route(f"POST {REPO}/triggers")
    def _create(self, request: Request, namespace: str, repository: str) -> Answer:
        path, value = self._found(request, namespace, repository, "")
        wanted = request.json()
        name = str(wanted.get("name") or "")
        for field, values in self.allowed.items():
            if str(wanted.get(field, values[0])) not in values:
                raise refused(400, "4000014", f"Invalid API parameters: {field} is one of {', '.join(values)}.")
        if not name or name in value["triggers"] or not wanted.get("application") or not wanted.get("cluster_ns"):
            raise refused(400, "4000014", "Invalid API parameters.")
        with self._swr.document.change() as state:
            state["repositories"][path]["triggers"][name] = {
                **wanted, "enable": str(wanted.get("enable", "true")).lower(), "created_at": iso(time.time()),
                "creator_name": request.caller.user_name, "trigger_history": [],
            }
        return Answer(201, {})

    @route(f"GET {REPO}/triggers")
    def _list(self, request: Request, namespace: str, repository: str) -> Answer:
        return Answer(200, list(self._found(request, namespace, repository, "")[1]["triggers"].values()))

    @route(f"GET {REPO}/triggers/{{name}}")
    def _show(self, request: Request, namespace: str, repository: str, name: str) -> Answer:
        return Answer(200, self._found(request, namespace, repository, name)[1]["triggers"][name])

    @route(f"PATCH {REPO}/triggers/{{name}}")
    def _update(self, request: Request, namespace: str, repository: str, name: str) -> Answer:
        path, _ = self._found(request, namespace, repository, name)
        with self._swr.document.change() as state:
            state["repositories"][path]["triggers"][name]["enable"] = str(request.json().get("enable", "true")).lower()
        return Answer(201, {})

    @route(f"DELETE {REPO}/triggers/{{name}}")
    def _delete(self, request: Request, namespace: str, repository: str, name: str) -> Answer:
        path, _ = self._found(request, namespace, repository, name)
        with self._swr.document.change() as state:
            del state["repositories"][path]["triggers"][name]
        return Answer(204)

    @route("GET /v2/manage/agency")
    def _agency(self, request: Request) -> Answer:
        return Answer(200, {"is_existed": False})

    @route("POST /v2/manage/agency")
    def _create_agency(self, request: Request) -> Answer:
        return Answer(201, {})


class Retention:
    """Rules by which old images would go."""

    def __init__(self, swr: Swr) -> None:
        self._swr = swr

    def _found(self, request: Request, namespace: str, repository: str, identity: str) -> Found:
        path = path_of(namespace, repository)
        value = self._swr.repository(request.caller, path, EDIT)
        if identity and identity not in value["retentions"]:
            raise refused(400, "4000306", "The retention policy was not found.")
        return path, value

    def _checked(self, values: dict[str, Any]) -> dict[str, Any]:
        rules = values.get("rules")
        if values.get("algorithm") != "or" or not isinstance(rules, list) or len(rules) != 1:
            raise refused(400, "4000014", "Invalid API parameters: algorithm is “or”, and there is one rule.")
        if rules[0].get("template") not in ("date_rule", "tag_rule"):
            raise refused(400, "4000014", "Invalid API parameters: template is date_rule or tag_rule.")
        return {"algorithm": "or", "rules": rules, "scope": ""}

    @route(f"POST {REPO}/retentions")
    def _create(self, request: Request, namespace: str, repository: str) -> Answer:
        path, value = self._found(request, namespace, repository, "")
        if value["retentions"]:
            raise refused(400, "4000014", "Invalid API parameters: the repository has a retention policy.")
        policy = self._checked(request.json())
        with self._swr.document.change() as state:
            state["last_id"] += 1
            identity = int(state["last_id"])
            state["repositories"][path]["retentions"][str(identity)] = {"id": identity, **policy}
        return Answer(201, {"id": identity})

    @route(f"GET {REPO}/retentions")
    def _list(self, request: Request, namespace: str, repository: str) -> Answer:
        return Answer(200, list(self._found(request, namespace, repository, "")[1]["retentions"].values()))

    @route(f"GET {REPO}/retentions/histories")
    def _histories(self, request: Request, namespace: str, repository: str) -> Answer:
        self._found(request, namespace, repository, "")
        return page([], dict(request.query))  # the sandbox deletes nothing by itself

    @route(f"GET {REPO}/retentions/{{identity}}")
    def _show(self, request: Request, namespace: str, repository: str, identity: str) -> Answer:
        return Answer(200, self._found(request, namespace, repository, identity)[1]["retentions"][identity])

    @route(f"PATCH {REPO}/retentions/{{identity}}")
    def _update(self, request: Request, namespace: str, repository: str, identity: str) -> Answer:
        path, _ = self._found(request, namespace, repository, identity)
        with self._swr.document.change() as state:
            state["repositories"][path]["retentions"][identity].update(self._checked(request.json()))
        return Answer(201, {})

    @route(f"DELETE {REPO}/retentions/{{identity}}")
    def _delete(self, request: Request, namespace: str, repository: str, identity: str) -> Answer:
        path, _ = self._found(request, namespace, repository, identity)
        with self._swr.document.change() as state:
            del state["repositories"][path]["retentions"][identity]
        return Answer(204)


# The SDK's SyncRepo: in this list alone names are written together
_SYNC_NAMES = {
    "created_at": "createdAt",
    "updated_at": "updatedAt",
    "domain_id": "domainID",
    "domain_name": "domainName",
    "repo_name": "repoName",
    "remote_namespace": "remoteNamespace",
    "remote_region_id": "remoteRegionId",
    "sync_auto": "syncAuto",
}


class Synchronization:
    """Copies in other regions, of which the sandbox has none."""

    def __init__(self, swr: Swr) -> None:
        self._swr = swr

    def _same(self, entry: dict[str, Any], wanted: dict[str, Any]) -> bool:
        there = (entry["remote_region_id"], entry["remote_namespace"])
        return there == (wanted.get("remoteRegionId"), wanted.get("remoteNamespace"))

    @route("GET /v2/manage/regions")
    def _regions(self, request: Request) -> Answer:
        return Answer(200, [])  # there is no other region to synchronize with

    @route(f"GET {REPO}/sync_repo")
    def _list(self, request: Request, namespace: str, repository: str) -> Answer:
        syncs = self._swr.repository(request.caller, path_of(namespace, repository))["syncs"]
        return Answer(200, [{_SYNC_NAMES.get(name, name): value for name, value in sync.items()} for sync in syncs])

    @route(f"POST {REPO}/sync_repo")
    def _create(self, request: Request, namespace: str, repository: str) -> Answer:
        path = path_of(namespace, repository)
        self._swr.repository(request.caller, path, EDIT)
        wanted = request.json()
        if not wanted.get("remoteRegionId") or wanted["remoteRegionId"] == REGION or not wanted.get("remoteNamespace"):
            raise refused(400, "4000014", "Invalid API parameters: another region and an organization in it are needed.")
        now = iso(time.time())
        with self._swr.document.change() as state:
            state["last_id"] += 1
            kept = [entry for entry in state["repositories"][path]["syncs"] if not self._same(entry, wanted)]
            state["repositories"][path]["syncs"] = [*kept, {
                "id": state["last_id"], "namespace": namespace, "repo_name": repository, "created_at": now, "updated_at": now,
                "domain_id": request.caller.domain_id, "domain_name": request.caller.domain_name,
                "remote_region_id": wanted["remoteRegionId"], "remote_namespace": wanted["remoteNamespace"],
                "sync_auto": bool(wanted.get("syncAuto")), "override": bool(wanted.get("override")),
            }]
        return Answer(201, {})

    @route(f"POST {REPO}/sync_images")
    def _now(self, request: Request, namespace: str, repository: str) -> Answer:
        self._swr.repository(request.caller, path_of(namespace, repository), EDIT)
        raise refused(400, "4001158", "The sandbox is one region: there is no other to synchronize with.")

    @route(f"DELETE {REPO}/sync_repo")
    def _delete(self, request: Request, namespace: str, repository: str) -> Answer:
        path, wanted = path_of(namespace, repository), request.json()
        if not any(self._same(entry, wanted) for entry in self._swr.repository(request.caller, path, EDIT)["syncs"]):
            raise refused(400, "4001158", "The synchronization was not found.")
        with self._swr.document.change() as state:
            kept = [entry for entry in state["repositories"][path]["syncs"] if not self._same(entry, wanted)]
            state["repositories"][path]["syncs"] = kept
        return Answer(204)

    @route(f"GET {REPO}/sync_job")
    def _jobs(self, request: Request, namespace: str, repository: str) -> Answer:
        self._swr.repository(request.caller, path_of(namespace, repository))
        return page([], dict(request.query))
