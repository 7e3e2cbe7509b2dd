"""A job as a value: what it refuses, what its texts mean, and what can be said about it before it runs."""

from pathlib import Path

import pytest

from modelarts_nb.errors import SettingsError
from modelarts_nb.training import contract
from modelarts_nb.training.spec import JobSpec, memory_size, pairs, time_span


@pytest.mark.parametrize(("options", "words"), [
    ({"command": "  "}, "empty"), ({"nodes": 0}, "0 nodes"), ({"nodes": 33}, "33 nodes"), ({"contract": "v3"}, "v1, v2"),
    ({"gpus": 1, "npus": 1}, "not both"), ({"memory": -1}, "negative"), ({"network": "host", "nodes": 2}, "host name"),
    ({"inputs": {"a-b": Path()}}, "a-b"), ({"env": {"1A": ""}}, "1A"),
    ({"inputs": {"x": Path()}, "outputs": {"x": Path()}}, "“x”"), ({"env": {"A": "v" * 4097}}, "too long"),
    ({"local_code_dir": "/opt/code"}, "below /home"), ({"local_code_dir": "/home/ma-user"}, "/home/ma-user itself"),
    ({"local_code_dir": "/home/ma-user/infer/x"}, "/home/ma-user/infer"), ({"local_code_dir": "code"}, "from / on"),
    ({"working_dir": "code"}, "working_dir"), ({"working_dir": "/home/../etc"}, "from / on"),
    ({"env": {f"A{n}": "" for n in range(101)}}, "101"), ({"access_method": "file"}, "parameter, env"),
])
def test_what_cannot_be_a_job_is_refused_with_its_reason(options, words):
    with pytest.raises(SettingsError) as caught:
        JobSpec(**{"image": "i", "command": "true", **options})
    assert words in f"{caught.value.message} {caught.value.hint}"


def test_the_code_lies_where_the_job_says_under_v2_and_under_v1_that_has_no_effect():
    options = {"code": Path("digits"), "local_code_dir": "/home/ma-user/mine/", "working_dir": "/home/ma-user/mine/digits"}
    made = contract.plan(JobSpec("i", "true", "v2", **options), "1", 0)
    assert [delivery.target for delivery in made.deliveries] == ["/home/ma-user/mine/digits"]
    assert (made.working_dir, made.environment["MA_JOB_DIR"]) == ("/home/ma-user/mine/digits", "/home/ma-user/mine")
    assert "/home/ma-user/mine" in made.folders
    assert str(contract.boot_paths(JobSpec("i", "true", "v2", **options))[1]) == "/home/ma-user/mine/digits"
    old = contract.plan(JobSpec("i", "true", "v1", **options), "1", 0)
    assert old == contract.plan(JobSpec("i", "true", "v1", code=Path("digits")), "1", 0)


def test_secrets_in_variables_are_not_in_its_text():
    assert "hunter2" not in repr(JobSpec("i", "true", env={"TOKEN": "hunter2"}))


@pytest.mark.parametrize(("text", "size"), [
    ("", 0), ("512m", 512 << 20), ("8g", 8 << 30), ("8GiB", 8 << 30), ("1.5k", 1536), ("7", 7),
])
def test_memory_is_read_as_docker_reads_it(text, size):
    assert memory_size(text) == size


@pytest.mark.parametrize(("text", "seconds"), [("", 0), ("90", 90), ("90s", 90), ("10m", 600), ("2h", 7200), ("0.5h", 1800)])
def test_times(text, seconds):
    assert time_span(text) == seconds


@pytest.mark.parametrize("text", ["a lot", "8 gold", "-1", "1e9"])
def test_what_is_no_number_is_refused(text):
    for read in (memory_size, time_span):
        with pytest.raises(SettingsError, match="is no"):
            read(text)


def test_pairs():
    assert pairs(["a=b", "c=d=e", "f="], "--env", "K=V") == {"a": "b", "c": "d=e", "f": ""}
    for bad in (["a"], ["=b"], ["a=1", "a=2"]):
        with pytest.raises(SettingsError):
            pairs(bad, "--env", "K=V")


def test_arguments_are_quoted_behind_the_last_command():
    spec = JobSpec("i", "python t.py", contract="v2", inputs={"d": Path("x")}, outputs={"m": Path("y")})
    place = "/home/ma-user/modelarts"
    assert contract.plan(spec, "j", 0).argv == (
        "/bin/bash", "-c", f"python t.py --d={place}/inputs/d_0 --m={place}/outputs/m_0",
    )


def test_the_jobs_own_variables_win():
    spec = JobSpec("i", "true", contract="v2", env={"MA_NUM_HOSTS": "9"})
    assert contract.plan(spec, "j", 0).environment["MA_NUM_HOSTS"] == "9"


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_every_node_has_a_name_of_its_own_that_the_others_are_told(generation):
    spec = JobSpec("i", "true", contract=generation, nodes=3)
    plans = [contract.plan(spec, "j", index, ("10.0.0.2", "10.0.0.3", "10.0.0.4")) for index in range(3)]
    assert len({plan.hostname for plan in plans}) == 3
    for plan in plans:
        told = " ".join(f"{key}={value}" for key, value in plan.environment.items() if "HOSTS" in key)
        assert all(other.aliases[0] in told for other in plans)


@pytest.mark.parametrize("read", [memory_size, time_span])
def test_a_number_that_is_infinite_is_refused(read):
    with pytest.raises(SettingsError, match="too large"):
        read("9" * 400)
