"""Building through the Engine's own API: the session on one connection, ``POST /build`` on another.

The calls and their parameters: docs.docker.com/reference/api/engine (ImageBuild, Session, BuildCancel) and, for what it
leaves out (``version=2``, ``remote=client-session``), docker/cli's image/build_buildkit.go.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from collections.abc import Callable

from ...errors import EngineAPIError, EngineError, EngineUnavailable
from ...events import Event
from ...messages import t
from . import progress
from .protobuf import WireError
from .request import BuildResult, LocalFolder, SessionBuild, TarFile
from .run import GONE_HINT, Run, went_away
from .session import Session
from .wires import Answered, Upgraded, head

MAX_LINE = 64 << 20  # bytes of one line of the Engine's answer


class EngineApi:
    """A ``run.Way``."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._id = secrets.token_hex(32)
        self._answer = Answer()

    def start(self) -> None:
        """Open the session; the build is asked for when it stands."""
        run = self._run
        upgrade = [("Connection", "Upgrade"), ("Upgrade", "h2c"), *run.session.headers()]
        wire = Upgraded(
            head(run.client, "/session", [], upgrade), run.session.server, self._opened, self._refused, run.session_closed
        )
        run.loop.add(run.connect(), wire)

    def cancel(self, done: Callable[[], None]) -> None:
        """Ask the Engine to end the build, and wait for its answer."""
        run = self._run
        request = head(run.client, "/build/cancel", [("id", self._id)], [("Connection", "close")])
        try:
            run.loop.add(run.connect(), Answered(request, lambda *_: None, lambda *_: done()))
        except EngineError:  # gone: then there is nothing to cancel
            done()

    def resume(self) -> None:
        """Nothing to do: reading goes on by itself."""

    def _opened(self) -> None:
        run = self._run
        request = head(run.client, "/build", query(run.request, run.session, self._id), [("Connection", "close")])
        run.loop.add(run.connect(), Answered(request, self._read, self._answered, run.hold))

    def _refused(self, status: int, text: str) -> None:
        if not status:
            self._run.end(went_away(text))
            return
        hint = t("It needs BuildKit: Docker Engine 20.10 or newer.") if status in (400, 404, 405, 501) else ""
        message = t("The Engine opens no build session: {reason}", reason=sentence(text))
        self._run.end(EngineAPIError(message, hint, status=status))

    def _read(self, status: int, data: bytes) -> None:
        self._run.emit(self._answer.feed(status, data))
        if self._answer.reports.stuck:
            self._run.stuck()

    def _answered(self, status: int, reason: str) -> None:
        answer = self._answer
        if answer.error:
            self._run.end(self._run.failure(answer.error))
        elif not status or reason:
            text = t("The Docker Engine went away during the build: {reason}.", reason=reason)
            self._run.end(EngineUnavailable(text, t(GONE_HINT)))
        elif status >= 400:
            text = t("The Engine does not build: {reason}", reason=answer.refusal)
            self._run.end(EngineAPIError(text, status=status))
        elif not answer.image_id and self._run.request.output is None:
            self._run.end(EngineAPIError(t("The Engine ended the build without an image."), status=status))
        else:
            self._run.end(BuildResult(answer.image_id))


class Answer:
    """The Engine's answer: lines of JSON, out of pieces of any size."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self.reports = progress.Reports()
        self.image_id = ""
        self.error = ""
        self.refusal = ""

    def feed(self, status: int, data: bytes) -> list[Event]:
        """The events of the lines that are complete now."""
        begin = len(self._rest)
        self._rest += data
        if len(self._rest) > MAX_LINE:
            self._rest.clear()
            self.error = self.error or t("the Engine's answer has a line of more than 64 MiB")
        if status >= 400:
            self.refusal = sentence(self._rest.decode("utf-8", "replace"))
            return []
        events: list[Event] = []
        end = self._rest.rfind(b"\n", begin)
        if end >= 0:
            for line in bytes(self._rest[:end]).split(b"\n"):
                if line.strip():
                    self._line(line, events)
            del self._rest[: end + 1]
        return events

    def _line(self, line: bytes, events: list[Event]) -> None:
        try:
            message = json.loads(line)
            kind, aux = message.get("id"), message.get("aux")
            if kind == "moby.buildkit.trace":
                events.extend(self.reports.read(base64.b64decode(aux, validate=True)))
            elif kind == "moby.image.id":
                self.image_id = str(aux["ID"])
            elif message.get("error"):
                self.error = str((message.get("errorDetail") or {}).get("message") or message["error"])
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, binascii.Error, WireError) as error:
            self.error = self.error or t("a line of the Engine's answer cannot be read: {error}", error=error)


def sentence(text: str) -> str:
    """The sentence in the Engine's ``{"message": …}``, or the text as it is."""
    try:
        return str(json.loads(text)["message"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return text.strip()[:1000]


def query(request: SessionBuild, session: Session, build_id: str) -> list[tuple[str, str]]:
    """The parameters of POST /build; those that are not asked for are left to the Engine."""
    pairs = [
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
        "outputs": _output(request),
    }
    return pairs + [(name, value) for name, value in values.items() if value]


def _output(request: SessionBuild) -> str:
    match request.output:
        case LocalFolder():
            return json.dumps([{"Type": "local", "Attrs": {"dest": "."}}])
        case TarFile():
            return json.dumps([{"Type": "tar", "Attrs": {}}])
    return ""
