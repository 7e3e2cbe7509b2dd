"""What the region remembers when it is stopped, killed or short of disk; what it leaves behind."""

import json
import os
import signal
import subprocess
import time

import pytest

from modelarts_nb.engine import marks
from modelarts_nb.sandbox import processes
from modelarts_nb.sandbox import region as sandbox_region
from modelarts_nb.services import ended, start_time

from .conftest import BASE, archive
from .objects import ask
from .test_jobs import containers
from .test_registry import ask as registry
from .test_registry import long_term

HEADERS = {"Content-Type": "text/x-python", "x-amz-meta-mode": "33188"}


@pytest.fixture
def again(connected, home):
    """A function: the sandbox comes up (again)."""
    yield lambda: sandbox_region.up(connected)
    sandbox_region.up(connected)


def kill():
    pid = processes.service("region").pid()
    os.kill(pid, signal.SIGKILL)
    assert ended([pid], 10)


ENDS = pytest.mark.parametrize("end", [lambda: processes.service("region").stop(), kill], ids=["stopped", "killed"])


@ENDS
def test_everything_is_there_again(region, organization, pushed, again, end):
    assert pushed(f"{organization}/tiny:v1")[0]
    login = region.login()[:2]
    assert ask(region, "PUT", "/survivor")[0] == 200
    assert ask(region, "PUT", "/survivor/code/train.py", b"print()", headers=HEADERS)[0] == 200
    done = region.create(BASE, "echo before")
    region.until(done)
    end()
    assert not sandbox_region.status().running
    again()
    status, headers, body = ask(region, "GET", "/survivor/code/train.py")
    assert (status, body, headers["content-type"], headers["x-amz-meta-mode"]) == (200, b"print()", "text/x-python", "33188")
    ask(region, "DELETE", "/survivor/code/train.py")
    assert ask(region, "DELETE", "/survivor")[0] == 204
    assert registry(region, "GET", f"/v2/{organization}/tiny/tags/list", login=login)[0] == 200, "the login is still good"
    assert region.log(done) == "before\n"


COUNT = "i=0; while [ ! -e /tmp/end ]; do i=$((i+1)); echo line $i; echo error $i >&2; sleep 0.005; done; echo last $i; "


def finish(engine, job, task="worker-0"):
    """Make a job that runs COUNT end."""
    engine.exec_start(engine.exec_create(f"modelarts-nb-{job}-{task}", ["touch", "/tmp/end"])["Id"])


def counted(text):
    """See that every line is there, once and in its order; how many there are."""
    lines = text.splitlines()
    last = int(lines[-1].removeprefix("last "))
    for word in ("line", "error"):
        assert [line for line in lines if line.startswith(word)] == [f"{word} {number}" for number in range(1, last + 1)]
    return last


@ENDS
def test_a_job_goes_on_while_the_sandbox_is_down_and_its_log_is_caught_up(region, engine, again, end):
    over, on = [region.create(BASE, f"{COUNT}exit 7", nodes=nodes) for nodes in (1, 2)]
    for job in (over, on):
        region.started(job, "line 20\n")
    before = region.show(on)["status"]["start_time"]
    end()
    assert sandbox_region.running_jobs() == 2
    finish(engine, over)
    engine.wait(f"modelarts-nb-{over}-worker-0")
    again()
    found = region.until(over)
    assert found["status"]["phase"] == "Failed"
    assert found["status"]["task_statuses"] == [{"task": "worker-0", "exit_code": 7, "message": "exit code 7"}]
    counted(region.log(over))
    found = region.show(on)
    assert (found["status"]["phase"], found["status"]["start_time"]) == ("Running", before)
    seen = len(region.log(on))
    region.started(on, f"line {region.log(on).count('line ') + 50}\n")
    assert len(region.log(on)) > seen, "new lines come"
    for task in ("worker-0", "worker-1"):
        finish(engine, on, task)
    found = region.until(on)
    assert {status["exit_code"] for status in found["status"]["task_statuses"]} == {7}
    for task in ("worker-0", "worker-1"):
        assert counted(region.log(on, task)) > 50
    events = region.events(on)
    assert [events.count(f"[{task}] training started.") for task in ("worker-0", "worker-1")] == [1, 1]
    assert any("started again" in event for event in events)
    assert containers(engine, over) == containers(engine, on) == []


def test_outputs_are_brought_and_a_time_limit_counts_from_the_first_start(region, engine, again):
    assert ask(region, "PUT", "/survivor")[0] == 200
    outputs = [{"name": "train_url", "remote": {"obs": {"obs_url": "/survivor/out/"}}}]
    command = f"f() {{ echo weights > ${{1#*=}}/model; }}; {COUNT} f"
    job = region.create(BASE, command, algorithm_outputs=outputs)
    stopped = region.create(BASE, "echo up; sleep 1000", spec_auto_stop={"time_unit": "SECONDS", "duration": 3})
    region.started(job, "line 1\n")
    region.started(stopped, "up")
    began = time.time()
    kill()
    finish(engine, job)
    again()
    assert region.until(job)["status"]["phase"] == "Completed", region.log(job)
    assert ask(region, "GET", "/survivor/out/model")[2] == b"weights\n"
    ask(region, "DELETE", "/survivor/out/model")
    assert ask(region, "DELETE", "/survivor")[0] == 204
    found = region.until(stopped)["status"]
    assert found["phase"] == "Terminated"
    assert found["duration"] < 1000 * (time.time() - began + 2), "the time that the sandbox was down counts"


def test_a_job_that_waited_or_was_being_stopped_goes_on_with_that(region, again):
    region.faults({"hold": "Creating"})
    waiting = region.create(BASE, "echo at last")
    stopping = region.create(BASE, "true")
    kill()
    record = processes.folder() / "jobs" / stopping / "job.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "phase": "Terminating"}))
    again()
    assert region.until(waiting)["status"]["phase"] == "Completed"
    assert region.log(waiting) == "at last\n"
    assert region.until(stopping)["status"]["phase"] == "Terminated"


def test_a_job_whose_containers_were_removed_meanwhile_is_lost(region, connected, again):
    job = region.create(BASE, "echo begun; sleep 1000")
    region.started(job, "begun")
    kill()
    marks.remove(connected, job)
    again()
    found = region.until(job)["status"]
    assert (found["phase"], found["secondary_phase"]) == ("Abnormal", "Lost")
    assert any("are gone" in event for event in region.events(job))


def test_files_that_were_cut_short_are_set_aside(region, again, home):
    processes.service("region").stop()
    folder = home / "sandbox"
    (folder / "settings.json").write_text('{"namespace_qu')
    (folder / "jobs" / "half").mkdir()
    (folder / "jobs" / "half" / "job.json").write_text('{"phase": "Run')
    again()
    assert region.call("GET", "/sandbox/settings")[2]["namespace_quota"] == 5
    assert (folder / "settings.json.bad").exists()
    assert not (folder / "jobs" / "half").exists()
    (folder / "settings.json.bad").unlink()


@pytest.fixture
def full_disk():
    """A function: a folder has a disk of a megabyte."""
    mounted = []

    def mount(folder):
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
        mounted.append(folder)

    yield mount
    for folder in mounted:
        subprocess.run(["umount", folder], check=True)


def test_an_object_that_the_disk_cannot_hold_is_refused_and_not_there(region, home, full_disk):
    assert ask(region, "PUT", "/full-disk")[0] == 200
    full_disk(home / "sandbox" / "obs" / "objects" / "full-disk")
    status, _, body = ask(region, "PUT", "/full-disk/large", b"x" * (2 << 20))
    assert status == 503
    assert b"No space left on device" in body
    assert ask(region, "GET", "/full-disk/large")[0] == 404
    assert ask(region, "PUT", "/full-disk/small", b"x")[0] == 200
    ask(region, "DELETE", "/full-disk/small")


def test_a_bucket_goes_with_its_files(region, home):
    assert ask(region, "DELETE", "/full-disk")[0] == 204
    assert not (home / "sandbox" / "obs" / "objects" / "full-disk").exists()


def test_nothing_runs_after_down_and_up_is_quick(region, again):
    pids = processes.pids()
    assert all(pids.values())
    sandbox_region.down()
    assert not any(start_time(pid) for pid in pids.values())
    assert not processes.socket_path().exists()
    again()
    assert region.call("GET", "/v3/projects?name=sandbox")[0] == 200, "with the same key"


def test_what_jobs_pulled_is_known_so_that_a_purge_finds_it(region, organization, logged_in, engine, home):
    reference = f"{region.registry}/{organization}/fresh:v1"
    engine.import_image_from_data(archive(os.urandom(1000)), repository=reference.rpartition(":")[0], tag="v1")
    assert logged_in("push", reference)[0]
    engine.remove_image(reference, force=True)
    region.until(region.create(f"{organization}/fresh:v1", "true"))
    known = json.loads((home / "sandbox" / "pulled.json").read_text())
    pulled = [reference for reference in known if f"{organization}/fresh@" in reference][-1]  # earlier runs' stand there too
    assert engine.inspect_image(pulled)
    engine.remove_image(pulled, force=True)


def test_a_login_of_a_key_that_was_taken_away_is_over(region):
    guest = region.key(tenant="guest")
    login = long_term(guest.access)
    assert registry(region, "GET", "/v2/", login=login)[0] == 200
    assert region.call("DELETE", f"/sandbox/keys/{guest.access['ak']}")[0] == 204
    assert registry(region, "GET", "/v2/", login=login)[0] == 401
