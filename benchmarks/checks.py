"""Reading an image's layers for %check against ``docker save IMAGE | cat``, in one loop; memory with half a million files.

Two images with about 2 GB above the base: three big files, and 200,000 small ones. Both are made here and removed at the end.
The check is the file checks: export, reading, folding, rules; no container is started.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from modelarts_nb.api import connect
from modelarts_nb.catalog import builtin
from modelarts_nb.layers.archive import ImageArchive
from modelarts_nb.rules.image import judge
from modelarts_nb.rules.image.facts import BaseFacts, Trial
from modelarts_nb.rules.image.gather import Subject, gather
from modelarts_nb.rules.report import CheckReport
from modelarts_nb.workflows import CheckRequest, check

from .timing import alternate, table

DOCKER = "/usr/bin/docker"  # as parts.py, whose imports would count as memory
ROUNDS = 3
IMAGES = {
    "3 big files": "RUN for n in 1 2 3; do head -c 700000000 /dev/urandom > /opt/$n; done",
    "200,000 small files": (
        "RUN python3 -c \"import os; [(os.makedirs(f'/opt/{d}', exist_ok=True), "
        "[open(f'/opt/{d}/{n}', 'wb').write(os.urandom(10000)) for n in range(400)]) for d in range(500)]\""
    ),
}

def main() -> None:
    if sys.argv[1:] == ["memory"]:
        memory()
        return
    for name, line in IMAGES.items():
        with image(line) as tag:
            cases = {"docker save | cat": partial(saved, tag), "%check --no-run": partial(checked, tag)}
            title = f"{name}, about 2 GB, {ROUNDS} rounds"
            print(table(title, alternate(cases, ROUNDS), against="docker save | cat"), flush=True)
    words = [sys.executable, "-m", "benchmarks.checks", "memory"]
    print(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


@contextmanager
def image(line: str) -> Iterator[str]:
    """An image with that line above the base, for as long as it is needed."""
    from .parts import base_image

    tag = "modelarts-nb-bench:check"
    text = f"FROM {base_image()}\n{line}\n"
    docker("build", "-q", "-t", tag, "-", text=text)
    try:
        yield tag
    finally:
        docker("rmi", "-f", tag)
        docker("builder", "prune", "-f")


def address() -> str:
    from .parts import engine_url

    return engine_url()


def docker(*words: str, text: str = "") -> None:
    subprocess.run([DOCKER, "--host", address(), *words], input=text, text=True, check=True, capture_output=True,
                   env={"DOCKER_BUILDKIT": "1", "PATH": "/usr/bin:/bin"})


def saved(tag: str, _: int) -> None:
    subprocess.run(f"{DOCKER} --host {address()} save {tag} | cat >/dev/null", shell=True, check=True)


def checked(tag: str, _: int) -> None:
    report = drained(check(connect(), CheckRequest(tag, run=False), builtin(), lambda host: None))
    assert report.layers_read == len(report.layers)


def drained(generator: Generator[object, None, CheckReport]) -> CheckReport:
    while True:
        try:
            next(generator)
        except StopIteration as end:
            report: CheckReport = end.value
            return report


def memory() -> None:
    """The peak of a process that reads and folds an export with half a million files, with all that a check imports."""
    import docker as _docker  # noqa: F401  # what talks to the Engine counts, too

    before = most_memory()
    archive = ImageArchive()
    for piece in export():
        archive.feed(piece)
    archive.close()
    subject = Subject("many:1", builtin().limits("v1"), 1, "linux/amd64", BaseFacts("b", 1, compared=True))
    judge(gather(subject, archive.image(), Trial()))
    peak = most_memory()
    entries = f"{archive.names.entries:,} entries"
    print(f"memory with {entries}: {peak / 1000:.0f} MB at the peak, {before / 1000:.0f} MB of it before")


def most_memory() -> int:
    """Kilobytes of this process at its peak; getrusage would give the parent's, too."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])  # type: ignore[index]  # Linux has it


def export() -> Iterator[bytes]:
    """An export in the old layout: a base of 100,000 files and a layer of 400,000, a quarter of them copies of the base's."""
    layers = [(0, "usr/lib/p", 100_000), (1, "usr/lib/p", 100_000), (2, "opt/conda/lib/python3.11/site-packages/p", 300_000)]
    config = {"config": {}, "rootfs": {"diff_ids": ["a", "b", "c"]}, "history": []}
    for number, prefix, count in layers:
        yield header(f"{number}/layer.tar", size=count * 1024 + 1024)
        for file in range(count):
            yield header(f"{prefix}{file // 25}/module_{file}_of_many.py", size=100) + b"x" * 100 + bytes(412)
        yield bytes(1024)
    manifest = [{"Config": "c.json", "Layers": [f"{number}/layer.tar" for number, _, _ in layers]}]
    for name, value in (("c.json", config), ("manifest.json", manifest)):
        text = json.dumps(value).encode()
        yield header(name, size=len(text)) + text + bytes(-len(text) % 512)
    yield bytes(1024)


def header(name: str, size: int) -> bytes:
    block = bytearray(512)
    block[: len(name)] = name.encode()
    block[100:136] = b"0000644\0" + b"0000000\0" * 2 + b"%011o\0" % size
    block[156:157] = b"0"
    block[257:265] = b"ustar\x0000"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


if __name__ == "__main__":
    main()
