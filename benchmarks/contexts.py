"""Builds side by side: this project's session, docker's own client with BuildKit, docker-py, a plain tar upload.

    python -m benchmarks.contexts [--rounds N] [--case NAME ...] [--engine unix:///path] [--docker PROGRAM]

Every round runs each competitor once, one after the other, and every other round in reverse: the machine's moods and the
caches that the one before leaves meet them all. The table gives medians of wall time and of the client's own CPU time (the
Engine's is nobody's merit), and what they are of docker's.
The docker program's times include its start; ours runs in this process, as it does in a notebook.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import docker

from modelarts_nb.engine.buildkit import SessionBuild, build

from .parts import DOCKER, engine_url

BASE = "benchmark-base:1"
COPY = f"FROM {BASE}\nCOPY . /app\n"
BIND = f"FROM {BASE}\nRUN --mount=type=bind,target=/context [\"busybox\", \"true\"]\n"  # no layer to write: the transfer alone
BARS = {"none-10": 0.8, "none-20000": 0.6, "one-of-500-1GB": 0.9, "cold-1GB": 1.0, "cold-20000": 1.0}
CPU_BAR = 0.6


class Bench:
    """An Engine, and the four ways to have it build a folder."""

    def __init__(self, engine: str, program: str, scratch: Path) -> None:
        self.engine = engine
        self.program = program
        self.scratch = scratch
        self.client = docker.APIClient(engine)
        self.client.timeout = 600

    def ours(self, folder: Path) -> None:
        for _ in build(self.client, SessionBuild(context=folder, dockerfile_path=folder / "Dockerfile")):
            pass

    def cli(self, folder: Path) -> None:
        subprocess.run(
            [self.program, "--host", self.engine, "build", "--quiet", str(folder)], check=True, capture_output=True,
            env={**os.environ, "DOCKER_BUILDKIT": "1"},
        )

    def docker_py(self, folder: Path) -> None:
        said = list(self.client.build(path=str(folder), decode=True, rm=True))
        assert not [line for line in said if "error" in line], said[-1]

    def tar(self, folder: Path) -> None:
        with tempfile.TemporaryFile(dir=self.scratch) as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as tar:
                tar.add(folder, ".", filter=plain)
            file.seek(0)
            response = self.client.post(
                self.client._url("/build?version=2"), data=file, headers={"Content-Type": "application/x-tar"}, stream=True,
                timeout=600,
            )
            said = response.text
            assert response.ok, said
            assert '"error"' not in said, said[-500:]


def plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


def cpu(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def measured(run: Callable[[], None]) -> tuple[float, float]:
    """(wall seconds, CPU seconds of this process and of the programs it started)."""
    before = cpu(resource.RUSAGE_SELF) + cpu(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    run()
    wall = time.perf_counter() - begin
    return wall, cpu(resource.RUSAGE_SELF) + cpu(resource.RUSAGE_CHILDREN) - before


# -- contexts -----------------------------------------------------------------------------------------------------------


def files(folder: Path, count: int, size: int, dockerfile: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "Dockerfile").write_text(dockerfile)
    for number in range(count):
        path = folder / f"d{number // 200:03}" / f"file{number:05}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(os.urandom(size))
    return folder


class Case:
    """What is built; ``before`` changes it before each run and returns the folder to build."""

    def __init__(self, make: Callable[[Path], Path], before: Callable[[Path], Path], competitors: tuple[str, ...]) -> None:
        self.make, self.before, self.competitors = make, before, competitors


def unchanged(folder: Path) -> Path:
    return folder


def one_changed(folder: Path) -> Path:
    (folder / "d000" / "file00007").write_bytes(os.urandom(2 << 20))
    return folder


def elsewhere(folder: Path) -> Path:
    """The same files under a new path: the Engine has nothing of it."""
    return folder.rename(folder.with_name(f"cold-{time.time_ns()}"))


ALL = ("ours", "cli", "docker_py", "tar")
CASES = {
    "none-10": Case(lambda p: files(p, 10, 100, COPY), unchanged, ALL),
    "none-20000": Case(lambda p: files(p, 20_000, 200, COPY), unchanged, ALL),
    "one-of-500-1GB": Case(lambda p: files(p, 500, 2 << 20, BIND), one_changed, ("ours", "cli", "tar")),
    "cold-1GB": Case(lambda p: files(p, 500, 2 << 20, BIND), elsewhere, ("ours", "cli", "tar")),
    "cold-20000": Case(lambda p: files(p, 20_000, 200, BIND), elsewhere, ("ours", "cli", "tar")),
}


def run_case(bench: Bench, name: str, case: Case, rounds: int) -> None:
    folder = case.make(bench.scratch / name)
    times: dict[str, list[tuple[float, float]]] = {who: [] for who in case.competitors}
    try:
        for number in range(rounds + 1):  # the first round warms every cache and does not count
            # back and forth: whoever comes after a slow one finds the caches of the Engine and of this machine cold
            for who in case.competitors[:: -1 if number % 2 else 1]:
                folder = case.before(folder)
                one = measured(lambda f=folder, w=who: getattr(bench, w)(f))
                if number:
                    times[who].append(one)
    finally:
        shutil.rmtree(folder)
    walls = {who: statistics.median(wall for wall, _ in found) for who, found in times.items()}
    cpus = {who: statistics.median(used for _, used in found) for who, found in times.items()}
    for who in case.competitors:
        spread = f"{min(w for w, _ in times[who]):.3f}..{max(w for w, _ in times[who]):.3f}"
        print(
            f"{name:15} {who:10} {walls[who]:8.3f} s ({spread:>15}) {walls[who] / walls['cli']:6.2f} of docker's   "
            f"cpu {cpus[who]:6.3f} s {cpus[who] / cpus['cli']:6.2f}"
        )
    good = walls["ours"] <= BARS[name] * walls["cli"] and cpus["ours"] <= CPU_BAR * cpus["cli"]
    print(f"{'':15} bar: {BARS[name]} of the time, {CPU_BAR} of the CPU: {'met' if good else 'MISSED'}\n", flush=True)


MEMORY = """
import resource, sys, docker
from pathlib import Path
from modelarts_nb.engine.buildkit import SessionBuild, build
client = docker.APIClient(sys.argv[1])
client.ping()
def run(folder):
    for _ in build(client, SessionBuild(context=Path(folder), dockerfile_path=Path(folder) / "Dockerfile")):
        pass
run(sys.argv[2])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
run(sys.argv[3])
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def memory(bench: Bench) -> None:
    """How much more memory a large context takes than one of ten files, in a process of its own."""
    small = files(bench.scratch / "small", 10, 100, BIND)
    for name, count, size in (("500 files, 1 GB", 500, 2 << 20), ("100,000 files", 100_000, 10)):
        large = files(bench.scratch / "large", count, size, BIND)
        try:
            done = subprocess.run(
                [sys.executable, "-c", MEMORY, bench.engine, str(small), str(large)], check=True, capture_output=True, text=True
            )
        finally:
            shutil.rmtree(large)
        print(f"memory on top, cold, {name}: {float(done.stdout):.1f} MB (bar: 20)", flush=True)


def base_image(client: docker.APIClient) -> None:
    image = io.BytesIO()
    with tarfile.open(fileobj=image, mode="w") as tar:
        tar.add("/bin/busybox", "bin/busybox")
    client.import_image_from_data(image.getvalue(), repository=BASE.split(":")[0], tag=BASE.split(":")[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default=engine_url())
    parser.add_argument("--docker", default=DOCKER, help="a docker program that builds with BuildKit by itself")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--case", action="append", choices=[*CASES, "memory"])
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        bench = Bench(chosen.engine, chosen.docker, Path(scratch))
        base_image(bench.client)
        print(f"Engine {bench.client.version()['Version']}, {os.cpu_count()} cores, {chosen.rounds} rounds")
        print(json.dumps({"python": sys.version.split()[0], "docker-py": docker.__version__}), flush=True)
        for name in chosen.case or [*CASES, "memory"]:
            if name == "memory":
                memory(bench)
            else:
                run_case(bench, name, CASES[name], chosen.rounds)


if __name__ == "__main__":
    main()
