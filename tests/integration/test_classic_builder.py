"""A podman service: builds work, and one line says what is lost."""

import subprocess
import tarfile
import time
from io import BytesIO

import pytest

from modelarts_nb.building.request import BuildRequest, DockerfileSource
from modelarts_nb.engine import build as engine_build
from modelarts_nb.engine import discovery, images
from modelarts_nb.errors import BuildFailed
from modelarts_nb.events import Vertex, VertexLog, VertexWarning


@pytest.fixture(scope="module")
def podman(tmp_path_factory, busybox):
    folder = tmp_path_factory.mktemp("pm")
    socket = folder / "p.sock"
    command = [
        "podman", "--root", str(folder / "root"), "--runroot", str(folder / "run"), "--cgroup-manager", "cgroupfs",
        "--runtime", "/usr/sbin/runc", "system", "service", "--time", "0", f"unix://{socket}",
    ]
    with (folder / "log").open("wb") as log:
        service = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 30
            while not socket.exists():
                assert service.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline, "the podman service did not come up"
                time.sleep(0.05)
            engine = discovery.connect(f"unix://{socket}")
            engine.client.import_image_from_data(busybox, repository="localhost/busybox")
            yield engine
            engine.close()
        finally:
            service.terminate()
            service.wait(20)
            subprocess.run(["umount", "-l", str(folder / "root" / "overlay")], capture_output=True, check=False)


@pytest.fixture(scope="module")
def busybox():
    """A root file system of one static program, as a tar."""
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add("/bin/busybox", "bin/busybox")
        for name in ("sh", "cat", "echo"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
    return buffer.getvalue()


def run(engine, text, context):
    events = []
    generator = engine_build.build(engine, BuildRequest(DockerfileSource(text, context=context), tags=("localhost/x:1",)))
    while True:
        try:
            event = next(generator)
        except StopIteration as end:
            return end.value, events
        except BuildFailed as error:
            return error, events
        if event is not None:
            events.append(event)


def test_podman_is_recognised(podman):
    assert podman.podman
    assert podman.name.startswith("Podman")


def test_a_build_on_podman(podman, tmp_path):
    (tmp_path / "a.txt").write_text("from the context")
    (tmp_path / "left-out.txt").write_text("x")
    (tmp_path / ".dockerignore").write_text("# comment\nleft-out.txt\n")
    text = "FROM localhost/busybox:latest\nCOPY . /here\nRUN cat /here/a.txt; echo; echo *; [ ! -e /here/left-out.txt ]\n"
    image_id, events = run(podman, text, tmp_path)
    assert len(images.inspect(podman, image_id).layers) >= 2
    warning = next(event for event in events if isinstance(event, VertexWarning))
    assert warning.short.startswith("This Engine has no BuildKit")
    names = [event.name for event in events if isinstance(event, Vertex) and event.completed]
    assert names == [f"[{n}/3] {line}" for n, line in enumerate(text.splitlines(), 1)]
    assert b"from the context" in b"".join(event.data for event in events if isinstance(event, VertexLog))


def test_a_failing_step_on_podman(podman, tmp_path):
    error, events = run(podman, "FROM localhost/busybox:latest\nRUN echo before; exit 3\n", tmp_path)
    assert isinstance(error, BuildFailed)
    assert error.exit_code == 3
    assert [event.name for event in events if isinstance(event, Vertex) and event.error] == ["[2/2] RUN echo before; exit 3"]
