"""What benchmarks/view.py has the kernel do: events as an Engine sends them, and what that took."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelarts_nb.api.following import Following
from modelarts_nb.events import Event, Vertex, VertexLog, VertexStatus
from modelarts_nb.notebook.view.card import BUILD
from modelarts_nb.text import Redactor

TEXT = "line %06d of many, with some text behind it to make it as long as lines are"
RATE, SECONDS, COUNTERS, COUNT = 2000, 10, 200, 100_000


def run(workflow: Any) -> Any:
    return Following(BUILD, "load:1", Path(f"{time.time_ns()}.log"), "", Redactor()).run(workflow)


def told(**values: Any) -> None:
    Path("produced.json").write_text(json.dumps(values))


def steady() -> Iterator[Event | None]:
    """Lines at an even rate, as pipes give them: some every 5 ms; and counters that all move ten times a second."""
    yield from started(COUNTERS)
    produced: list[float] = []
    cpu, load, began = time.process_time(), 0.0, time.monotonic()
    moved = 0.0
    while len(produced) < RATE * SECONDS:
        mine = time.process_time()
        due = int((time.monotonic() - began) * RATE)
        now = time.time()
        data = "".join(f"{TEXT % number}\n" for number in range(len(produced), due)).encode()
        produced += [now] * (due - len(produced))
        load += time.process_time() - mine
        if data:
            yield VertexLog("m", data)
        if time.monotonic() - moved >= 0.1:
            moved = time.monotonic()
            share = (moved - began) / SECONDS
            for number in range(COUNTERS):
                yield VertexStatus("bytes", str(number), "bytes", int(1e9 * share) + number, 2_000_000_000)
        time.sleep(0.005)
    told(produced=produced, cpu=time.process_time() - cpu, wall=time.monotonic() - began, load=load)
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        time.sleep(0.05)
        yield None


def started(counters: int) -> Iterator[Event | None]:
    yield Vertex("m", "[1/1] RUN many", started=time.time())
    for number in range(counters):
        yield Vertex(str(number), f"pull layer {number}", started=time.time())
    end = time.monotonic() + 2  # until the page has made its place
    while time.monotonic() < end:
        time.sleep(0.05)
        yield None


def burst() -> Iterator[Event | None]:
    """All lines as fast as they come."""
    yield from started(0)
    told(began=time.time(), text=TEXT)
    for start in range(0, COUNT, 500):
        yield VertexLog("m", "".join(f"{TEXT % number}\n" for number in range(start, start + 500)).encode())
    while True:
        time.sleep(0.05)
        yield None


def short() -> Iterator[Event | None]:
    """A build that is over at once, with some lines."""
    for number in range(8):
        yield Vertex(str(number), f"[{number + 1}/8] RUN step {number}", started=time.time())
        yield VertexLog(str(number), b"".join(b"line %d\n" % line for line in range(1000)))
        yield Vertex(str(number), f"[{number + 1}/8] RUN step {number}", started=time.time(), completed=time.time())
