"""Real parts for everyone: a private Engine, the sandbox's registry, the base image. Started once, stopped at the end.

Where a part is missing it is installed from the distribution's packages (as root); where that is not possible the tests
fail, they are not skipped.
"""

import json
import os
import shutil
import subprocess
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import settings

from modelarts_nb.engine import discovery, private
from modelarts_nb.packages import need
from modelarts_nb.sandbox import region
from modelarts_nb.services import Service

# No deadline: how fast a machine is, is no property of the code. In CI the same examples each time, as it judges a change;
# everywhere else new ones
settings.register_profile("ours", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("ours")

# Kept between runs: the base image is made once. `make test` has two processes, each with an Engine and a sandbox of its own
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
BUILD = Path(__file__).parents[1] / "build"
HOME = BUILD / (os.environ.get("MODELARTS_NB_TEST_HOME", "test-home") + (f"-{WORKER}" if WORKER else ""))
os.environ["MODELARTS_NB_LANGUAGE"] = "en"  # whatever this machine speaks
PORT = 5500 + 20 * (zlib.crc32(str(BUILD).encode()) % 100) + 10 * (WORKER % 2)  # two checkouts can test side by side


@pytest.fixture(scope="session")
def home():
    before = os.environ.get("MODELARTS_NB_HOME")
    os.environ["MODELARTS_NB_HOME"] = str(HOME)
    yield HOME
    if before is None:
        del os.environ["MODELARTS_NB_HOME"]
    else:
        os.environ["MODELARTS_NB_HOME"] = before


@pytest.fixture(scope="session")
def engine_base_url(home):
    """A private Engine; or the one of ``MODELARTS_NB_TEST_ENGINE``, to see how the suite does on another version."""
    if os.environ.get("MODELARTS_NB_TEST_ENGINE"):
        os.environ["DOCKER_HOST"] = os.environ["MODELARTS_NB_TEST_ENGINE"]
        yield os.environ["DOCKER_HOST"]
        del os.environ["DOCKER_HOST"]
        return
    was_running = private.status().running
    found = private.up(say=print)
    yield found.url
    if not was_running:
        private.down()


@pytest.fixture(scope="session")
def connected(engine_base_url):
    """The private Engine, as the product sees it."""
    found = discovery.connect(engine_base_url)
    yield found
    found.close()


@pytest.fixture(scope="session")
def engine(connected):
    """docker-py's client of it."""
    return connected.client


@pytest.fixture(scope="session")
def sandbox(connected, home):
    was_running = region.status().running
    yield region.up(connected, port=PORT, say=print)
    if not was_running:
        region.down()


@pytest.fixture(scope="session")
def registry(sandbox):
    return sandbox.registry


@pytest.fixture(scope="session")
def base_image(sandbox):
    return sandbox.base_image


@pytest.fixture(scope="session")
def guarded_registry(tmp_path_factory, sandbox):
    """A registry that wants a login: (host, user, password)."""
    folder = tmp_path_factory.mktemp("guarded")
    need("htpasswd", ("apache2-utils",), install=True, say=print)
    user, password = "trainee", "correct-horse-battery"
    line = subprocess.run(["htpasswd", "-Bbn", user, password], capture_output=True, text=True, check=True).stdout
    (folder / "htpasswd").write_text(line)
    port = PORT + 4  # behind the sandbox's own
    configuration = {
        "version": 0.1, "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": f"127.0.0.1:{port}"},
        "auth": {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}},
    }
    (folder / "registry.yml").write_text(json.dumps(configuration))
    service = Service("guarded", folder)
    service.start(["docker-registry", "serve", str(folder / "registry.yml")], lambda: answers(port))
    yield f"localhost:{port}", user, password
    service.stop()
    shutil.rmtree(folder)


def answers(port):
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


PATIENCE = 10  # seconds for what takes a fraction of one on an idle machine; how long it takes is in `make bench`


def wait_until(condition, limit, what):
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def drain(generator):
    """What a workflow returns, and the events on the way there."""
    events = []
    while True:
        try:
            event = next(generator)
        except StopIteration as end:
            return end.value, events
        if event is not None:
            events.append(event)
