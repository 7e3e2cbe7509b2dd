"""What is passed, failed or not checked: values in, lines out."""

import json
from dataclasses import replace

import pytest

from modelarts_nb import messages
from modelarts_nb.catalog import Region, builtin
from modelarts_nb.doctor import engines, jupyter, machine, network
from modelarts_nb.doctor.model import TITLES, Line, State, failed, passed, report, unchecked
from modelarts_nb.engine.discovery import Engine
from modelarts_nb.notebook import shown

PASSED, FAILED, UNCHECKED = State.PASSED, State.FAILED, State.UNCHECKED
HERE = Engine(client=None, url="unix:///run/docker.sock", origin="default socket", version="28.5", api_version="1.51",
              storage="overlay2", architecture="amd64")
SERVER = jupyter.Server("/lab/bin/python", {"jupyterlab": "4.2.0"}, {
    jupyter.MANAGER: "5.0.13", jupyter.ANYWIDGET: "0.9.13", jupyter.OURS: "0.1.0",
})
KERNEL = {"ipywidgets": "8.1.5", "anywidget": "0.9.13"}


def test_a_report_is_passed_unless_something_failed():
    assert report([passed("dns", "x"), unchecked("gpu", "x")]).passed
    assert not report([passed("dns", "x"), failed("gpu", "x")]).passed


def test_lines_come_in_one_order_and_count_in_the_title():
    found = report([failed("files", "open", "chmod"), passed("python", "3.12"), unchecked("gpu", "none")])
    assert [line.id for line in found.lines] == ["python", "gpu", "files"]
    assert "1 failed, 1 passed, 1 not checked" in found.title
    assert json.loads(found.as_json()) == {"passed": False, "lines": [
        {"id": "python", "state": "passed", "said": "3.12", "mend": ""},
        {"id": "gpu", "state": "not checked", "said": "none", "mend": ""},
        {"id": "files", "state": "failed", "said": "open", "mend": "chmod"},
    ]}


def test_the_terminal_shows_what_mends_a_line_below_it():
    text = str(report([failed("files", "open", "chmod 600 x"), passed("python", "3.12")]))
    assert "✓ passed" in text
    assert text.rstrip().endswith("→ chmod 600 x")


def test_what_comes_from_outside_paints_neither_page_nor_terminal():
    found = report([failed("engine", "<script>alert(1)</script> \x1b[31mred", "<b>")])
    bundle = shown.bundle(found)
    assert "<script" not in bundle["text/html"]
    assert "<b>&lt;" not in bundle["text/html"]
    assert "\x1b" not in bundle["text/html"] + bundle["text/plain"] + str(found)


@pytest.mark.parametrize("address", ["http://me:pa:s@s@proxy:3128", "https://me:secret@proxy"])
def test_a_password_in_an_address_is_masked_everywhere(address):
    found = report([passed("proxy", f"HTTPS_PROXY={address}"), passed("engine-proxy", f"HttpProxy {address}")])
    for text in (str(found), found.as_json(), *shown.bundle(found).values()):
        assert "me:***@proxy" in text
        assert "secret" not in text
        assert "pa:s" not in text


def test_every_line_has_a_title_in_both_languages():
    assert all(title in messages.catalogue() for title in TITLES.values())


@pytest.mark.parametrize(("version", "state"), [((3, 9), FAILED), ((3, 10), PASSED), ((3, 13), PASSED), ((3, 15), UNCHECKED)])
def test_python(version, state):
    assert machine.python(version, "/bin/python").state is state


@pytest.mark.parametrize(("installed", "state", "mend"), [
    ({"docker": "7.1.0", "hpack": "4.10"}, PASSED, ""),
    ({"docker": "6.1.3", "hpack": "4.0"}, FAILED, '%pip install "docker>=7.1"'),
    ({"docker": "7.2"}, FAILED, '%pip install "hpack>=4.0"'), ({"docker": "10.0", "hpack": "4.0.0"}, PASSED, ""),
])
def test_packages(installed, state, mend):
    line = machine.packages(["docker>=7.1", "hpack>=4.0", "moto[s3]>=5.1; extra == 'sandbox'"], installed)
    assert (line.state, line.mend) == (state, mend)


def test_extras_need_not_be_there():
    lines = machine.extras({"zstandard": "0.22"})
    assert [(line.state, line.said.partition(" ")[0]) for line in lines] == [
        (UNCHECKED, "obs"), (UNCHECKED, "sandbox"), (PASSED, "zstd:"), (UNCHECKED, "run"),
    ]


def test_disk_and_files():
    assert machine.disk("logs-disk", "/x", 99, 100, "free some").mend == "free some"
    assert machine.disk("logs-disk", "/x", 100, 100, "free some").state is PASSED
    assert [line.state for line in machine.credential_files([("a", 0o600), ("b", 0o644), ("c", 0o640)])] == [
        PASSED, FAILED, FAILED,
    ]
    assert machine.credential_files([("/home/me/b", 0o644)])[0].mend == "chmod 600 /home/me/b"


@pytest.mark.parametrize(("arguments", "state"), [
    ({"path": "/s", "there": True, "allowed": True}, PASSED), ({"path": "/s", "there": True, "allowed": False}, FAILED),
    ({"path": "/s", "there": False, "allowed": False}, FAILED), ({"path": "", "there": False, "allowed": False}, UNCHECKED),
])
def test_the_engines_socket(arguments, state):
    line = engines.socket(**arguments, user="me")
    assert line.state is state
    assert bool(line.mend) is (state is FAILED)


def test_which_engine():
    lines = engines.who(HERE, {"SecurityOptions": ["name=seccomp", "name=rootless"], "OperatingSystem": "Debian"})
    assert "rootless" in lines[0].said
    assert "another machine" not in lines[0].said
    assert "another machine" in engines.who(replace(HERE, url="ssh://me@gpu"), {})[0].said
    assert engines.who(replace(HERE, storage="vfs"), {})[1].state is FAILED


@pytest.mark.parametrize(("podman", "refusals", "state"), [
    (True, {}, UNCHECKED), (False, {"/grpc": "", "/session": ""}, PASSED), (False, {"/grpc": "404", "/session": ""}, PASSED),
    (False, {"/grpc": "404", "/session": "400 no"}, FAILED),
])
def test_buildkit(podman, refusals, state):
    assert engines.buildkit(podman, refusals).state is state


@pytest.mark.parametrize(("environment", "info", "state"), [
    ({}, {}, PASSED), ({"https_proxy": "http://p"}, {}, UNCHECKED), ({"NO_PROXY": "x"}, {}, PASSED),
    ({"HTTPS_PROXY": "http://p"}, {"HttpsProxy": "http://p"}, PASSED),
])
def test_the_engines_proxy(environment, info, state):
    assert engines.proxies(environment, info).state is state


@pytest.mark.parametrize(("line", "state"), [
    (engines.gpu(2, {"nvidia": {}, "runc": {}}, local=True), PASSED), (engines.gpu(2, {"runc": {}}, local=True), FAILED),
    (engines.gpu(0, {"runc": {}}, local=True), UNCHECKED), (engines.gpu(2, {"runc": {}}, local=False), UNCHECKED),
    (engines.gpu(0, {"nvidia": {}}, local=False), PASSED), (engines.npu(8, True, local=True), PASSED),
    (engines.npu(8, False, local=True), FAILED), (engines.npu(0, False, local=True), UNCHECKED),
    (engines.leftovers(0), PASSED), (engines.leftovers(2), FAILED),
])
def test_accelerators_and_leftovers(line, state):
    assert line.state is state
    assert bool(line.mend) is (state is FAILED)


def states(server, kernel=KERNEL, ours="0.1.0"):
    return {line.id: line for line in jupyter.judge(server, kernel, ours)}


def test_jupyterlab_with_all_that_it_needs():
    assert {line.state for line in states(SERVER).values()} == {PASSED}
    assert list(states(SERVER)) == ["jupyterlab", "widgets", "anywidget", "extension"]


@pytest.mark.parametrize(("name", "extension"), [
    ("widgets", jupyter.MANAGER), ("anywidget", jupyter.ANYWIDGET), ("extension", jupyter.OURS),
])
def test_an_extension_that_is_missing_or_disabled_in_the_server(name, extension):
    rest = {key: value for key, value in SERVER.extensions.items() if key != extension}
    missing = states(replace(SERVER, extensions=rest))
    assert {each for each, line in missing.items() if line.state is FAILED} == {name}
    assert missing[name].mend.startswith("/lab/bin/python -m pip install ")
    off = states(replace(SERVER, disabled=(f"{extension}:plugin",)))
    assert off[name].mend == f"jupyter labextension enable {extension}"


def test_versions_that_do_not_fit():
    assert states(SERVER, {**KERNEL, "ipywidgets": ""})["widgets"].mend == "%pip install ipywidgets"
    assert states(replace(SERVER, extensions={**SERVER.extensions, jupyter.MANAGER: "3.1.0"}))["widgets"].state is FAILED
    assert states(replace(SERVER, versions={"jupyterlab": "3.6.7"}))["jupyterlab"].state is FAILED
    assert states(SERVER, ours="0.2.0")["extension"].mend.endswith("modelarts-nb==0.2.0")


def test_where_no_jupyterlab_can_be_looked_at_nothing_is_claimed():
    assert {line.state for line in states(None).values()} == {UNCHECKED}
    assert {line.state for line in states(replace(SERVER, versions={"notebook": "7.0"})).values()} == {UNCHECKED}


@pytest.mark.parametrize(("ahead", "state"), [
    ([], UNCHECKED), ([2.0, -4.0], PASSED), ([1.0, -7200.0], FAILED), ([301], FAILED),
])
def test_the_clock(ahead, state):
    assert network.clock(ahead).state is state


@pytest.mark.parametrize(("status", "state"), [(200, PASSED), (401, PASSED), (404, PASSED), (407, FAILED), (502, FAILED)])
def test_an_answer(status, state):
    assert network.answer("iam", "https://iam", status).state is state


def test_names():
    assert network.names({}, proxied=False)[0].state is UNCHECKED
    assert network.names({"a": ""}, proxied=False)[0].state is PASSED
    assert network.names({"a": "", "b": "not known"}, proxied=False)[0].mend == "getent hosts b"
    assert network.names({"b": "not known"}, proxied=True)[0].state is UNCHECKED


def test_only_what_a_region_has_is_asked():
    assert set(network.services(builtin().region("cn-north-4"))) == set(network.SERVICES)
    lacking = network.services(Region("x", "", "", "", endpoints={"registry": "127.0.0.1:5000"}))
    assert "modelarts" not in lacking
    assert lacking["registry"] == "http://127.0.0.1:5000/v2/"


def test_a_line_is_found_by_its_id():
    assert report([passed("dns", "x")]).line("dns") == Line("dns", PASSED, "x")
