"""The sandbox: up, again, down, after a crash, with another image, and what is left of it.

It has an Engine and a home of its own here. The base image in it is a file of a few bytes with the label of the right recipe,
so that a push takes no time; the real one, from the tests' registry, is there for those that make another from it.
"""

import io
import json
import os
import signal
import socket
import subprocess
import tarfile
import threading
from pathlib import Path

import pytest

from modelarts_nb import cli, paths, services
from modelarts_nb.engine import discovery, images, private
from modelarts_nb.errors import EngineError, SandboxError
from modelarts_nb.registry import client as registry_client
from modelarts_nb.sandbox import base_image, note, region
from modelarts_nb.sandbox.base_image import LOCAL
from modelarts_nb.services import ended, start_time


@pytest.fixture(scope="module")
def module_home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def own_engine(module_home, base_image):
    """A private Engine that has the base image, as “real:base”."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELARTS_NB_HOME", str(module_home))
        found = discovery.connect(private.up().url)
        found.client.pull(base_image)
        found.client.tag(base_image, "real", tag="base")
        found.client.remove_image(base_image)
        yield found
        found.close()
        private.down(purge=True)


@pytest.fixture
def own(own_engine, module_home, monkeypatch):
    """The Engine, with a home in which no sandbox has been up."""
    monkeypatch.setenv("MODELARTS_NB_HOME", str(module_home))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("small"))
    changes = [f'LABEL "modelarts-nb.recipe"="{base_image.recipe(os.environ)}"']
    repository, tag = LOCAL.split(":")
    own_engine.client.import_image_from_data(buffer.getvalue(), repository=repository, tag=tag, changes=changes)
    yield own_engine
    region.down(purge=True, engine=own_engine)


@pytest.fixture
def port():
    """Below the ports that connections on their way out are given, so that it stays free."""
    for number in range(20_000, 30_000, 7):
        if all(free(other) for other in range(number, number + 14)):
            return number
    raise AssertionError("no port is free")


def free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def tags(engine):
    return {tag for image in engine.client.images() for tag in image["RepoTags"] or ()}


def unexpected(*_, **__):
    raise AssertionError("the base image was made again")


def test_up_makes_a_registry_on_loopback_with_the_base_image_in_it(own, port):
    found = region.up(own, port=port)
    assert found.registry == f"localhost:{port}"
    assert found.base_image == f"localhost:{port}/modelarts-job-dev-image/custom-cpu-base:1.3"
    manifest = registry_client.read_manifest(region.parse_reference(found.base_image))
    assert manifest.media_type == registry_client.DOCKER_MANIFEST
    assert images.exists(own, found.base_image)
    listening = Path(f"/proc/{found.pid}/net/tcp").read_text().splitlines() + Path("/proc/net/tcp6").read_text().splitlines()
    at = [line.split()[1] for line in listening if line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"]
    assert at == [f"0100007F:{port:04X}"], "it listens on something else than 127.0.0.1"


def test_up_again_changes_nothing(own, port, monkeypatch):
    first = region.up(own, port=port)
    monkeypatch.setattr(base_image, "make", unexpected)
    assert region.up(own) == first


def test_down_leaves_nothing_running_and_up_finds_everything_again(own, port, monkeypatch):
    before = region.up(own, port=port)
    region.down()
    assert not start_time(before.pid)
    assert not answers(port)
    assert not region.status().running
    region.down()
    monkeypatch.setattr(images, "push", unexpected)
    after = region.up(own)
    assert (after.registry, after.base_image, after.recipe) == (before.registry, before.base_image, before.recipe)


def test_a_registry_that_was_killed_is_started_again(own, port):
    first = region.up(own, port=port)
    os.kill(first.pid, signal.SIGKILL)
    assert ended([first.pid], 5)
    assert not region.status().running
    second = region.up(own)
    assert second.running
    assert second.registry == first.registry


def test_another_port_moves_the_registry(own, port):
    first = region.up(own, port=port)
    second = region.up(own, port=port + 10)
    assert second.registry == f"localhost:{port + 10}"
    assert not start_time(first.pid)
    assert registry_client.read_manifest(region.parse_reference(second.base_image))
    assert not images.exists(own, first.base_image)


def test_a_port_that_is_taken_is_told_with_one_that_is_free(own, port):
    with socket.socket() as other:
        other.bind(("0.0.0.0", port))
        other.listen()
        with pytest.raises(SandboxError, match=f"Port {port} .* cannot be used: Address already in use") as caught:
            region.up(own, port=port)
    assert "--port" in caught.value.hint
    assert not region.status().running


def test_a_running_registry_stays_when_the_port_to_move_to_is_taken(own, port):
    first = region.up(own, port=port)
    with socket.socket() as other:
        other.bind(("127.0.0.1", port + 10))
        other.listen()
        with pytest.raises(SandboxError):
            region.up(own, port=port + 10)
    assert region.status() == first
    assert answers(port)


@pytest.mark.parametrize("number", [-1, 65536, 99999])
def test_a_number_that_is_no_port_is_refused(own, number):
    with pytest.raises(SandboxError, match="is no port"):
        region.up(own, port=number)


def test_an_engine_of_another_machine_is_refused(own):
    from dataclasses import replace

    with pytest.raises(SandboxError, match="on another machine"):
        region.up(replace(own, url="ssh://user@far.example"))


def test_a_proxy_for_the_internet_is_not_used_for_the_registry(own, port, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    region.up(own, port=port)
    assert region.up(own).running


def test_settings_of_another_registry_in_the_environment_do_not_count(own, port, monkeypatch):
    monkeypatch.setenv("REGISTRY_HTTP_ADDR", "0.0.0.0:1")
    assert region.up(own, port=port).running
    assert answers(port)


def test_two_that_come_up_at_once_share_one_registry(own, port):
    found = []
    threads = [threading.Thread(target=lambda: found.append(region.up(own, port=port))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    assert found[0] == found[1]


def test_an_image_built_from_the_base_is_not_taken_for_it(own, port):
    region.up(own, port=port)
    container = own.client.create_container(LOCAL, ["true"])["Id"]
    own.client.commit(container, repository="mine", tag="v1")
    own.client.remove_container(container)
    recipe = region.status().recipe
    assert images.inspect(own, "mine:v1").labels["modelarts-nb.recipe"] == recipe, "labels are inherited"
    assert base_image.find(own, recipe) == images.inspect(own, LOCAL).id
    own.client.remove_image(LOCAL)
    assert base_image.find(own, recipe) == ""
    own.client.remove_image("mine:v1")


def test_the_state_survives_a_file_cut_short(own, port):
    region.up(own, port=port)
    note.file().write_text('{"registry": "loc')
    assert region.up(own, port=port).registry == f"localhost:{port}"


def test_purge_leaves_nothing_but_what_others_own(own, module_home, port):
    found = region.up(own, port=port)
    own.client.tag(found.base_image, "mine", tag="v1")
    region.down(purge=True, engine=own)
    assert not (module_home / "sandbox").exists()
    assert not answers(port)
    assert not {tag for tag in tags(own) if tag.startswith((f"localhost:{port}/", "modelarts-nb/"))}
    assert "mine:v1" in tags(own)
    own.client.remove_image("mine:v1")


def test_purge_takes_what_jobs_pulled_out_of_the_engine(own, module_home, port):
    found = region.up(own, port=port)
    own.client.tag(found.base_image, f"{found.swr}/somebody/image", tag="v1")
    (module_home / "sandbox" / "pulled.json").write_text(json.dumps({f"{found.swr}/somebody/image:v1": True, "gone:v1": True}))
    region.down(purge=True, engine=own)
    assert not images.exists(own, f"{found.swr}/somebody/image:v1")


@pytest.fixture
def company_image(own):
    """An image of somebody's: a user 1000 of another name, an entry point, a user, a folder of the same name as ours."""
    container = own.client.create_container(
        "real:base",
        ["sh", "-c", "userdel work; userdel modelarts; usermod -l ubuntu -d /home/ubuntu -g 1000 ma-user || "
                     "{ groupadd -g 1000 ubuntu; usermod -l ubuntu -d /home/ubuntu -g 1000 ma-user; }; "
                     "rm -rf /home/* /cache /etc/pip.conf; echo hers >/opt/mark"],
        user="0",
    )["Id"]
    own.client.start(container)
    assert own.client.wait(container)["StatusCode"] == 0
    changes = ["USER ubuntu", 'ENTRYPOINT ["/bin/false"]', "ENV HERS=1", "WORKDIR /opt"]
    own.client.commit(container, repository="company", tag="v1", changes=changes)
    own.client.remove_container(container)
    yield "company:v1"
    if images.exists(own, "company:v1"):
        own.client.remove_image("company:v1", force=True)


def test_any_image_becomes_the_base_and_stays_it(own, port, company_image, monkeypatch):
    found = region.up(own, port=port, base=company_image)
    said = run(own, found.base_image, "id ma-user; id work; cat /opt/mark; stat -c '%U %a %n' /cache /home/work /home/ma-user")
    assert said.split("\n")[:3] == [
        "uid=1000(ma-user) gid=100(users) groups=100(users)", "uid=1101(work) gid=1101(work) groups=1101(work)", "hers",
    ]
    assert "work 755 /cache\nwork 755 /home/work\nma-user 755 /home/ma-user" in said
    config = own.client.inspect_image(found.base_image)["Config"]
    assert config["User"] in ("root", "")
    assert not config["Entrypoint"]
    assert "HERS=1" in config["Env"]
    assert config["Labels"]["modelarts-nb.stand-in"] == "true"

    monkeypatch.setattr(base_image, "make", unexpected)
    assert region.up(own) == found, "it is remembered"
    own.client.remove_image(company_image, force=True)
    assert region.up(own) == found, "it is no longer needed"


def test_the_base_that_was_goes_when_another_takes_its_place(own, port):
    first = images.inspect(own, region.up(own, port=port).base_image).id
    region.up(own, base="real:base")
    assert not images.exists(own, first)


def test_what_an_attempt_that_was_killed_left_mounted_is_unmounted_before_anything_is_deleted(own, module_home, port):
    region.up(own, port=port)
    outside = module_home / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "precious").write_text("")
    inside = paths.folder("sandbox", "work", "root", "with a space")
    subprocess.run(["mount", "--bind", outside, inside], check=True)
    region.down(purge=True, engine=own)
    assert (outside / "precious").exists()
    assert str(module_home / "sandbox") not in Path("/proc/self/mountinfo").read_text()
    assert not (module_home / "sandbox").exists()


def test_an_image_that_is_not_there_is_told_and_not_remembered(own, port):
    with pytest.raises(EngineError, match="of-nobody"):
        region.up(own, port=port, base="of-nobody:v1")
    assert region.up(own).source == ""


def test_an_image_without_python_is_refused_saying_what_it_lacks(own, port):
    container = own.client.create_container("real:base", ["sh", "-c", "rm -f /usr/bin/python3* /usr/sbin/useradd"], user="0")
    own.client.start(container["Id"])
    own.client.wait(container["Id"])
    own.client.commit(container["Id"], repository="bare", tag="v1")
    own.client.remove_container(container["Id"])
    with pytest.raises(SandboxError, match="It lacks: useradd python3"):
        region.up(own, port=port, base="bare:v1")
    assert not own.client.containers(all=True)
    own.client.remove_image("bare:v1")


def test_the_command_line_says_how_it_stands_and_fails_shortly(own, port, capsys, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", own.url)
    assert cli.main(["sandbox", "status"]) == cli.NOT_RUNNING
    assert cli.main(["sandbox", "up", "--port", str(port)]) == 0
    assert f"localhost:{port}" in capsys.readouterr().out
    assert cli.main(["sandbox", "status", "--json"]) == 0
    assert f'"registry": "localhost:{port}"' in capsys.readouterr().out
    assert cli.main(["sandbox", "up", "--port", "99999"]) == 1
    assert capsys.readouterr().err == (
        "modelarts-nb: 99999 is no port.\nChoose one from 1024 to 65532: `modelarts-nb sandbox up --port N`.\n"
    )
    assert cli.main(["sandbox", "down", "--purge"]) == 0
    assert LOCAL not in tags(own)
    with pytest.raises(SystemExit) as caught:
        cli.main(["sandbox", "sideways"])
    assert caught.value.code == 2


def test_purge_without_an_engine_says_that_the_image_stays(own, port, capsys, monkeypatch):
    region.up(own, port=port)
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    assert cli.main(["sandbox", "down", "--purge"]) == 0
    assert "No Engine answers" in capsys.readouterr().err
    assert LOCAL in tags(own)


def test_one_that_works_too_long_is_not_waited_for_without_end(own, module_home, monkeypatch):
    monkeypatch.setattr(services, "LOCK_SECONDS", 0.2)
    with services.alone(module_home / "sandbox"), pytest.raises(SandboxError, match="Another modelarts-nb"):
        region.up(own)


def run(engine, image, script):
    """What a shell script prints in a container of that image."""
    container = engine.client.create_container(image, ["/bin/sh", "-c", script])["Id"]
    try:
        engine.client.start(container)
        engine.client.wait(container)
        return engine.client.logs(container).decode()
    finally:
        engine.client.remove_container(container, force=True)
