"""The request that makes a job, and what is read from an answer."""

from pathlib import Path

import pytest

from modelarts_nb.errors import SettingsError
from modelarts_nb.training import parity
from modelarts_nb.training.cloudjob import Target, body, parse_job
from modelarts_nb.training.obspath import ObsPath, parse_obs, place
from modelarts_nb.training.run import NodeResult, TrainingRun
from modelarts_nb.training.spec import JobSpec


def target(**options):
    return Target(**{"name": "n", "image": "o/i:1", "flavor": "f", **options})


@pytest.mark.parametrize(("options", "words"), [
    ({"name": "a b"}, "a b"), ({"name": ""}, "“”"), ({"name": "x" * 65}, "cannot name"), ({"flavor": ""}, "%flavors"),
    ({"nodes": 0}, "0 nodes"), ({"description": "x" * 257}, "256"),
    ({"outputs": {"a": ObsPath("b", "x"), "c": ObsPath("b", "x/y")}}, "another output"),
    ({"outputs": {"a": ObsPath("b", "x"), "c": ObsPath("b", "x")}}, "another output"),
])
def test_what_cannot_be_a_job_is_refused(options, words):
    with pytest.raises(SettingsError) as caught:
        target(**options)
    assert words in f"{caught.value.message} {caught.value.hint}"


def test_outputs_beside_each_other_are_fine():
    target(outputs={"a": ObsPath("b", "x"), "c": ObsPath("b", "xy"), "d": ObsPath("e", "x")})


@pytest.mark.parametrize(("seconds", "hours"), [(1, 1), (3600, 1), (3601, 2), (7200, 2)])
def test_auto_stop_is_whole_hours_and_never_sooner_than_asked(seconds, hours):
    made = body(JobSpec("o/i:1", "true", contract="v2"), target(auto_stop=seconds))
    assert made["spec"]["auto_stop"] == {"time_unit": "HOURS", "duration": hours}


def test_places_in_the_container_are_asked_for_where_they_are_given():
    spec = JobSpec("i", "true", "v2", local_code_dir="/home/ma-user/mine", working_dir="/home/ma-user")
    made = body(spec, Target("n", "o/i:v1", flavor="f"))["algorithm"]
    assert (made["local_code_dir"], made["working_dir"]) == ("/home/ma-user/mine", "/home/ma-user")
    assert "working_dir" not in body(JobSpec("i", "true", "v2"), Target("n", "o/i:v1", flavor="f"))["algorithm"]


def test_inputs_and_outputs_are_mounted_where_a_local_run_has_them():
    spec = JobSpec("o/i:1", "true", contract="v2", access_method="env")
    made = body(spec, target(inputs={"data_url": parse_obs("obs://bkt/in/")}))
    assert made["algorithm"]["inputs"] == [{
        "name": "data_url", "access_method": "env", "local_dir": "/home/ma-user/modelarts/inputs/data_url_0",
        "remote": {"obs": {"obs_url": "/bkt/in/"}},
    }]


@pytest.mark.parametrize(("text", "bucket", "key", "folder"), [
    ("obs://bkt", "bkt", "", "/bkt/"), ("obs://bkt/", "bkt", "", "/bkt/"), ("obs://bkt/a/b/", "bkt", "a/b", "/bkt/a/b/"),
])
def test_places_in_object_storage(text, bucket, key, folder):
    found = place(text)
    assert (found.bucket, found.key, found.folder) == (bucket, key, folder)
    assert parse_obs(str(found)) == found


@pytest.mark.parametrize("text", ["obs://", "obs://B", "obs://ab", "obs://a..b", "obs://bkt/a//b", "obs://bkt/../x", "s3://bkt/x"])
def test_what_is_no_place(text):
    with pytest.raises(SettingsError):
        parse_obs(text)


def test_any_other_text_is_a_folder_here():
    assert place("train") == Path("train")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"status": None},
        {"metadata": {"create_time": "x"}, "spec": []},
        {"status": {"tasks": None}},
        {"status": {"task_statuses": [None, {"exit_code": "1"}]}},
        {"algorithm": {"outputs": [None, {}]}},
    ],
)
def test_an_answer_with_holes_is_still_a_job(answer):
    assert parse_job(answer).phase == ""


def test_an_answer_is_read():
    job = parse_job({
        "metadata": {"id": "i", "name": "n", "create_time": 1700000000000},
        "status": {"phase": "Failed", "tasks": ["worker-0"], "duration": 61000, "start_time": 1700000001000,
                   "task_statuses": [{"task": "worker-0", "exit_code": 3, "message": "m"}]},
        "algorithm": {"engine": {"image_url": "o/i:1"}, "outputs": [{"name": "t", "remote": {"obs": {"obs_url": "/b/out/"}}}]},
        "spec": {"resource": {"flavor_id": "f", "node_count": 2}},
    }, "cn-north-4")
    assert (job.created, job.started, job.duration, job.exit_code, job.nodes) == (1.7e9, 1.7e9 + 1, 61.0, 3, 2)
    assert job.outputs == {"t": "obs://b/out"}
    assert job.ended
    assert not job.succeeded


def test_the_parity_report_tells_what_differs_and_no_values():
    spec = JobSpec("digits:v1", "python train.py", contract="v2", env={"TOKEN": "hunter2", "A": "1"}, outputs={"t": Path("o")})
    run = TrainingRun("digits:v1", "v2", "python train.py", (NodeResult("worker-0", 0),), 0, 1)
    job = parse_job(
        {
            "status": {"task_statuses": [{"task": "worker-0", "exit_code": 1}]},
            "spec": {"resource": {"node_count": 1}},
            "algorithm": {
                "engine": {"image_url": "o/digits:v1"},
                "command": "python  train.py",
                "environments": {"TOKEN": "x", "A": "1"},
                "outputs": [{"name": "t", "local_dir": "/home/ma-user/modelarts/outputs/t_0"}],
            },
        }
    )
    rows = {row.name: row for row in parity.compare(spec, run, job)}
    assert {name for name, row in rows.items() if row.sign == "≠"} == {"Exit code", "Variable TOKEN"}
    assert rows["Path of t"].sign == "="
    assert "hunter2" not in repr(rows)
