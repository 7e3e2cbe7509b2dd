"""One build: the session and ``POST /build`` on two connections, served by one thread, told as events.

The calls and their parameters: docs.docker.com/reference/api/engine (ImageBuild, Session, BuildCancel) and, for what it
leaves out (``version=2``, ``remote=client-session``), docker/cli's image/build_buildkit.go.
"""

from __future__ import annotations

import base64
import binascii
import json
import queue
import re
import secrets
import threading
from collections.abc import Generator
from typing import Any

from ...errors import BuildFailed, EngineAPIError, EngineError, EngineUnavailable
from ...events import Event, Vertex
from . import progress
from .duplex import connect
from .grpc import Job
from .loop import Loop
from .protobuf import WireError
from .request import BuildResult, SessionBuild, check
from .services import stored_credentials
from .session import Session
from .wires import Answered, Upgraded, head

HEARTBEAT = 0.1  # seconds between two chances to repaint or to stop
CANCEL = 0.4  # seconds that the Engine gets to confirm a cancel, before the connections are closed
JOIN = 2.0  # seconds that the thread gets to end
MANY = 4096  # events that may wait for a caller who does not take them, before the Engine is not read any further
MAX_LINE = 64 << 20  # bytes of one line of the Engine's answer
_EXIT_CODE = re.compile(r"exit code:? (\d+)")
_PREFIX = re.compile(r"^\[[^\]]*\]\s*")
_GONE_HINT = "See whether it still runs: `docker version` asks it."


class _End:
    """The build is over: with its result, or an error."""

    def __init__(self, outcome: BuildResult | BaseException) -> None:
        self.outcome = outcome


def build(client: Any, request: SessionBuild) -> Generator[Event | None, None, BuildResult]:
    """Build; see the package's docstring."""
    check(request)
    run = _Run(client, request)
    thread = threading.Thread(target=run.main, name="modelarts_nb-build", daemon=True)
    thread.start()
    finished = False
    try:
        while True:
            try:
                item = run.items.get(timeout=HEARTBEAT)
            except queue.Empty:
                yield None
                continue
            run.resume()
            if isinstance(item, _End):
                finished = True
                if isinstance(item.outcome, BaseException):
                    raise item.outcome
                return item.outcome
            yield item
    finally:
        if not finished:
            run.cancel()
        run.loop.stop()
        thread.join(JOIN)


class _Run:
    """The build as its thread sees it; ``items`` is what the caller takes."""

    def __init__(self, client: Any, request: SessionBuild) -> None:
        self._client = client
        self._request = request
        self._id = secrets.token_hex(32)
        self.loop = Loop()
        self.items: queue.SimpleQueue[Event | _End] = queue.SimpleQueue()
        self._session = Session(request, request.credentials or stored_credentials(client), self._defer)
        self._answer = _Answer()
        self._cancelled = threading.Event()
        self._held = False

    def main(self) -> None:
        """Everything from the first connection to the last."""
        try:
            wire = Upgraded(
                head(self._client, "/session", [], [
                    ("Connection", "Upgrade"), ("Upgrade", "h2c"), *self._session.headers(),
                ]),
                self._session.server, self._opened, self._refused, self._session_closed,
            )
            self.loop.add(self._connect(), wire)
            self.loop.run()
        except BaseException as error:  # it belongs to the thread that waits for the build
            self._end(error)

    def cancel(self) -> None:
        """End the build in the Engine, from the caller's thread; returns when that is done, or took too long."""
        self.loop.call(self._ask_to_cancel)
        self._cancelled.wait(CANCEL)

    def resume(self) -> None:
        """An item was taken: read on, where reading was held."""
        if self._held and self.items.qsize() < MANY // 2:
            self._held = False
            self.loop.call(lambda: None)

    def _connect(self) -> Any:
        import requests.exceptions
        import urllib3.exceptions

        try:
            return connect(self._client)
        except (OSError, requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
            raise EngineUnavailable(f"The Docker Engine cannot be reached: {reason}.", _GONE_HINT) from error

    def _defer(self, job: Job) -> None:
        self.loop.in_thread(job.run, job.settle)

    def _opened(self) -> None:
        """The session stands: build."""
        request = head(self._client, "/build", _query(self._request, self._session, self._id), [("Connection", "close")])
        self.loop.add(self._connect(), Answered(request, self._read, self._answered, self._hold))

    def _hold(self) -> bool:
        self._held = self._held or self.items.qsize() > MANY
        return self._held

    def _refused(self, status: int, text: str) -> None:
        if not status:
            self._end(EngineUnavailable(f"The Docker Engine went away: {text}.", _GONE_HINT))
            return
        hint = "It needs BuildKit: Docker Engine 20.10 or newer." if status in (400, 404, 405, 501) else ""
        self._end(EngineAPIError(f"The Engine opens no build session: {_message(text)}", hint, status=status))

    def _session_closed(self, reason: str) -> None:
        """Not the end: a build that needs nothing more of it goes on, and one that does fails with the Engine's words."""
        self._session.problems.append(f"the session ended: {reason}")

    def _read(self, status: int, data: bytes) -> None:
        for event in self._answer.feed(status, data):
            self.items.put(event)

    def _answered(self, status: int, reason: str) -> None:
        answer = self._answer
        if answer.error:
            self._end(self._failure(answer))
        elif not status or reason:
            self._end(EngineUnavailable(f"The Docker Engine went away during the build: {reason}.", _GONE_HINT))
        elif status >= 400:
            self._end(EngineAPIError(f"The Engine does not build: {answer.refusal}", status=status))
        else:
            self._end(BuildResult(answer.image_id))

    def _failure(self, answer: _Answer) -> BuildFailed:
        found = _EXIT_CODE.findall(answer.error)
        vertex = answer.failed.name if answer.failed else ""
        problems = "\n".join(dict.fromkeys(self._session.problems))
        return BuildFailed(
            answer.error, f"This side: {problems}." if problems else "", instruction=_PREFIX.sub("", vertex),
            exit_code=int(found[-1]) if found else None,
        )

    def _ask_to_cancel(self) -> None:
        request = head(self._client, "/build/cancel", [("id", self._id)], [("Connection", "close")])
        try:
            self.loop.add(self._connect(), Answered(request, lambda *_: None, lambda *_: self._cancelled.set()))
        except EngineError:  # gone: then there is nothing to cancel
            self._cancelled.set()

    def _end(self, outcome: BuildResult | BaseException) -> None:
        self.items.put(_End(outcome))
        self._cancelled.set()
        self.loop.stop()


class _Answer:
    """The Engine's answer: lines of JSON, out of pieces of any size."""

    def __init__(self) -> None:
        self._rest = b""
        self.image_id = ""
        self.error = ""
        self.refusal = ""
        self.failed: Vertex | None = None

    def feed(self, status: int, data: bytes) -> list[Event]:
        """The events of the lines that are complete now."""
        if status >= 400:
            self._rest = (self._rest + data)[:MAX_LINE]
            self.refusal = _message(self._rest.decode("utf-8", "replace"))
            return []
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE:
            self._rest = b""
            self.error = self.error or "the Engine's answer has a line of more than 64 MiB"
        events: list[Event] = []
        for line in lines:
            if line.strip():
                self._line(line, events)
        return events

    def _line(self, line: bytes, events: list[Event]) -> None:
        try:
            message = json.loads(line)
            kind, aux = message.get("id"), message.get("aux")
            if kind == "moby.buildkit.trace":
                for event in progress.decode(base64.b64decode(aux)):
                    if isinstance(event, Vertex) and event.error:
                        self.failed = event
                    events.append(event)
            elif kind == "moby.image.id":
                self.image_id = str(aux["ID"])
            elif message.get("error"):
                self.error = str((message.get("errorDetail") or {}).get("message") or message["error"])
        except (ValueError, TypeError, KeyError, AttributeError, binascii.Error, WireError) as error:
            self.error = self.error or f"a line of the Engine's answer cannot be read: {error}"


def _message(text: str) -> str:
    """The sentence in the Engine's ``{"message": …}``, or the text as it is."""
    try:
        return str(json.loads(text)["message"])
    except (ValueError, TypeError, KeyError):
        return text.strip()[:1000]


def _query(request: SessionBuild, session: Session, build_id: str) -> list[tuple[str, str]]:
    """The parameters of POST /build; those that are not asked for are left to the Engine."""
    query = [
        ("version", "2"), ("remote", "client-session"), ("session", session.id), ("buildid", build_id),
        ("dockerfile", session.dockerfile), ("rm", "1"), *(("t", tag) for tag in request.tags),
        *(("extrahosts", f"{name}:{address}") for name, address in request.add_hosts.items()),
    ]
    values = {
        "target": request.target, "platform": request.platform, "networkmode": request.network,
        "nocache": "1" if request.no_cache else "", "pull": "1" if request.pull else "",
        "buildargs": json.dumps(dict(request.build_args)) if request.build_args else "",
        "labels": json.dumps(dict(request.labels)) if request.labels else "",
        "cachefrom": json.dumps(list(request.cache_from)) if request.cache_from else "",
    }
    return query + [(name, value) for name, value in values.items() if value]
