"""What SWR's API lets one set on organizations and repositories: permissions, sharing, triggers, retention, synchronization."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .iam import REGION, Caller, iso
from .swr import EDIT, MANAGE, Swr, refused
from .swr_api import page, path_of
from .web import Answer, Request, Routes

REPO = "/v2/manage/namespaces/{namespace}/repos/{repository}"
DOMAINS = "/v2/manage/namespaces/{namespace}/repositories/{repository}/access-domains"
Found = tuple[str, dict[str, Any]]  # path, repository


def make_routes(swr: Swr) -> Routes:
    """The routes."""
    routes = Routes()
    _permissions(routes, swr)
    _sharing(routes, swr)
    _triggers(routes, swr)
    _retention(routes, swr)
    _synchronization(routes, swr)
    return routes


def _permissions(routes: Routes, swr: Swr) -> None:
    def entries(request: Request) -> list[Any]:
        import json

        read = json.loads(request.body or b"[]")
        if not isinstance(read, list):
            raise refused(400, "4001066", "Invalid permissions.")
        return read

    def give(auths: dict[str, Any], wanted: list[Any], *, there: bool) -> None:
        for entry in wanted:
            if entry.get("auth") not in (7, 3, 1) or not entry.get("user_id"):
                raise refused(400, "4001066", "Invalid permissions.")
            if (entry["user_id"] in auths) != there:
                code = ("4040078", "The organization permission was not found.")
                code = code if there else ("4090076", "The organization permission already exists.")
                raise refused(int(code[0][:3]), *code)
            auths[entry["user_id"]] = {"user_name": entry.get("user_name", ""), "auth": entry["auth"]}

    def take(auths: dict[str, Any], wanted: list[Any]) -> None:
        for user in wanted:
            auths.pop(str(user), None)

    def shown(caller: Caller, value: dict[str, Any], name: str) -> Answer:
        own = {"user_id": caller.user_id, "user_name": caller.user_name, "auth": value["auth"]}
        others = [{"user_id": user, **entry} for user, entry in value["auths"].items()]
        answer = {"id": value["id"], "name": name, "self_auth": own, "others_auths": others}
        return Answer(200, {**answer, "creator_name": value["creator_name"]})

    @routes.add("GET /v2/manage/namespaces/{namespace}/access")
    def show(request: Request, namespace: str) -> Answer:
        return shown(request.caller, swr.organization(request.caller, namespace), namespace)

    @routes.add(f"GET {REPO}/access")
    def show_repository(request: Request, namespace: str, repository: str) -> Answer:
        return shown(request.caller, swr.repository(request.caller, path_of(namespace, repository)), repository)

    def enter(method: str, status: int, change: Callable[[dict[str, Any], list[Any]], None]) -> None:
        @routes.add(f"{method} /v2/manage/namespaces/{{namespace}}/access")
        def organization(request: Request, namespace: str) -> Answer:
            swr.organization(request.caller, namespace, MANAGE)
            with swr.document.change() as state:
                change(state["organizations"][namespace]["auths"], entries(request))
            return Answer(status, {} if status != 204 else None)

        @routes.add(f"{method} {REPO}/access")
        def of_repository(request: Request, namespace: str, repository: str) -> Answer:
            path = path_of(namespace, repository)
            swr.repository(request.caller, path, MANAGE)
            with swr.document.change() as state:
                change(state["repositories"][path]["auths"], entries(request))
            return Answer(status, {} if status != 204 else None)

    enter("POST", 201, lambda auths, wanted: give(auths, wanted, there=False))
    enter("PATCH", 201, lambda auths, wanted: give(auths, wanted, there=True))
    enter("DELETE", 204, take)


def _sharing(routes: Routes, swr: Swr) -> None:
    def shown(request: Request, namespace: str, repository: str, domain: str, value: dict[str, Any]) -> dict[str, Any]:
        return {
            "namespace": namespace, "repository": repository, "access_domain": domain, "creator_id": request.caller.user_id,
            "creator_name": request.caller.user_name, "status": True, **value,
        }

    def checked(values: dict[str, Any]) -> dict[str, Any]:
        if values.get("permit") != "read":
            raise refused(400, "4001091", "The permission parameter is incorrect.")
        deadline = str(values.get("deadline") or "forever")
        if deadline != "forever" and deadline[:10] < iso(time.time())[:10]:
            raise refused(400, "4000014", "Invalid API parameters: deadline is over.")
        return {"permit": "read", "deadline": deadline, "description": values.get("description", ""), "updated": iso(time.time())}

    def found(request: Request, namespace: str, repository: str, domain: str) -> Found:
        path = path_of(namespace, repository)
        value = swr.repository(request.caller, path, MANAGE)
        if domain and domain not in value["domains"]:
            raise refused(404, "4040091", "The permission was not found.")
        return path, value

    @routes.add(f"POST {DOMAINS}")
    def create(request: Request, namespace: str, repository: str) -> Answer:
        values = request.json()
        path, _ = found(request, namespace, repository, "")
        domain = str(values.get("access_domain") or "")
        if not domain or domain == request.caller.domain_name:
            raise refused(400, "4001041", "The domain parameter is invalid.")
        with swr.document.change() as state:
            domains = state["repositories"][path]["domains"]
            if domain in domains:
                raise refused(409, "4090089", "The permission already exists.")
            domains[domain] = {**checked(values), "created": iso(time.time())}
        return Answer(201, {})

    @routes.add(f"GET {DOMAINS}")
    def list_(request: Request, namespace: str, repository: str) -> Answer:
        _, value = found(request, namespace, repository, "")
        return Answer(200, [shown(request, namespace, repository, name, each) for name, each in value["domains"].items()])

    @routes.add(f"GET {DOMAINS}/{{domain}}")
    def show(request: Request, namespace: str, repository: str, domain: str) -> Answer:
        _, value = found(request, namespace, repository, "")
        there = value["domains"].get(domain)
        answer = shown(request, namespace, repository, domain, there) if there else {}
        return Answer(200, {**answer, "exist": there is not None})

    @routes.add(f"PATCH {DOMAINS}/{{domain}}")
    def update(request: Request, namespace: str, repository: str, domain: str) -> Answer:
        path, _ = found(request, namespace, repository, domain)
        with swr.document.change() as state:
            state["repositories"][path]["domains"][domain].update(checked(request.json()))
        return Answer(201, {})

    @routes.add(f"DELETE {DOMAINS}/{{domain}}")
    def delete(request: Request, namespace: str, repository: str, domain: str) -> Answer:
        path, _ = found(request, namespace, repository, domain)
        with swr.document.change() as state:
            del state["repositories"][path]["domains"][domain]
        return Answer(204)

    @routes.add("GET /v2/manage/projects/{project_id}/feature-gates")
    def gates(request: Request) -> Answer:
        return Answer(200, {"enable_enterprise": False, "enable_user_def_obs": False, "cer_available": False})


def _triggers(routes: Routes, swr: Swr) -> None:
    allowed = {
        "action": ("update",), "app_type": ("deployments", "statefulsets"), "trigger_type": ("all", "tag", "regular"),
        "trigger_mode": ("cce", "cci"),
    }

    def found(request: Request, namespace: str, repository: str, name: str) -> Found:
        path = path_of(namespace, repository)
        value = swr.repository(request.caller, path, EDIT)
        if name and name not in value["triggers"]:
            raise refused(404, "4040083", "The trigger was not found.")
        return path, value

    @routes.add(f"POST {REPO}/triggers")
    def create(request: Request, namespace: str, repository: str) -> Answer:
        path, value = found(request, namespace, repository, "")
        wanted = request.json()
        name = str(wanted.get("name") or "")
        for field, values in allowed.items():
            if str(wanted.get(field, values[0])) not in values:
                raise refused(400, "4000014", f"Invalid API parameters: {field} is one of {', '.join(values)}.")
        if not name or name in value["triggers"] or not wanted.get("application") or not wanted.get("cluster_ns"):
            raise refused(400, "4000014", "Invalid API parameters.")
        with swr.document.change() as state:
            state["repositories"][path]["triggers"][name] = {
                **wanted, "enable": str(wanted.get("enable", "true")).lower(), "created_at": iso(time.time()),
                "creator_name": request.caller.user_name, "trigger_history": [],
            }
        return Answer(201, {})

    @routes.add(f"GET {REPO}/triggers")
    def list_(request: Request, namespace: str, repository: str) -> Answer:
        return Answer(200, list(found(request, namespace, repository, "")[1]["triggers"].values()))

    @routes.add(f"GET {REPO}/triggers/{{name}}")
    def show(request: Request, namespace: str, repository: str, name: str) -> Answer:
        return Answer(200, found(request, namespace, repository, name)[1]["triggers"][name])

    @routes.add(f"PATCH {REPO}/triggers/{{name}}")
    def update(request: Request, namespace: str, repository: str, name: str) -> Answer:
        path, _ = found(request, namespace, repository, name)
        with swr.document.change() as state:
            state["repositories"][path]["triggers"][name]["enable"] = str(request.json().get("enable", "true")).lower()
        return Answer(201, {})

    @routes.add(f"DELETE {REPO}/triggers/{{name}}")
    def delete(request: Request, namespace: str, repository: str, name: str) -> Answer:
        path, _ = found(request, namespace, repository, name)
        with swr.document.change() as state:
            del state["repositories"][path]["triggers"][name]
        return Answer(204)

    @routes.add("GET /v2/manage/agency")
    def agency(request: Request) -> Answer:
        return Answer(200, {"is_existed": False})

    @routes.add("POST /v2/manage/agency")
    def create_agency(request: Request) -> Answer:
        return Answer(201, {})


def _retention(routes: Routes, swr: Swr) -> None:
    def found(request: Request, namespace: str, repository: str, identity: str) -> Found:
        path = path_of(namespace, repository)
        value = swr.repository(request.caller, path, EDIT)
        if identity and identity not in value["retentions"]:
            raise refused(400, "4000306", "The retention policy was not found.")
        return path, value

    def checked(values: dict[str, Any]) -> dict[str, Any]:
        rules = values.get("rules")
        if values.get("algorithm") != "or" or not isinstance(rules, list) or len(rules) != 1:
            raise refused(400, "4000014", "Invalid API parameters: algorithm is “or”, and there is one rule.")
        if rules[0].get("template") not in ("date_rule", "tag_rule"):
            raise refused(400, "4000014", "Invalid API parameters: template is date_rule or tag_rule.")
        return {"algorithm": "or", "rules": rules, "scope": ""}

    @routes.add(f"POST {REPO}/retentions")
    def create(request: Request, namespace: str, repository: str) -> Answer:
        path, value = found(request, namespace, repository, "")
        if value["retentions"]:
            raise refused(400, "4000014", "Invalid API parameters: the repository has a retention policy.")
        policy = checked(request.json())
        with swr.document.change() as state:
            state["last_id"] += 1
            identity = int(state["last_id"])
            state["repositories"][path]["retentions"][str(identity)] = {"id": identity, **policy}
        return Answer(201, {"id": identity})

    @routes.add(f"GET {REPO}/retentions")
    def list_(request: Request, namespace: str, repository: str) -> Answer:
        return Answer(200, list(found(request, namespace, repository, "")[1]["retentions"].values()))

    @routes.add(f"GET {REPO}/retentions/histories")
    def histories(request: Request, namespace: str, repository: str) -> Answer:
        found(request, namespace, repository, "")
        return page([], dict(request.query))  # the sandbox deletes nothing by itself

    @routes.add(f"GET {REPO}/retentions/{{identity}}")
    def show(request: Request, namespace: str, repository: str, identity: str) -> Answer:
        return Answer(200, found(request, namespace, repository, identity)[1]["retentions"][identity])

    @routes.add(f"PATCH {REPO}/retentions/{{identity}}")
    def update(request: Request, namespace: str, repository: str, identity: str) -> Answer:
        path, _ = found(request, namespace, repository, identity)
        with swr.document.change() as state:
            state["repositories"][path]["retentions"][identity].update(checked(request.json()))
        return Answer(201, {})

    @routes.add(f"DELETE {REPO}/retentions/{{identity}}")
    def delete(request: Request, namespace: str, repository: str, identity: str) -> Answer:
        path, _ = found(request, namespace, repository, identity)
        with swr.document.change() as state:
            del state["repositories"][path]["retentions"][identity]
        return Answer(204)


def _synchronization(routes: Routes, swr: Swr) -> None:
    def same(entry: dict[str, Any], wanted: dict[str, Any]) -> bool:
        there = (entry["remote_region_id"], entry["remote_namespace"])
        return there == (wanted.get("remoteRegionId"), wanted.get("remoteNamespace"))

    @routes.add("GET /v2/manage/regions")
    def regions(request: Request) -> Answer:
        return Answer(200, [])  # there is no other region to synchronize with

    @routes.add(f"GET {REPO}/sync_repo")
    def list_(request: Request, namespace: str, repository: str) -> Answer:
        return Answer(200, swr.repository(request.caller, path_of(namespace, repository))["syncs"])

    def create(request: Request, namespace: str, repository: str) -> Answer:
        path = path_of(namespace, repository)
        swr.repository(request.caller, path, EDIT)
        wanted = request.json()
        if not wanted.get("remoteRegionId") or wanted["remoteRegionId"] == REGION or not wanted.get("remoteNamespace"):
            raise refused(400, "4000014", "Invalid API parameters: another region and an organization in it are needed.")
        now = iso(time.time())
        with swr.document.change() as state:
            state["last_id"] += 1
            kept = [entry for entry in state["repositories"][path]["syncs"] if not same(entry, wanted)]
            state["repositories"][path]["syncs"] = [*kept, {
                "id": state["last_id"], "namespace": namespace, "repo_name": repository, "created_at": now, "updated_at": now,
                "domain_id": request.caller.domain_id, "domain_name": request.caller.domain_name,
                "remote_region_id": wanted["remoteRegionId"], "remote_namespace": wanted["remoteNamespace"],
                "sync_auto": bool(wanted.get("syncAuto")), "override": bool(wanted.get("override")),
            }]
        return Answer(201, {})

    routes.add(f"POST {REPO}/sync_repo")(create)

    @routes.add(f"POST {REPO}/sync_images")
    def now(request: Request, namespace: str, repository: str) -> Answer:
        swr.repository(request.caller, path_of(namespace, repository), EDIT)
        raise refused(400, "4001158", "The sandbox is one region: there is no other to synchronize with.")

    @routes.add(f"DELETE {REPO}/sync_repo")
    def delete(request: Request, namespace: str, repository: str) -> Answer:
        path, wanted = path_of(namespace, repository), request.json()
        if not any(same(entry, wanted) for entry in swr.repository(request.caller, path, EDIT)["syncs"]):
            raise refused(400, "4001158", "The synchronization was not found.")
        with swr.document.change() as state:
            kept = [entry for entry in state["repositories"][path]["syncs"] if not same(entry, wanted)]
            state["repositories"][path]["syncs"] = kept
        return Answer(204)

    @routes.add(f"GET {REPO}/sync_job")
    def jobs(request: Request, namespace: str, repository: str) -> Answer:
        swr.repository(request.caller, path_of(namespace, repository))
        return page([], dict(request.query))
