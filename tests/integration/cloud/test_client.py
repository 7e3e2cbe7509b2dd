"""The client against real servers: the sandbox's region with its faults; TLS, proxies and names on loopback."""

import contextlib
import socket
import ssl
import subprocess
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from modelarts_nb.catalog import Region
from modelarts_nb.cloud import client as client_module
from modelarts_nb.cloud import iam, swr, training
from modelarts_nb.cloud.account import open_account
from modelarts_nb.cloud.client import Client
from modelarts_nb.cloud.credentials import Credentials, Identity, instant
from modelarts_nb.errors import CloudError
from modelarts_nb.settings import Secret

from ...conftest import wait_until
from .conftest import QUICK, credentials

KEY = Identity(Credentials("AKOFNOBODY0123456789", Secret("sk-of-nobody-0123456789")))


def test_the_project_is_found_by_the_regions_name(log_in, access):
    assert log_in().project == iam.Project(access["project_id"], "sandbox")


def test_a_region_without_a_project_is_told(here):
    client = Client(here, KEY, patience=QUICK)
    with pytest.raises(CloudError) as caught:
        iam.project(client, "cn-north-4")
    assert caught.value.status == 401


@pytest.mark.parametrize("wrong", ["secret", "access"])
def test_a_wrong_key(access, here, wrong):
    right = {"access": access["ak"], "secret": access["sk"]}
    client = Client(here, Identity(credentials({**right, wrong: "WRONG0123456789"})), patience=QUICK)
    with pytest.raises(CloudError) as caught:
        open_account(client)
    error = caught.value
    assert error.status == 401
    assert error.error_code == "APIGW.0301"
    assert error.request_id
    assert error.request_id in error.message
    assert "%login" in error.hint
    assert access["sk"] not in str(error)


@pytest.mark.parametrize(("ahead", "word"), [(3600, "ahead of"), (-3600, "behind")])
def test_a_clock_that_is_an_hour_off_is_said(log_in, monkeypatch, ahead, word):
    account = log_in()
    right = client_module.now
    monkeypatch.setattr(client_module, "now", lambda: right() + ahead)
    with pytest.raises(CloudError) as caught:
        swr.organizations(account.client)
    assert word in caught.value.hint
    assert "clock" in caught.value.hint


def test_no_permission(log_in):
    with pytest.raises(CloudError) as caught:
        swr.organizations(log_in(allowed=["iam"]).client)
    assert caught.value.status == 403
    assert "permission" in caught.value.hint


def test_a_temporary_key_works_and_its_end_is_told(log_in, admin, here):
    account = log_in(seconds=3600)
    assert isinstance(swr.organizations(account.client), list)
    made = admin("POST", "/sandbox/keys", {"seconds": 0.05})
    client = Client(here, Identity(credentials(made)), patience=QUICK)
    wait_until(lambda: time.time() > instant(made["expires_at"]), 5, "the key expires")
    with pytest.raises(CloudError) as caught:
        swr.organizations(client)
    assert "token" in caught.value.hint


def test_a_key_that_can_be_renewed_is_renewed_once_it_is_refused(admin, here):
    old, new = (admin("POST", "/sandbox/keys", {"seconds": seconds}) for seconds in (0.05, 3600))
    wait_until(lambda: time.time() > instant(old["expires_at"]), 5, "the key expires")
    client = Client(here, Identity(credentials(old), lambda: credentials(new)), patience=QUICK)
    assert iam.project(client).name == "sandbox"


@pytest.mark.parametrize("status", [429, 503, 500, 502])
def test_a_burst_of_refusals_is_waited_for(account, faults, status):
    faults({"service": "swr", "status": status, "times": 3})
    assert isinstance(swr.organizations(account.client), list)


def test_what_does_not_pass_is_told_in_the_clouds_words(account, faults):
    faults({"service": "swr", "status": 429, "times": 0})
    with pytest.raises(CloudError) as caught:
        swr.organizations(account.client)
    assert caught.value.error_code == "APIGW.0308"
    assert caught.value.temporary
    assert "slow down" in caught.value.hint


@pytest.mark.parametrize("at", [0, 1, 20, 40])
def test_a_connection_that_breaks_anywhere_in_an_answer(account, faults, at):
    faults({"service": "swr", "drop_after": at, "times": 2})
    assert isinstance(swr.organizations(account.client), list)


def test_what_was_refused_for_good_is_not_sent_again(account, faults):
    faults({"service": "swr", "status": 403, "times": 1})
    with pytest.raises(CloudError):
        swr.organizations(account.client)
    assert isinstance(swr.organizations(account.client), list)


def test_a_list_is_read_to_its_end(account):
    names = {f"paged-{number}" for number in range(7)}
    swr.create_organization(account.client, "paging")
    for name in names:
        body = {"repository": name, "is_public": False, "category": "other", "description": ""}
        account.client.send("POST", "swr_api", "/v2/manage/namespaces/paging/repos", body=body)
    path = "/v2/manage/repos"
    found = list(account.client.pages("swr_api", path, query=(("namespace", "paging"),), size=3))
    assert {each["name"] for each in found} == names
    assert len(found) == 7
    for name in names:
        swr.delete_repository(account.client, "paging", name)
    swr.delete_organization(account.client, "paging")


def test_a_name_that_cannot_be_resolved():
    region = Region("nowhere", "", "", "", endpoints={"iam": "https://iam.nowhere.invalid"})
    with pytest.raises(CloudError, match="cannot be resolved") as caught:
        iam.project(Client(region, KEY, patience=replace(QUICK, attempts=2)))
    assert caught.value.hint


def test_nobody_listens():
    region = Region("nowhere", "", "", "", endpoints={"iam": "http://127.0.0.1:9"})
    with pytest.raises(CloudError, match="cannot be reached"):
        iam.project(Client(region, KEY, patience=replace(QUICK, attempts=2)))


class Answers(BaseHTTPRequestHandler):
    """One project, whoever asks."""

    def do_GET(self):
        body = b'{"projects": [{"id": "p1", "name": "own"}]}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def tls_server(folder):
    """A server with a certificate of its own for localhost: (port, file of the certificate)."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
               "-addext", "subjectAltName=DNS:localhost", "-keyout", folder / "key.pem", "-out", folder / "ca.pem"]
    subprocess.run(command, check=True, capture_output=True)
    server = HTTPServer(("127.0.0.1", 0), Answers)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # a client that turns away is what is tested
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server.server_address[1], str(folder / "ca.pem")
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    with tls_server(tmp_path_factory.mktemp("tls")) as found:
        yield found


def secure(host, port):
    return Region("own", "", "", "", endpoints={"iam": f"https://{host}:{port}"})


def test_a_certificate_that_does_not_verify(tls, monkeypatch):
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    with pytest.raises(CloudError, match="does not verify") as caught:
        iam.project(Client(secure("localhost", tls[0]), KEY, patience=QUICK))
    assert "CA_BUNDLE" in caught.value.hint
    assert not caught.value.temporary


def test_a_companys_own_certificates(tls):
    client = Client(secure("localhost", tls[0]), KEY, ca=tls[1], patience=QUICK)
    assert iam.project(client).id == "p1"


def test_a_certificate_of_another_name(tls):
    client = Client(secure("127.0.0.1", tls[0]), KEY, ca=tls[1], patience=QUICK)
    with pytest.raises(CloudError, match="does not verify"):
        iam.project(client)


def test_a_proxy_that_wants_a_password(monkeypatch):
    server = socket.create_server(("127.0.0.1", 0))
    heard = []

    def refuse():
        connection, _ = server.accept()
        heard.append(connection.recv(65536))
        connection.sendall(
            b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"
        )
        connection.close()

    thread = threading.Thread(target=refuse)
    thread.start()
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.getsockname()[1]}")
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.getsockname()[1]}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    region = Region("nowhere", "", "", "", endpoints={"iam": "https://iam.nowhere.invalid"})
    with pytest.raises(CloudError, match="proxy") as caught:
        iam.project(Client(region, KEY, patience=QUICK))
    thread.join()
    server.close()
    assert b"CONNECT iam.nowhere.invalid:443" in heard[0]
    assert "password" in caught.value.hint
    assert not caught.value.temporary


def test_a_netrc_file_does_not_replace_the_signature(account, tmp_path, monkeypatch):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    assert isinstance(swr.organizations(account.client), list)


def test_an_answer_that_is_no_json():
    server = socket.create_server(("127.0.0.1", 0))

    def answer():
        connection, _ = server.accept()
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\nConnection: close\r\n\r\n<html>Log in</h")
        connection.close()

    thread = threading.Thread(target=answer)
    thread.start()
    region = Region("own", "", "", "", endpoints={"iam": f"http://127.0.0.1:{server.getsockname()[1]}"})
    with pytest.raises(CloudError, match="no JSON") as caught:
        iam.project(Client(region, KEY, patience=QUICK))
    thread.join()
    server.close()
    assert "proxy" in caught.value.hint


def test_the_metadata_of_an_agency_is_read_and_its_key_works(admin, here, tmp_path):
    """A server of its own stands for 169.254.169.254; the key that it gives is a real temporary one of the sandbox."""
    import json

    from modelarts_nb.cloud.credentials import find

    made = admin("POST", "/sandbox/keys", {"seconds": 3600})
    body = json.dumps({"credential": made}).encode()
    server = socket.create_server(("127.0.0.1", 0))

    def answer():
        connection, _ = server.accept()
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        connection.close()

    thread = threading.Thread(target=answer)
    thread.start()
    url = f"http://127.0.0.1:{server.getsockname()[1]}/openstack/latest/securitykey"
    identity = find({"HOME": str(tmp_path)}, metadata=url)
    thread.join()
    server.close()
    assert identity.renewable
    found = identity._found
    assert found.expires > 0
    assert training.flavors(open_account(Client(here, Identity(found), patience=QUICK)).client)
