"""Installing from packages, with stand-ins for apt-get and systemctl on PATH."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from modelarts_nb import packages
from modelarts_nb.errors import SandboxError


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine where `apt-get install` makes the program `frob`; all calls are written down."""
    tools = tmp_path / "bin"
    tools.mkdir()
    made = "case $* in *install*) printf '#!/bin/sh\\n' >$0-made; chmod +x $0-made; mv $0-made ${0%apt-get}frob;; esac\n"
    script(tools / "apt-get", f'echo "apt-get $*" >>{tmp_path}/calls; ls {tmp_path}/policy >>{tmp_path}/policies\n{made}')
    script(tools / "systemctl", f'echo "systemctl $*" >>{tmp_path}/calls')
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setattr(packages, "POLICY", tmp_path / "policy")
    monkeypatch.setattr(packages, "SYSTEMD", tmp_path)
    monkeypatch.setattr(packages, "LOCK", tmp_path / "lock")
    monkeypatch.setattr(os, "getuid", lambda: 0)
    return tmp_path


def script(path, text):
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)


def need(install=True, say=print):
    return packages.need("frob", ("frob", "frob-data"), install=install, say=say, services=("frob.service",))


def test_what_is_there_is_not_installed(machine):
    script(machine / "bin" / "frob", "")
    assert need() == str(machine / "bin" / "frob")
    assert not (machine / "calls").exists()


def test_what_is_missing_is_installed_after_saying_so_and_no_service_is_started_or_stays_enabled(machine):
    said = []
    assert need(say=said.append) == str(machine / "bin" / "frob")
    assert said == ["frob is not installed: apt-get install -y --no-install-recommends frob frob-data"]
    assert (machine / "calls").read_text().splitlines()[-1] == "systemctl disable frob.service"
    assert (machine / "policies").read_text().splitlines() == [str(machine / "policy")] * 2, "services could start meanwhile"
    assert not (machine / "policy").exists()


def test_two_at_once_install_once(machine):
    with ThreadPoolExecutor() as pool:
        assert set(pool.map(lambda _: need(), range(2))) == {str(machine / "bin" / "frob")}
    assert len([call for call in (machine / "calls").read_text().splitlines() if "install" in call]) == 1
    assert not (machine / "policy").exists()


def test_a_policy_of_the_machine_stays(machine):
    (machine / "policy").write_text("its own")
    need()
    assert (machine / "policy").read_text() == "its own"


def test_nothing_is_installed_where_that_is_not_wanted(machine):
    with pytest.raises(SandboxError, match="frob is not installed") as caught:
        need(install=False)
    assert "apt-get install -y --no-install-recommends frob frob-data" in caught.value.hint
    assert not (machine / "calls").exists()


def test_nothing_is_installed_without_root(machine, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    with pytest.raises(SandboxError, match="frob is not installed"):
        need()
    assert not (machine / "calls").exists()


def test_a_failed_installation_says_what_apt_said_and_leaves_no_policy(machine):
    script(machine / "bin" / "apt-get", 'echo "E: Unable to locate package frob" >&2; exit 100')
    with pytest.raises(SandboxError, match="Unable to locate package frob"):
        need()
    assert not (machine / "policy").exists()
