"""The private Engine: up, twice, killed, down, and what is left of it."""

import os
import signal
from pathlib import Path

import docker
import pytest

from modelarts_nb import paths
from modelarts_nb.engine import private
from modelarts_nb.errors import SandboxError
from modelarts_nb.services import Service, start_time


@pytest.fixture
def own_home(tmp_path, monkeypatch):
    """A private Engine beside the tests' own."""
    monkeypatch.setenv("MODELARTS_NB_HOME", str(tmp_path))
    yield tmp_path
    private.down(purge=True)


def traces(home):
    """What is left on this machine of an Engine with that home: mounts, processes, interfaces, sockets."""
    runtime = str(paths.runtime())
    mounts = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(home) in line or runtime in line]
    processes = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes()
        except OSError:
            continue  # it has just ended
        if runtime.encode() in line or str(home).encode() in line:
            processes.append(line)
    interfaces = [path.name for path in Path("/sys/class/net").iterdir() if paths.runtime().name in path.name]
    return mounts, processes, interfaces, paths.runtime().exists()


def test_up_twice_is_one_engine_and_down_leaves_nothing(own_home):
    first = private.up()
    assert first.running
    assert private.up() == first
    client = docker.APIClient(base_url=first.url, version="auto")
    assert client.version()["Version"]
    client.close()
    private.down()
    assert not private.status().running
    assert private.url() == ""
    assert traces(own_home) == ([], [], [], False)
    private.down()


def test_an_engine_that_was_killed_is_cleaned_up_and_started_again(own_home):
    first = private.up()
    client = docker.APIClient(base_url=first.url, version="auto")
    client.import_image_from_data(busybox_tar(), repository="busybox", tag="1")
    container = client.create_container("busybox:1", ["sleep", "600"])["Id"]
    client.start(container)
    inside = client.inspect_container(container)["State"]["Pid"]
    client.close()
    os.kill(first.pid, signal.SIGKILL)
    while start_time(first.pid):
        pass
    assert not private.status().running
    second = private.up()
    assert second.pid != first.pid
    assert not start_time(inside), "the container of the killed Engine still runs"
    client = docker.APIClient(base_url=second.url, version="auto")
    assert client.inspect_image("busybox:1")
    client.close()
    private.down()
    assert traces(own_home) == ([], [], [], False)


def test_an_engine_that_cannot_start_says_why(own_home, monkeypatch):
    original = Service.start

    def with_a_bad_option(self, command, *arguments, **options):
        original(self, [*command, "--storage-driver", "of-nobody"], *arguments, **options)

    monkeypatch.setattr(Service, "start", with_a_bad_option)
    with pytest.raises(SandboxError) as caught:
        private.up()
    assert "driver not supported" in caught.value.message
    assert traces(own_home) == ([], [], [], False)


def test_without_root_it_is_refused_with_a_way_out(own_home, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    with pytest.raises(SandboxError) as caught:
        private.up()
    assert "DOCKER_HOST" in caught.value.hint


def test_a_pid_that_belongs_to_somebody_else_by_now_is_not_believed(own_home):
    service = Service("dockerd", own_home / "engine")
    service.folder.mkdir()
    (service.folder / "dockerd.pid").write_text(f"{os.getpid()} 12345")
    assert service.pid() == 0
    service.stop()
    assert start_time(os.getpid())


def busybox_tar():
    import io
    import tarfile

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add("/bin/busybox", "bin/busybox")
        link = tarfile.TarInfo("bin/sleep")
        link.type, link.linkname = tarfile.SYMTYPE, "busybox"
        archive.addfile(link)
    return buffer.getvalue()
