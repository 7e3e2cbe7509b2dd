"""What can go wrong with a build: each is said shortly, with what to do, and nothing is lost."""

import os
import signal
import subprocess
import threading
import time

import pytest

import modelarts_nb
from modelarts_nb import paths
from modelarts_nb.building.request import DockerfileSource
from modelarts_nb.engine import private
from modelarts_nb.errors import BuildFailed, EngineAPIError, EngineUnavailable, SettingsError
from modelarts_nb.services import unmount_below

from ..conftest import wait_until


@pytest.fixture
def build(home, base_image, tmp_path):
    """Build a Dockerfile on the base image, with a folder of the test's own as the context."""
    (tmp_path / "context").mkdir()

    def run(lines, **options):
        source = DockerfileSource(f"FROM {base_image}\n{lines}\n", "fault", "cell", 2, tmp_path / "context")
        return modelarts_nb.build(source, log=tmp_path / "build.log", progress="quiet", **options)

    return run


def said(error):
    return f"{error.value.message}\n{error.value.hint}"


def test_a_failing_run_names_its_line_its_exit_code_and_its_last_lines(build, tmp_path):
    with pytest.raises(BuildFailed) as caught:
        build("ENV A=b\nRUN echo the reason >&2; \\\n    exit 7", no_cache=True)
    error = caught.value
    assert (error.line, error.exit_code, error.log_tail) == (4, 7, ("the reason",))
    assert error.log_path == str(tmp_path / "build.log")
    assert "the reason" in (tmp_path / "build.log").read_text()


def test_a_link_out_of_the_context_is_not_followed(build, tmp_path):
    (tmp_path / "secret.txt").write_text("out of reach")
    (tmp_path / "context" / "link").symlink_to("../secret.txt")
    with pytest.raises((BuildFailed, EngineAPIError, SettingsError)) as caught:
        build("COPY link /copied\nRUN cat /copied")
    assert "out of reach" not in said(caught) + (tmp_path / "build.log").read_text()


def test_a_data_folder_in_the_context_is_told_with_its_largest_files_before_it_is_sent(build, tmp_path):
    for name, size in (("train.tar", 20 << 30), ("small.txt", 10), ("val.tar", 5 << 30)):
        with (tmp_path / "context" / name).open("wb") as file:
            file.truncate(size)  # sparse: it takes no place on the disk
    stop = threading.Timer(4, lambda: os.kill(os.getpid(), signal.SIGINT))  # nobody waits for 25 GB
    stop.start()
    with pytest.raises(KeyboardInterrupt):
        build("COPY . /data")
    stop.cancel()
    log = (tmp_path / "build.log").read_text()
    warning = log.index("warning:")
    assert "26.8 GB" in log[warning:]
    assert "train.tar" in log[warning:]


def test_only_what_is_copied_counts(build, tmp_path):
    with (tmp_path / "context" / "train.tar").open("wb") as file:
        file.truncate(20 << 30)
    (tmp_path / "context" / "a.txt").write_text("1")
    build("COPY a.txt /a.txt")
    assert "warning" not in (tmp_path / "build.log").read_text()


def test_what_the_site_offers_reaches_a_step_and_no_layer(build, tmp_path, monkeypatch, connected):
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\ncompany\n-----END CERTIFICATE-----\n")
    password = "s3cr3t-mirror-word"
    monkeypatch.setenv("PIP_CERT", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("PIP_INDEX_URL", f"https://me:{password}@mirror.example/simple")
    monkeypatch.setenv("HTTP_PROXY", f"http://me:{password}@proxy.example:3128")
    image = build(
        "RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=secret,id=ca grep company /run/secrets/ca && "
        "pip config list && echo proxy $HTTP_PROXY", no_cache=True,
    )
    log = (tmp_path / "build.log").read_text()
    assert "mirror.example/simple" in log
    assert "proxy http://me:***@proxy.example" in log
    assert password not in log
    archive = tmp_path / "image.tar"
    with archive.open("wb") as file:
        for piece in connected.client.get_image(image.id):
            file.write(piece)
    found = subprocess.run(["grep", "-c", password, archive], capture_output=True, text=True, check=False).stdout
    assert found.strip() == "0"
    assert password not in str(connected.client.history(image.id))
    assert password not in str(connected.client.inspect_image(image.id))


@pytest.fixture
def doomed(tmp_path, base_image, connected, monkeypatch):
    """A private Engine that may be harmed, with a small disk, and the base image in it."""
    disk = tmp_path / "home"
    monkeypatch.setenv("MODELARTS_NB_HOME", str(disk))
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=900m", "tmpfs", disk], check=True)
    private.up()
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    yield
    private.down()
    unmount_below(disk)


def test_an_engine_that_dies_in_the_middle_of_a_build_is_told(doomed, build, tmp_path):
    def kill():
        wait_until(lambda: "begun" in (tmp_path / "build.log").read_text(), 60, "the step did not begin")
        os.kill(private.status().pid, signal.SIGKILL)

    (tmp_path / "build.log").write_text("")
    killer = threading.Thread(target=kill)
    killer.start()
    began = time.monotonic()
    with pytest.raises(EngineUnavailable) as caught:
        build("RUN echo begun; sleep 100")
    killer.join()
    assert time.monotonic() - began < 60
    assert "went away" in said(caught)
    assert "begun" in (tmp_path / "build.log").read_text()
    private.up()  # and it comes back
    assert modelarts_nb.api.connect() is not None
    assert paths.home() == tmp_path / "home"


def test_a_full_disk_is_told_as_one(doomed, build):
    with pytest.raises((BuildFailed, EngineAPIError)) as caught:
        build("RUN head -c 2000000000 /dev/zero > /big")
    assert "disk" in said(caught).lower() or "space" in said(caught).lower()
