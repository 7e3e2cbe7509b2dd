"""Training jobs: real containers under the contract, and every way in which one is refused or ends."""

import contextlib
import json
import re
import time

import pytest

from modelarts_nb.building.request import BuildRequest, DockerfileSource
from modelarts_nb.engine import build as engine_build

from ...conftest import drain
from .conftest import BASE
from .objects import ask

JOBS = "/v2/PROJECT/training-jobs"


@pytest.fixture
def storage(region):
    """A bucket with a function to put objects into it; emptied afterwards."""
    keys = []
    assert ask(region, "PUT", "/jobs-bucket")[0] == 200

    def put(key, body):
        keys.append(key)
        assert ask(region, "PUT", f"/jobs-bucket/{key}", body)[0] == 200

    yield put
    listed = ask(region, "GET", "/jobs-bucket")[2].decode()
    for key in [part.partition("</Key>")[0] for part in listed.split("<Key>")[1:]]:
        ask(region, "DELETE", f"/jobs-bucket/{key}")
    assert ask(region, "DELETE", "/jobs-bucket")[0] == 204


def read(region, key):
    status, _, body = ask(region, "GET", f"/jobs-bucket/{key}")
    assert status == 200, key
    return body


def refused(region, code, words="", **changes):
    body = region.job(BASE, "true")
    for path, value in changes.items():
        place = body
        *parents, last = path.split("__")
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    status, _, said = region.call("POST", JOBS, body)
    assert (status, said.get("error_code")) == (400, code), said
    assert words in said["error_msg"]


def containers(engine, job):
    return engine.containers(all=True, filters={"label": f"modelarts-nb.job={job}"})


def test_a_job_goes_its_way_with_code_input_output_and_log(region, storage, engine):
    storage("code/digits/train.py", (
        b"import argparse, os\n"
        b"p = argparse.ArgumentParser(); p.add_argument('--data_url'); p.add_argument('--train_url'); p.add_argument('--lr')\n"
        b"a = p.parse_args()\n"
        b"print(open(a.data_url + '/x.txt').read(), a.lr, os.environ['COLOUR'], os.getuid(), os.getcwd())\n"
        b"os.makedirs(a.train_url + '/deep'); open(a.train_url + '/deep/model', 'w').write('weights')\n"
    ))
    storage("in/x.txt", b"forty-two")
    job = region.create(
        BASE, "python ${MA_JOB_DIR}/digits/train.py", algorithm_code_dir="/jobs-bucket/code/digits/",
        algorithm_parameters=[{"name": "lr", "value": "0.1"}], algorithm_environments={"COLOUR": "blue"},
        algorithm_inputs=[{"name": "data_url", "remote": {"obs": {"obs_url": "/jobs-bucket/in/"}}}],
        algorithm_outputs=[{"name": "train_url", "remote": {"obs": {"obs_url": "obs://jobs-bucket/out/"}}}],
        spec_log_export_path={"obs_url": "/jobs-bucket/logs/"},
    )
    found = region.until(job)
    assert found["status"]["phase"] == "Completed", region.log(job)
    assert found["status"]["task_statuses"] == [{"task": "worker-0", "exit_code": 0, "message": ""}]
    assert found["metadata"]["annotations"]["X-Sandbox"] == "modelarts-nb"
    assert "forty-two 0.1 blue 1000 /home/ma-user" in region.log(job)
    assert read(region, "out/deep/model") == b"weights"
    name = f"logs/modelarts-job-{job}-worker-0.log"
    assert read(region, name).decode() == region.log(job)
    _, _, said = region.call("GET", f"{JOBS}/{job}/tasks/worker-0/logs/url")
    import urllib.request

    with urllib.request.urlopen(said["obs_url"]) as answer:
        assert answer.read().decode() == region.log(job)
    assert containers(engine, job) == []
    events = region.events(job)
    for expected in ("Training job created.", "Training job is running.", "[worker-0] training started.",
                     "[worker-0] Training finished. Exit code 0.", "Training job completed."):
        assert expected in events
    _, _, tasks = region.call("GET", f"{JOBS}/{job}/tasks")
    assert [(task["task"], task["schedule_count"]) for task in tasks] == [("worker-0", 1)]
    assert tasks[0]["ip"].count(".") == 3
    _, _, said = region.call("GET", f"{JOBS}/{job}/metrics/worker-0")
    assert {metric["metric"] for metric in said["metrics"]} >= {"cpuUsage", "memUsage", "gpuUtil"}
    _, _, said = region.call("GET", f"{JOBS}/{job}/stages")
    assert [stage["name"] for stage in said["running_records"][0]["stages"]] == ["Creating", "Running"]


def test_a_v1_image_runs_by_its_run_train_script(region, storage):
    storage("code/v1app/train.py", b"import os; print('v1', os.getuid(), os.environ['DLS_TASK_NUMBER'])\n")
    command = "bash /home/work/run_train.sh python /home/work/user-job-dir/v1app/train.py"
    job = region.create(BASE, command, algorithm_code_dir="/jobs-bucket/code/v1app/")
    assert region.until(job)["status"]["phase"] == "Completed", region.log(job)
    assert "v1 1101 1" in region.log(job)


def test_the_code_lies_and_the_command_starts_where_the_job_says(region, storage):
    storage("code/digits/train.py", b"import os; print('in', os.getcwd(), os.environ['MA_JOB_DIR']); open('written', 'w')\n")
    job = region.create(
        BASE, "python train.py && ls /home/ma-user/mine/digits", algorithm_code_dir="/jobs-bucket/code/digits/",
        algorithm_local_code_dir="/home/ma-user/mine/", algorithm_working_dir="/home/ma-user/mine/digits",
    )
    found = region.until(job)
    assert found["status"]["phase"] == "Completed", region.log(job)
    assert region.log(job).split("\n")[:3] == ["in /home/ma-user/mine/digits /home/ma-user/mine", "train.py", "written"]
    assert found["algorithm"]["working_dir"] == "/home/ma-user/mine/digits"


def test_the_log_is_followed_by_line_numbers_while_it_grows(region):
    job = region.create(BASE, "for i in $(seq 1 120); do echo line $i; sleep 0.01; done; printf unfinished")
    lines, base = [], 0
    while True:
        over = region.show(job)["status"]["phase"] == "Completed"
        _, _, said = region.call("GET", f"{JOBS}/{job}/logs/worker-0?base_line={base}&lines=50&order=asc")
        if said["lines"]:
            assert int(said["start_line"]) == base + 1
            assert said["lines"] == int(said["end_line"]) - base
            lines += said["content"].splitlines()
            base = int(said["end_line"])
        elif over:
            break
    assert lines == [*[f"line {number}" for number in range(1, 121)], "unfinished"]
    _, _, newest = region.call("GET", f"{JOBS}/{job}/logs/worker-0?lines=2")
    assert newest["content"].splitlines() == ["line 120", "unfinished"]
    for query in ("lines=501", "lines=0", "order=sideways", "base_line=x"):
        assert region.call("GET", f"{JOBS}/{job}/logs/worker-0?{query}")[0] == 400
    assert region.call("GET", f"{JOBS}/{job}/logs/worker-9")[0] == 400


def test_two_nodes_find_each_other(region):
    command = (
        'host=${MA_VJ_NAME}-${MA_TASK_NAME}-0.${MA_VJ_NAME}; if [ $VC_TASK_INDEX = 0 ]; then '
        "python -c \"import socket; s=socket.create_server(('',7000)); c,_=s.accept(); print(c.recv(99).decode())\"; else "
        "python -c \"import socket,sys,time\nfor i in range(100):\n  try: s=socket.create_connection(('$host',7000)); break\n"
        "  except OSError: time.sleep(0.1)\ns.send(b'hello from one')\"; fi"
    )
    job = region.create(BASE, command, nodes=2)
    found = region.until(job)
    assert found["status"]["phase"] == "Completed", region.log(job) + region.log(job, "worker-1")
    assert found["status"]["tasks"] == ["worker-0", "worker-1"]
    assert "hello from one" in region.log(job)


def test_a_job_that_fails_says_with_what(region):
    found = region.until(region.create(BASE, "echo broken >&2; exit 7"))
    assert found["status"]["phase"] == "Failed"
    assert found["status"]["task_statuses"] == [{"task": "worker-0", "exit_code": 7, "message": "exit code 7"}]
    assert found["status"]["running_records"][0]["end_reason"] == "exit with 7"
    assert "broken" in region.log(found["metadata"]["id"])
    _, _, said = region.call("GET", f"{JOBS}/{found['metadata']['id']}/events?level=Error&pattern=failed")
    assert [event["message"] for event in said["events"]] == ["Training job failed."]


def test_a_job_that_hangs_is_stopped_and_leaves_nothing(region, engine):
    job = region.create(BASE, "echo up; sleep 1000")
    region.until(job, "Running")
    status, _, said = region.call("POST", f"{JOBS}/{job}/actions", {"action_type": "terminate"})
    assert status == 202
    assert said["status"]["phase"] in ("Terminating", "Terminated")
    assert region.until(job)["status"]["phase"] == "Terminated"
    assert containers(engine, job) == []
    status, _, said = region.call("POST", f"{JOBS}/{job}/actions", {"action_type": "terminate"})
    assert (status, said["error_code"]) == (400, "ModelArts.2858")
    assert region.call("POST", f"{JOBS}/{job}/actions", {"action_type": "restart"})[2]["error_code"] == "ModelArts.2812"


def test_auto_stop_ends_a_job(region):
    found = region.until(region.create(BASE, "sleep 1000", spec_auto_stop={"time_unit": "SECONDS", "duration": 1}))
    assert found["status"]["phase"] == "Terminated"


def test_a_job_that_waits_is_stopped_before_it_begins(region):
    region.faults({"hold": "Creating"})
    job = region.create(BASE, "true")
    region.call("POST", f"{JOBS}/{job}/actions", {"action_type": "terminate"})
    assert region.until(job)["status"]["phase"] == "Terminated"
    assert region.log(job) == ""


def test_a_job_is_deleted_with_all_that_runs(region, engine):
    jobs = [region.create(BASE, "sleep 1000") for _ in range(2)]
    region.until(jobs[0], "Running")
    assert region.call("DELETE", f"{JOBS}/{jobs[0]}")[0] == 202
    items = [{"kind": "job", "metadata": {"id": jobs[1]}}]
    assert region.call("POST", f"{JOBS}/batch-delete", {"jobs": items})[0] == 202
    for job in jobs:
        status, _, said = region.call("GET", f"{JOBS}/{job}")
        assert (status, said["error_code"]) == (400, "ModelArts.2775")
        assert containers(engine, job) == []


def test_jobs_are_searched_named_once_and_described(region):
    name = f"findme-{time.monotonic_ns()}"
    job = region.create(BASE, "true", name=name)
    assert region.call("GET", f"/v2/PROJECT/training-job-names?job_name={name}")[2] == {"is_duplicate": True}
    refused(region, "ModelArts.2751", metadata__name=name)
    region.until(job)
    wanted = {"limit": 5, "filters": [{"key": "name", "operator": "like", "value": ["findme"]},
                                      {"key": "phase", "operator": "in", "value": ["Completed"]}]}
    _, _, said = region.call("POST", "/v2/PROJECT/training-job-searches", wanted)
    assert job in [item["metadata"]["id"] for item in said["items"]]
    bad = {"filters": [{"key": "colour", "operator": "in", "value": []}]}
    assert region.call("POST", "/v2/PROJECT/training-job-searches", bad)[2]["error_code"] == "ModelArts.2807"
    assert region.call("PUT", f"{JOBS}/{job}", {"description": "mine"})[0] == 200
    assert region.show(job)["metadata"]["description"] == "mine"
    assert region.key(tenant="stranger").call("GET", f"{JOBS}/{job}")[2]["error_code"] == "ModelArts.2775"


@pytest.mark.parametrize(("code", "words", "changes"), [
    ("ModelArts.2788", "metadata.name", {"metadata__name": "a b"}),
    ("ModelArts.2788", "metadata.name", {"metadata__name": "x" * 65}),
    ("ModelArts.2788", "kind", {"kind": "mrs_job"}),
    ("ModelArts.2806", "cannot be empty", {"algorithm__command": " "}),
    ("ModelArts.2806", "cannot be empty", {"algorithm__engine": {}}),
    ("ModelArts.2781", "modelarts.vm.cpu.99u", {"spec__resource__flavor_id": "modelarts.vm.cpu.99u"}),
    ("ModelArts.2763", "no GPU device", {"spec__resource__flavor_id": "modelarts.vm.gpu.p100"}),
    ("ModelArts.2793", "(99)", {"spec__resource__node_count": 99}),
    ("ModelArts.2889", "pool-x", {"spec__resource__pool_id": "pool-x"}),
    ("ModelArts.2810", "not found", {"algorithm__engine__image_url": "modelarts-job-dev-image/nothing:v1"}),
    ("ModelArts.2810", "no permission", {"algorithm__engine__image_url": "somebody/digits:v1"}),
    ("ModelArts.2810", "is not in region", {"algorithm__engine__image_url": "swr.cn-north-4.myhuaweicloud.com/a/b:v1"}),
    ("ModelArts.2791", "does not exist", {"algorithm__code_dir": "/no-such-bucket/code/"}),
    ("ModelArts.2791", "write /bucket", {"algorithm__code_dir": "obs:///"}),
    ("ModelArts.2753", "", {"algorithm__inputs": [{"name": "a b"}]}),
    ("ModelArts.2854", "", {"algorithm__inputs": [{"name": "a"}]}),
    ("ModelArts.2788", "1X", {"algorithm__environments": {"1X": "v"}}),
    ("ModelArts.2816", "100", {"algorithm__environments": {f"X{number}": "" for number in range(101)}}),
    ("ModelArts.2816", "4096", {"algorithm__environments": {"X": "v" * 4097}}),
    ("ModelArts.2788", "auto_stop", {"spec__auto_stop": {"time_unit": "WEEKS", "duration": 1}}),
    ("ModelArts.2788", "local_code_dir", {"algorithm__local_code_dir": "/opt/code"}),
    ("ModelArts.2788", "local_code_dir", {"algorithm__local_code_dir": "/home/ma-user/modelarts/mine"}),
    ("ModelArts.2788", "working_dir", {"algorithm__working_dir": "here"}),
])
def test_a_job_that_cannot_be_is_refused_in_the_platforms_words(region, code, words, changes):
    refused(region, code, words, **changes)


def test_a_body_that_is_no_json_is_refused(region):
    assert region.call("POST", JOBS, raw=b"{")[2]["error_code"] == "ModelArts.2787"


def test_a_bucket_in_another_region_is_refused(region):
    body = b"<CreateBucketConfiguration><LocationConstraint>cn-north-4</LocationConstraint></CreateBucketConfiguration>"
    assert ask(region, "PUT", "/jobs-elsewhere", body)[0] == 200
    with contextlib.ExitStack() as after:
        after.callback(ask, region, "DELETE", "/jobs-elsewhere")
        outputs = [{"name": "train_url", "remote": {"obs": {"obs_url": "/jobs-elsewhere/out/"}}}]
        refused(region, "ModelArts.2791", "is in region cn-north-4", algorithm__outputs=outputs)


def test_a_code_folder_that_is_missing_fails_the_job_as_documented(region, storage):
    storage("other/x", b"")
    job = region.create(BASE, "true", algorithm_code_dir="/jobs-bucket/code/nothing/")
    assert region.until(job)["status"]["phase"] == "Failed"
    assert "modelarts-downloader.py: Get object key failed: 'Contents'" in region.log(job)


def test_the_quota_of_jobs_is_told_and_kept(region):
    unfinished = region.call("GET", "/v2/PROJECT/training-quotas")[2]["quotas"][0]["used"]
    region.settings(job_quota=unfinished + 1)
    region.faults({"hold": "Creating"})
    job = region.create(BASE, "true")
    refused(region, "ModelArts.2815", "Exceed quota limit")
    [quota] = region.call("GET", "/v2/PROJECT/training-quotas")[2]["quotas"]
    assert quota["used"] == quota["quota"]
    region.call("DELETE", f"{JOBS}/{job}")


def test_an_image_for_another_architecture_does_not_fit_the_flavor(region, organization, pushed, engine):
    from modelarts_nb.sandbox.flavors import Flavors

    other = "arm64" if Flavors().image_arch == "amd64" else "amd64"
    engine.import_image_from_data(b"\0" * 1024, repository="tests-foreign", tag="v1", changes=[])
    assert pushed(f"{organization}/tiny:v1")[0]
    _, _, tag = region.call("GET", f"/v2/manage/namespaces/{organization}/repos/tiny/tags/v1")
    manifest = json.loads(tag["manifest"])
    foreign_manifest(region, organization, manifest, other)
    refused(region, "ModelArts.2763", other, algorithm__engine__image_url=f"{organization}/tiny:foreign")
    engine.remove_image("tests-foreign:v1")


def foreign_manifest(region, organization, manifest, architecture):
    """The same image, said to be for another machine."""
    import hashlib

    from .test_registry import DOCKER_MANIFEST
    from .test_registry import ask as registry

    login = region.login()[:2]
    path = f"/v2/{organization}/tiny"
    configuration = json.loads(registry(region, "GET", f"{path}/blobs/{manifest['config']['digest']}", login=login)[2])
    content = json.dumps({**configuration, "architecture": architecture}).encode()
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    _, headers, _ = registry(region, "POST", f"{path}/blobs/uploads/", login=login)
    place = headers["Location"].partition(region.registry)[2]
    assert registry(region, "PUT", f"{place}&digest={digest}", content, login=login)[0] == 201
    manifest["config"] = {**manifest["config"], "digest": digest, "size": len(content)}
    sent = json.dumps(manifest).encode()
    kind = {"Content-Type": DOCKER_MANIFEST}
    assert registry(region, "PUT", f"{path}/manifests/foreign", sent, login=login, headers=kind)[0] == 201


def test_an_image_that_is_not_from_an_official_base_does_not_pass_the_audit_under_v1(region, organization, pushed):
    assert pushed(f"{organization}/tiny:v1")[0]
    job = region.create(f"{organization}/tiny:v1", "bash /home/work/run_train.sh true")
    assert region.until(job)["status"]["phase"] == "Failed"
    assert "The image did not pass the audit" in region.log(job)
    assert re.search(r"MA102: .*base image", region.log(job)), region.log(job)


@pytest.fixture
def built(connected, base_image, region, logged_in, organization):
    """A function: an image with these lines on top of the base, in the organization under that name."""

    def build(name, lines):
        reference = f"{region.registry}/{organization}/{name}:v1"
        source = DockerfileSource(f"FROM {base_image}\nUSER root\n{lines}\n", "test")
        drain(engine_build.build(connected, BuildRequest(source, tags=(reference,), network="none")))
        assert logged_in("push", reference)[0]
        return f"{organization}/{name}:v1"

    return build


BROKEN = (
    "RUN cp /bin/true /usr/local/bin/evil && chmod 4755 /usr/local/bin/evil\n"
    "RUN echo >> /usr/bin/which.debianutils && rm /usr/bin/find"
)


def test_an_image_that_breaks_the_rules_fails_its_jobs_under_both_contracts(region, built):
    image = built("broken", BROKEN)
    for command in ("bash /home/work/run_train.sh true", "echo never"):
        job = region.create(image, command)
        found = region.until(job)
        assert found["status"]["phase"] == "Failed"
        assert found["status"]["task_statuses"][0]["message"].startswith("The image did not pass the audit")
        for code, path in (("MA108", "local/bin/evil"), ("MA103", "bin/which.debianutils"), ("MA104", "bin/find")):
            assert re.search(f"{code}: .*/usr/{path}", region.log(job)), region.log(job)
        assert any(event.startswith("The image did not pass the audit") for event in region.events(job))
        assert "never" not in region.log(job)


def test_an_image_that_keeps_the_rules_passes_once_for_each_contract(region, built, home):
    image = built("clean", "ENV PYTHONUNBUFFERED=1\nRUN mkdir /opt/mine && echo hello > /opt/mine/word")
    for command in ("cd /home/work/; cat /opt/mine/word", "cat /opt/mine/word"):
        job = region.create(image, command)
        assert region.until(job)["status"]["phase"] == "Completed", region.log(job)
        assert "hello" in region.log(job)
    organization, _, name = image.removesuffix(":v1").partition("/")
    _, _, tag = region.call("GET", f"/v2/manage/namespaces/{organization}/repos/{name}/tags/v1")
    known = json.loads((home / "sandbox" / "audits.json").read_text())
    assert known[f"v1 {tag['digest']}"]
    assert known[f"v2 {tag['digest']}"]


def test_images_are_registered_listed_and_unregistered(region):
    path = f"{region.registry}/{BASE}"
    status, _, made = region.call("POST", "/v1/PROJECT/images", {"swr_path": path, "arch": "X86_64", "service_type": "TRAIN"})
    assert status == 201, made
    assert (made["namespace"], made["name"], made["tag"]) == ("modelarts-job-dev-image", "custom-cpu-base", "1.3")
    assert region.call("POST", "/v1/PROJECT/images", {"swr_path": path})[2]["error_code"] == "ModelArts.6301"
    assert [image["id"] for image in region.call("GET", "/v1/PROJECT/images")[2]["data"]] == [made["id"]]
    assert region.call("GET", f"/v1/PROJECT/images/{made['id']}")[2]["swr_path"] == path
    assert region.call("DELETE", f"/v1/PROJECT/images/{made['id']}")[0] == 200
    assert region.call("GET", f"/v1/PROJECT/images/{made['id']}")[0] == 404
    missing = {"swr_path": f"{region.registry}/modelarts-job-dev-image/nothing:1"}
    assert region.call("POST", "/v1/PROJECT/images", missing)[2]["error_code"] == "ModelArts.2810"


def test_flavors_pools_engines_and_workspaces_are_listed(region):
    _, _, said = region.call("GET", "/v2/PROJECT/training-job-flavors?flavor_type=CPU")
    assert [flavor["flavor_id"] for flavor in said["flavors"]] == [f"modelarts.vm.cpu.{cores}u" for cores in (2, 4, 8)]
    _, _, said = region.call("GET", "/v2/PROJECT/training-job-flavors?flavor_type=GPU")
    assert said["flavors"][0]["max_num"] == 0
    assert "not available" in said["flavors"][0]["attributes"]["sandbox"]
    assert region.call("GET", "/v2/PROJECT/training-job-flavors?flavor_type=TPU")[0] == 400
    assert region.call("GET", "/v2/PROJECT/training-pool-flavors?pool_id=pool-sandbox")[0] == 200
    assert region.call("GET", "/v2/PROJECT/pools")[2]["items"][0]["metadata"]["name"] == "pool-sandbox"
    assert region.call("GET", "/v2/PROJECT/training-job-engines")[2] == {"total": 0, "items": []}
    assert region.call("GET", "/v1/PROJECT/workspaces")[2]["workspaces"][0]["id"] == "0"
