"""The registry client keeps connections and tokens, and neither for longer than they are good."""

import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler

import pytest

from modelarts_nb.manifests import DOCKER_MANIFEST
from modelarts_nb.reference import parse_reference
from modelarts_nb.registry import client
from modelarts_nb.settings import Secret


class Registry(socketserver.ThreadingTCPServer):
    """A registry that gives tokens. ``closes``: it hangs up after each answer, without having said so."""

    daemon_threads = allow_reuse_address = True
    seconds, closes = 900, False

    def __init__(self):
        self.connections, self.tokens, self.good, self.reads = [], 0, "", []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def host(self):
        return f"127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.server.connections.append(self.client_address)

    def do_GET(self):
        registry = self.server
        if self.path.startswith("/token"):
            registry.tokens += 1
            registry.good = f"token-{registry.tokens}"
            self.answer(200, {"token": registry.good, "expires_in": registry.seconds})
            return
        registry.reads.append((self.headers.get("Authorization"), self.headers.get("Cookie")))
        if self.headers.get("Authorization") == f"Bearer {registry.good}":
            self.answer(200, {"layers": [{"size": 3}]}, {"Content-Type": DOCKER_MANIFEST, "Set-Cookie": "a=b"})
        else:
            self.answer(401, {}, {"WWW-Authenticate": f'Bearer realm="http://{registry.host}/token",service="x"'})

    def answer(self, status, body, headers=()):
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**dict(headers), "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = self.server.closes

    def log_message(self, *words):
        """Nothing."""


@pytest.fixture
def registry():
    with Registry() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
        session = client._connections.__dict__.pop("session", None)
        if session is not None:
            session.close()


MINE = ("user", Secret("word"))


def read(registry, login=MINE):
    return client.read_manifest(parse_reference(f"{registry.host}/org/name:v1"), lambda host: login)


def test_a_token_and_a_connection_serve_several_questions(registry):
    for _ in range(3):
        assert read(registry).size == 3
    assert registry.tokens == 1
    assert len(registry.connections) == 1
    assert registry.reads[-1] == ("Bearer token-1", None), "no cookie is kept"


def test_a_connection_that_was_closed_meanwhile_is_opened_anew(registry):
    registry.closes = True
    for _ in range(5):
        assert read(registry).media_type == DOCKER_MANIFEST
    assert registry.tokens == 1


def test_a_token_that_is_refused_is_asked_for_again(registry):
    read(registry)
    registry.good = "taken away"
    assert read(registry).size == 3
    assert registry.tokens == 2


def test_a_token_is_not_used_at_its_end_nor_for_another_login(registry):
    registry.seconds = 5
    read(registry)
    read(registry)
    assert registry.tokens == 2
    registry.seconds = 900
    read(registry)
    read(registry, ("somebody", Secret("else")))
    assert registry.tokens == 4
