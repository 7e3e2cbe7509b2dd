"""The official SDK, unchanged and in a process of its own, goes the whole way: login, push, data, job, logs, stop, download."""

import json
import subprocess
from pathlib import Path

import pytest

from .conftest import BASE

SCRIPT = Path(__file__).parent / "sdk_script.py"
ESDK = "esdk-obs-python==3.26.6"


@pytest.fixture(scope="session")
def official():
    """A function: a part of the script, run by the Python that has the SDK; what it printed, as JSON."""
    import importlib.util

    found = importlib.util.spec_from_file_location("oracle", Path(__file__).parents[2] / "oracle.py")
    oracle = importlib.util.module_from_spec(found)
    found.loader.exec_module(oracle)
    python = oracle.python()
    if subprocess.run([python, "-c", "import obs"], capture_output=True, check=False).returncode:
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", ESDK], check=True)

    def run(part, *words):
        done = subprocess.run(
            [python, "-W", "ignore", SCRIPT, part, *map(str, words)], capture_output=True, text=True, timeout=180, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture
def file(home, region):
    return home / "sandbox" / "access.json"


def test_login_organization_push_job_logs_stop_and_download(official, file, region, docker, connected, base_image, tmp_path):
    from modelarts_nb.engine import images
    from modelarts_nb.reference import parse_reference

    made = official("swr", file, "sdk-org")
    docker_login = made["login"].split()
    done, said = docker("login", "-u", docker_login[3], "--password-stdin", docker_login[6], stdin=docker_login[5])
    assert done, said
    reference = f"{region.registry}/sdk-org/trainer:v1"
    images.tag(connected, base_image, parse_reference(reference))
    done, said = docker("push", reference)
    assert done, said
    (tmp_path / "big").write_bytes(bytes(range(256)) * 80_000)  # 20 MB: in parts
    assert official("upload", file, "sdk-bucket", tmp_path / "big") == {"same": True, "listed": ["code/app/train.py", "in/big"]}
    ran = official("job", file, "sdk-org/trainer:v1", "sdk-bucket")
    assert ran["phases"][-1] == "Completed", ran
    assert ran["log"] == ["starting", "20480000 bytes", "done"]
    assert ran["output"] == "a model"
    assert ran["tags"] == ["v1"]
    assert "Training job completed." in ran["events"]
    stopped = official("stop", file, "sdk-org/trainer:v1")
    assert stopped["phase"] == "Terminated"
    assert official("clean", file, "sdk-org", "trainer", "sdk-bucket") == {"left": []}


def test_errors_arrive_as_the_sdks_exceptions(official, file):
    found = official("errors", file)
    assert found["wrong key"] == [401, "APIGW.0301"]
    assert found["flavor"] == [400, "ModelArts.2781"]
    assert found["project"] == "0 projects"
    assert found["request id"]


def test_every_list_of_the_sdk_parses(official, file):
    assert official("lists", file, BASE)["unparsed"] == []
