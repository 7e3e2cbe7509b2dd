"""What SWR keeps: organizations, repositories and their tags, logins; and who may do what with them.

Names follow the SDK's rules; numbers of permissions are SWR's own: 7 manage, 3 edit, 1 read. The images themselves are in
the registry behind front.py; here is what the API tells about them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Mapping
from typing import Any

from ..errors import InvalidReference
from ..reference import parse_reference
from .iam import Caller, Keys, iso, long_term_password
from .state import Document
from .web import Refusal

MANAGE, EDIT, READ, NOTHING = 7, 3, 1, 0
PLATFORM = ("modelarts-job-dev-image", "atelier")  # the platform's organizations: everybody reads, nobody writes
SECRET_SECONDS = 6 * 3600
SETTINGS = {"secret_seconds": SECRET_SECONDS, "namespace_quota": 5, "layer_bytes": 10 * 10**9, "token_seconds": 900}


def refused(status: int, number: str, message: str) -> Refusal:
    """An error of SWR's table (API reference, error codes)."""
    return Refusal(status, f"SVCSTG.SWR.{number}", message)


class Swr:
    """All of it, over one document. Threads may share it."""

    def __init__(self, document: Document, settings: Document, keys: Keys, host: str) -> None:
        self.document, self._settings, self._keys, self.host = document, settings, keys, host
        with document.change() as state:
            for name in ("organizations", "repositories", "secrets"):
                state.setdefault(name, {})
            state.setdefault("last_id", 0)

    def setting(self, name: str) -> float:
        """One of the numbers that tests and courses may change; see SETTINGS."""
        with self._settings.look() as values:
            return float(values.get(name, SETTINGS[name]))

    # Logins

    def create_secret(self, caller: Caller, seconds: float) -> tuple[str, str, float]:
        """A temporary login: (user, password, when it ends). Only a hash of the password is kept."""
        user = f"{caller.project_name}@{secrets.token_hex(10).upper()}"
        password, expires = secrets.token_hex(32), time.time() + seconds
        if caller.expires:
            expires = min(expires, caller.expires)
        with self.document.change() as state:
            kept = state["secrets"]
            for old in [name for name, value in kept.items() if value["expires"] < time.time()]:
                del kept[old]
            kept[user] = {"hash": _hash(password), "expires": expires, "ak": caller.ak}
        return user, password, expires

    def login(self, user: str, password: str) -> tuple[Caller, float] | None:
        """Whose login that is, and when it ends (0: never); None where it is wrong or over."""
        with self.document.look() as state:
            kept = dict(state["secrets"].get(user) or {})
        if kept:
            caller = self._keys.find(kept["ak"])
            right = hmac.compare_digest(kept["hash"], _hash(password)) and kept["expires"] > time.time()
            return (caller, kept["expires"]) if right and caller is not None and not caller.expired else None
        project, _, ak = user.partition("@")
        caller = self._keys.find(ak)
        # Whether the long-term rule holds for temporary keys is not known: the sandbox is strict
        if caller is None or caller.token is not None or project != caller.project_name:
            return None
        return (caller, 0.0) if hmac.compare_digest(long_term_password(caller), password) else None

    # Organizations

    def create_organization(self, caller: Caller, name: str) -> dict[str, Any]:
        """Make one. Raises Refusal for a name that SWR does not take, one that is taken, and over the quota."""
        check_name(f"{name.replace('/', '//')}/x", "4001028", "Invalid organization name.")  # its name is one part
        with self.document.change() as state:
            found = state["organizations"].get(name)
            if found or name in PLATFORM:
                raise refused(409, "4090060", "The organization already exists.")
            owned = [org for org in state["organizations"].values() if org["domain_id"] == caller.domain_id]
            if len(owned) >= self.setting("namespace_quota"):
                raise refused(400, "4000097", "The maximum number of organizations has been exceeded.")
            made = state["organizations"][name] = {
                "id": _next(state), "name": name, "domain_id": caller.domain_id, "creator_id": caller.user_id,
                "creator_name": caller.user_name, "created": iso(time.time()), "auths": {},
            }
            return dict(made)

    def delete_organization(self, caller: Caller, name: str) -> None:
        """Delete an empty one. Raises Refusal."""
        self.organization(caller, name, MANAGE)
        with self.document.change() as state:
            if any(path.startswith(f"{name}/") for path in state["repositories"]):
                raise refused(406, "4060074", "The organization cannot be deleted because there are images in it.")
            del state["organizations"][name]

    def organizations(self, caller: Caller) -> list[dict[str, Any]]:
        """Those that the caller may see, by name, each with his permission as ``auth``."""
        with self.document.look() as state:
            found = [{**org, "auth": _level(caller, org)} for org in state["organizations"].values()]
        return sorted((org for org in found if org["auth"]), key=lambda org: str(org["name"]))

    def organization(self, caller: Caller, name: str, level: int = READ) -> dict[str, Any]:
        """One, with the caller's permission. Raises Refusal: 404 where it is not there, 403 without that permission."""
        with self.document.look() as state:
            found = state["organizations"].get(name)
            found = {**found, "auth": _level(caller, found)} if found else None
        if found is None or (found["domain_id"] != caller.domain_id and not found["auth"]):
            raise refused(404, "4040058", "The organization was not found.")
        if found["auth"] < level:
            raise refused(403, "4039002", "You do not have the permission to perform this operation.")
        return dict(found)

    # Repositories

    def right(self, caller: Caller, path: str) -> int:
        """The caller's permission on ``organization/repository``, whether that is there or not."""
        name = path.partition("/")[0]
        if name in PLATFORM:
            return READ
        with self.document.look() as state:
            organization = state["organizations"].get(name)
            repository = state["repositories"].get(path) or {}
            level = _level(caller, organization) if organization else NOTHING
            level = max(level, int((repository.get("auths") or {}).get(caller.user_id, {}).get("auth", NOTHING)))
            shared = (repository.get("domains") or {}).get(caller.domain_name)
            if repository.get("is_public") or (shared and _lasts(shared["deadline"])):
                level = max(level, READ)
        return level

    def may_push(self, caller: Caller, path: str) -> None:
        """Raise Refusal unless the caller may push there; an organization that is free is made, as SWR does."""
        check_name(path, "4001029", "Invalid image name.")
        name = path.partition("/")[0]
        with self.document.look() as state:
            there = name in state["organizations"]
        if not there and name not in PLATFORM:
            self.create_organization(caller, name)
        if self.right(caller, path) < EDIT:
            raise refused(403, "4039002", "You do not have the permission to perform this operation.")

    def create_repository(self, caller: Caller, path: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Make one, or give back what is there. Raises Refusal for a bad name."""
        check_name(path, "4001029", "Invalid image name.")
        now = iso(time.time())
        with self.document.change() as state:
            return dict(state["repositories"].setdefault(path, {
                "id": _next(state), "category": values.get("category") or "other", "is_public": bool(values.get("is_public")),
                "description": values.get("description") or "", "creator_id": caller.user_id,
                "creator_name": caller.user_name, "created": now, "updated": now, "downloads": 0, "tags": {},
                "auths": {}, "domains": {}, "triggers": {}, "retentions": {}, "syncs": [], "accessories": {},
            }))

    def repository(self, caller: Caller, path: str, level: int = READ) -> dict[str, Any]:
        """One repository. Raises Refusal: 404 where it is not there or not to be seen, 403 without that permission."""
        right = self.right(caller, path)
        with self.document.look() as state:
            found = state["repositories"].get(path)
            found = {**found, "path": path, "auth": right} if found else None
        if found is None or not right:
            raise refused(404, "4040113", "The image was not found.")
        if right < level:
            raise refused(403, "4037020", "You do not have permission to operate resources in the repository.")
        return found

    def repositories(self, caller: Caller, shared: bool = False) -> list[tuple[str, dict[str, Any]]]:
        """(path, repository) of all that are the caller's account's; with ``shared`` those of others that he may read."""
        with self.document.look() as state:
            owners = {name: org["domain_id"] for name, org in state["organizations"].items()}
            found = [(path, dict(value)) for path, value in state["repositories"].items()]
        own = [(path, value, owners.get(path.partition("/")[0]) == caller.domain_id) for path, value in found]
        return [(path, value) for path, value, is_own in own if is_own != shared and self.right(caller, path)]

    def record_tag(self, caller: Caller, path: str, tag: str, facts: Mapping[str, Any]) -> None:
        """Remember an image that was pushed, or given another name."""
        self.create_repository(caller, path, {})
        now = iso(time.time())
        with self.document.change() as state:
            repository = state["repositories"][path]
            before = repository["tags"].get(tag) or {"id": _next(state), "created": now}
            repository["tags"][tag] = {**before, **facts, "updated": now}
            repository["updated"] = now

    def forget_tag(self, path: str, tag: str) -> str:
        """Remove a name; the digest that no name is left for ("": others have it). Raises Refusal (404)."""
        with self.document.change() as state:
            tags = (state["repositories"].get(path) or {"tags": {}})["tags"]
            if tag not in tags:
                raise refused(404, "4040115", "The image tag was not found.")
            digest = str(tags.pop(tag)["digest"])
            return "" if any(other["digest"] == digest for other in tags.values()) else digest

    def digest(self, path: str, tag: str) -> str:
        """What a tag stands for; "" where there is none."""
        with self.document.look() as state:
            tags = (state["repositories"].get(path) or {}).get("tags") or {}
            return str((tags.get(tag) or {}).get("digest", ""))


def check_name(path: str, number: str, message: str) -> None:
    """Raise Refusal for an ``organization/repository`` that SWR's rules do not allow."""
    try:
        parse_reference(path, swr=True)
    except InvalidReference as error:
        raise refused(400, number, message) from error
    if re.search(r"___|[._-]{2}", path.replace("__", "")):
        raise refused(400, number, message)


def basic(user: str, password: str) -> str:
    """What stands for a login in a docker configuration."""
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def _level(caller: Caller, organization: Mapping[str, Any]) -> int:
    """An account's own user manages all that is its; other users have what they were given."""
    if organization["domain_id"] != caller.domain_id:
        return NOTHING
    if caller.user_id == organization["creator_id"] or caller.user_name == f"{caller.domain_name}-user":
        return MANAGE
    return int(organization["auths"].get(caller.user_id, {}).get("auth", NOTHING))


def _lasts(deadline: str) -> bool:
    return deadline == "forever" or deadline[:19] > iso(time.time())[:19]


def _hash(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()  # of 256 random bits: nothing that could be guessed


def _next(state: dict[str, Any]) -> int:
    state["last_id"] += 1
    return int(state["last_id"])
