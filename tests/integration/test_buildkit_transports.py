"""The same build over every transport that docker-py has: TLS, the ssh program, paramiko."""

import contextlib
import os
import socket
import ssl
import subprocess
import threading
import time

import docker
import paramiko
import pytest

from modelarts_nb.engine.buildkit import SessionBuild, build
from modelarts_nb.events import VertexLog

from ..conftest import PATIENCE, wait_until
from .test_buildkit_session import BASE, busybox, nothing_stays_behind, output, run, sleepers, until, way

__all__ = ["busybox", "nothing_stays_behind", "way"]  # fixtures


class Relay:
    """Accepts connections, and copies each to the Engine's socket and back; ``greet`` turns one into what is spoken."""

    def __init__(self, target, greet):
        self._target, self._greet = target, greet
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, name="relay")]
        self._threads[0].start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(connection,), name="relay")
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection):
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self._greet(connection, self._copy)
        connection.close()

    def _copy(self, inner):
        """Copy between something with recv and sendall and a new connection to the Engine."""
        outer = socket.socket(socket.AF_UNIX)
        outer.connect(self._target)

        def backwards():
            with contextlib.suppress(OSError, EOFError):
                while piece := outer.recv(65536):
                    inner.sendall(piece)
            with contextlib.suppress(OSError, EOFError):
                inner.shutdown(2)

        thread = threading.Thread(target=backwards, name="relay")
        thread.start()
        with contextlib.suppress(OSError, EOFError):
            while piece := inner.recv(65536):
                outer.sendall(piece)
        with contextlib.suppress(OSError, EOFError):
            outer.shutdown(2)
        thread.join()
        outer.close()
        with contextlib.suppress(OSError, EOFError):  # its connection may be gone by now
            inner.close()

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(2)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """One self-signed pair for both ends: (certificate, key)."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run([
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
        "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem",
    ], check=True, capture_output=True)
    return str(folder / "cert.pem"), str(folder / "key.pem")


@pytest.fixture
def over_tls(engine, certificates, monkeypatch):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)  # requests prefers them to what docker-py was given
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificates)
    context.load_verify_locations(certificates[0])
    context.verify_mode = ssl.CERT_REQUIRED

    def greet(connection, copy):
        with LockedTls(context.wrap_socket(connection, server_side=True)) as tls:
            copy(tls)

    relay = Relay(engine._custom_adapter.socket_path, greet)
    tls = docker.tls.TLSConfig(client_cert=certificates, ca_cert=certificates[0], verify=True)
    client = docker.APIClient(f"tcp://127.0.0.1:{relay.port}", version="1.41", tls=tls)
    yield client
    client.close()
    relay.close()


class LockedTls:
    """A TLS socket that two threads may use: OpenSSL allows one at a time."""

    def __init__(self, tls):
        self._tls, self._lock = tls, threading.Lock()
        tls.settimeout(0.01)

    def recv(self, size):
        while True:
            with self._lock, contextlib.suppress(TimeoutError, ssl.SSLWantReadError):
                return self._tls.recv(size)
            time.sleep(0.001)

    def sendall(self, data):
        view = memoryview(data)
        while view:
            with self._lock, contextlib.suppress(TimeoutError, ssl.SSLWantWriteError):
                view = view[self._tls.send(view) :]

    def shutdown(self, how):
        with self._lock:
            self._tls.shutdown(how)

    def close(self):
        self._tls.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@pytest.fixture
def over_ssh_program(engine_base_url, tmp_path, monkeypatch):
    """`ssh` is a script here, which runs what the real one would run on the other machine."""
    script = tmp_path / "bin" / "ssh"
    script.parent.mkdir()
    script.write_text(f"#!/bin/sh\nexec /usr/bin/docker --host {engine_base_url} system dial-stdio\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
    client = docker.APIClient("ssh://user@far", version="1.41", use_ssh_client=True)
    yield client
    client.close()


class AnyoneIn(paramiko.ServerInterface):
    """Lets the one key in, and remembers that a command was asked for."""

    def __init__(self):
        self.asked = threading.Event()

    def check_auth_publickey(self, username, key):
        return paramiko.AUTH_SUCCESSFUL

    def get_allowed_auths(self, username):
        return "publickey"

    def check_channel_request(self, kind, channel_id):
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel, command):
        assert command == b"docker system dial-stdio"
        return True


@pytest.fixture
def over_paramiko(engine, tmp_path, monkeypatch):
    """An ssh server in this process; docker-py's paramiko logs in with a key of its own."""
    key = paramiko.RSAKey.generate(2048)
    (tmp_path / ".ssh").mkdir()
    key.write_private_key_file(str(tmp_path / ".ssh" / "id_rsa"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)

    def greet(connection, copy):
        with paramiko.Transport(connection) as transport:
            transport.add_server_key(key)
            transport.start_server(server=AnyoneIn())
            copies = []
            while transport.is_active():
                channel = transport.accept(0.2)
                if channel is not None:
                    copies.append(threading.Thread(target=copy, args=(channel,), name="relay"))
                    copies[-1].start()
            for thread in copies:
                thread.join(10)

    relay = Relay(engine._custom_adapter.socket_path, greet)
    (tmp_path / ".ssh" / "known_hosts").write_text(f"[127.0.0.1]:{relay.port} ssh-rsa {key.get_base64()}\n")
    client = docker.APIClient(f"ssh://user@127.0.0.1:{relay.port}", version="1.41")
    yield client
    client.close()
    relay.close()


@pytest.fixture(params=["over_tls", "over_ssh_program", "over_paramiko"])
def far(request):
    return request.getfixturevalue(request.param)


def test_a_build_with_a_context_of_some_size(far, tmp_path):
    content = os.urandom(5_000_000)
    (tmp_path / "data").write_bytes(content)
    dockerfile = f"FROM {BASE}\nCOPY data /data\nRUN wc -c < /data; echo done\n".encode()
    result, events = run(far, SessionBuild(context=tmp_path, dockerfile=dockerfile, no_cache=True))
    assert "5000000" in output(events)
    assert result.image_id.startswith("sha256:")


def test_a_running_step_is_cancelled(far):
    building = build(far, SessionBuild(dockerfile=f"FROM {BASE}\nRUN echo up; sleep 4242\n".encode(), no_cache=True))
    until(building, lambda event: isinstance(event, VertexLog))
    wait_until(sleepers, PATIENCE, "the step did not begin")
    building.close()
    wait_until(lambda: not sleepers(), PATIENCE, "the container still runs")
