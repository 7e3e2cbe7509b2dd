"""What the sandbox can be told to do wrong, so that clients can be tested against it: off unless asked for.

``POST /sandbox/faults`` with the sandbox's key, one object or a list of them::

    {"service": "modelarts",      iam, swr, modelarts, registry or obs; "": any
     "method": "GET",             "": any
     "path": "/training-jobs/",   a regular expression that is searched for in path and query
     "times": 3,                  how many calls it strikes; 0: until it is deleted
     "after": 0,                  how many calls it lets pass first
     "status": 503,               answer with this; "error_code", "error_msg" and "retry_after" (seconds) go with it
     "delay": 1.5,                seconds to wait first
     "drop_after": 100,           break the connection after so many bytes of the answer; 0: before it
     "drop_request_after": 5000,  the same while a body is read (registry and obs)
     "hold": "Creating"}          keep jobs that are created from now on in this phase

``GET`` lists those that are left, ``DELETE`` takes them all away.
"""

from __future__ import annotations

import re
import threading
from dataclasses import asdict, dataclass, fields
from typing import Any

MOST = 100  # faults at a time


@dataclass
class Fault:
    """One of them; see above."""

    service: str = ""
    method: str = ""
    path: str = ""
    times: int = 1
    after: int = 0
    status: int = 0
    error_code: str = ""
    error_msg: str = ""
    retry_after: int = 0
    delay: float = 0.0
    drop_after: int | None = None
    drop_request_after: int | None = None
    hold: str = ""

    def body(self) -> dict[str, str]:
        """The body of an answer with ``status``; the gateway's own codes where none is given."""
        code, message = {
            429: ("APIGW.0308", "The throttling threshold has been reached: policy user over ratelimit"),
            503: ("APIGW.0106", "Orchestration error: Service Unavailable"),
        }.get(self.status, ("APIGW.0000", "Unknown error"))
        return {"error_code": self.error_code or code, "error_msg": self.error_msg or message}

    def strikes(self, service: str, method: str, target: str) -> bool:
        """Whether it is meant for that call."""
        return (
            not self.hold and self.service in ("", service) and self.method in ("", method)
            and re.search(self.path, target) is not None
        )


class Faults:
    """Those that are left. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: list[Fault] = []

    def put(self, *wanted: dict[str, Any]) -> None:
        """Add faults. Raises ValueError saying what is wrong with one; then none is added."""
        made = [_checked(each) for each in wanted]
        with self._lock:
            if len(self._left) + len(made) > MOST:
                raise ValueError(f"more than {MOST} faults")
            self._left += made

    def clear(self) -> None:
        """Take them all away."""
        with self._lock:
            self._left.clear()

    def list(self) -> list[dict[str, Any]]:
        """Those that are left, as they were put."""
        with self._lock:
            return [asdict(fault) for fault in self._left]

    def take(self, service: str, method: str, target: str) -> Fault | None:
        """The fault that strikes this call, if any; it counts."""
        if not self._left or target.startswith("/sandbox/"):
            return None
        with self._lock:
            for fault in self._left:
                if not fault.strikes(service, method, target):
                    continue
                if fault.after:
                    fault.after -= 1
                    continue
                if fault.times == 1:
                    self._left.remove(fault)
                elif fault.times:
                    fault.times -= 1
                return fault
        return None

    def held(self, phase: str) -> bool:
        """Whether jobs are to stay in that phase."""
        with self._lock:
            return any(fault.hold == phase for fault in self._left)


def _checked(wanted: dict[str, Any]) -> Fault:
    known = {part.name: part.type for part in fields(Fault)}
    for name, value in wanted.items():
        if name not in known:
            raise ValueError(f"a fault has no “{name}”")
        kinds = (str,) if known[name] == "str" else (int, float) if known[name] == "float" else (int,)
        if not isinstance(value, kinds) or isinstance(value, bool) or (isinstance(value, (int, float)) and value < 0):
            raise ValueError(f"“{name}” cannot be {value!r}")
    try:
        re.compile(str(wanted.get("path", "")))
    except re.error as error:
        raise ValueError(f"“path”: {error}") from None
    return Fault(**wanted)
