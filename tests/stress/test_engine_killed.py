"""The Engine is killed (-9) at random moments: the operation ends with a clear error, and the next one works."""

import contextlib
import os
import random
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest

import modelarts_nb
from modelarts_nb.building.request import DockerfileSource
from modelarts_nb.engine import discovery, private
from modelarts_nb.errors import ModelArtsError

from ..integration.test_private_engine import traces
from .size import of

# A socket to an Engine that died is left to the garbage collector: open, see notes.md
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

KILLS = of(2, 50)
SEED = int(os.environ.get("MODELARTS_NB_STRESS_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 30)
BOUND = 90  # seconds in which an operation whose Engine is gone has to say so


@pytest.fixture
def doomed(base_image, registry, connected, tmp_path_factory, monkeypatch):
    """A private Engine that may be harmed, with the base image in it."""
    archive = tmp_path_factory.mktemp("base") / "base.tar"
    with archive.open("wb") as file:
        for piece in connected.client.get_image(base_image):
            file.write(piece)
    home = tmp_path_factory.mktemp("doomed")
    monkeypatch.setenv("MODELARTS_NB_HOME", str(home))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    found = discovery.connect(private.up().url)
    with archive.open("rb") as file:
        found.client.load_image(file)
    found.close()
    yield home
    private.down(purge=True)
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def operations(doomed, base_image, registry, tmp_path):
    source = DockerfileSource(
        f"FROM {base_image}\nRUN for n in 1 2 3 4 5 6 7 8; do echo $n; sleep 0.1; done; head -c 20000000 /dev/urandom > /big\n",
        "stress", "cell", 2, tmp_path,
    )
    options = {"log": tmp_path / "operation.log", "progress": "quiet"}
    name = f"{registry}/stress/killed:1"
    return {
        "build": lambda: modelarts_nb.build(source, tag=name, no_cache=True, **options),
        "push": lambda: modelarts_nb.push(name, check=False, **options),
        "run": lambda: modelarts_nb.train(name, command="for n in 1 2 3 4 5; do echo $n; sleep 0.2; done", **options),
    }


def ours(home):
    """Containers and networks that are ours and were left in the Engine."""
    found = discovery.connect(private.status().url)
    with contextlib.closing(found):
        containers = [one["Names"] for one in found.client.containers(all=True)]
        networks = [one["Name"] for one in found.client.networks() if one["Name"] not in ("bridge", "host", "none")]
    return containers, networks


def killed(operation, delay):
    """What the operation said when the Engine was killed ``delay`` seconds after its start; None: it was done before."""
    pid = private.status().pid
    killer = threading.Timer(delay, os.kill, (pid, signal.SIGKILL))
    began = time.monotonic()
    killer.start()
    try:
        operation()
        return None
    except ModelArtsError as error:
        return str(error)
    finally:
        assert time.monotonic() - began < BOUND
        killer.join()


def test_an_engine_killed_at_any_moment_costs_one_clear_error_and_leaves_nothing(doomed, operations, record):
    print(f"MODELARTS_NB_STRESS_SEED={SEED}")
    chosen = random.Random(SEED)
    operations["build"]()
    for each in operations.values():
        each()  # all of them work
    struck = done = 0
    for number in range(KILLS):
        name = ("build", "run", "push")[number % 3]
        said = killed(operations[name], delay := chosen.uniform(0, 1.5))
        print(f"{number}: {name} killed after {delay:.3f} s: {said}")
        struck, done = struck + bool(said), done + (not said)
        private.up()
        operations[name]()
        assert ours(doomed) == ([], []), f"{name}, {delay}"
    assert struck
    private.down()
    assert traces(doomed) == ([], [], [], False)
    record(
        f"Engine killed (-9) during build, run and push by turns, 0 to 1.5 s after their start (seed {SEED})",
        f"{KILLS} times: {struck} ended with an error of ours, {done} were done before",
        "nothing: the same operation then worked",
        "no container, network, mount, process or interface",
    )


def test_a_dead_engine_leaves_no_file_behind_in_the_folder_for_temporary_files(
    doomed, operations, record, tmp_path, monkeypatch
):
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert killed(operations["build"], 0.5)
    private.up()
    assert list(Path(place).rglob("*")) == []
    record("Temporary files after a build whose Engine was killed", "1 time", "–", "no file")
