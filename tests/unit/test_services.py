"""Programs that outlive a command."""

import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from modelarts_nb import services
from modelarts_nb.errors import SandboxError
from modelarts_nb.services import Service, start_time

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]


@pytest.fixture
def service(tmp_path):
    made = Service("thing", tmp_path / "of" / "ours")
    yield made
    made.stop()


def is_up(service):
    return lambda: "up" in service.log.read_text()


def test_it_runs_until_it_is_stopped(service):
    service.start(SLEEP, is_up(service))
    pid = service.pid()
    assert start_time(pid)
    service.stop()
    assert service.pid() == 0
    assert not start_time(pid)
    service.stop()


FIRST_THREAD_ENDS = """
import ctypes, platform, socket, threading, time
listener = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=time.sleep, args=(600,)).start()
print(listener.getsockname()[1], "up", flush=True)
time.sleep(0.2)
ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[platform.machine()], 0)  # exit(2): this thread and no other
"""


def test_a_program_has_not_ended_while_one_of_its_threads_holds_its_port(service):
    service.start([sys.executable, "-c", FIRST_THREAD_ENDS], is_up(service))
    pid, port = service.pid(), int(service.log.read_text().split()[0])
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < deadline
    with socket.socket() as probe, pytest.raises(OSError, match="in use"):
        probe.bind(("127.0.0.1", port))
    assert start_time(pid)
    os.kill(pid, signal.SIGKILL)
    assert services.ended([pid], 20)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))


def test_one_that_ends_before_it_is_ready_says_what_it_said_last(service):
    with pytest.raises(SandboxError, match="the reason"):
        service.start(["/bin/sh", "-c", "echo the reason >&2; exit 3"], lambda: False)
    assert service.pid() == 0


def test_one_that_does_not_get_ready_is_stopped(service):
    started = []

    def never():
        started.append(service.pid())
        return False

    with pytest.raises(SandboxError, match="did not come up within 0 s"):
        service.start(SLEEP, never, seconds=0.3)
    assert not start_time(started[0])


def test_an_interrupted_start_leaves_nothing_running(service):
    started = []

    def interrupted():
        started.append(service.pid())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        service.start(SLEEP, interrupted)
    assert started[0]
    assert not start_time(started[0])


def test_one_that_cannot_be_started_is_told(service):
    with pytest.raises(SandboxError, match="cannot be started: No such file"):
        service.start(["/no/such/program"], lambda: True)


def test_one_that_ignores_the_request_is_killed(service, monkeypatch):
    monkeypatch.setattr(services, "STOP_SECONDS", 0.3)
    script = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    service.start([sys.executable, "-c", script], is_up(service))
    pid = service.pid()
    service.stop()
    assert not start_time(pid)


@pytest.mark.parametrize(
    "text", ["", "x y", "12", f"{os.getpid()} 12345", "999999999 1"], ids=["empty", "words", "half", "ours", "nobody's"]
)
def test_a_pid_file_is_believed_with_proof_only(service, text):
    service.folder.mkdir(parents=True)
    (service.folder / "thing.pid").write_text(text)
    assert service.pid() == 0


def test_the_log_is_of_this_start_and_the_one_before_is_kept(service):
    for number in (1, 2, 3):
        service.start([sys.executable, "-c", f"import time; print('up {number}', flush=True); time.sleep(600)"], is_up(service))
        service.stop()
    assert service.log.read_text() == "up 3\n"
    assert sorted(path.name for path in service.folder.iterdir()) == ["thing.log", "thing.log.1"]


def test_stopping_anothers_program_is_refused_shortly(service, monkeypatch):
    def refuse(pid, number):
        raise PermissionError

    service.start(SLEEP, is_up(service))
    with monkeypatch.context() as patch:
        patch.setattr(os, "kill", refuse)
        with pytest.raises(SandboxError, match="belongs to another user"):
            service.stop()
    assert start_time(service.pid())


def test_one_that_ends_while_it_is_being_stopped_is_no_error(service, monkeypatch):
    service.start(SLEEP, is_up(service))
    kill = os.kill

    def too_late(pid, number):
        kill(pid, signal.SIGKILL)
        raise ProcessLookupError

    monkeypatch.setattr(os, "kill", too_late)
    service.stop()
    assert service.pid() == 0
