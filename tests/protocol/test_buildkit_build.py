"""Whole builds against an Engine made of sockets and scripts, which does everything that a real one should not."""

import base64
import contextlib
import itertools
import json
import socket
import threading
import time
from urllib.parse import parse_qsl, urlsplit

import docker
import pytest

from modelarts_nb.engine.buildkit import Builder, BuildResult, LocalFolder, SessionBuild, build, control, grpc
from modelarts_nb.engine.buildkit.control import Control
from modelarts_nb.engine.buildkit.grpc import Call, Server, StatusError, Unary, framed
from modelarts_nb.engine.buildkit.protobuf import Message, data, mapping
from modelarts_nb.errors import BuildFailed, EngineAPIError, EngineUnavailable, SettingsError
from modelarts_nb.events import Vertex, VertexLog

from .wire import GOOGLE

UPGRADED = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
OK = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
REQUEST = SessionBuild(dockerfile=b"FROM x")


def chunk(content):
    return b"%x\r\n%s\r\n" % (len(content), content)


def line(**message):
    return chunk(json.dumps(message).encode() + b"\r\n")


def trace(**fields):
    return line(id="moby.buildkit.trace", aux=base64.b64encode(GOOGLE["StatusResponse"](**fields).SerializeToString()).decode())


VERTEX = trace(vertexes=[GOOGLE["Vertex"](digest="d", name="[2/2] RUN x", error="exit code: 3")])
IMAGE = line(id="moby.image.id", aux={"ID": "sha256:abc"})
END = b"0\r\n\r\n"
GOOD = OK + trace(vertexes=[GOOGLE["Vertex"](digest="d", name="[1/1] FROM x")]) + IMAGE + END


class FakeEngine:
    """``routes``: path to what a connection gets after its request: bytes, then closed; or a function of the socket.

    ``hold``: paths whose connections stay open and silent afterwards.
    """

    def __init__(self, folder, routes, hold=()):
        self.routes, self.hold, self.heads = routes, hold, []
        self._listener = socket.socket(socket.AF_UNIX)
        self.path = str(folder / "e.sock")
        self._listener.bind(self.path)
        self._listener.listen(64)
        self._threads = [threading.Thread(target=self._accept, name="fake")]
        self._threads[0].start()
        self._closing = threading.Event()
        self.client = docker.APIClient(f"unix://{self.path}", version="1.41")

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                connection.settimeout(30)
                thread = threading.Thread(target=self._serve, args=(connection,), name="fake")
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                piece = connection.recv(65536)
                if not piece:
                    return
                head += piece
            self.heads.append(head.decode())
            path = head.split()[1].decode().partition("?")[0].removeprefix("/v1.41")
            route = self.routes.get(path, b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope")
            if callable(route):
                route(connection)
            else:
                connection.sendall(route)
            if path in self.hold:
                while not self._closing.is_set() and connection.recv(65536):
                    pass

    def close(self):
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)
        self.client.close()


@pytest.fixture
def engine(tmp_path):
    engines = []

    def start(routes, hold=("/session",)):
        folder = tmp_path / str(len(engines))
        folder.mkdir()
        engines.append(FakeEngine(folder, routes, hold))
        return engines[-1]

    before = set(threading.enumerate())
    yield start
    ours = [t for t in threading.enumerate() if t not in before and t.name.startswith("modelarts_nb")]
    for thread in ours:
        thread.join(3)
    assert not [t for t in ours if t.is_alive()]
    for each in engines:
        each.close()


def run(client, request=REQUEST, way=None):
    events = []
    building = build(client, request, way)
    try:
        while True:
            event = next(building)
            if event is not None:
                events.append(event)
    except StopIteration as stop:
        return stop.value, events


def test_a_build_is_told_and_its_image_returned(engine):
    fake = engine({"/session": UPGRADED + HELLO, "/build": GOOD})
    result, events = run(fake.client, SessionBuild(
        dockerfile=b"FROM x", tags=("a:1", "b:2"), build_args={"A": "ü"}, target="t", platform="linux/arm64", network="host",
        no_cache=True, pull=True, labels={"l": "1"}, add_hosts={"h": "1.2.3.4"}, cache_from=("c:1",),
    ))
    assert result == BuildResult("sha256:abc")
    assert events == [Vertex("d", "[1/1] FROM x")]
    session, asked = fake.heads
    query = parse_qsl(urlsplit(asked.split()[1]).query)
    assert {("t", "a:1"), ("t", "b:2"), ("buildargs", json.dumps({"A": "ü"})), ("target", "t"), ("platform", "linux/arm64"),
            ("networkmode", "host"), ("nocache", "1"), ("pull", "1"), ("labels", '{"l": "1"}'), ("extrahosts", "h:1.2.3.4"),
            ("cachefrom", '["c:1"]'), ("version", "2"), ("remote", "client-session")} <= set(query)
    uuid = next(h.partition(": ")[2] for h in session.split("\r\n") if h.startswith("X-Docker-Expose-Session-Uuid"))
    assert dict(query)["session"] == uuid
    assert session.count("X-Docker-Expose-Session-Grpc-Method: /") >= 4


@pytest.mark.parametrize(("answer", "kind", "words"), [
    (b"", EngineUnavailable, "went away"),
    (b"SSH-2.0\r\n\r\n", EngineUnavailable, "went away"),
    (b"HTTP/1.1 500 Oops\r\nContent-Length: 17\r\n\r\n" + b'{"message":"sad"}', EngineAPIError, "sad"),
    (b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope", EngineAPIError, "nope"),
    (b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\nwho are you", EngineAPIError, "who are you"),
])
def test_a_session_that_is_refused_says_by_whom_and_why(engine, answer, kind, words):
    fake = engine({"/session": answer}, hold=())
    with pytest.raises(kind, match=words) as caught:
        run(fake.client)
    if kind is EngineAPIError:
        assert caught.value.status in (500, 404, 403)


@pytest.mark.parametrize(("answer", "kind", "words"), [
    (b"HTTP/1.1 400 Bad\r\nContent-Length: 21\r\n\r\n" + b'{"message":"bad name"}'[:21], EngineAPIError, "bad name"),
    (b"", EngineUnavailable, "went away during the build"),
    (OK, EngineUnavailable, "went away during the build"),
    (OK + VERTEX + b"5\r\nab", EngineUnavailable, "went away during the build"),
    (OK + b"zz\r\n", EngineUnavailable, "size"),
    (OK + line(errorDetail={"message": "the whole story"}, error="short") + END, BuildFailed, "the whole story"),
    (OK + line(error="x exit code: 42") + END, BuildFailed, "exit code: 42"),
    (OK + line(error="said before it went") + b"5\r\n", BuildFailed, "said before it went"),
    (OK + chunk(b"not json\n") + IMAGE + END, BuildFailed, "cannot be read"),
    (OK + line(id="moby.buildkit.trace", aux="####") + END, BuildFailed, "cannot be read"),
    (OK + line(id="moby.buildkit.trace", aux=None) + END, BuildFailed, "cannot be read"),
    (OK + line(id="moby.image.id", aux=[]) + END, BuildFailed, "cannot be read"),
    (OK + chunk(b"[" * 100_000 + b"\n") + END, BuildFailed, "cannot be read"),
    (OK + chunk(b"[1]\n") + END, BuildFailed, "cannot be read"),
    (OK + END, EngineAPIError, "without an image"),
])
def test_an_answer_that_is_none_is_the_right_error(engine, answer, kind, words):
    fake = engine({"/session": UPGRADED + HELLO, "/build": answer})
    with pytest.raises(kind, match=words):
        run(fake.client)


def test_a_progress_that_repeats_itself_without_end_ends(engine):
    endless = itertools.repeat(line(id="moby.buildkit.trace", aux="") * 50)

    def flood(connection):
        connection.sendall(OK)
        for piece in endless:  # until the client has closed
            connection.sendall(piece)

    fake = engine({"/session": UPGRADED + HELLO, "/build": flood, "/build/cancel": b"HTTP/1.1 204 No Content\r\n\r\n"})
    with pytest.raises(EngineAPIError, match="never ends"):
        run(fake.client)


def test_a_failure_names_its_step_and_exit_code(engine):
    fake = engine({"/session": UPGRADED + HELLO, "/build": OK + VERTEX + line(error="process: exit code: 3") + END})
    with pytest.raises(BuildFailed) as caught:
        run(fake.client)
    assert (caught.value.instruction, caught.value.exit_code) == ("RUN x", 3)


@pytest.mark.parametrize("session", [
    UPGRADED, UPGRADED + HELLO[:5], UPGRADED + b"GET / HTTP/1.1\r\n\r\n" * 10, UPGRADED + HELLO + b"\xff" * 50,
])
def test_a_session_that_breaks_does_not_hide_what_the_build_says(engine, session):
    fake = engine({"/session": session, "/build": OK + line(error="no local sources") + END}, hold=())
    with pytest.raises(BuildFailed, match="no local sources"):
        run(fake.client)
    fake = engine({"/session": session, "/build": GOOD}, hold=())
    assert run(fake.client)[0].image_id == "sha256:abc"


def test_an_engine_cut_off_at_any_byte_is_an_error_and_never_a_wait(engine):
    whole = UPGRADED + HELLO
    for end in range(0, len(whole), 5):
        fake = engine({"/session": whole[:end], "/build": OK}, hold=())
        with pytest.raises(EngineUnavailable):
            run(fake.client)
    for end in range(0, len(GOOD) - len(END), 23):
        fake = engine({"/session": whole, "/build": GOOD[:end]})
        with pytest.raises(EngineUnavailable):
            run(fake.client)


@pytest.mark.parametrize("silent", ["/session", "/build", "/build/cancel"])
def test_a_silent_engine_is_waited_for_until_it_is_cancelled(engine, silent):
    routes = {"/session": UPGRADED + HELLO, "/build": OK + VERTEX, "/build/cancel": b"HTTP/1.1 204 No Content\r\n\r\n"}
    routes[silent] = b""
    fake = engine(routes, hold=tuple(routes))
    building = build(fake.client, REQUEST)
    for event in itertools.islice(building, 6):  # silence is told by None, again and again
        assert event is None or isinstance(event, Vertex)
    building.close()


def test_an_engine_that_floods_is_read_only_as_fast_as_events_are_taken(engine):
    sent = []

    def flood(connection):
        connection.sendall(OK)
        piece = trace(logs=[GOOGLE["VertexLog"](vertex="d", msg=b"x" * 100)]) * 100
        for _ in range(2000):
            connection.sendall(piece)
            sent.append(100)
        connection.sendall(IMAGE + END)

    fake = engine({"/session": UPGRADED + HELLO, "/build": flood})
    building = build(fake.client, REQUEST)
    assert isinstance(next(e for e in building if e), VertexLog)
    time.sleep(1)  # the pause under test: nobody takes anything
    assert sum(sent) < 100_000
    assert sum(isinstance(event, VertexLog) for event in building) == 200_000 - 1


# -- the other way in ---------------------------------------------------------------------------------------------------


class Status(Call):
    """Progress in two pieces, then its end."""

    def __init__(self, code=grpc.OK):
        super().__init__()
        self.status = code, ""
        vertex = GOOGLE["Vertex"](digest="d", name="[2/3] RUN x", error="exit code: 3")
        logs = [GOOGLE["VertexLog"](vertex="d", msg=b"out")]
        self._pieces = [GOOGLE["StatusResponse"](vertexes=[vertex]), GOOGLE["StatusResponse"](logs=logs)]

    def batch(self):
        return [framed(self._pieces.pop(0).SerializeToString())] if self._pieces else None


class Silent(Call):
    pass


class BuildKit:
    """A Control service out of this project's own server half; ``solve`` answers the request."""

    def __init__(self, solve, status=Status, session=Silent):
        self.requests, self.sessions = [], []

        def solve_and_keep(raw):
            self.requests.append(raw)
            return solve(raw)

        def open_session(metadata):
            self.sessions.append(metadata)
            return session()

        self._methods = {
            f"{control.SERVICE}/Solve": lambda _: Unary(solve_and_keep), f"{control.SERVICE}/Status": lambda _: status(),
            f"{control.SERVICE}/Session": open_session,
        }

    def upgraded(self, connection):
        connection.sendall(b"HTTP/1.1 101 UPGRADED\r\n\r\n")
        self.serve(connection)

    def serve(self, connection):
        server = Server(self._methods)
        while True:
            while buffers := server.pull():
                connection.sendall(b"".join(buffers))
            piece = connection.recv(65536)
            if not piece:
                return
            server.feed(piece)


def solved(raw):
    return mapping(1, {"containerimage.digest": "sha256:def"})


def test_the_control_api_builds_with_every_option(engine):
    kit = BuildKit(solved)
    fake = engine({"/grpc": kit.upgraded})
    result, events = run(fake.client, SessionBuild(
        dockerfile=b"FROM x", tags=("a", "host:5000/b:2"), build_args={"A": "ü"}, target="t", platform="linux/arm64",
        network="host", no_cache=True, pull=True, labels={"l": "1"}, add_hosts={"h": "1.2.3.4", "i": "::1"},
        cache_from=("c:1",), secrets={"s": b"x"},
    ), Control)
    assert result == BuildResult("sha256:def", {"containerimage.digest": "sha256:def"})
    assert [type(e) for e in events] == [Vertex, VertexLog]
    request = GOOGLE["SolveRequest"].FromString(kit.requests[0])
    attributes = {entry.key: entry.value.decode() for entry in request.FrontendAttrs}
    assert attributes == {
        "filename": "Dockerfile", "image-resolve-mode": "pull", "build-arg:A": "ü", "label:l": "1", "no-cache": "",
        "target": "t", "platform": "linux/arm64", "force-network-mode": "host", "add-hosts": "h=1.2.3.4,i=::1",
        "cache-imports": '[{"Type": "registry", "Attrs": {"ref": "c:1"}}]',
    }
    assert list(request.Entitlements) == ["network.host"]
    assert request.Exporters[0].Type == request.ExporterDeprecated == "moby"
    assert request.Exporters[0].Attrs[0].value == b"a:latest,host:5000/b:2"
    assert request.Session == kit.sessions[0].first("x-docker-expose-session-uuid")
    assert "/moby.buildkit.secrets.v1.Secrets/GetSecret" in kit.sessions[0].all("x-docker-expose-session-grpc-method")


def fail(raw):
    raise StatusError(grpc.UNKNOWN, 'process "/bin/sh -c x" did not complete successfully: exit code: 3')


@pytest.mark.parametrize(("solve", "kind", "words"), [
    (fail, BuildFailed, "exit code: 3"),
    (lambda raw: b"\xff", EngineAPIError, "without an image"),
    (lambda raw: b"", EngineAPIError, "without an image"),
])
def test_what_solve_says_is_the_outcome(engine, solve, kind, words):
    fake = engine({"/grpc": BuildKit(solve).upgraded})
    with pytest.raises(kind, match=words) as caught:
        run(fake.client, way=Control)
    if kind is BuildFailed:
        assert (caught.value.exit_code, caught.value.instruction) == (3, "RUN x")


def test_progress_that_never_ends_does_not_keep_a_build_that_has(engine):
    class Stuck(Status):
        def __init__(self):
            super().__init__()
            self.status = None

    fake = engine({"/grpc": BuildKit(solved, status=Stuck).upgraded})
    assert run(fake.client, way=Control)[0].image_id == "sha256:def"


def test_without_that_address_the_engines_own_api_is_used(engine):
    fake = engine({"/session": UPGRADED + HELLO, "/build": GOOD})
    assert run(fake.client, way=Control)[0].image_id == "sha256:abc"


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 101 UPGRADED\r\n\r\n", b"HTTP/1.1 101 UPGRADED\r\n\r\nnot HTTP/2 at all"])
def test_a_control_connection_that_breaks_is_engine_unavailable(engine, answer):
    fake = engine({"/grpc": answer}, hold=())
    with pytest.raises(EngineUnavailable):
        run(fake.client, way=Control)


def test_a_session_inside_the_control_connection_is_served(engine):
    """The Engine's side of the tunnel asks for the Dockerfile through it, a few bytes a message."""
    asked, jobs = [], []

    class Inner(Call):
        def __init__(self):
            super().__init__()
            self.client = grpc.Client()
            self.client.start("/moby.filesync.v1.FileSync/DiffCopy", Received(), [(b"dir-name", b"dockerfile")])

        def received(self, message):
            self.client.feed(Message(message).bytes(1))
            self.wake()

        def batch(self):
            raw = b"".join(self.client.pull())
            return [b"".join(framed(data(1, raw[i : i + 50])) for i in range(0, len(raw), 50))] if raw else None

    class Received(grpc.ClientCall):
        def received(self, message):
            asked.append(GOOGLE["Packet"].FromString(message))
            if not asked[-1].HasField("stat"):  # the end of the list: now the build may end
                jobs[0].run()
                jobs[0].settle()

    kit = BuildKit(solved, session=Inner)
    kit._methods[f"{control.SERVICE}/Solve"] = lambda _: Unary(solved, jobs.append)
    fake = engine({"/grpc": kit.upgraded})
    assert run(fake.client, way=Control)[0].image_id == "sha256:def"
    assert [p.stat.path for p in asked] == [b"Dockerfile", b""]


@pytest.mark.parametrize("scheme", ["unix", "tcp"])
def test_a_stand_alone_builder_is_spoken_to_at_once(tmp_path, scheme):
    kit = BuildKit(solved)
    listener = socket.socket(socket.AF_UNIX if scheme == "unix" else socket.AF_INET)
    listener.bind(str(tmp_path / "b.sock") if scheme == "unix" else ("127.0.0.1", 0))
    listener.listen()
    address = f"unix://{tmp_path}/b.sock" if scheme == "unix" else f"tcp://127.0.0.1:{listener.getsockname()[1]}"

    def serve():
        connection, _ = listener.accept()
        with connection:
            kit.serve(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    result, _ = run(Builder(address), SessionBuild(dockerfile=b"FROM x", tags=("r/x",), push=True))
    thread.join(5)
    listener.close()
    assert result.image_id == "sha256:def"
    request = GOOGLE["SolveRequest"].FromString(kit.requests[0])
    assert request.Exporters[0].Type == "image"
    exporter = {e.key: e.value for e in request.Exporters[0].Attrs}
    assert exporter == {"name": b"r/x:latest", "oci-mediatypes": b"false", "push": b"true"}


def test_an_output_is_asked_for_in_both_ways(engine, tmp_path):
    request = SessionBuild(dockerfile=b"FROM x", output=LocalFolder(tmp_path / "out"))
    kit = BuildKit(lambda raw: b"")
    fake = engine({"/grpc": kit.upgraded, "/session": UPGRADED + HELLO, "/build": OK + END})
    assert run(fake.client, request, Control)[0].image_id == ""
    assert GOOGLE["SolveRequest"].FromString(kit.requests[0]).Exporters[0].Type == "local"
    assert run(fake.client, request)[0].image_id == ""
    assert "outputs=%5B%7B%22Type%22%3A+%22local%22" in fake.heads[-1]


@pytest.mark.parametrize("address", ["http://x:1", "tcp://x", "unix://", "x"])
def test_an_address_of_another_kind_is_a_settings_error(address):
    with pytest.raises(SettingsError, match="no builder's address"):
        run(Builder(address))


def test_a_builder_that_is_not_there_is_unavailable(tmp_path):
    with pytest.raises(EngineUnavailable, match=r"none\.sock cannot be reached: No such file"):
        run(Builder(f"unix://{tmp_path}/none.sock"))


def test_an_errors_details_name_the_failing_line():
    source = {"info": {"filename": "Dockerfile"}, "ranges": [{"start": {"line": 3}, "end": {"line": 5}}]}

    def details(kind, value):
        return data(1, "x") + data(3, data(1, kind) + data(2, json.dumps(value)))

    assert control.failing_line(details("github.com/moby/buildkit/errdefs.Source+json", source)) == 3
    assert control.failing_line(details("github.com/moby/buildkit/errdefs.Vertex+json", source)) == 0
    for broken in ({}, [], None, {"ranges": [{}]}, {"ranges": [{"start": {"line": "x"}}]}):
        assert control.failing_line(details("github.com/moby/buildkit/errdefs.Source+json", broken)) == 0
    assert control.failing_line(b"\xff") == 0
