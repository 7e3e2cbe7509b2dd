"""The Engine's export over a real connection, with an Engine that refuses, lies, goes away or says nothing."""

import socket
import threading

import docker
import pytest

from modelarts_nb.engine import export
from modelarts_nb.engine.discovery import Engine
from modelarts_nb.errors import EngineAPIError, EngineError, EngineUnavailable

from ..conftest import drain
from ..unit.layers.making import layer, old_export

EXPORT = old_export(layer(("usr/bin/tool", b"tool" * 20_000)), layer(("opt/x", b"x")))


@pytest.fixture
def engine():
    """An Engine that answers once with what it is given; ``heard`` is the request, ``gone`` is set when the client hung up."""
    server = socket.create_server(("127.0.0.1", 0))
    threads = []

    def answering(*pieces, close=True):
        found = Engine(docker.APIClient(f"tcp://127.0.0.1:{server.getsockname()[1]}", version="1.41"), "", "", "", "1.41")
        found.client.heard, found.client.gone = [], threading.Event()

        def serve():
            connection, _ = server.accept()
            with connection:
                found.client.heard.append(connection.recv(65536))
                for piece in pieces:
                    connection.sendall(piece)
                if not close:
                    connection.recv(1)
                    found.client.gone.set()

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        clients.append(found)
        return found

    clients = []
    yield answering
    for thread in threads:
        thread.join(10)
    server.close()
    for each in clients:
        each.close()


def chunked(data, size=4000):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    parts = [b"%x\r\n%b\r\n" % (len(data[at : at + size]), data[at : at + size]) for at in range(0, len(data), size)]
    return [head, *parts, b"0\r\n\r\n"]


def test_an_export_is_read_as_it_comes(engine):
    found = engine(*chunked(EXPORT))
    archive, events = drain(export.read(found, ["a:1", "b/c:2"]))
    assert archive.image().problems == ()
    assert found.client.heard[0].startswith(b"GET /v1.41/images/get?names=a%3A1&names=b%2Fc%3A2 HTTP/1.1\r\n")
    assert [event.completed is not None for event in events][-1]
    assert not [thread for thread in threading.enumerate() if thread.name == "modelarts_nb-reader"]


def test_an_export_with_a_length_is_read_too(engine):
    found = engine(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(EXPORT), EXPORT)
    archive, _ = drain(export.read(found, ["a:1"]))
    assert archive.image().problems == ()


def test_a_refusal_is_told_in_the_engines_words(engine):
    found = engine(b'HTTP/1.1 404 Not Found\r\nContent-Length: 39\r\n\r\n{"message":"reference does not exist"}\n')
    with pytest.raises(EngineAPIError) as caught:
        drain(export.read(found, ["a:1"]))
    assert caught.value.status == 404
    assert "reference does not exist" in caught.value.message


@pytest.mark.parametrize(
    "pieces", [[], chunked(EXPORT)[:5], [b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nabc"], [b"HTTP/1.1 200 OK\r\n"]]
)
def test_an_engine_that_goes_away_is_an_error_and_no_report(engine, pieces):
    with pytest.raises(EngineUnavailable):
        drain(export.read(engine(*pieces), ["a:1"]))


@pytest.mark.parametrize("answer", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n"])
def test_what_is_no_http_is_an_error(engine, answer):
    with pytest.raises(EngineError):
        drain(export.read(engine(answer), ["a:1"]))


def test_closing_it_hangs_up_also_on_an_engine_that_says_nothing(engine):
    found = engine(close=False)
    generator = export.read(found, ["a:1"])
    for _ in range(4):
        next(generator)
    generator.close()
    assert found.client.gone.wait(10)
    assert not [thread for thread in threading.enumerate() if thread.name == "modelarts_nb-reader"]
