"""Training jobs from submit to outputs: the sandbox's API, whose jobs are real containers."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from modelarts_nb import api, workflows
from modelarts_nb.api.submits import Detached
from modelarts_nb.cloud import training
from modelarts_nb.cloud.tasklog import TaskLog
from modelarts_nb.errors import ChecksFailed, CloudError, RunFailed, SettingsError
from modelarts_nb.events import VertexLog, VertexWarning
from modelarts_nb.session import session
from modelarts_nb.training.cloudjob import Target, body
from modelarts_nb.training.obspath import ObsPath
from modelarts_nb.training.preflight import Outcome
from modelarts_nb.training.spec import JobSpec

from ...conftest import drain, wait_until

FLAVOR = "modelarts.vm.cpu.2u"
ORGANIZATION = "jobs-of-tests"
BUCKET = "jobs-of-tests"
LINES = 'for i in $(seq 1 40); do echo line $i; sleep 0.02; done'


@pytest.fixture(scope="module")
def pushed(connected, image, here, access):
    """The image in the region's registry: its full reference."""
    from modelarts_nb.cloud.account import open_account
    from modelarts_nb.cloud.client import Client
    from modelarts_nb.cloud.credentials import Credentials, Identity
    from modelarts_nb.reference import parse_reference
    from modelarts_nb.settings import Secret

    account = open_account(Client(here, Identity(Credentials(access["ak"], Secret(access["sk"])))))
    to = parse_reference(f"{here.registry}/{ORGANIZATION}/cloud:v1")
    drain(workflows.push_to_region(connected, account, image, to))
    make_bucket(account, BUCKET, account.region)
    return str(to)


def make_bucket(account, name, location):
    """The sandbox keeps its buckets from run to run."""
    store = account.store()
    if store.bucket(name, "", write=False).exists is False:
        store.ask("create", lambda client: client.createBucket(name, location=location))


@pytest.fixture
def here_and_now(fresh_session, log_in, engine_base_url, monkeypatch, home):
    """A kernel that has just logged in."""
    monkeypatch.setenv("DOCKER_HOST", engine_base_url)
    fresh_session.account = log_in()
    return fresh_session.account


def create(account, pushed, command, **where):
    spec = JobSpec(pushed, command, contract="v2")
    name = where.pop("name", f"test-{time.time_ns()}")
    return training.create(account.client, body(spec, Target(name, f"{ORGANIZATION}/cloud:v1", flavor=FLAVOR, **where)))


def printed(events, task):
    return (
        b"".join(event.data for event in events if isinstance(event, VertexLog) and event.vertex == task).decode().splitlines()
    )


def expected(count=40):
    return [f"line {number}" for number in range(1, count + 1)]


@pytest.fixture
def code(tmp_path):
    folder = tmp_path / "digits"
    folder.mkdir()
    (folder / "train.py").write_text(
        "import argparse, os, pathlib\n"
        "p = argparse.ArgumentParser(); p.add_argument('--data_url'); p.add_argument('--train_url'); a = p.parse_args()\n"
        "text = pathlib.Path(a.data_url, 'x.txt').read_text()\n"
        "pathlib.Path(a.train_url, 'model.txt').write_text(text.upper() + os.environ['VC_TASK_INDEX'])\n"
        "print('trained', flush=True)\n"
    )
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.txt").write_text("abc")
    return folder


def test_from_folders_here_to_outputs_here(here_and_now, pushed, code, tmp_path):
    job = api.submit(
        pushed,
        "python3 /home/ma-user/modelarts/user-job-dir/digits/train.py",
        code=code,
        inputs={"data_url": tmp_path / "data"},
        outputs={"train_url": tmp_path / "out"},
        flavor=FLAVOR,
        bucket=f"obs://{BUCKET}",
        progress="quiet",
    )
    assert job.succeeded
    assert (tmp_path / "out" / "model.txt").read_text() == "ABC0"
    assert job.outputs["train_url"].startswith(f"obs://{BUCKET}/")
    assert api.logs(job.id).splitlines()[-1] == "trained"
    places = api.download(job.id, tmp_path / "again", progress="quiet")
    assert (places["train_url"] / "model.txt").read_text() == "ABC0"


def test_a_run_on_this_machine_reads_and_writes_object_storage(here_and_now, image, code, tmp_path):
    data, out = ObsPath(BUCKET, "local/data"), ObsPath(BUCKET, f"local/out-{time.time_ns()}")
    drain(workflows.send(here_and_now, tmp_path / "data", data, "--data x"))
    drain(workflows.send(here_and_now, code, ObsPath(BUCKET, "local/digits"), "--code"))
    run = api.train(
        image, command="python3 /home/ma-user/modelarts/user-job-dir/digits/train.py", contract="v2", progress="quiet",
        code=ObsPath(BUCKET, "local/digits"), inputs={"data_url": data}, outputs={"train_url": out},
    )
    assert run.succeeded
    drain(workflows.bring(here_and_now, out, tmp_path / "back"))
    assert (tmp_path / "back" / "model.txt").read_text() == "ABC0"


def test_an_image_of_this_machine_is_pushed_first(here_and_now, image):
    job = api.submit(image, "echo hello", organization="pushed-first", flavor=FLAVOR, progress="quiet")
    assert job.succeeded
    assert job.image == "pushed-first/cloud:v1"


def test_a_dry_run_creates_nothing(here_and_now, image, code, tmp_path):
    before = len(list(training.jobs(here_and_now.client)))
    found = api.submit(
        image, "echo hello", code=code, outputs={"o": ObsPath(BUCKET, "dry")}, organization="of-a-dry-run", flavor=FLAVOR,
        bucket=BUCKET, dry_run=True, progress="quiet",
    )
    assert found.passed
    assert found.request["algorithm"]["engine"]["image_url"] == "of-a-dry-run/cloud:v1"
    assert {line.name for line in found.lines} >= {
        "Flavor",
        "Image",
        "Code folder",
        f"Bucket {BUCKET}",
        "Output o",
        "Command",
        "Quota",
    }
    assert [line for line in found.lines if line.outcome is not Outcome.PASSED] == []
    assert len(list(training.jobs(here_and_now.client))) == before
    store = here_and_now.store()
    assert list(store.objects(BUCKET, "dry/")) == []


@pytest.mark.parametrize(("wrong", "line"), [
    ({"flavor": "of-nobody"}, "Flavor"), ({"nodes": 99}, "Flavor"), ({"image": "absent:v9"}, "Image"),
    ({"outputs": {"o": ObsPath("bucket-of-nobody", "x")}}, "Bucket bucket-of-nobody"),
    ({"command": "python /home/ma-user/modelarts/user-job-dir/x/a.py", "code": ObsPath(BUCKET, "code/digits")}, "Command"),
    ({"code": Path("of-nobody")}, "Code folder"),
])
def test_what_would_not_run_is_said_before_anything_is_made(here_and_now, pushed, here, wrong, line):
    options = {"image": pushed, "command": "true", "flavor": FLAVOR, "progress": "quiet", "bucket": BUCKET, **wrong}
    image, command = options.pop("image"), options.pop("command")
    if image != pushed:
        image = f"{here.registry}/{ORGANIZATION}/{image}"
    before = len(list(training.jobs(here_and_now.client)))
    with pytest.raises((ChecksFailed, SettingsError)) as caught:
        api.submit(image, command, **options)
    if isinstance(caught.value, ChecksFailed):
        assert line in caught.value.message
    assert caught.value.hint
    assert len(list(training.jobs(here_and_now.client))) == before


def test_a_bucket_in_another_region(here_and_now, pushed, admin):
    make_bucket(here_and_now, "bucket-in-the-east", "cn-east-3")
    with pytest.raises(ChecksFailed) as caught:
        api.submit(pushed, "true", outputs={"o": ObsPath("bucket-in-the-east", "x")}, flavor=FLAVOR, progress="quiet")
    assert "cn-east-3" in caught.value.message


def test_an_output_that_a_running_job_writes(here_and_now, pushed):
    place = ObsPath(BUCKET, "taken")
    running = create(here_and_now, pushed, "sleep 60", outputs={"o": place})
    try:
        with pytest.raises(ChecksFailed, match="taken"):
            api.submit(pushed, "true", outputs={"o": place}, flavor=FLAVOR, progress="quiet")
    finally:
        training.stop(here_and_now.client, running.id)


def test_a_failing_command_fails_with_its_exit_code(here_and_now, pushed):
    with pytest.raises(RunFailed) as caught:
        api.submit(pushed, "echo before; exit 7", flavor=FLAVOR, progress="quiet")
    assert "exit code 7" in caught.value.message
    assert caught.value.run.exit_code == 7
    assert "before" in Path(caught.value.run.log_path).read_text()


def test_two_nodes_are_followed_line_by_line(account, pushed):
    job = create(account, pushed, LINES, nodes=2)
    ended, events = drain(workflows.follow_job(account, job))
    assert ended.succeeded
    for task in ("worker-0", "worker-1"):
        assert printed(events, task) == expected()


@pytest.mark.parametrize("fault", [
    {"drop_after": 0}, {"drop_after": 30}, {"drop_after": 200}, {"status": 503}, {"status": 429},
])
def test_a_log_goes_on_after_what_broke_with_nothing_twice_and_nothing_lost(account, pushed, faults, fault):
    job = create(account, pushed, LINES)
    faults(
        {"service": "modelarts", "path": "/logs/", "times": 6, **fault},
        {"service": "modelarts", "path": "/events", "times": 2, **fault},
    )
    ended, events = drain(workflows.follow_job(account, job))
    assert ended.succeeded
    assert printed(events, "worker-0") == expected()


def test_a_long_break_is_said_and_survived(account, pushed, faults):
    job = create(account, pushed, LINES)
    faults({"service": "modelarts", "method": "GET", "status": 503, "times": 12})
    ended, events = drain(workflows.follow_job(account, job))
    assert ended.succeeded
    assert any(isinstance(event, VertexWarning) and "does not answer" in event.short for event in events)
    assert printed(events, "worker-0") == expected()


def test_where_lines_cannot_be_had_by_number_the_preview_is_read(account, pushed, faults):
    job = create(account, pushed, LINES)
    faults({"service": "modelarts", "path": r"/logs/worker-\d+\?", "status": 404, "times": 0})
    ended, events = drain(workflows.follow_job(account, job))
    assert ended.succeeded
    assert printed(events, "worker-0") == expected()


def test_a_key_that_expires_while_following_leaves_the_job(account, log_in, pushed):
    job = create(account, pushed, "sleep 30")
    other = log_in(seconds=2)
    with pytest.raises(CloudError) as caught:
        drain(workflows.follow_job(other, job))
    assert caught.value.status == 401
    assert f"%logs {job.id} --follow" in caught.value.hint
    assert not training.show(account.client, job.id).ended
    training.stop(account.client, job.id)


def test_a_key_that_is_renewed_while_following_is_not_noticed(admin, log_in, pushed, account):
    from .conftest import credentials

    job = create(account, pushed, LINES.replace("0.02", "0.05"))
    other = log_in(seconds=1, renew=lambda: credentials(admin("POST", "/sandbox/keys", {"seconds": 3600})))
    ended, events = drain(workflows.follow_job(other, job))
    assert ended.succeeded
    assert printed(events, "worker-0") == expected()


def test_a_job_that_never_leaves_creating_is_said_and_can_be_left(account, pushed, faults):
    faults({"hold": "Creating", "times": 0})
    job = create(account, pushed, "true")
    following = workflows.follow_job(account, job, stuck=0.2)
    said = next(event for event in following if isinstance(event, VertexWarning))
    assert "Creating" in said.short
    assert "%stop" in said.detail[0]
    following.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "modelarts_nb-reader"]
    training.stop(account.client, job.id)
    wait_until(lambda: training.show(account.client, job.id).ended, 20, "the job is stopped")


def test_a_job_whose_answer_is_lost_is_made_once(account, pushed, faults):
    faults({"service": "modelarts", "method": "POST", "path": "/training-jobs$", "drop_after": 0, "times": 1})
    job = create(account, pushed, "true", name=(name := f"once-{time.time_ns()}"))
    assert job.id
    assert [each.id for each in training.jobs(account.client, name=name)] == [job.id]


def test_a_job_that_never_arrived_is_sent_again(account, pushed, faults):
    faults({"service": "modelarts", "method": "POST", "path": "/training-jobs$", "status": 503, "times": 2})
    assert create(account, pushed, "true").id


def test_an_interrupt_detaches_and_says_so(here_and_now, pushed, monkeypatch):
    from modelarts_nb.workflows import jobs as follow_module

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(follow_module.training, "events", interrupted)
    with pytest.raises(Detached) as caught:
        api.submit(pushed, "sleep 30", flavor=FLAVOR, progress="quiet")
    said = "\n".join(caught.value._render_traceback_())
    assert "goes on" in said
    assert f"%logs {caught.value.job.id} --follow" in said
    assert not api.job(caught.value.job.id).ended
    assert api.stop(caught.value.job.id).phase in ("Terminating", "Terminated")


def test_jobs_are_found_again_after_a_restart_of_the_kernel(here_and_now, pushed):
    name = f"found-{time.time_ns()}"
    job = create(here_and_now, pushed, "echo still here", name=name)
    wait_until(lambda: training.show(here_and_now.client, job.id).ended, 30, "the job ends")
    session.job = None
    assert api.job().id == job.id
    assert api.job(name).id == job.id
    assert api.logs(name) == "still here\n"
    assert name in str(api.jobs())
    with pytest.raises(CloudError, match="of-nobody"):
        api.job("of-nobody")


def test_a_stopped_job_is_told_as_stopped(account, pushed):
    job = create(account, pushed, "sleep 60")
    wait_until(lambda: training.show(account.client, job.id).phase == "Running", 30, "the job runs")
    training.stop(account.client, job.id)
    with pytest.raises(RunFailed, match="stopped"):
        drain(workflows.follow_job(account, job))


def test_one_task_can_be_read_alone(here_and_now, pushed):
    job = create(here_and_now, pushed, "echo I am $VC_TASK_INDEX", nodes=2)
    wait_until(lambda: training.show(here_and_now.client, job.id).ended, 30, "the job ends")
    assert api.logs(job.id, task="worker-1") == "I am 1\n"
    with pytest.raises(SettingsError, match="worker-9"):
        api.logs(job.id, task="worker-9")


def test_a_log_longer_than_one_answer(account, pushed):
    job = create(account, pushed, "seq 1 1777")
    _, events = drain(workflows.follow_job(account, job))
    assert printed(events, "worker-0") == [str(number) for number in range(1, 1778)]


def test_the_quota_of_jobs(account, admin, pushed):
    before = admin("GET", "/sandbox/settings")
    running = create(account, pushed, "sleep 60")
    admin("PUT", "/sandbox/settings", {"job_quota": 1})
    try:
        with pytest.raises(CloudError) as caught:
            create(account, pushed, "true")
    finally:
        admin("PUT", "/sandbox/settings", {"job_quota": before["job_quota"]})
        training.stop(account.client, running.id)
    assert "quota" in caught.value.message


def test_lists(here_and_now, pushed):
    assert FLAVOR in str(api.flavors("CPU"))
    assert api.engines().columns
    made = api.register_image(pushed)
    assert pushed in str(made)
    identifier = next(str(each["id"]) for each in made.items if each["swr_path"] == pushed)
    assert pushed not in str(api.unregister_image(identifier))
    for verb in ("orgs", "repos", "quotas"):
        assert api.swr_table(verb, [], {}).title
    assert "v1" in str(api.swr_table("tags", [f"{ORGANIZATION}/cloud"], {}))
    with pytest.raises(SettingsError, match="whole repository"):
        api.swr_table("delete", [f"{ORGANIZATION}/cloud"], {})


def test_metrics_tasks_and_the_address_of_the_log(account, pushed):
    job = create(account, pushed, "echo x", log=ObsPath(BUCKET, "logs"))
    ended, _ = drain(workflows.follow_job(account, job))
    assert training.tasks(account.client, job.id)[0]["task"] == "worker-0"
    assert isinstance(training.metrics(account.client, job.id, "worker-0"), list)
    assert TaskLog(account.client, ended.id, "worker-0").obs_url.startswith("http")
    assert replace(ended, region="sandbox").region == account.region


def test_the_parity_report(here_and_now, pushed, image):
    api.train(image, command="echo hello", contract="v2", progress="quiet")
    api.submit(pushed, "echo hello", flavor=FLAVOR, progress="quiet")
    report = api.compare()
    signs = {row[1]: row[0] for row in report.rows}
    assert signs["Command"] == signs["Exit code"] == signs["User"] == signs["Nodes"] == "="
