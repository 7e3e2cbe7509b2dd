"""SWR's API, basic edition: logins, organizations, repositories, tags, quotas.

Paths and fields are the SDK's (huaweicloudsdkswr 3.1.219, ``swr_client.py``). Lists come both ways: ``/v2`` with limit and
offset and a ``Content-Range``, ``/v3`` with a marker. A “/” in a repository's name is written “$” in a path.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .iam import Caller, iso
from .swr import EDIT, MANAGE, Swr, basic, refused
from .web import Answer, Request, route

CATEGORIES = ("app_server", "linux", "framework_app", "database", "lang", "other", "windows", "arm")


def owners(swr: Swr, delete_manifest: Callable[[str, str], None]) -> tuple[object, ...]:
    """All that answers here. ``delete_manifest(path, digest)`` removes an image that has no name left from the registry."""
    return (
        Logins(swr), Organizations(swr), Repositories(swr, delete_manifest), Tags(swr, delete_manifest), Numbers(swr),
    )


def path_of(namespace: str, repository: str) -> str:
    """``organization/repository`` of the two parts of a URL."""
    return f"{namespace}/{repository.replace('$', '/')}"


def filters(request: Request) -> dict[str, str]:
    """The query as one mapping, with what stands in ``filter=a::b|c::d``."""
    values = dict(request.query)
    for pair in values.pop("filter", "").split("|"):
        name, _, value = pair.partition("::")
        if value:
            values[name] = value
    return values


def page(items: list[Any], values: dict[str, str]) -> Answer:
    """A ``/v2`` list: the part from ``offset`` on, 100 unless ``limit`` says otherwise, at most 1000."""
    try:
        limit, offset = int(values.get("limit", "100")), int(values.get("offset", "0"))
    except ValueError:
        raise refused(400, "4001025", "Invalid parameters.") from None
    if not (0 < limit <= 1000 and offset >= 0):
        raise refused(400, "4000056", "Invalid page size.")
    part = items[offset:offset + limit]
    return Answer(200, part, {"Content-Range": f"{offset}-{offset + len(part) - 1 if part else offset}/{len(items)}"})


def marked(items: list[Any], values: dict[str, str], name: str) -> tuple[list[Any], int | None]:
    """A ``/v3`` list: the part behind ``marker``, and the next marker (None: that was all)."""
    try:
        limit, marker = int(values.get("limit", "100")), int(values.get("marker") or 0)
    except ValueError:
        raise refused(400, "4001025", "Invalid parameters.") from None
    if not 0 < limit <= 1000:
        raise refused(400, "4000056", "Invalid page size.")
    rest = [item for item in sorted(items, key=lambda item: int(item[name])) if item[name] > marker]
    return rest[:limit], rest[limit - 1][name] if len(rest) > limit else None


class Logins:
    """Logins to the registry."""

    def __init__(self, swr: Swr) -> None:
        self._swr = swr

    @route("POST /v2/manage/utils/secret")
    @route("POST /v2/manage/utils/authorizationtoken")
    def _secret(self, request: Request) -> Answer:
        caller: Caller = request.caller
        project = request.option("projectname", caller.project_name)
        if project != caller.project_name:
            raise refused(400, "4000014", f"Invalid API parameters: there is no project {project} here.")
        seconds = self._swr.setting("secret_seconds") * (4 if "authorizationtoken" in request.target else 1)
        user, password, expires = self._swr.create_secret(caller, seconds)
        return Answer(200, {"auths": {self._swr.host: {"auth": basic(user, password)}}}, {
            "X-Swr-Dockerlogin": f"docker login -u {user} -p {password} {self._swr.host}", "X-Swr-Expireat": iso(expires),
        })


class Organizations:
    """Organizations."""

    def __init__(self, swr: Swr) -> None:
        self._swr = swr

    def _shown(self, organization: dict[str, Any]) -> dict[str, Any]:
        return {name: organization[name] for name in ("id", "name", "creator_name", "auth")}

    @route("GET /v2/manage/namespaces")
    def _list(self, request: Request) -> Answer:
        wanted = filters(request).get("namespace", "")
        found = [self._shown(org) for org in self._swr.organizations(request.caller) if wanted in org["name"]]
        return Answer(200, {"namespaces": found})

    @route("POST /v2/manage/namespaces")
    def _create(self, request: Request) -> Answer:
        self._swr.create_organization(request.caller, str(request.json().get("namespace", "")))
        return Answer(201, {})

    @route("GET /v2/manage/namespaces/{namespace}")
    def _show(self, request: Request, namespace: str) -> Answer:
        return Answer(200, self._shown(self._swr.organization(request.caller, namespace)))

    @route("DELETE /v2/manage/namespaces/{namespace}")
    def _delete(self, request: Request, namespace: str) -> Answer:
        self._swr.delete_organization(request.caller, namespace)
        return Answer(204)


class Repositories:
    """Repositories; ``delete_manifest(path, digest)`` removes an image from the registry."""

    def __init__(self, swr: Swr, delete_manifest: Callable[[str, str], None]) -> None:
        self._swr, self._delete_manifest = swr, delete_manifest

    def _listed(self, request: Request, shared: bool = False) -> list[dict[str, Any]]:
        values = filters(request)
        found = [_repository(self._swr, path, value) for path, value in self._swr.repositories(request.caller, shared)]
        for name in ("namespace", "category"):
            found = [repository for repository in found if values.get(name) in (None, "", repository[name])]
        found = [repository for repository in found if values.get("name", "") in repository["name"]]
        column = {"name": "name", "tag_count": "num_images", "updated_time": "updated_at"}.get(values.get("order_column", ""))
        if values.get("order_column") and column is None:
            raise refused(400, "4001096", "Invalid order column.")
        return sorted(found, key=lambda each: each[column or "updated_at"], reverse=values.get("order_type") != "asc")

    @route("GET /v2/manage/repos")
    def _list(self, request: Request) -> Answer:
        return page(self._listed(request), filters(request))

    @route("GET /v3/manage/repos")
    def _list_marked(self, request: Request) -> Answer:
        found, marker = marked(self._listed(request), filters(request), "id")
        return Answer(200, {"repos": found, **({"next_marker": marker} if marker else {})})

    @route("GET /v2/manage/shared-repositories")
    def _list_shared(self, request: Request) -> Answer:
        return page(self._listed(request, shared=True), filters(request))

    @route("GET /v3/manage/shared-repositories")
    def _list_shared_marked(self, request: Request) -> Answer:
        found, marker = marked(self._listed(request, shared=True), filters(request), "id")
        return Answer(200, {"repos": found, **({"next_marker": marker} if marker else {})})

    @route("POST /v2/manage/namespaces/{namespace}/repos")
    def _create(self, request: Request, namespace: str) -> Answer:
        values = request.json()
        self._swr.organization(request.caller, namespace, EDIT)
        _category(values)
        path = f"{namespace}/{values.get('repository', '')}"
        if any(path == other for other, _ in self._swr.repositories(request.caller)):
            raise refused(409, "4090006", "The image already exists.")
        self._swr.create_repository(request.caller, path, values)
        return Answer(201, {})

    @route("GET /v2/manage/namespaces/{namespace}/repos/{repository}")
    def _show(self, request: Request, namespace: str, repository: str) -> Answer:
        path = path_of(namespace, repository)
        return Answer(200, _repository(self._swr, path, self._swr.repository(request.caller, path)))

    @route("PATCH /v2/manage/namespaces/{namespace}/repos/{repository}")
    def _update(self, request: Request, namespace: str, repository: str) -> Answer:
        path, values = path_of(namespace, repository), request.json()
        self._swr.repository(request.caller, path, EDIT)
        _category(values)
        with self._swr.document.change() as state:
            known = {name: values[name] for name in ("is_public", "category", "description") if name in values}
            state["repositories"][path].update(known)
        return Answer(201, {})

    @route("DELETE /v2/manage/namespaces/{namespace}/repos/{repository}")
    def _delete(self, request: Request, namespace: str, repository: str) -> Answer:
        path = path_of(namespace, repository)
        found = self._swr.repository(request.caller, path, MANAGE)
        for digest in {str(tag["digest"]) for tag in found["tags"].values()}:
            self._delete_manifest(path, digest)
        with self._swr.document.change() as state:
            state["repositories"].pop(path, None)
        return Answer(204)


class Tags:
    """Tags, and giving an image another one."""

    def __init__(self, swr: Swr, delete_manifest: Callable[[str, str], None]) -> None:
        self._swr, self._delete_manifest = swr, delete_manifest

    def _listed(self, request: Request, path: str, key: str) -> list[dict[str, Any]]:
        found, values = self._swr.repository(request.caller, path), filters(request)
        tags = [_tag(self._swr, path, found["id"], name, tag, key) for name, tag in found["tags"].items()]
        return sorted((tag for tag in tags if values.get("tag", "") in tag[key]), key=lambda tag: tag["updated"], reverse=True)

    @route("GET /v2/manage/namespaces/{namespace}/repos/{repository}/tags")
    def _list(self, request: Request, namespace: str, repository: str) -> Answer:
        return page(self._listed(request, path_of(namespace, repository), "Tag"), filters(request))

    @route("GET /v3/manage/namespaces/{namespace}/repos/{repository}/tags")
    def _list_marked(self, request: Request, namespace: str, repository: str) -> Answer:
        found, marker = marked(self._listed(request, path_of(namespace, repository), "tag"), filters(request), "id")
        if request.option("with_manifest") != "true":
            found = [{name: value for name, value in tag.items() if name != "manifest"} for tag in found]
        return Answer(200, {"tags": found, "has_more": bool(marker), **({"next_marker": str(marker)} if marker else {})})

    @route("GET /v2/manage/namespaces/{namespace}/repos/{repository}/tags/{tag}")
    def _show(self, request: Request, namespace: str, repository: str, tag: str) -> Answer:
        path = path_of(namespace, repository)
        found = self._swr.repository(request.caller, path)
        if tag not in found["tags"]:
            raise refused(404, "4040115", "The image tag was not found.")
        return Answer(200, _tag(self._swr, path, found["id"], tag, found["tags"][tag], "tag"))

    @route("POST /v2/manage/namespaces/{namespace}/repos/{repository}/tags")
    def _retag(self, request: Request, namespace: str, repository: str) -> Answer:
        path, values = path_of(namespace, repository), request.json()
        found = self._swr.repository(request.caller, path, EDIT)
        source, target = str(values.get("source_tag", "")), str(values.get("destination_tag", ""))
        if source not in found["tags"]:
            raise refused(404, "4040115", "The image tag was not found.")
        if not _is_tag(target):
            raise refused(400, "4009021", "Invalid image tag.")
        if target in found["tags"] and not values.get("override"):
            raise refused(409, "4090006", "The image already exists.")
        facts = {name: value for name, value in found["tags"][source].items() if name not in ("id", "created")}
        self._swr.record_tag(request.caller, path, target, facts)
        return Answer(201, {})

    @route("DELETE /v2/manage/namespaces/{namespace}/repos/{repository}/tags/{tag}")
    def _delete(self, request: Request, namespace: str, repository: str, tag: str) -> Answer:
        path = path_of(namespace, repository)
        self._swr.repository(request.caller, path, EDIT)
        digest = self._swr.forget_tag(path, tag)
        if digest:
            self._delete_manifest(path, digest)
        return Answer(204)


class Numbers:
    """Quotas and how much there is."""

    def __init__(self, swr: Swr) -> None:
        self._swr = swr

    @route("GET /v2/manage/projects/{project_id}/quotas")
    def _quotas(self, request: Request) -> Answer:
        used = len([org for org in self._swr.organizations(request.caller) if org["domain_id"] == request.caller.domain_id])
        limit = int(self._swr.setting("namespace_quota"))
        return Answer(200, {"quotas": [{"quota_key": "namespace", "quota_limit": limit, "used": used, "unit": ""}]})

    @route("GET /v2/manage/namespaces/{namespace}/repos/{repository}/{tag}/accessories")
    @route("GET /v2/manage/namespaces/{namespace}/repos/{repository}/{tag}/references")
    def _attached(self, request: Request, namespace: str, repository: str, tag: str) -> Answer:
        self._swr.repository(request.caller, path_of(namespace, repository))
        return Answer(200, {"accessories": [], "references": [], "total": 0})  # OCI's kinds are refused at push

    @route("GET /v2/manage/overview")
    def _overview(self, request: Request) -> Answer:
        found = [value for _, value in self._swr.repositories(request.caller)]
        tags = [tag for value in found for tag in value["tags"].values()]
        return Answer(200, {
            "domain_id": request.caller.domain_id, "domain_name": request.caller.domain_name,
            "namspace_num": len(self._swr.organizations(request.caller)),  # spelled so in the SDK
            "repo_num": len(found), "image_num": len(tags), "downflow_size": 0.0,
            "store_space": float(sum(tag["size"] for tag in tags)),
        })


def _repository(swr: Swr, path: str, value: dict[str, Any]) -> dict[str, Any]:
    namespace, _, name = path.partition("/")
    return {
        "id": value["id"], "name": name, "namespace": namespace, "category": value["category"],
        "description": value["description"], "creator_id": value["creator_id"], "creator_name": value["creator_name"],
        "size": sum(tag["size"] for tag in value["tags"].values()), "is_public": value["is_public"],
        "num_images": len(value["tags"]), "num_download": value["downloads"], "url": "", "path": f"{swr.host}/{path}",
        "internal_path": f"{swr.host}/{path}", "created": value["created"], "updated": value["updated"],
        "created_at": value["created"], "updated_at": value["updated"], "tags": sorted(value["tags"]), "status": True,
        "total_range": 0, "priority": 0, "domain_name": "", "logo": "",
    }


def _tag(swr: Swr, path: str, repository: int, name: str, tag: dict[str, Any], key: str) -> dict[str, Any]:
    """``key``: what the tag's name is called: “Tag” in ``/v2`` lists, “tag” elsewhere."""
    return {
        "id": tag["id"], "repo_id": repository, key: name, "image_id": tag["image_id"], "manifest": tag["manifest"],
        "digest": tag["digest"], "schema": 2, "path": f"{swr.host}/{path}:{name}", "size": tag["size"],
        "internal_path": f"{swr.host}/{path}:{name}", "is_trusted": False, "created": tag["created"],
        "updated": tag["updated"], "deleted": "", "domain_id": "", "scanned": False, "tag_type": tag["tag_type"],
    }


def _category(values: dict[str, Any]) -> None:
    if values.get("category") and values["category"] not in CATEGORIES:
        raise refused(400, "4000014", f"Invalid API parameters: category is one of {', '.join(CATEGORIES)}.")


def _is_tag(text: str) -> bool:
    from ..reference import _TAG

    return bool(_TAG.match(text))
