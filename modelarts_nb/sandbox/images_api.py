"""Images registered with ModelArts, and workspaces (``/v1/{project_id}/images``, ``/workspaces``)."""

from __future__ import annotations

import time
import uuid
from typing import Any

from .iam import Caller
from .preflight import Preflight
from .state import Document
from .web import Answer, Refusal, Request, route

ARCHITECTURES = {"X86_64": "amd64", "AARCH64": "arm64"}
SERVICES = ("COMMON", "INFERENCE", "TRAIN", "DEV", "UNKNOWN")


class RegisteredImages:
    """Images that ModelArts was told of, and the one workspace."""

    def __init__(self, document: Document, preflight: Preflight) -> None:
        self._document, self._preflight = document, preflight

    def _own(self, caller: Caller) -> list[dict[str, Any]]:
        return [image for image in self._document.read().values() if image["project_id"] == caller.project_id]

    def _one(self, request: Request, image_id: str) -> dict[str, Any]:
        for image in self._own(request.caller):
            if image["id"] == image_id:
                return image
        raise Refusal(404, "ModelArts.6309", f"The image {image_id} does not exist.")

    @route("POST /v1/{project_id}/images")
    def _register(self, request: Request) -> Answer:
        wanted = request.json()
        path = str(wanted.get("swr_path") or "")
        if not 16 <= len(path) <= 2048:
            raise ValueError("swr_path")
        if wanted.get("arch", "X86_64") not in ARCHITECTURES or wanted.get("service_type", "UNKNOWN") not in SERVICES:
            raise ValueError("arch, service_type")
        found = self._preflight.image(request.caller, path, None)
        if any(image["swr_path"] == path for image in self._own(request.caller)):
            raise Refusal(400, "ModelArts.6301", "The image is registered already.")
        now, identity = int(time.time() * 1000), str(uuid.uuid4())
        namespace, _, name = found["path"].partition("/")
        image = {
            "id": identity, "project_id": request.caller.project_id, "swr_path": path, "name": name, "namespace": namespace,
            "tag": found["tag"], "arch": wanted.get("arch", "X86_64"), "description": wanted.get("description", ""),
            "origin": wanted.get("origin", "CUSTOMIZE"), "service_type": wanted.get("service_type", "UNKNOWN"),
            "dev_services": wanted.get("services") or [], "resource_categories": wanted.get("resource_category") or ["CPU"],
            "visibility": wanted.get("visibility", "PRIVATE"), "workspace_id": wanted.get("workspace_id", "0"),
            "size": found["size"], "status": "ACTIVE", "status_message": "", "type": "DEDICATED", "create_at": now,
            "update_at": now,
        }
        with self._document.change() as state:
            state[identity] = image
        return Answer(201, image)

    @route("GET /v1/{project_id}/images")
    def _list(self, request: Request) -> Answer:
        offset, limit = request.number("offset", 0), request.number("limit", 10, 1, 200)
        found = sorted(self._own(request.caller), key=lambda image: -int(image["create_at"]))
        for name in ("name", "namespace", "type", "workspace_id"):
            if request.option(name):
                found = [image for image in found if image[name] == request.option(name)]
        part = found[offset * limit:(offset + 1) * limit]
        return Answer(200, {
            "current": offset, "data": part, "pages": -(-len(found) // limit), "size": len(part), "total": len(found),
        })

    @route("GET /v1/{project_id}/images/{image_id}")
    def _show(self, request: Request, image_id: str) -> Answer:
        return Answer(200, self._one(request, image_id))

    @route("DELETE /v1/{project_id}/images/{image_id}")
    def _delete(self, request: Request, image_id: str) -> Answer:
        image = self._one(request, image_id)
        with self._document.change() as state:
            state.pop(image_id, None)
        return Answer(200, image)

    @route("GET /v1/{project_id}/workspaces")
    def _workspaces(self, request: Request) -> Answer:
        workspace = {
            "id": "0", "name": "default", "description": "the sandbox's only one", "owner": request.caller.user_name,
            "auth_type": "PUBLIC", "status": "NORMAL", "status_info": "", "create_time": 0, "update_time": 0,
            "enterprise_project_id": "0", "enterprise_project_name": "default",
        }
        return Answer(200, {"total_count": 1, "count": 1, "workspaces": [workspace]})
