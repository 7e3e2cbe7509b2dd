"""%push against docker push, an unchanged folder, and %submit against docker run, in the sandbox's region."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

from modelarts_nb import api, workflows
from modelarts_nb.cloud import obs, training
from modelarts_nb.engine import delivery
from modelarts_nb.events import VertexLog
from modelarts_nb.reference import parse_reference
from modelarts_nb.training.cloudjob import Target
from modelarts_nb.training.obspath import ObsPath
from modelarts_nb.training.spec import JobSpec

from .parts import DOCKER, base_image, engine_url
from .timing import alternate, table

ROUNDS = 10
FLAVOR = "modelarts.vm.cpu.2u"


def drain(generator):
    while True:
        try:
            next(generator)
        except StopIteration as end:
            return end.value


def pushes(account, image):
    """A layer of 30 MB that is new in each round, sent by each; what both push to is the region's registry."""
    engine, host, stamp = api.connect(), account.client.region.registry, time.time()
    login = account.registry_login()
    with tempfile.TemporaryDirectory() as name:
        environment = {**os.environ, "DOCKER_CONFIG": name}
        command = [DOCKER, "--host", engine_url(), "login", "-u", login.user, "--password-stdin", host]
        subprocess.run(command, input=login.password.reveal(), text=True, env=environment, check=True, capture_output=True)

        def build(kind, number):
            # for both, outside what is measured
            text = f"FROM {image}\nUSER root\nRUN echo {kind} {number} {stamp} && head -c 30000000 /dev/urandom > /blob\n"
            subprocess.run(
                [DOCKER, "--host", engine_url(), "build", "-q", "-t", f"{host}/bench/{kind}:{number}", "-"],
                input=text,
                text=True,
                check=True,
                capture_output=True,
                env={**environment, "DOCKER_BUILDKIT": "1"},
            )

        def docker(number):
            subprocess.run(
                [DOCKER, "--host", engine_url(), "push", "-q", f"{host}/bench/docker:{number}"], env=environment, check=True,
                capture_output=True,
            )

        def ours(number):
            # the check of the image (benchmarks/checks.py) is not part of what docker push does
            image = f"{host}/bench/ours:{number}"
            api.push_to_region(image, organization="bench", name="ours", tag=str(number), progress="quiet", check=False)

        for number in range(ROUNDS + 1):
            build("docker", number)
            build("ours", number)
        docker(ROUNDS), ours(ROUNDS)  # the organization, the base's layers
        seconds = alternate({"docker push": docker, "%push": ours}, ROUNDS)
        print(table(f"push of 30 MB that are new, {ROUNDS} rounds", seconds, against="docker push"))
        docker_again = alternate({"docker push": lambda _: docker(0), "%push": lambda _: ours(0)}, ROUNDS)
        print(table(f"push of nothing new, {ROUNDS} rounds", docker_again, against="docker push"))
    engine.client.prune_images()


def unchanged(account):
    """1 GB in 500 files that the bucket has already."""
    store = account.store()
    if store.bucket("bench-bucket", "", write=False).exists is False:
        store.ask("create", lambda client: client.createBucket("bench-bucket", location=account.region))
    with tempfile.TemporaryDirectory() as name:
        block = os.urandom(2_000_000)
        for number in range(500):
            (Path(name) / f"{number}.bin").write_bytes(number.to_bytes(8, "big") + block)
        to = ObsPath("bench-bucket", "unchanged")
        drain(workflows.send(account, Path(name), to, "--data x"))
        obs.fingerprint(delivery.listing(Path(name), "--code").items, Path(name))

        def data(_):
            assert drain(workflows.send(account, Path(name), to, "--data x")).files == 0

        def code(_):
            obs.fingerprint(delivery.listing(Path(name), "--code").items, Path(name))

        seconds = alternate({"as --data": data, "as --code": code}, ROUNDS)
        print(table("an unchanged folder of 1 GB in 500 files is recognised", seconds, against="as --data"))
    store = account.store()
    for each in list(store.objects("bench-bucket", "unchanged/")):
        store.ask("delete", lambda client, key=each.key: client.deleteObject("bench-bucket", key))


def first_lines(account, image):
    """From the start to the first line that is seen: of a job, and of `docker run` of the same image."""
    organization, reference = "bench", f"{account.client.region.registry}/bench/first:v1"
    api.push_to_region(image, organization=organization, name="first", tag="v1", progress="quiet")
    engine = api.connect()
    engine.client.tag(image, reference.rpartition(":")[0], tag="v1", force=True)

    def docker(_):
        subprocess.run(
            [DOCKER, "--host", engine_url(), "run", "--rm", reference, "echo", "hello"], check=True, capture_output=True
        )

    def submit(name):
        reference = f"{account.client.region.registry}/{name}"
        spec = JobSpec(reference, "echo hello; sleep 2", contract="v2")
        target = Target(f"bench-{time.time_ns()}", name, flavor=FLAVOR)
        jobs = []
        work = workflows.submit(workflows.Submission(account, spec, target, parse_reference(reference)), jobs.append)
        for event in work:
            if isinstance(event, VertexLog) and b"hello" in event.data:
                break
        work.close()
        training.stop(account.client, jobs[0].id)

    for name in ("checked", "unknown"):  # outside what is measured: images that no job has run yet, so that each is audited
        for number in range(ROUNDS):
            text = f"FROM {image}\nRUN echo {time.time()} > /opt/number\n"
            command = [DOCKER, "--host", engine_url(), "build", "-q", "-t", f"bench-{name}:{number}", "-"]
            environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
            subprocess.run(command, input=text, text=True, check=True, capture_output=True, env=environment)
            if name == "checked":
                api.check(f"bench-{name}:{number}", contract="v2", run=False, progress="quiet")
            pushed = {"organization": organization, "name": name, "tag": str(number)}
            api.push_to_region(f"bench-{name}:{number}", **pushed, progress="quiet", check=False)
    ways = {
        "docker run": docker, "%submit": lambda _: submit("bench/first:v1"),
        "%submit, first run, checked before": lambda number: submit(f"bench/checked:{number}"),
        "%submit, first run, never checked": lambda number: submit(f"bench/unknown:{number}"),
    }
    docker(0), submit("bench/first:v1")
    print(table(f"to the first log line, {ROUNDS} rounds", alternate(ways, ROUNDS), against="docker run"))


def seen_after(account, image):
    """From a line's being printed to its being seen, over 200 lines of a job, five a second."""
    reference = f"{account.client.region.registry}/bench/first:v1"
    command = "python3 -u -c \"import time\nfor _ in range(200): print('at', time.time()); time.sleep(0.2)\""
    spec = JobSpec(reference, command, contract="v2")
    target = Target(f"bench-{time.time_ns()}", "bench/first:v1", flavor=FLAVOR)
    waits = []
    for event in workflows.submit(workflows.Submission(account, spec, target, parse_reference(reference)), lambda job: None):
        if isinstance(event, VertexLog) and event.vertex == "worker-0":
            now = time.time()
            waits += [now - float(line.split()[1]) for line in event.data.decode().splitlines() if line.startswith("at ")]
    assert len(waits) == 200, len(waits)
    waits.sort()
    print(f"a line is seen after {waits[100]:.2f} s (median), {waits[-1]:.2f} s at most; 200 lines\n")


def main() -> None:
    account = api.login("sandbox")
    image = base_image()
    first_lines(account, image)
    seen_after(account, image)
    pushes(account, image)
    unchanged(account)


if __name__ == "__main__":
    main()
