"""The private Engine: up, twice, killed, down, and what is left of it."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import pytest

from modelarts_nb import paths, services
from modelarts_nb.engine import private
from modelarts_nb.errors import SandboxError
from modelarts_nb.services import Service, ended, start_time


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


def test_an_engine_that_cannot_start_says_why(own_home):
    paths.folder("engine").joinpath("daemon.json").write_text('{"storage-driver": "of-nobody"}')
    with pytest.raises(SandboxError) as caught:
        private.up()
    assert "driver not supported" in caught.value.message
    assert traces(own_home) == ([], [], [], False)


def test_it_shares_neither_the_settings_nor_the_containerd_of_another_engine(own_home):
    pid = private.up().pid
    words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    assert words[words.index("--config-file") + 1] == str(own_home / "engine" / "daemon.json")
    assert words[words.index("--containerd") + 1].startswith(str(paths.runtime()))


def test_an_engine_without_its_containerd_counts_as_crashed_and_is_started_again(own_home):
    first = private.up()
    containerd = private._containerd().pid()
    os.kill(containerd, signal.SIGKILL)
    assert ended([containerd], 5)
    assert not private.status().running
    second = private.up()
    assert second.running
    assert second.pid != first.pid


def test_an_engine_that_hangs_is_told_from_one_that_answers_and_down_ends_it(own_home, monkeypatch):
    monkeypatch.setattr(private, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(services, "STOP_SECONDS", 0.5)
    pid = private.up().pid
    os.kill(pid, signal.SIGSTOP)
    while not all(" T " in path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/stat")):
        pass  # it stops thread by thread
    with pytest.raises(SandboxError, match="does not answer"):
        private.up()
    private.down()
    assert traces(own_home) == ([], [], [], False)


def test_two_that_start_at_once_make_one_engine(own_home):
    with ThreadPoolExecutor(2) as pool:
        assert len({found.pid for found in pool.map(lambda _: private.up(), range(2))}) == 1


def test_its_folder_may_have_a_space_in_its_name(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELARTS_NB_HOME", str(tmp_path / "my files"))
    client = docker.APIClient(base_url=private.up().url, version="auto")
    client.import_image_from_data(busybox_tar(), repository="busybox", tag="1")
    container = client.create_container("busybox:1", ["sleep", "600"])["Id"]
    client.start(container)
    client.close()
    private.down(purge=True)
    assert traces(tmp_path) == ([], [], [], False)
    assert not list((tmp_path / "my files").iterdir())


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
