"""From closing a build to its end: until the caller goes on, and until the container's process is gone."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

import docker

from modelarts_nb.engine.buildkit import SessionBuild, build
from modelarts_nb.events import VertexLog, VertexStatus

from .parts import base_image, engine_url

ROUNDS = 11
SLEEP = b"sleep\x00424242\x00"


def main() -> None:
    base = base_image()
    client = docker.APIClient(engine_url())
    for name, measure in (("a running step", running_step), ("a transfer of 64 GiB", transfer)):
        measure(client, base)  # fetches the base image
        found = [measure(client, base) for _ in range(ROUNDS)]
        back, gone = ([pair[index] for pair in found] for index in (0, 1))
        print(
            f"cancel {name}, {ROUNDS} rounds: the caller goes on in {statistics.median(back):.3f} s (at most {max(back):.3f}), "
            f"the container is gone in {statistics.median(gone):.3f} s (at most {max(gone):.3f}); bar 0.5 s"
        )


def running_step(client: docker.APIClient, base: str) -> tuple[float, float]:
    text = f"FROM {base}\nRUN echo up; sleep 424242\n".encode()
    building = build(client, SessionBuild(dockerfile=text, no_cache=True))
    for event in building:
        if isinstance(event, VertexLog):
            while not sleeping():
                pass
            break
    return closed(building)


def transfer(client: docker.APIClient, base: str) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as name:
        with (Path(name) / "sparse").open("wb") as file:
            file.truncate(64 << 30)
        text = f"FROM {base}\nCOPY . /app\n".encode()
        building = build(client, SessionBuild(context=Path(name), dockerfile=text))
        for event in building:
            if isinstance(event, VertexStatus) and event.id == "transferring context:" and event.current > 20_000_000:
                break
        return closed(building)


def closed(building: Generator[object, None, object]) -> tuple[float, float]:
    begin = time.monotonic()
    building.close()
    back = time.monotonic() - begin
    while sleeping():
        pass
    return back, time.monotonic() - begin


def sleeping() -> bool:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes() == SLEEP:
                return True
        except OSError:
            continue  # it has just ended
    return False


if __name__ == "__main__":
    main()
