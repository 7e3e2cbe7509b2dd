"""``--builder``: a stand-alone BuildKit. The BuildKit is the Engine's own, reached as a builder is: gRPC from the first byte.

What is ours here is the relay: it asks the Engine for its BuildKit (``POST /grpc``) and copies bytes.
"""

import contextlib
import signal
import socket
import subprocess
import tarfile
import threading
import time

import pytest

import modelarts_nb
from modelarts_nb.building.request import DockerfileSource, Output
from modelarts_nb.errors import BuildFailed, EngineAPIError

from ..conftest import wait_until

pytestmark = pytest.mark.usefixtures("home")
UPGRADE = b"POST /grpc HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n"


def copy(source, target):
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


@pytest.fixture(params=["unix", "tcp"])
def builder(request, connected, tmp_path):
    """The address of a BuildKit that stands alone."""
    path = tmp_path / "buildkitd.sock"
    listener = socket.socket(socket.AF_UNIX if request.param == "unix" else socket.AF_INET)
    listener.bind(str(path) if request.param == "unix" else ("127.0.0.1", 0))
    listener.listen()
    threads = []

    def serve(connection):
        inner = socket.socket(socket.AF_UNIX)
        with connection, inner:
            inner.connect(connected.url.removeprefix("unix://"))
            inner.sendall(UPGRADE)
            answer = b""
            while not answer.endswith(b"\r\n\r\n"):
                answer += inner.recv(1)
            assert b" 101 " in answer
            back = threading.Thread(target=copy, args=(inner, connection))
            back.start()
            copy(connection, inner)
            back.join()

    def accept():
        with contextlib.suppress(OSError):
            while True:
                threads.append(threading.Thread(target=serve, args=(listener.accept()[0],)))
                threads[-1].start()

    threads.append(threading.Thread(target=accept))
    threads[0].start()
    yield f"unix://{path}" if request.param == "unix" else f"tcp://127.0.0.1:{listener.getsockname()[1]}"
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture
def build(base_image, tmp_path, builder):
    def run(lines, **options):
        source = DockerfileSource(f"FROM {base_image} AS base\n{lines}\n", "elsewhere", "cell", 2, None)
        return modelarts_nb.build(source, builder=builder, log=tmp_path / "build.log", progress="quiet", **options)

    return run


def test_files_come_out_of_a_builder(build, tmp_path):
    lines = "RUN echo one > /a.whl\nFROM scratch\nCOPY --from=base /a.whl /wheels/a.whl"
    assert (build(lines, output=tmp_path / "out").path / "wheels" / "a.whl").read_text() == "one\n"
    with tarfile.open(build(lines, output=Output(tmp_path / "out.tar", tar=True)).path) as archive:
        assert "wheels/a.whl" in {name.removeprefix("./") for name in archive.getnames()}


def test_a_step_that_fails_on_a_builder_is_told_by_its_line(build, tmp_path):
    with pytest.raises(BuildFailed) as caught:
        build("ENV A=1\nRUN echo the-reason; exit 7", output=tmp_path / "out")
    assert (caught.value.line, caught.value.exit_code) == (4, 7)
    assert "the-reason" in caught.value.log_tail


def test_a_build_on_a_builder_stops_when_its_caller_does(build, tmp_path):
    marker = f"sleep 31{time.time_ns() % 100_000:05d}"
    def interrupt():
        wait_until(lambda: running(marker), 60, "the step did not begin")
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        build(f"RUN {marker}", output=tmp_path / "out", no_cache=True)
    thread.join()
    signal.signal(signal.SIGINT, before)
    wait_until(lambda: not running(marker), 5, "the step goes on")


def running(command):
    return subprocess.run(["pgrep", "-fx", command], stdout=subprocess.DEVNULL, check=False).returncode == 0


def test_a_builder_pushes_what_it_builds(build, registry, connected):
    """An Engine's BuildKit has a way to a registry only where it keeps its images in containerd's store."""
    reference = f"{registry}/elsewhere/image:1"
    if connected.storage == "overlayfs" or "containerd" in connected.storage:
        pushed = build("RUN echo pushed > /a", tag=reference)
        assert pushed.reference == reference
        assert pushed.media_type == "application/vnd.docker.distribution.manifest.v2+json"
    else:
        with pytest.raises((EngineAPIError, BuildFailed), match='exporter "image" could not be found'):
            build("RUN echo pushed > /a", tag=reference)
