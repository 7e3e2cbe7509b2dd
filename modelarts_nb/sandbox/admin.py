"""The sandbox's own calls, ``/sandbox/…``: no region has them, and only the sandbox's own key may make them."""

from __future__ import annotations

import json
from typing import Any

from .faults import Faults
from .iam import SERVICES, Keys, iso
from .state import Document
from .swr import SETTINGS
from .web import Answer, Request, route

NUMBERS = {**SETTINGS, "job_quota": 20}


class Admin:
    """``/sandbox/…``: faults, further keys, and numbers that tests and courses change."""

    def __init__(self, faults: Faults, keys: Keys, settings: Document) -> None:
        self._faults, self._keys, self._settings = faults, keys, settings

    @route("GET /sandbox/faults")
    def _list(self, request: Request) -> Answer:
        return Answer(200, {"faults": self._faults.list()})

    @route("POST /sandbox/faults")
    def _put(self, request: Request) -> Answer:
        read: Any = json.loads(request.body or b"{}")
        self._faults.put(*(read if isinstance(read, list) else read.get("faults", [read])))
        return Answer(201, {"faults": self._faults.list()})

    @route("DELETE /sandbox/faults")
    def _clear(self, request: Request) -> Answer:
        self._faults.clear()
        return Answer(204)

    @route("POST /sandbox/keys")
    def _make(self, request: Request) -> Answer:
        """``{"tenant": "", "user": "", "seconds": 0, "allowed": ["swr"]}``: another account's or user's, or temporary."""
        wanted = request.json()
        allowed = tuple(wanted.get("allowed") or SERVICES)
        if set(allowed) - set(SERVICES):
            raise ValueError(f"allowed: some of {', '.join(SERVICES)}")
        made = self._keys.make(
            tenant=str(wanted.get("tenant") or ""), user=str(wanted.get("user") or ""),
            seconds=float(wanted.get("seconds") or 0), allowed=allowed,
        )
        return Answer(201, {
            "access": made.ak, "secret": made.sk.reveal(), "securitytoken": made.token.reveal() if made.token else "",
            "expires_at": iso(made.expires) if made.expires else "", "project_id": made.project_id,
            "domain_id": made.domain_id, "domain_name": made.domain_name, "user_id": made.user_id, "user_name": made.user_name,
        })

    @route("DELETE /sandbox/keys/{ak}")
    def _remove(self, request: Request, ak: str) -> Answer:
        self._keys.remove(ak)
        return Answer(204)

    @route("GET /sandbox/settings")
    def _show(self, request: Request) -> Answer:
        return Answer(200, {**NUMBERS, **self._settings.read()})

    @route("PUT /sandbox/settings")
    def _change(self, request: Request) -> Answer:
        wanted = request.json()
        for name, value in wanted.items():
            if name not in NUMBERS or isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
                raise ValueError(f"{name}: a number, one of {', '.join(NUMBERS)}")
        with self._settings.change() as state:
            state.update(wanted)
        return Answer(200, {**NUMBERS, **self._settings.read()})
