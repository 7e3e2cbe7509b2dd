"""The gateway in front of the sandbox's APIs: verifies the signature, finds who answers, words a refusal as that API does."""

from __future__ import annotations

import time
import uuid

from .faults import Faults
from .iam import Caller, Keys, verify
from .web import Answer, Answered, Connection, Listener, Refusal, Request, Routes


class Gate(Listener):
    """IAM, SWR's API, ModelArts and the sandbox's own calls, on one port."""

    def __init__(self, port: int, faults: Faults, keys: Keys, routes: Routes) -> None:
        self.keys, self.routes = keys, routes
        super().__init__(port, GateConnection, faults)

    def answer(self, request: Request) -> Answer:
        """The answer to a call. Raises Refusal."""
        service = service_of(request.raw_path)
        caller = verify(request, self.keys, time.time())
        if service == "sandbox" and not caller.main:
            raise Refusal(403, "Sandbox.0403", "Only the sandbox's own key may do that.")
        if service != "sandbox" and service not in caller.allowed:
            raise _forbidden(service, request)
        found = self.routes.find(request.method, request.raw_path)
        if found is None:
            raise Refusal(404, "APIGW.0101", "The API does not exist or has not been published in the environment")
        handler, parts = found
        self._own_project(caller, service, parts)
        try:
            return handler(Request(request.method, request.target, request.headers, request.body, caller), **parts)
        except ValueError as error:  # of a body or a parameter that cannot be read
            raise _unreadable(service, str(error)) from error
        except OSError as error:
            raise Refusal(500, "APIGW.0000", f"The sandbox cannot do that now: {error.strerror or error}") from error

    def _own_project(self, caller: Caller, service: str, parts: dict[str, str]) -> None:
        if parts.pop("project_id", caller.project_id) != caller.project_id:
            code = "SVCSTG.SWR.4011064" if service == "swr" else "ModelArts.0103"
            raise Refusal(403, code, "Access to that project is denied.")


class GateConnection(Connection):
    """One client of the APIs."""

    server: Gate

    def _answer(self) -> None:
        self.request_id = uuid.uuid4().hex
        self.service = service_of(self.path)
        try:
            fault = self.misbehave()
            request = Request(self.command, self.path, self.lower_headers, self.read_body())
            answer = self.server.answer(request)
            self.send(answer, fault)
        except Answered:
            pass
        except Refusal as refusal:
            self.send(self._refused(refusal))

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815  # http.server's names

    def _refused(self, refusal: Refusal) -> Answer:
        if refusal.code.startswith("SVCSTG."):
            error = {"errorCode": refusal.code, "errorMessage": refusal.message, "detail": "", "requestId": self.request_id}
            return Answer(refusal.status, {"errors": [error]}, refusal.headers)
        body = {"error_code": refusal.code, "error_msg": refusal.message, "request_id": self.request_id}
        return Answer(refusal.status, body, refusal.headers)


def service_of(target: str) -> str:
    """Which service a path belongs to; the real ones have a host each."""
    path = target.partition("?")[0]
    if path.startswith(("/v2/manage/", "/v3/manage/")):
        return "swr"
    if path.startswith(("/v3/", "/v3.0/")):
        return "iam"
    return "sandbox" if path.startswith("/sandbox/") else "modelarts"


def _forbidden(service: str, request: Request) -> Refusal:
    if service == "swr":
        return Refusal(403, "SVCSTG.SWR.4039002", "You do not have the permission to perform this operation.")
    return Refusal(403, "ModelArts.0103", f"Policy doesn't allow {service}:{request.method.lower()} to be performed.")


def _unreadable(service: str, what: str) -> Refusal:
    if service == "swr":
        return Refusal(400, "SVCSTG.SWR.4000014", f"Invalid API parameters: {what}")
    if service == "sandbox":
        return Refusal(400, "Sandbox.0400", what)
    return Refusal(400, "ModelArts.2788", f"Invalid parameter({what}).")
