"""What the Engine may ask for besides files: health, secrets, logins, the ssh agent."""

import contextlib
import socket
import threading

import pytest

from modelarts_nb.engine.buildkit import grpc, services, sshagent
from modelarts_nb.engine.buildkit.grpc import Server
from modelarts_nb.engine.buildkit.request import FromEnv
from modelarts_nb.engine.buildkit.sshagent import ForwardedAgent

from .peers import EnginePeer
from .wire import GOOGLE

GET_SECRET = "/moby.buildkit.secrets.v1.Secrets/GetSecret"
CREDENTIALS = "/moby.filesync.v1.Auth/Credentials"
FORWARD = "/moby.sshforward.v1.SSH/ForwardAgent"
CHECK = "/moby.sshforward.v1.SSH/CheckAgent"


def text(value):
    """A message whose field 1 is a string, and one whose field 1 is bytes: the same on the wire."""
    return GOOGLE["Vertex"](digest=value).SerializeToString()


def call(methods, path, message, **options):
    peer = EnginePeer(Server(methods))
    return peer.answers[peer.call(path, message, **options)]


def test_health_is_serving():
    assert call(services.health(), "/grpc.health.v1.Health/Check", b"").messages == [b"\x08\x01"]


@pytest.mark.parametrize("kind", ["memory", "file", "environment"])
def test_a_secret_is_given_as_its_bytes(tmp_path, monkeypatch, kind):
    value = "geheim ünï".encode()
    (tmp_path / "f").write_bytes(value)
    monkeypatch.setenv("S", value.decode())
    source = {"memory": value, "file": tmp_path / "f", "environment": FromEnv("S")}[kind]
    answer = call(services.secrets({"id": source}), GET_SECRET, text("id"))
    assert answer.messages == [GOOGLE["Packet"](data=value).SerializeToString().replace(b"\x22", b"\x0a", 1)]


def test_an_unknown_secret_is_not_found_and_a_missing_file_is_said_without_a_value(tmp_path):
    assert call(services.secrets({}), GET_SECRET, text("id")).status == grpc.NOT_FOUND
    answer = call(services.secrets({"id": tmp_path / "gone"}), GET_SECRET, text("id"))
    assert answer.status == grpc.INVALID_ARGUMENT
    assert "The secret id cannot be read" in answer.message
    assert call(services.secrets({}), GET_SECRET, b"\xff").status == grpc.INVALID_ARGUMENT


def run_now(job):
    job.run()
    job.settle()


def test_credentials_are_those_of_the_host_and_nobodys_are_anonymous():
    known = {"registry:5000": ("user", "pässword"), "token": ("", "identity")}
    methods = services.auth(known.get, run_now)
    answer = call(methods, CREDENTIALS, text("registry:5000"))
    assert answer.messages == [b"\x0a\x04user\x12\x09" + "pässword".encode()]
    assert call(methods, CREDENTIALS, text("token")).messages == [b"\x12\x08identity"]
    assert call(methods, CREDENTIALS, text("other")).messages == [b""]


def test_a_store_that_fails_is_unavailable_and_keeps_its_words_to_itself():
    def broken(host):
        raise OSError("hunter2")

    answer = call(services.auth(broken, run_now), CREDENTIALS, text("h"))
    assert answer.status == grpc.UNAVAILABLE
    assert answer.message == "the credentials for h could not be read (OSError)"


# -- ssh ----------------------------------------------------------------------------------------------------------------


def message(kind, payload=b""):
    return (len(payload) + 1).to_bytes(4, "big") + bytes([kind]) + payload


class Agent:
    """An ssh agent that answers every request with its own bytes, and counts them."""

    def __init__(self, path):
        self.path, self.requests = path, []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection:
                    while data := connection.recv(65536):
                        self.requests.append(data)
                        connection.sendall(data)

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._listener.close()


class Forwarding:
    """A call of ForwardAgent; the agent's side is moved by hand instead of by the loop."""

    def __init__(self, agents):
        self.wires = []
        self.peer = EnginePeer(Server(sshagent.methods(agents, lambda sock, wire: self.wires.append((sock, wire)))))
        self.stream = self.peer.call(FORWARD, metadata=[(sshagent.ID, "default")], end=False)

    @property
    def answer(self):
        return self.peer.answers[self.stream]

    def say(self, data):
        self.peer.say(self.stream, b"\x0a" + GOOGLE["Packet"](data=data).SerializeToString()[1:])
        self.peer.pump()

    def move(self):
        """Carry what there is to the agent and back."""
        sock, wire = self.wires[0]
        outgoing = b"".join(wire.pull())
        if outgoing:
            sock.setblocking(True)
            sock.sendall(outgoing)
            wire.feed(sock.recv(65536))
        self.peer.pump()
        return outgoing

    @property
    def said(self):
        found = b""
        for raw in self.answer.messages:
            packet = GOOGLE["Packet"].FromString(b"\x22" + raw[1:]) if raw else GOOGLE["Packet"]()
            found += packet.data
        return found

    def close(self):
        for sock, _ in self.wires:
            sock.close()


@pytest.fixture
def agent(tmp_path):
    agent = Agent(tmp_path / "agent.sock")
    yield agent
    agent.close()


@pytest.fixture
def forwarding(agent):
    forwarding = Forwarding({"default": agent.path})
    yield forwarding
    forwarding.close()


LIST, SIGN, ADD, REMOVE_ALL = message(11), message(13, b"key and data"), message(17, b"x"), message(19)
FAILURE = message(5)


def test_listing_and_signing_pass_and_everything_else_is_refused_in_order(forwarding, agent):
    forwarding.say(LIST + ADD + SIGN[:7])
    forwarding.say(SIGN[7:] + REMOVE_ALL + LIST)
    while forwarding.move():
        pass
    assert agent.requests == [LIST, SIGN, LIST]
    assert forwarding.said == LIST + FAILURE + SIGN + FAILURE + LIST


def test_requests_are_cut_anyhow(forwarding, agent):
    for byte in SIGN:
        forwarding.say(bytes([byte]))
    forwarding.move()
    assert agent.requests == [SIGN]


@pytest.mark.parametrize("data", [b"\xff\xff\xff\xff", LIST * 100, b"\0\0\0\0" * 100])
def test_more_than_an_agent_takes_ends_the_forwarding(forwarding, data):
    forwarding.say(data)
    assert forwarding.answer.ended or forwarding.said.startswith(FAILURE)


def test_either_sides_end_is_the_end_of_both(forwarding, agent):
    forwarding.wires[0][1].lost("the agent was closed")
    forwarding.peer.pump()
    assert forwarding.answer.status == grpc.OK
    for end in (lambda f: f.peer.reset(f.stream), lambda f: (f.peer.end(f.stream), f.peer.pump())):
        other = Forwarding({"default": agent.path})
        end(other)
        assert other.wires[0][1].over
        other.close()


def test_an_agent_that_is_not_there_is_said(tmp_path, monkeypatch):
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    agents = {"default": tmp_path / "none.sock", "env": FromEnv("SSH_AUTH_SOCK")}
    methods = sshagent.methods(agents, lambda *_: None)
    answer = call(methods, FORWARD, b"", metadata=[(sshagent.ID, "default")])
    assert answer.status == grpc.UNAVAILABLE
    assert "none.sock does not answer" in answer.message
    assert "SSH_AUTH_SOCK is not set" in call(methods, FORWARD, b"", metadata=[(sshagent.ID, "env")]).message
    assert call(methods, CHECK, text("default")).status == grpc.OK
    assert call(methods, CHECK, text("other")).status == grpc.NOT_FOUND
    assert sshagent.methods({}, lambda *_: None) == {}


def test_an_answer_without_an_end_is_not_waited_for():
    forwarded = ForwardedAgent()
    forwarded.agent.feed(b"\xff\xff\xff\xff")
    assert forwarded.status[0] == grpc.INTERNAL
