"""What a card says, as values: the words of each kind of work, and the facts of each kind of result."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...building.shell import Shell
from ...image import Export, Image, PushedImage
from ...manifests import DOCKER_MANIFEST
from ...messages import mark, t
from ...rules.model import Severity
from ...rules.words import counted as counted_findings
from ...session import Kept
from ...text import clean, duration, size
from ...trace import State, Trace
from ...training.run import TrainingRun


@dataclass(frozen=True)
class Work:
    """The words for one kind of work: its name in code, while it goes on, when it is done, when it failed.

    ``count`` and ``partly`` count its steps, ``cached`` those that were there already. ``lines_after``: how many of each
    step's last lines stay in sight when it is done.
    """

    name: str
    running: str
    done: str
    failed: str
    one: str = mark("1 step")
    count: str = mark("{total} steps")
    partly: str = mark("{done} of {total} steps")
    cached: str = mark("{count} cached")
    stop: str = mark("Cancel")
    lines_after: int = 0


BUILD = Work("build", mark("Building"), mark("Built"), mark("Build failed"))
PUSH = Work(
    "push", mark("Pushing"), mark("Pushed"), mark("Push failed"), mark("1 layer"), mark("{total} layers"),
    mark("{done} of {total} layers"), mark("{count} already there"),
)
CHECK = Work(
    "check", mark("Checking"), mark("Checked"), mark("Check failed"), mark("1 layer"), mark("{total} layers"),
    mark("{done} of {total} layers"),
)
TRAIN = Work("train", mark("Training"), mark("Trained"), mark("Training failed"), stop=mark("Stop"), lines_after=4)
SHELL = Work("shell", mark("Opening a shell"), mark("Opened a shell"), mark("No shell could be opened"))


@dataclass(frozen=True)
class Fact:
    """One row of a result: a label, its text, whether it is code; ``share`` draws a bar: parts of the whole, 0 to 1.

    Parts that make more than the whole are drawn as too much.
    """

    label: str
    text: str
    code: bool = False
    share: tuple[float, ...] = ()


@functools.singledispatch
def whole(result: object, log_path: str) -> dict[str, str] | None:
    """The MIME bundle of a result that is a card of its own; None: its facts are shown in the usual one."""
    return None


@functools.singledispatch
def facts(result: object) -> Sequence[Fact]:
    """The rows that a result shows."""
    return [Fact(t("Result"), str(result))]


@facts.register
def _(result: Image) -> Sequence[Fact]:
    rows = [Fact(t("Image"), " · ".join(filter(None, (result.short_id, result.platform, _user(result.user)))), code=True)]
    biggest = sorted((layer for layer in result.history if layer.size), key=lambda layer: -layer.size)[:3]
    layers = counted(PUSH, len(result.layers))
    rows.append(Fact(t("Size"), t("{size} in {layers}", size=size(result.size), layers=layers)))
    if result.checks:
        rows.append(Fact(t("Checks"), result.checks))
    if biggest:
        rows.append(Fact(t("Largest"), " · ".join(f"{short_instruction(x.created_by)} {size(x.size)}" for x in biggest)))
    return rows


@facts.register
def _(result: Kept) -> Sequence[Fact]:
    source = result.source
    said = [t("1 instruction") if result.instructions == 1 else t("{count} instructions", count=result.instructions)]
    if result.stages > 1:
        said.append(t("{count} stages", count=result.stages))
    context = short_path(source.context.resolve()) if source.context else ""
    said.append(t("context folder {path}", path=context) if context else t("no context folder"))
    rows = [Fact(t("Kept"), " · ".join(said))]
    rows.append(Fact(t("Checks"), counted_findings(result.findings)))
    stopped = any(each.severity is Severity.ERROR and not each.ignored for each in result.findings)
    return rows if stopped else [*rows, Fact(t("Next"), f"%build {source.name} -t {source.name}:v1", code=True)]


@facts.register
def _(result: PushedImage) -> Sequence[Fact]:
    kind = "Docker v2 schema 2" if result.media_type == DOCKER_MANIFEST else result.media_type
    return [
        Fact(t("Image"), result.reference, code=True),
        Fact(t("Digest"), result.digest, code=True),
        Fact(t("Manifest"), t("{kind} · {size} compressed · read back from the registry", kind=kind, size=size(result.size))),
        *([Fact(t("Checks"), result.checks)] if result.checks else []),
    ]


@facts.register
def _(result: Export) -> Sequence[Fact]:
    return [Fact(t("Tar file") if result.tar else t("Folder"), short_path(result.path), code=True)]


@facts.register
def _(result: TrainingRun) -> Sequence[Fact]:
    nodes = " · ".join(
        t("{node} exit {code}", node=node.name, code=node.exit_code)
        + (t(", memory up to {size}", size=size(node.peak_memory)) if node.peak_memory else "")
        for node in result.nodes
    )
    rows = [Fact(t("Nodes"), nodes), Fact(t("Time"), duration(result.seconds))]
    rows += [Fact(t("Output"), f"{name} → {short_path(path)}", code=True) for name, path in result.outputs.items()]
    return rows


@facts.register
def _(result: Shell) -> Sequence[Fact]:
    rows = [Fact(t("Container"), " · ".join(filter(None, (result.container, _user(result.user)))), code=True),
            Fact(t("In a terminal"), result.line, code=True), Fact(t("In a cell"), "%%shell", code=True)]
    if result.failed:
        rows.append(Fact(t("Failed there"), short_instruction(result.failed, 200), code=True))
    return [*rows, *(Fact(t("Note"), note) for note in result.notes), Fact(t("Ends with"), "%shell --stop", code=True)]


def short_path(path: Path | str) -> str:
    """The path as a person would write it: relative to here or to the home folder where that is shorter."""
    text = str(path)
    if text == str(Path.cwd()):
        return "./"
    for start, sign in ((str(Path.cwd()), "."), (str(Path.home()), "~")):
        if text.startswith(start.rstrip("/") + "/") and start != "/":
            return sign + text[len(start.rstrip("/")) :]
    return text


_NOISE = re.compile(r"^(?:RUN )?(?:\|\d+ .*? )?/bin/(?:ba)?sh (?:-o pipefail )?-c (?:#\(nop\) +)?|\s+# buildkit$")


def short_instruction(created_by: str, limit: int = 40) -> str:
    """A history entry's instruction, shortened: “RUN pip install …”."""
    text = clean(" ".join(created_by.split()))
    command = _NOISE.sub("", text)
    if not command:
        text = t("imported file system")
    else:
        text = command if re.match(r"[A-Z]{3,} ", command) or "(nop)" in text else f"RUN {command}"
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _user(user: str) -> str:
    return t("user {name}", name=user or "root")


def title(work: Work, state: State) -> str:
    """“Building”, “Built”, “Build failed”, “Building: cancelled”."""
    words = {State.RUNNING: work.running, State.DONE: work.done, State.FAILED: work.failed}
    return t(words[state]) if state in words else t("{work}: cancelled", work=t(work.running))


def state_of(ended: bool, error: BaseException | None) -> State:
    """Where the whole work stands."""
    if not ended:
        return State.RUNNING
    if error is None:
        return State.DONE
    return State.CANCELLED if isinstance(error, (KeyboardInterrupt, GeneratorExit)) else State.FAILED


def summary(work: Work, trace: Trace, seconds: float, left: float | None = None) -> str:
    """“4 of 7 steps · 2 cached · 11.2 s · about 20 s left”."""
    total, done, cached = len(trace.steps), trace.done, trace.count(State.CACHED)
    if trace.metrics is not None:
        told = trace.metrics.progress
        parts = [t("epoch {number} of {total}", number=told[0], total=told[1])] if told else []
        return " · ".join([*parts, duration(seconds)])
    parts = [t(work.partly, done=done, total=total) if done < total else counted(work, total)] if total else []
    if cached:
        parts.append(t(work.cached, count=cached))
    parts.append(duration(seconds))
    if left is not None:
        parts.append(t("about {time} left", time=about(left)))
    return " · ".join(parts)


def progress(trace: Trace) -> float:
    """How much of the work is done, 0 to 1: steps, or a training's epochs."""
    if trace.metrics is not None:
        return min(trace.metrics.progress[0] / max(trace.metrics.progress[1], 1), 1.0) if trace.metrics.progress else 0.0
    return trace.done / len(trace.steps) if trace.steps else 0.0


def counted(work: Work, total: int) -> str:
    """“7 steps”, “1 layer”."""
    return t(work.one) if total == 1 else t(work.count, total=total)


def about(seconds: float) -> str:
    """A duration that nobody should take for exact: “20 s”, “3 min”."""
    if seconds < 55:
        return t("{count} s", count=max(1, round(seconds)) if seconds < 10 else round(seconds / 5) * 5)
    return t("{count} min", count=max(1, round(seconds / 60)))


def merged(rows: Sequence[Fact], more: Sequence[Fact]) -> list[Fact]:
    """``rows`` with ``more``, of which one takes the place of the row with its label."""
    by_label = {row.label: row for row in more}
    kept = [by_label.pop(row.label, row) for row in rows]
    return [*kept, *by_label.values()]
