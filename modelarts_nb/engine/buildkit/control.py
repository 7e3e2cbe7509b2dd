"""Building through BuildKit's own API, gRPC service ``moby.buildkit.v1.Control``: one connection carries everything.

In a Docker Engine it stands behind ``POST /grpc`` (20.10 and newer), in a stand-alone buildkitd at once. The session's
connection becomes a stream of it (``Session``); ``Solve`` builds, ``Status`` tells how it goes. Field numbers and
attributes: moby/buildkit, api/services/control/control.proto, and the reference of its Dockerfile frontend. Unlike
``POST /build``, an error names the file and the lines (Engine 23 and newer).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable

from ...errors import EngineAPIError, EngineUnavailable
from ...messages import t
from . import grpc, http2, progress
from .builder import Builder
from .engineapi import EngineApi, sentence
from .grpc import Client, ClientCall, StatusError, framed
from .http2 import Buffer
from .protobuf import Message, WireError, data, mapping, present, strings
from .request import BuildResult, LocalFolder, SessionBuild, TarFile
from .run import GONE_HINT, Run, went_away
from .session import Session
from .wires import Direct, Upgraded, head

SERVICE = "/moby.buildkit.v1.Control"
LAST_WORDS = 1.0  # seconds that the progress may take to end after the build has
TUNNEL = 128 << 10  # bytes of the session in one message
_SOURCE = "github.com/moby/buildkit/errdefs.Source+json"


class Control:
    """A ``run.Way``."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._peer = Client()
        self._ref = secrets.token_hex(16)
        self._outcome: StatusError | None = None
        self._result: BuildResult | None = None
        self._status = _Status(data(1, self._ref), run, self._hold, self._over)
        self._status_stream: http2.Stream | None = None

    def start(self) -> None:
        """Connect; the calls follow when the connection speaks gRPC."""
        run = self._run
        if isinstance(run.client, Builder):
            run.loop.add(run.connect(), Direct(self._peer, self._closed))
            self._opened()
            return
        request = head(run.client, "/grpc", [], [("Connection", "Upgrade"), ("Upgrade", "h2c")])
        run.loop.add(run.connect(), Upgraded(request, self._peer, self._opened, self._refused, self._closed))

    def cancel(self, done: Callable[[], None]) -> None:
        """Closing the connection is all that it takes, and that comes next."""
        done()

    def _hold(self) -> None:
        if self._status_stream is not None:
            self._peer.connection.hold(self._status_stream)

    def resume(self) -> None:
        """The caller takes events again."""
        if self._status_stream is not None:
            self._peer.connection.release(self._status_stream)

    def _opened(self) -> None:
        run, session = self._run, self._run.session
        metadata = [(name.lower().encode(), value.encode("utf-8", "surrogateescape")) for name, value in session.headers()]
        self._peer.start(f"{SERVICE}/Session", _Tunnel(session, run.session_closed), metadata)
        request = solve_request(run.request, session, self._ref, standalone=isinstance(run.client, Builder))
        self._peer.start(f"{SERVICE}/Solve", _Solve(request, self._solved))
        self._status_stream = self._peer.start(f"{SERVICE}/Status", self._status)

    def _refused(self, status: int, text: str) -> None:
        if not status:
            self._run.end(went_away(text))
        elif status in (400, 404, 405, 501):
            self._run.go(EngineApi)  # no such address there: the other way in says more
        else:
            self._run.end(EngineAPIError(t("The Engine does not build: {reason}", reason=sentence(text)), status=status))

    def _closed(self, reason: str) -> None:
        if self._outcome is not None:
            self._over()
        else:
            text = t("BuildKit went away during the build: {reason}.", reason=reason)
            self._run.end(EngineUnavailable(text, t(GONE_HINT)))

    def _solved(self, outcome: StatusError, response: dict[str, str]) -> None:
        self._outcome = outcome
        self._result = BuildResult(response.get("containerimage.digest", ""), response)
        if self._status.over:
            self._over()
        else:
            self._run.loop.later(LAST_WORDS, self._over)

    def _over(self) -> None:
        """The end, once both the build and its progress have come to theirs."""
        if self._outcome is None or self._result is None:
            return
        outcome, result, self._result = self._outcome, self._result, None
        if outcome.code == grpc.OK and not result.image_id and self._run.request.output is None:
            self._run.end(EngineAPIError(t("BuildKit ended the build without an image.")))
        elif outcome.code == grpc.OK:
            self._run.end(result)
        elif outcome.code == grpc.UNIMPLEMENTED:
            self._run.end(EngineAPIError(t("BuildKit does not build: {reason}", reason=outcome.message)))
        else:
            self._run.end(self._run.failure(outcome.message, line=failing_line(outcome.details)))


class _Solve(ClientCall):
    """The build. ``done`` gets its outcome and what the exporter said."""

    def __init__(self, request: bytes, done: Callable[[StatusError, dict[str, str]], None]) -> None:
        super().__init__(request)
        self._done = done
        self._response: dict[str, str] = {}

    def received(self, message: bytes) -> None:
        try:
            self._response = Message(message).texts_by_key(1)
        except WireError:
            self._response = {}  # then the build has no id, which is said where one is needed

    def completed(self, outcome: StatusError) -> None:
        self._done(outcome, self._response)


class _Status(ClientCall):
    """The progress of the build."""

    def __init__(self, request: bytes, run: Run, hold: Callable[[], None], done: Callable[[], None]) -> None:
        super().__init__(request)
        self._run = run
        self._reports = progress.Reports()
        self._hold = hold
        self._done = done
        self.over = False

    def received(self, message: bytes) -> None:
        try:
            self._run.emit(self._reports.read(message))
        except WireError as error:
            self._run.session.problems.append(t("a piece of the progress cannot be read: {error}", error=error))
        if self._reports.stuck:
            self._run.stuck()
        elif self._run.hold():
            self._hold()

    def completed(self, outcome: StatusError) -> None:
        self.over = True
        self._done()


class _Tunnel(ClientCall):
    """The session's connection as a stream of messages ``{data=1}``."""

    def __init__(self, session: Session, closed: Callable[[str], None]) -> None:
        super().__init__()
        self._server = session.server
        self._closed = closed
        self._server.connection.woken = lambda: self.wake()

    def received(self, message: bytes) -> None:
        try:
            self._server.feed(Message(message).bytes(1))
        except (http2.ProtocolError, WireError) as error:
            self._closed(t("the Engine broke the protocol: {error}", error=error))
            self.finish()
        self.wake()

    def batch(self) -> list[Buffer] | None:
        buffers = self._server.pull(TUNNEL)
        return [framed(data(1, b"".join(buffers)))] if buffers else None

    def completed(self, outcome: StatusError) -> None:
        self.dropped(outcome.message)

    def dropped(self, reason: str) -> None:
        self._server.connection.woken = lambda: None
        self._server.lost(reason)
        self._closed(reason)


def solve_request(request: SessionBuild, session: Session, ref: str, *, standalone: bool) -> bytes:
    """``SolveRequest``. The exporter is said in the old form too, which Engine 20.10 needs."""
    exporter, attributes = _exporter(request, standalone=standalone)
    entitlements = ["network.host"] if request.network == "host" else []
    return (
        data(1, ref) + data(3, exporter) + mapping(4, attributes) + data(5, session.id) + data(6, "dockerfile.v0")
        + mapping(7, frontend_attributes(request, session)) + _cache(request) + strings(9, entitlements)
        + present(13, data(1, exporter) + mapping(2, attributes))
    )


def _cache(request: SessionBuild) -> bytes:
    """``CacheOptions`` of an image that carries its own cache, which the Engine's API asks for by this build argument too."""
    wanted = request.build_args.get("BUILDKIT_INLINE_CACHE", "").lower() in ("1", "t", "true")
    return present(8, present(4, data(1, "inline"))) if wanted and request.output is None else b""


def frontend_attributes(request: SessionBuild, session: Session) -> dict[str, str]:
    """The build's options as the Dockerfile frontend names them."""
    attributes = {"filename": session.dockerfile, "image-resolve-mode": "pull" if request.pull else "default"}
    attributes |= {f"build-arg:{name}": value for name, value in request.build_args.items()}
    attributes |= {f"label:{name}": value for name, value in request.labels.items()}
    if request.no_cache:
        attributes["no-cache"] = ""
    imports = [{"Type": "registry", "Attrs": {"ref": reference}} for reference in request.cache_from]
    optional = {
        "target": request.target, "platform": request.platform,
        "force-network-mode": "" if request.network == "default" else request.network,
        "add-hosts": ",".join(f"{name}={address}" for name, address in request.add_hosts.items()),
        "cache-imports": json.dumps(imports) if imports else "",
    }
    return attributes | {name: value for name, value in optional.items() if value}


def _exporter(request: SessionBuild, *, standalone: bool) -> tuple[str, dict[str, str]]:
    match request.output:
        case LocalFolder():
            return "local", {}
        case TarFile():
            return "tar", {}
    names = ",".join(tag if ":" in tag.rpartition("/")[2] else f"{tag}:latest" for tag in request.tags)
    attributes = {"name": names} if names else {}
    if standalone:
        # never an index with attestations, nor an OCI manifest: SWR takes neither
        return "image", attributes | {"oci-mediatypes": "false"} | ({"push": "true"} if request.push else {})
    return "moby", attributes


def failing_line(details: bytes) -> int:
    """The first line of the failing instruction, from a status's details (``google.rpc.Status{details=3}``); 0: unknown."""
    try:
        for detail in Message(details).messages(3):
            if detail.text(1).endswith(_SOURCE):
                ranges = json.loads(detail.bytes(2)).get("ranges") or []
                if ranges:
                    return int(ranges[0]["start"]["line"])
    except (WireError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return 0  # the message says what failed also without its place
    return 0
