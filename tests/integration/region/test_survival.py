"""What the region remembers when it is stopped, killed or short of disk; what it leaves behind."""

import json
import os
import signal
import subprocess

import pytest

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


@pytest.mark.parametrize("end", [lambda: processes.service("region").stop(), kill], ids=["stopped", "killed"])
def test_everything_is_there_again_and_a_job_that_ran_is_abnormal(region, organization, pushed, engine, again, end):
    assert pushed(f"{organization}/tiny:v1")[0]
    login = region.login()[:2]
    assert ask(region, "PUT", "/survivor")[0] == 200
    assert ask(region, "PUT", "/survivor/code/train.py", b"print()", headers=HEADERS)[0] == 200
    done = region.create(BASE, "echo before")
    region.until(done)
    running = region.create(BASE, "echo begun; sleep 1000")
    region.started(running, "begun")
    assert containers(engine, running)
    end()
    assert not sandbox_region.status().running
    again()
    status, headers, body = ask(region, "GET", "/survivor/code/train.py")
    assert (status, body, headers["content-type"], headers["x-amz-meta-mode"]) == (200, b"print()", "text/x-python", "33188")
    ask(region, "DELETE", "/survivor/code/train.py")
    assert ask(region, "DELETE", "/survivor")[0] == 204
    assert registry(region, "GET", f"/v2/{organization}/tiny/tags/list", login=login)[0] == 200, "the login is still good"
    assert region.log(done) == "before\n"
    found = region.show(running)
    assert (found["status"]["phase"], found["status"]["secondary_phase"]) == ("Abnormal", "Lost")
    assert any("sandbox" in event for event in region.events(running))
    region.until(region.create(BASE, "true"))  # whatever was left has been swept by now
    assert containers(engine, running) == []


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
