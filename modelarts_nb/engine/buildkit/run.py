"""What every way of building shares: the thread, its session, and the queue of events that the caller takes from."""

from __future__ import annotations

import queue
import re
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from ...errors import BuildFailed, EngineAPIError, EngineUnavailable
from ...events import Event, Vertex
from ...messages import mark, t
from . import duplex
from .builder import Builder
from .duplex import Duplex, PlainSocket
from .grpc import Job
from .loop import Loop, Wire
from .request import BuildResult, SessionBuild
from .services import stored_credentials
from .session import Session

MANY = 4096  # events that may wait for a caller who does not take them, before the Engine is not read any further
GONE_HINT = mark("See whether it still runs: `docker version` asks it.")
STUCK_MESSAGE = mark("The Engine's report of the build never ends: a step printed over 1 MiB at once (Engines before 23).")
STUCK_HINT = mark("Let the steps print less (`RUN … > build.log`), or use a newer Engine.")
_EXIT_CODE = re.compile(r"exit code:? (\d+)")
_PREFIX = re.compile(r"^\[[^\]]*\]\s*")
_CANCELED = re.compile(r"context canceled|^canceled", re.IGNORECASE)


def went_away(reason: str) -> EngineUnavailable:
    """The error for an Engine that is gone before it builds."""
    return EngineUnavailable(t("The Docker Engine went away: {reason}.", reason=reason), t(GONE_HINT))


class End:
    """The build is over: with its result, or an error."""

    def __init__(self, outcome: BuildResult | BaseException) -> None:
        self.outcome = outcome


class Way(Protocol):
    """How the Engine is asked to build. All is called in the loop's thread."""

    def start(self) -> None:
        """Connect and ask."""

    def cancel(self, done: Callable[[], None]) -> None:
        """End the build in the Engine; ``done`` is called when it has ended there."""

    def resume(self) -> None:
        """The caller takes events again, after ``Run.hold`` was true."""


class Run:
    """One build; ``items`` is what its caller takes."""

    def __init__(self, client: Any, request: SessionBuild, way: Callable[[Run], Way]) -> None:
        self.client = client
        self.request = request
        self.loop = Loop()
        self.items: queue.SimpleQueue[Event | End] = queue.SimpleQueue()
        credentials = request.credentials or stored_credentials(client)
        self.session = Session(request, credentials, self._defer, self._dial)
        self._way = way(self)
        self._ended = threading.Event()
        self._held = False
        self._failed: Vertex | None = None

    def main(self) -> None:
        """Everything from the first connection to the last; what the thread runs."""
        try:
            self._way.start()
            self.loop.run()
        except BaseException as error:  # it belongs to the thread that waits for the build
            self.end(error)
            self.loop.abandon()

    def go(self, way: Callable[[Run], Way]) -> None:
        """Begin again another way."""
        self._way = way(self)
        self._way.start()

    def connect(self) -> Duplex:
        """A new connection to the Engine. Raises EngineUnavailable."""
        import requests.exceptions
        import urllib3.exceptions

        try:
            return self.client.connect() if isinstance(self.client, Builder) else duplex.connect(self.client)
        except (OSError, requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
            what = self.client.address if isinstance(self.client, Builder) else t("The Docker Engine")
            raise EngineUnavailable(t("{what} cannot be reached: {reason}.", what=what, reason=reason), t(GONE_HINT)) from error

    def emit(self, events: Iterable[Event]) -> None:
        """Hand events to the caller."""
        for event in events:
            if isinstance(event, Vertex) and event.error and not _CANCELED.search(event.error):
                self._failed = event
            self.items.put(event)

    def hold(self) -> bool:
        """Whether the caller has enough events for now, so that no more should be read."""
        self._held = self._held or self.items.qsize() > MANY
        return self._held

    def end(self, outcome: BuildResult | BaseException) -> None:
        """The build is over."""
        self._ended.set()
        self.items.put(End(outcome))
        self.loop.stop()

    def failure(self, message: str, *, line: int = 0) -> BuildFailed:
        """The Engine's error, with what we know of it: the step, its exit code, what kept us from sending."""
        found = _EXIT_CODE.findall(message)
        problems = t("; ").join(dict.fromkeys(self.session.problems))
        return BuildFailed(
            message, t("On this side: {problems}.", problems=problems) if problems else "", line=line,
            instruction=_PREFIX.sub("", self._failed.name) if self._failed else "",
            exit_code=int(found[-1]) if found else None,
        )

    def stuck(self) -> None:
        """The Engine repeats itself without end."""
        self.end(EngineAPIError(t(STUCK_MESSAGE), t(STUCK_HINT)))

    def session_closed(self, reason: str) -> None:
        """Not the end: a build that needs nothing more of it goes on, and one that does fails with the Engine's words."""
        self.session.problems.append(t("the session ended ({reason})", reason=reason))

    # -- called by the caller's thread ------------------------------------------------------------------------------

    def cancel(self, limit: float) -> None:
        """End the build in the Engine; returns when that is done, or after ``limit`` seconds."""
        self.loop.call(lambda: self._way.cancel(self._ended.set))
        self._ended.wait(limit)

    def resume(self) -> None:
        """An item was taken: read on, where reading was held."""
        if self._held and self.items.qsize() < MANY // 2:
            self._held = False
            self.loop.call(lambda: self._way.resume())

    # -- for the session's services ---------------------------------------------------------------------------------

    def _defer(self, job: Job) -> None:
        self.loop.in_thread(job.run, job.settle)

    def _dial(self, sock: socket.socket, wire: Wire) -> None:
        self.loop.add(PlainSocket(sock), wire)
