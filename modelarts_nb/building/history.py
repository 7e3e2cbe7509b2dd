"""What one build did, kept for the next: how long each step took, what its COPYs took; and what changed between the two."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ..dockerfile import Dockerfile
from ..image import Image
from ..messages import t
from ..text import size
from ..trace import State, Trace

Snapshot = Mapping[str, Mapping[str, str]]  # what each COPY takes: instruction → path → what tells the file from a later one
_STEP = re.compile(r"^\[(?:[a-z]+/[\w/]+ )?(?:(?P<stage>[^\]]*?) )?(?P<number>\d+)/\d+\] (?P<text>.*)", re.DOTALL)
SHOWN = 3  # steps and files that are named
WIDTH = 44
TOLERANCE = 50_000  # bytes that two images of the same content differ by


@dataclass(frozen=True)
class Ran:
    """One instruction's step: its stage, its text, and whether the builder had it already."""

    stage: str
    text: str
    cached: bool


@dataclass(frozen=True)
class Record:
    """One build that succeeded. ``seconds``, by step: what it took when it last ran, in this build or one before."""

    size: int = 0
    steps: tuple[Ran, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    files: Snapshot = field(default_factory=dict)

    def dumps(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))


def loads(text: str) -> Record | None:
    """The record that ``dumps`` wrote; None for anything else."""
    try:
        read: dict[str, Any] = json.loads(text)
        steps = tuple(Ran(str(one["stage"]), str(one["text"]), bool(one["cached"])) for one in read["steps"])
        seconds = {str(name): float(value) for name, value in read["seconds"].items()}
        files = {str(name): {str(k): str(v) for k, v in found.items()} for name, found in read["files"].items()}
        return Record(int(read["size"]), steps, seconds, files)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def record(trace: Trace, image_size: int, files: Snapshot, before: Record | None) -> Record:
    """What this build did."""
    steps, seconds = [], dict(before.seconds) if before else {}
    present = {step.name for step in trace.steps.values()}
    seconds = {name: value for name, value in seconds.items() if name in present}
    for step in trace.steps.values():
        found = _STEP.match(step.name)
        if found:
            steps.append((found["stage"] or "", int(found["number"]), found["text"], step.state is State.CACHED))
        if step.state is State.DONE and step.vertex.completed is not None:
            seconds[step.name] = round(step.seconds(step.vertex.completed), 2)
    steps.sort(key=lambda one: one[:2])
    return Record(image_size, tuple(Ran(stage, text, cached) for stage, _, text, cached in steps), seconds, files)


def since(before: Record, now: Record) -> str:
    """“RUN pip install … ran again: requirements.txt changed · 112 MB more”."""
    parts = _reruns(before, now)
    difference = now.size - before.size
    if now.size and before.size and abs(difference) > TOLERANCE:
        parts.append(t("{size} more", size=size(difference)) if difference > 0 else t("{size} less", size=size(-difference)))
    return " · ".join(parts) or t("nothing changed")


def _reruns(before: Record, now: Record) -> list[str]:
    """The first step of each stage that ran again, why, and how many after it."""
    told: list[str] = []
    followers = 0
    stages_told: set[str] = set()
    for step in now.steps:
        if step.cached or step.text.startswith("FROM "):
            continue
        if step.stage in stages_told:
            followers += 1
            continue
        stages_told.add(step.stage)
        told.append(t("{step} ran again: {reason}", step=_short(step.text), reason=_why(step, before, now)))
    if followers:
        told.append(t("1 step after it") if followers == 1 else t("{count} steps after it", count=followers))
    return told[: SHOWN + 1]


def _why(step: Ran, before: Record, now: Record) -> str:
    same = [other for other in before.steps if other.stage == step.stage and other.text == step.text]
    if not same:
        return t("the instruction is new or changed")
    flat = " ".join(step.text.split())
    old, new = before.files.get(flat), now.files.get(flat)
    if old is not None and new is not None and old != new:
        changed = sorted(path for path in {*old, *new} if old.get(path) != new.get(path))
        names = ", ".join(changed[:SHOWN])
        more = len(changed) - SHOWN
        return t("{files} and {count} more changed", files=names, count=more) if more > 0 else t("{files} changed", files=names)
    if "--from=" in step.text:
        return t("the stage that it copies from changed")
    return t("the base, or what it stands on, changed, or the builder no longer had it")


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= WIDTH else flat[: WIDTH - 1] + "…"


def own_instructions(dockerfile: Dockerfile, target: str = "") -> int:
    """How many lines of the image's history are this Dockerfile's: an instruction a line, of the last stage and its FROMs."""
    count, stage = 0, dockerfile.stage(target)
    seen: set[int] = set()
    while stage is not None and stage.index not in seen:
        seen.add(stage.index)
        count += len(stage.instructions)
        base = stage.base.lower()
        stage = next((other for other in dockerfile.stages[: stage.index] if other.name and other.name == base), None)
    return count


def own_bytes(image: Image, instructions: int) -> int | None:
    """How much of the image the Dockerfile added to its base; None where the history does not tell."""
    if not image.history or instructions > len(image.history):
        return None
    return sum(layer.size for layer in image.history[len(image.history) - instructions :])


def slowest(trace: Trace, count: int = SHOWN) -> Sequence[tuple[str, float]]:
    """The steps that took longest, with their seconds; those of under half a second are not worth a word."""
    taken = [(step, step.seconds(step.vertex.completed)) for step in trace.steps.values() if step.vertex.completed]
    taken = [(step, seconds) for step, seconds in taken if seconds >= 0.5 and step.state is State.DONE]
    taken.sort(key=lambda one: -one[1])
    return [(_short(found["text"] if (found := _STEP.match(step.name)) else step.name), s) for step, s in taken[:count]]
