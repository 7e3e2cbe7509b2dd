"""The doctor beside things that are really broken: sockets, disks, certificates, proxies, clocks, permissions, extensions."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path

import pytest

from modelarts_nb import api, cli, doctor
from modelarts_nb.api.logins import known_identity
from modelarts_nb.catalog import Region
from modelarts_nb.cloud.credentials import Credentials, Identity
from modelarts_nb.doctor import engines, jupyter, machine, network
from modelarts_nb.doctor.model import State, passed
from modelarts_nb.engine import marks, probe
from modelarts_nb.session import Session, session
from modelarts_nb.settings import Secret, Settings

from ..conftest import PATIENCE, wait_until
from .cloud import conftest as cloud
from .cloud.test_client import tls_server

ROOT = Path(__file__).parents[2]
access, admin, faults, here = cloud.access, cloud.admin, cloud.faults, cloud.here  # fixtures
PASSED, FAILED, UNCHECKED = State.PASSED, State.FAILED, State.UNCHECKED


@pytest.fixture(autouse=True)
def own(monkeypatch, tmp_path):
    """A home without anybody's files, a fresh session, no agency, no proxy."""
    for name, value in vars(Session()).items():
        monkeypatch.setattr(session, name, value)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "MODELARTS_NB_REGION"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("MODELARTS_NB_METADATA", "http://127.0.0.1:9/")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))


def one(lines, name):
    [found] = [line for line in lines if line.id == name]
    return found


def heard():
    return lambda seconds: None


@contextmanager
def answering(answer):
    """A server on loopback that says ``answer`` to whoever connects: its port."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


@pytest.fixture
def full(tmp_path):
    """A disk without a byte left."""
    place = tmp_path / "full"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", place], check=True)
    with pytest.raises(OSError), (place / "all").open("wb", buffering=0) as file:  # noqa: PT012  # it ends by being full
        while file.write(b"\0" * 4096):
            pass
    yield place
    subprocess.run(["umount", place], check=True)


# ---- the Engine -------------------------------------------------------------------------------------------------------


def test_an_engine_that_is_well(engine_base_url, connected):
    lines = engines.look_at_engine(engine_base_url, {})
    for name in ("engine", "socket", "version", "buildkit", "engine-proxy"):
        assert one(lines, name).state is PASSED, one(lines, name)
    assert connected.version in one(lines, "version").said
    assert "Control" in one(lines, "buildkit").said


def test_a_socket_where_nobody_listens(tmp_path):
    with socket.socket(socket.AF_UNIX) as closed:
        closed.bind(str(tmp_path / "s"))
    lines = engines.look_at_engine(f"unix://{tmp_path}/s", {})
    assert "Connection refused" in one(lines, "engine").said
    assert one(lines, "engine").mend
    assert one(lines, "buildkit").state is UNCHECKED
    assert one(engines.look_at_engine(f"unix://{tmp_path}/none", {}), "socket").mend == "sudo systemctl start docker"


def test_a_socket_that_this_user_may_not_use():
    folder = Path(subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip())
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "s"))
        listening.listen()
        (folder / "s").chmod(0o600)
        folder.chmod(0o755)
        code = (  # once as root, which imports what is needed: nobody may not be allowed to read this environment
            "import os\n"
            "from modelarts_nb.doctor import engines\n"
            "engines.look_at_engine('unix:///nowhere', {})\n"
            "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
            f"for line in engines.look_at_engine('unix://{folder}/s', {{}}):\n"
            "    print(line.id, line.state.name, line.said, '|', line.mend)\n"
        )
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "USER": "nobody"}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    shutil.rmtree(folder)
    assert "engine FAILED" in done.stdout
    assert "Permission denied" in done.stdout
    assert "socket FAILED nobody may not use" in done.stdout
    assert "usermod -aG docker nobody" in done.stdout


def test_an_engine_without_buildkit():
    from docker import APIClient

    refusal = b"HTTP/1.1 404 Not Found\r\nContent-Length: 25\r\nConnection: close\r\n\r\n{\"message\":\"not found  \"}"
    with answering(refusal) as port:
        client = APIClient(base_url=f"tcp://127.0.0.1:{port}", version="1.41")
        refusals = {way: probe.refusal(client, way, 5) for way in (probe.CONTROL, probe.SESSION)}
        client.close()
    assert all(said.startswith("404 ") for said in refusals.values())
    assert engines.buildkit(False, refusals).state is FAILED


def test_an_engine_that_does_not_say_anything_about_buildkit(connected):
    from docker import APIClient

    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = APIClient(base_url=f"tcp://127.0.0.1:{silent.getsockname()[1]}", version="1.41")
        assert "0 s" in probe.refusal(client, probe.CONTROL, 0.2)
        client.close()


def test_a_full_disk(full, monkeypatch):
    assert engines._room({"DockerRootDir": str(full)}, local=True).state is FAILED
    assert "docker builder prune" in engines._room({"DockerRootDir": str(full)}, local=True).mend
    assert engines._room({"DockerRootDir": str(full)}, local=False).state is UNCHECKED
    monkeypatch.setenv("MODELARTS_NB_HOME", str(full / "home"))
    [line] = machine.look_at_logs()
    assert line.state is FAILED
    assert "MODELARTS_NB_HOME" in line.mend


def test_a_run_whose_process_was_killed_left_something(connected, engine, base_image, engine_base_url):
    made = {marks.LABEL: "doctor-test", marks.OWNER: f"{socket.gethostname()} 4194304 1"}
    container = engine.create_container(base_image, ["true"], labels=made)["Id"]
    try:
        assert one(engines.look_at_engine(engine_base_url, {}), "leftovers").state is FAILED
    finally:
        marks.sweep(connected)
    assert one(engines.look_at_engine(engine_base_url, {}), "leftovers").state is PASSED
    assert container not in [each["Id"] for each in engine.containers(all=True)]


# ---- the network ------------------------------------------------------------------------------------------------------


def test_a_wrong_ca(tmp_path):
    with tls_server(tmp_path) as (port, certificate):
        url = f"https://localhost:{port}/"
        [line] = network.look_at_service("iam", url, "", heard())
        assert (line.state, "does not verify" in line.said, "CA_BUNDLE" in line.mend) == (FAILED, True, True)
        [line] = network.look_at_service("iam", url, certificate, heard())
        assert line.state is PASSED


@pytest.mark.parametrize(("content", "says"), [(None, "not there"), (b"no certificate", "no certificates")])
def test_a_ca_bundle_that_is_none(tmp_path, content, says):
    bundle = tmp_path / "ca.pem"
    if content is not None:
        bundle.write_bytes(content)
    [line] = network.bundles(Settings(), {"REQUESTS_CA_BUNDLE": str(bundle)})
    assert line.state is FAILED
    assert says in line.said
    assert line.mend
    assert network.bundles(Settings(), {})[0].state is PASSED


def test_a_proxy_that_wants_a_password(monkeypatch):
    wants = b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"
    with answering(wants) as port:
        proxy = {"HTTPS_PROXY": f"http://me:sesame@127.0.0.1:{port}"}
        monkeypatch.setenv("HTTPS_PROXY", proxy["HTTPS_PROXY"])
        [line] = network.look_at_service("iam", "https://iam.nowhere.invalid/", "", heard())
        assert (line.state, "proxy" in line.said, "password" in line.mend) == (FAILED, True, True)
        [line] = network.look_at_proxy(proxy)
        assert line.state is PASSED
        assert "sesame" not in line.said
    [line] = network.look_at_proxy(proxy)
    assert line.state is FAILED
    assert "sesame" not in line.said
    assert "HTTPS_PROXY" in line.mend


def test_a_name_that_nobody_knows():
    region = Region("nowhere", "", "", "", endpoints={"registry": "127.0.0.1:1", **dict.fromkeys(
        ("iam", "swr_api", "obs"), "https://iam.nowhere.invalid")})
    [line] = network.look_at_names(region, {})
    assert line.state is FAILED
    assert line.mend == "getent hosts iam.nowhere.invalid"
    [line] = network.look_at_service("iam", region.iam, "", heard())
    assert line.state is FAILED
    assert "resolved" in line.said


@pytest.mark.parametrize(("behind", "state"), [(7200, FAILED), (-7200, FAILED), (0, PASSED)])
def test_a_clock_that_is_two_hours_off(behind, state):
    date = formatdate(time.time() - behind, usegmt=True)
    ahead = []
    with answering(f"HTTP/1.1 401 No\r\nDate: {date}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()) as port:
        assert network.look_at_service("iam", f"http://127.0.0.1:{port}/", "", ahead.append)[0].state is PASSED
    assert network.clock(ahead).state is state


@pytest.mark.parametrize("date", ["", "Date: yesterday\r\n"])
def test_a_server_that_does_not_know_the_time(date):
    ahead = []
    with answering(f"HTTP/1.1 200 OK\r\n{date}Content-Length: 0\r\nConnection: close\r\n\r\n".encode()) as port:
        network.look_at_service("iam", f"http://127.0.0.1:{port}/", "", ahead.append)
    assert network.clock(ahead).state is UNCHECKED


def test_the_region_on_this_machine_is_well(monkeypatch, home, engine_base_url, sandbox):
    monkeypatch.setenv("DOCKER_HOST", engine_base_url)
    report = doctor.examine("sandbox")
    for name in ("region", "clock", "iam", "swr_api", "registry", "obs", "modelarts", "practice", "key", "files", "settings"):
        assert report.line(name).state is PASSED, report.line(name)
    held = json.loads((home / "sandbox" / "access.json").read_text())
    assert held["sk"] not in report.as_json()
    assert held["ak"] not in report.as_json()


def test_a_service_that_is_down_and_one_that_hangs_up(faults, here):
    faults({"status": 503})
    [line] = network.look_at_service("iam", here.iam, "", heard())
    assert (line.state, "503" in line.said) == (FAILED, True)
    faults({"drop_after": 0})
    assert network.look_at_service("iam", here.iam, "", heard())[0].state is FAILED


def test_a_key_that_the_region_does_not_take(here):
    identity = Identity(Credentials("AKOFNOBODY0123456789", Secret("sk-of-nobody-0123456789"), source="here"))
    [line] = network.look_at_key(here, Settings(), "", lambda _: identity)
    assert line.state is FAILED
    assert "APIGW.0301" in line.said
    assert "sk-of-nobody" not in line.said + line.mend


def test_keys_that_are_found_masked_broken_or_nowhere(tmp_path, monkeypatch):
    def look():
        [line] = network.look_at_key(None, Settings(), "", known_identity)
        return line

    assert look().state is UNCHECKED
    folder = tmp_path / ".huaweicloud"
    folder.mkdir()
    (folder / "credentials").write_text("[basic]\nak = ABCDEFGHIJKLMNOP\nsk = not-to-be-seen-1\n")
    assert "ABCD…OP" in look().said
    assert "not-to-be-seen" not in look().said
    (folder / "credentials").write_text("ak = ABCDEFGHIJKLMNOP\n")
    assert look().state is FAILED
    assert "ABCDEFGH" not in look().said


@pytest.mark.parametrize(("mode", "state"), [(0o644, FAILED), (0o600, PASSED)])
def test_files_with_credentials_that_others_can_read(tmp_path, mode, state):
    keys, docker = tmp_path / ".huaweicloud" / "credentials", tmp_path / ".docker" / "config.json"
    for path, text in ((keys, "[basic]\n"), (docker, '{"auths": {"swr.example": {"auth": "bWU6eA=="}}}')):
        path.parent.mkdir()
        path.write_text(text)
        path.chmod(mode)
    lines = machine.look_at_files({"HOME": str(tmp_path)})
    assert {str(keys), str(docker)} <= {line.said.partition(" has mode")[0] for line in lines}
    mine = [line for line in lines if str(tmp_path) in line.said]
    assert {line.state for line in mine} == {state}
    docker.write_text('{"credsStore": "pass"}')
    assert not [line for line in machine.look_at_files({"HOME": str(tmp_path)}) if str(docker) in line.said]


# ---- JupyterLab -------------------------------------------------------------------------------------------------------


def test_the_extension_missing_installed_and_disabled(tmp_path, monkeypatch):
    def look():
        return {line.id: line for line in jupyter.look_at_jupyter(in_kernel=False)}

    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "etc"))
    monkeypatch.setenv("JUPYTER_NO_CONFIG", "")
    before = look()
    assert before["jupyterlab"].state is before["widgets"].state is before["anywidget"].state is PASSED
    if not (Path(sys.prefix) / "share/jupyter/labextensions/modelarts-nb").exists():  # `make lab` links it there
        assert before["extension"].state is FAILED
        assert "-m pip install modelarts-nb" in before["extension"].mend
    shutil.copytree(ROOT / "labextension", tmp_path / "share/labextensions/modelarts-nb")
    assert look()["extension"].state is PASSED
    page = tmp_path / "etc/labconfig/page_config.json"
    page.parent.mkdir(parents=True)
    page.write_text('{"disabledExtensions": {"modelarts-nb": true, "anywidget": true}}')
    after = look()
    assert after["extension"].mend == "jupyter labextension enable modelarts-nb"
    assert after["anywidget"].state is FAILED
    assert after["widgets"].state is PASSED


def test_a_server_whose_environment_has_no_jupyterlab(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    found = jupyter.ask(str(tmp_path / "bare/bin/python"))
    assert found.versions == {}
    assert {line.state for line in jupyter.judge(found, {}, "0.1.0")} == {UNCHECKED}


def test_the_servers_python_is_found_by_the_process_that_started_the_kernel(tmp_path):
    script = tmp_path / "jupyter-lab"
    script.write_text("import sys; sys.stdin.read()")
    with subprocess.Popen([sys.executable, str(script)], stdin=subprocess.PIPE) as server:
        wait_until(lambda: jupyter.server_python(server.pid) == sys.executable, PATIENCE, "the program runs")
        server.stdin.close()
    assert jupyter.server_python(os.getppid()) == ""
    assert jupyter.ask(str(tmp_path / "no-python")) is None


# ---- all of it --------------------------------------------------------------------------------------------------------


def test_a_check_that_breaks_or_hangs_does_not_hide_the_others():
    never = threading.Event()
    lines = doctor.run([
        ("dns", lambda: 1 / 0), ("gpu", lambda: never.wait() and []), ("npu", lambda: [passed("npu", "fine")]),
    ], 0.3)
    never.set()
    assert {line.id: line.state for line in lines} == {"dns": FAILED, "gpu": UNCHECKED, "npu": PASSED}
    assert "ZeroDivisionError" in one(lines, "dns").said


def test_without_a_region_the_cloud_is_not_asked(monkeypatch, tmp_path, engine_base_url):
    monkeypatch.setenv("DOCKER_HOST", engine_base_url)
    monkeypatch.setenv("MODELARTS_NB_HOME", str(tmp_path / "home"))
    report = doctor.examine()
    assert report.line("region").state is UNCHECKED
    assert not {line.id for line in report.lines} & set(network.SERVICES)
    assert doctor.examine("atlantis").line("region").state is FAILED
    (tmp_path / "home" / "settings.json").write_text("[]")
    assert doctor.examine().line("settings").state is FAILED


def test_the_command_says_it_in_text_in_json_and_by_its_exit_code(monkeypatch, tmp_path, capsys, engine_base_url):
    monkeypatch.setenv("MODELARTS_NB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    shutil.copytree(ROOT / "labextension", tmp_path / "share/labextensions/modelarts-nb")
    monkeypatch.setenv("DOCKER_HOST", engine_base_url)
    monkeypatch.setattr(machine, "ENGINE_BYTES", 1)  # the machine of the tests may be a full one
    assert cli.main(["doctor"]) == 0, capsys.readouterr().out
    assert "✓ passed" in capsys.readouterr().out
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    api.current._engines.clear()
    assert cli.main(["doctor", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["passed"] is False
    assert [line["state"] for line in said["lines"] if line["id"] == "engine"] == ["failed"]
