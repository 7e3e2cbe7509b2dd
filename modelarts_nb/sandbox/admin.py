"""The sandbox's own calls, ``/sandbox/…``: no region has them, and only the sandbox's own key may make them."""

from __future__ import annotations

import json
from typing import Any

from .faults import Faults
from .iam import SERVICES, Keys, iso
from .state import Document
from .swr import SETTINGS
from .web import Answer, Request, Routes

NUMBERS = {**SETTINGS, "job_quota": 20}


def make_routes(faults: Faults, keys: Keys, settings: Document) -> Routes:
    """Faults, further keys, and numbers that tests and courses change."""
    routes = Routes()

    @routes.add("GET /sandbox/faults")
    def list_(request: Request) -> Answer:
        return Answer(200, {"faults": faults.list()})

    @routes.add("POST /sandbox/faults")
    def put(request: Request) -> Answer:
        read: Any = json.loads(request.body or b"{}")
        faults.put(*(read if isinstance(read, list) else read.get("faults", [read])))
        return Answer(201, {"faults": faults.list()})

    @routes.add("DELETE /sandbox/faults")
    def clear(request: Request) -> Answer:
        faults.clear()
        return Answer(204)

    @routes.add("POST /sandbox/keys")
    def make(request: Request) -> Answer:
        """``{"tenant": "", "user": "", "seconds": 0, "allowed": ["swr", …]}``: another account's or user's, or a temporary one."""
        wanted = request.json()
        allowed = tuple(wanted.get("allowed") or SERVICES)
        if set(allowed) - set(SERVICES):
            raise ValueError(f"allowed: some of {', '.join(SERVICES)}")
        made = keys.make(
            tenant=str(wanted.get("tenant") or ""), user=str(wanted.get("user") or ""),
            seconds=float(wanted.get("seconds") or 0), allowed=allowed,
        )
        return Answer(201, {
            "access": made.ak, "secret": made.sk.reveal(), "securitytoken": made.token.reveal() if made.token else "",
            "expires_at": iso(made.expires) if made.expires else "", "project_id": made.project_id,
            "domain_id": made.domain_id, "domain_name": made.domain_name, "user_id": made.user_id, "user_name": made.user_name,
        })

    @routes.add("DELETE /sandbox/keys/{ak}")
    def remove(request: Request, ak: str) -> Answer:
        keys.remove(ak)
        return Answer(204)

    @routes.add("GET /sandbox/settings")
    def show(request: Request) -> Answer:
        return Answer(200, {**NUMBERS, **settings.read()})

    @routes.add("PUT /sandbox/settings")
    def change(request: Request) -> Answer:
        wanted = request.json()
        for name, value in wanted.items():
            if name not in NUMBERS or isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
                raise ValueError(f"{name}: a number, one of {', '.join(NUMBERS)}")
        with settings.change() as state:
            state.update(wanted)
        return Answer(200, {**NUMBERS, **settings.read()})

    return routes
