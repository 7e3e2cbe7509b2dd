"""A trace's steps as they are shown: their names, their order, what moves in them. Values; html, plain and wire paint them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...messages import mark, t
from ...text import size
from ...trace import State, Step, Trace

SIGNS = {
    State.WAITING: "○", State.RUNNING: "◐", State.DONE: "✓", State.CACHED: "=", State.FAILED: "✕", State.CANCELLED: "–",
}
WORDS = {
    State.WAITING: mark("waits"), State.RUNNING: mark("running"), State.DONE: mark("done"), State.CACHED: mark("cached"),
    State.FAILED: mark("failed"), State.CANCELLED: mark("cancelled"),
}
_PREFIX = re.compile(r"^\[(?:[a-z]+/[\w/]+ )?(?:(?P<kind>internal|auth)|(?:(?P<stage>[^\]]*?) )?(?P<step>\d+)/\d+)\] ")
_UNNAMED = re.compile(r"stage-(\d+)")
_EXIT = re.compile(r"exit code: (\d+)")


@dataclass(frozen=True)
class Group:
    """Steps that stand together: those of one stage, or those of none. ``key`` tells groups apart."""

    key: str
    title: str
    digests: tuple[str, ...]


@dataclass(frozen=True)
class Counter:
    """What moves in a step: its text, and how much of the whole is done (None: unknown)."""

    text: str = ""
    share: float | None = None


NOTHING = Counter()


def step_name(step: Step) -> str:
    """The step as it is written in the Dockerfile."""
    name = step.name
    found = _PREFIX.match(name)
    return name[found.end() :] if found else name


def full_name(step: Step) -> str:
    """The step behind its stage's name, where that has one: “builder: RUN make”."""
    found = _PREFIX.match(step.name)
    stage = (found["stage"] or "") if found else ""
    return step_name(step) if not stage or _UNNAMED.fullmatch(stage) else f"{stage}: {step_name(step)}"


def state_word(step: Step) -> str:
    """Where it stands, in a word; of a command that failed, its exit code."""
    found = _EXIT.search(step.vertex.error) if step.state is State.FAILED else None
    return t("exit {code}", code=found[1]) if found else t(WORDS[step.state])


def layout(trace: Trace) -> list[Group]:
    """The groups in order: what comes before the stages, each stage by its steps' numbers, what comes after."""
    before: list[str] = []
    after: list[str] = []
    stages: dict[str, list[tuple[int, str]]] = {}
    for digest, step in trace.steps.items():
        found = _PREFIX.match(step.name)
        if found and found["step"]:
            stages.setdefault(found["stage"] or "", []).append((int(found["step"]), digest))
        elif found or not stages:
            before.append(digest)
        else:
            after.append(digest)
    groups = [Group("", "", tuple(before))] if before else []
    for stage, steps in stages.items():
        steps.sort(key=lambda item: item[0])  # stable: equals stay in the order in which they came
        title = _stage_title(stage) if len(stages) > 1 else ""
        groups.append(Group(f"stage {stage}" if title else "only", title, tuple(digest for _, digest in steps)))
    return [*groups, Group("after", "", tuple(after))] if after else groups


def _stage_title(stage: str) -> str:
    found = _UNNAMED.fullmatch(stage)
    return t("stage {number}", number=int(found[1]) + 1) if found else stage or t("stage")


def ordered(trace: Trace) -> list[Step]:
    """All steps in the order of ``layout``; behind its stage's name where there are several."""
    return [trace.steps[digest] for group in layout(trace) for digest in group.digests]


def counter(step: Step, trace: Trace, state: State) -> Counter:
    """The transfer that goes on, else what was transferred in all; of a run, what it uses; of a waiting step, for what."""
    if state is State.WAITING:
        other = trace.waiting_for(step)
        return Counter(t("for {step}", step=_short(step_name(other)))) if other else NOTHING
    if not step.statuses:
        return NOTHING
    if "memory" in step.statuses or "cpu" in step.statuses:
        return Counter(_usage(step))
    done = current = total = 0
    for status in step.statuses.values():
        done += status.current
        if status.completed is None and status.current < status.total:
            current += status.current
            total += status.total
    if total and state is State.RUNNING:
        return Counter(t("{done} of {total}", done=size(current), total=size(total)), current / total)
    return Counter(size(done)) if done and state is not State.CACHED else NOTHING


def _usage(step: Step) -> str:
    used = {status.id: status for status in step.statuses.values()}
    texts = []
    if "cpu" in used and step.state is State.RUNNING:
        texts.append(f"CPU {used['cpu'].current} %")
    if "gpu" in used and step.state is State.RUNNING:
        texts.append(f"{used['gpu'].name} {used['gpu'].current} %")
    if "gpu-memory" in used and used["gpu-memory"].current:
        texts.append(t("device memory {size}", size=size(used["gpu-memory"].current)))
    if "memory" in used:
        texts.append(size(used["memory"].current))
    return " · ".join(texts)


def _short(text: str, limit: int = 24) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
