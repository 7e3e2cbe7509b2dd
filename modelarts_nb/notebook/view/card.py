"""What a card says, as values: the words of each kind of work, and the facts of each kind of result."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...image import Export, Image, PushedImage
from ...messages import t
from ...rules.model import Severity
from ...rules.words import counted
from ...session import Kept
from ...text import clean, duration, size
from ...trace import State, Step, Trace
from ...training.run import TrainingRun


@dataclass(frozen=True)
class Work:
    """The words for one kind of work: while it goes on, when it is done, when it failed; ``unit`` counts its steps.

    ``lines_after``: how many of each step's last lines stay in sight when it is done.
    """

    running: str
    done: str
    failed: str
    unit: str = "steps"
    lines_after: int = 0


BUILD = Work("Building", "Built", "Build failed")
PUSH = Work("Pushing", "Pushed", "Push failed", "layers")
TRAIN = Work("Training", "Trained", "Training failed", lines_after=4)


@dataclass(frozen=True)
class Fact:
    """One row of a result: a label, its text, whether it is code; ``share`` draws a bar: parts of the whole, 0 to 1."""

    label: str
    text: str
    code: bool = False
    share: tuple[float, ...] = ()


@functools.singledispatch
def facts(result: object) -> Sequence[Fact]:
    """The rows that a result shows."""
    return [Fact("Result", str(result))]


@facts.register
def _(result: Image) -> Sequence[Fact]:
    rows = [Fact("Image", " · ".join(filter(None, (result.short_id, result.platform, _user(result.user)))), code=True)]
    biggest = sorted((layer for layer in result.history if layer.size), key=lambda layer: -layer.size)[:3]
    rows.append(Fact("Size", f"{size(result.size)} in {len(result.layers)} layers"))
    if result.checks:
        rows.append(Fact(t("Checks"), result.checks))
    if biggest:
        rows.append(Fact("Largest", " · ".join(f"{short_instruction(x.created_by)} {size(x.size)}" for x in biggest)))
    return rows


@facts.register
def _(result: Kept) -> Sequence[Fact]:
    source = result.source
    stages = f", {result.stages} stages" if result.stages > 1 else ""
    context = f"context folder {short_path(source.context.resolve())}" if source.context else "no context folder"
    rows = [Fact("Kept", f"{result.instructions} instructions{stages}; {context}")]
    rows.append(Fact(t("Checks"), counted(result.findings)))
    stopped = any(each.severity is Severity.ERROR and not each.ignored for each in result.findings)
    return rows if stopped else [*rows, Fact("Next", f"%build {source.name} -t {source.name}:v1", code=True)]


@facts.register
def _(result: PushedImage) -> Sequence[Fact]:
    kind = "Docker v2 schema 2" if "docker.distribution.manifest.v2" in result.media_type else result.media_type
    return [
        Fact("Image", result.reference, code=True),
        Fact("Digest", result.digest, code=True),
        Fact("Manifest", f"{kind} · {size(result.size)} compressed · read back from the registry"),
    ]


@facts.register
def _(result: Export) -> Sequence[Fact]:
    return [Fact("Tar file" if result.tar else "Folder", short_path(result.path), code=True)]


@facts.register
def _(result: TrainingRun) -> Sequence[Fact]:
    nodes = " · ".join(
        f"{node.name} exit {node.exit_code}" + (f", memory up to {size(node.peak_memory)}" if node.peak_memory else "")
        for node in result.nodes
    )
    rows = [Fact("Nodes", nodes), Fact("Time", duration(result.seconds))]
    rows += [Fact("Output", f"{name} → {short_path(path)}", code=True) for name, path in result.outputs.items()]
    return rows


def short_path(path: Path | str) -> str:
    """The path as a person would write it: relative to here or to the home folder where that is shorter."""
    text = str(path)
    if text == str(Path.cwd()):
        return "./"
    for start, sign in ((str(Path.cwd()), "."), (str(Path.home()), "~")):
        if text.startswith(start.rstrip("/") + "/") and start != "/":
            return sign + text[len(start.rstrip("/")) :]
    return text


_PREFIX = re.compile(r"^\[(?:internal|(?:(?P<stage>.*?) )?\d+/\d+)\] ")
_NOISE = re.compile(r"^(?:RUN )?(?:\|\d+ .*? )?/bin/(?:ba)?sh (?:-o pipefail )?-c (?:#\(nop\) +)?|\s+# buildkit$")


def step_name(step: Step) -> str:
    """The step as it is written in the Dockerfile, behind its stage's name where it has one."""
    name = step.name
    found = _PREFIX.match(name)
    if not found:
        return name
    stage = found["stage"] or ""
    rest = name[found.end() :]
    return f"{stage}: {rest}" if stage and not stage.startswith("stage-") else rest


def short_instruction(created_by: str, limit: int = 40) -> str:
    """A history entry's instruction, shortened: “RUN pip install …”."""
    text = clean(" ".join(created_by.split()))
    command = _NOISE.sub("", text)
    if not command:
        text = "imported file system"
    else:
        text = command if re.match(r"[A-Z]{3,} ", command) or "(nop)" in text else f"RUN {command}"
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _user(user: str) -> str:
    return f"user {user or 'root'}"


def state_of(trace: Trace, ended: bool, error: BaseException | None) -> State:
    """Where the whole work stands."""
    if not ended:
        return State.RUNNING
    if error is None:
        return State.DONE
    return State.CANCELLED if isinstance(error, (KeyboardInterrupt, GeneratorExit)) else State.FAILED


def summary(work: Work, trace: Trace, seconds: float) -> str:
    """“4 of 7 steps · 2 cached · 11.2 s”."""
    total, done, cached = len(trace.steps), trace.done, trace.count(State.CACHED)
    parts = [f"{total} {work.unit}" if done == total else f"{done} of {total} {work.unit}"] if total else []
    if cached:
        parts.append(f"{cached} {'already there' if work is PUSH else 'cached'}")
    parts.append(duration(seconds))
    return " · ".join(parts)
