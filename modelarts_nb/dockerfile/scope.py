"""What holds at each instruction: variables, user, working directory, shell; and which base image the result stands on.

ARG before FROM is for FROM lines alone, until a stage asks for it by ``ARG NAME``. ENV wins over ARG. A stage FROM another one
inherits its variables (moby/buildkit, dockerfile2llb/convert.go).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..errors import InvalidReference
from ..messages import t
from ..reference import parse_reference
from .expand import ExpansionError, expand
from .lines import BLANKS
from .model import Dockerfile, Instruction, Stage

# Set by the builder; which values they have is not known before it runs
PLATFORM_ARGUMENTS = frozenset(a + b for a in ("TARGET", "BUILD") for b in ("PLATFORM", "OS", "ARCH", "VARIANT"))
_EXPANDED = frozenset({"ADD", "COPY", "ENV", "EXPOSE", "LABEL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"})
_PORT = re.compile(r"(?:.*:)?(\d{1,5})(?:-(\d{1,5}))?(?:/(?:tcp|udp|sctp))?\Z", re.IGNORECASE)
_PLATFORM = re.compile(r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+){0,2}\Z")
_SIGNALS = frozenset((
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE", "POLL", "PROF",
    "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU", "UNUSED", "URG", "USR1", "USR2",
    "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN", "RTMAX",
)) | {f"RTMIN+{number}" for number in range(1, 16)} | {f"RTMAX-{number}" for number in range(1, 15)}


@dataclass(frozen=True)
class Scope:
    """What holds before an instruction. ``values``: ENV and ARG; ``environment``: ENV alone, without the base's.

    ``user`` and ``directory`` are "" where the base decides; a “?” in them stands for what is not known. ``unknown``: arguments
    whose value only the build will tell.
    """

    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    user: str = ""
    directory: str = ""
    shell: tuple[str, ...] = ("/bin/sh", "-c")
    unknown: frozenset[str] = frozenset()
    escape: str = "\\"

    def expand(self, text: str) -> str | None:
        """The text with its variables; None where one is not known. Raises ExpansionError."""
        if "$" in text and self.unknown and any(name in self.unknown for name in re.findall(r"\$\{?(\w+)", text)):
            return None
        return expand(text, self.values, self.escape)


@dataclass(frozen=True)
class Step:
    """An instruction, the stage that it is in, and what holds before it."""

    instruction: Instruction
    stage: Stage
    scope: Scope


@dataclass(frozen=True)
class Resolved:
    """What a target stage is made of: ``base`` is the image of the first FROM it stands on (None: not known yet), ``origin``
    that FROM, ``steps`` all instructions from there on, ``end`` what holds at the end."""

    dockerfile: Dockerfile
    target: Stage
    base: str | None
    platform: str
    origin: Instruction
    steps: tuple[Step, ...]
    end: Scope


def resolve(dockerfile: Dockerfile, *, build_args: Mapping[str, str] | None = None, target: str = "") -> Resolved:
    """The target stage with everything that it stands on.

    ``build_args`` None: what they will be is not known yet. Raises DockerfileSyntaxError for what the Engine would refuse once
    it knows the variables: in this stage, and in those that it copies from.
    """
    stage = dockerfile.stage(target)
    if stage is None:
        known = ", ".join(stage.name or str(stage.index) for stage in dockerfile.stages)
        raise dockerfile.fail(
            t("there is no stage “{name}”", name=target), line=dockerfile.stages[-1].origin.line,
            hint=t("Stages: {list}.", list=known),
        )
    resolver = _Resolver(dockerfile, build_args)
    for each in resolver.reachable(stage):
        resolver.walk(each)
    return resolver.result(stage)


class _Resolver:
    def __init__(self, dockerfile: Dockerfile, build_args: Mapping[str, str] | None) -> None:
        self.dockerfile = dockerfile
        self.given = build_args
        self.top = Scope(unknown=PLATFORM_ARGUMENTS, escape=dockerfile.escape)
        for made in dockerfile.arguments:
            self.top = self.argued(made, self.top, {})
        self.steps: dict[int, list[Step]] = {}
        self.ends: dict[int, Scope] = {}

    def result(self, stage: Stage) -> Resolved:
        chain = list(self.chain(stage))
        root = chain[0]
        steps = tuple(step for each in chain for step in self.steps[each.index])
        base, platform = self.text(self.top, root.base, root.origin), self.text(self.top, root.platform, root.origin)
        return Resolved(self.dockerfile, stage, base, platform or "", root.origin, steps, self.ends[stage.index])

    def parent(self, stage: Stage) -> Stage | None:
        name = self.text(self.top, stage.base, stage.origin)
        earlier = [other for other in self.dockerfile.stages[: stage.index] if other.name and name is not None]
        return next((other for other in reversed(earlier) if name is not None and other.name == name.lower()), None)

    def chain(self, stage: Stage) -> Iterator[Stage]:
        parent = self.parent(stage)
        if parent is not None:
            yield from self.chain(parent)
        yield stage

    def reachable(self, stage: Stage) -> list[Stage]:
        """The stage and what it needs, in the order in which they stand."""
        found: dict[int, Stage] = {}
        waiting = [stage]
        while waiting:
            each = waiting.pop()
            if each.index in found:
                continue
            found[each.index] = each
            parent = self.parent(each)
            waiting += [parent] if parent else []
            names = [name for made in each.instructions for name in _sources(made)]
            others = [self.dockerfile.stage(name) for name in names]
            waiting += [other for other in others if other is not None and other.index < each.index]
        return [found[index] for index in sorted(found)]

    def walk(self, stage: Stage) -> None:
        parent = self.parent(stage)
        if parent is None:
            self.check_base(stage)
        scope = self.ends[parent.index] if parent else Scope(unknown=PLATFORM_ARGUMENTS, escape=self.top.escape)
        steps = []
        for made in stage.instructions:
            steps.append(Step(made, stage, scope))
            self.check_words(made, scope, stage)
            scope = self.after(made, scope)
        self.steps[stage.index], self.ends[stage.index] = steps, scope

    def check_base(self, stage: Stage) -> None:
        origin = stage.origin
        name = self.text(self.top, stage.base, origin)
        where = origin.word_spans[0]
        platform = self.text(self.top, stage.platform, origin)
        if platform and not _PLATFORM.match(platform):
            raise self.dockerfile.fail(
                t("“{platform}” is no platform", platform=platform), line=origin.line,
                hint=t("Write, for example, --platform=linux/amd64."),
            )
        if name is None:
            return
        if not name:
            raise self.dockerfile.fail(
                t("the base image {name} is empty", name=stage.base), line=where.line, column=where.column,
                hint=t("Give the ARG a default, or a value: %build --build-arg NAME=VALUE."),
            )
        try:
            parse_reference(name)
        except InvalidReference as error:
            raise self.dockerfile.fail(error.message, line=where.line, column=where.column, hint=error.hint) from error

    def after(self, made: Instruction, scope: Scope) -> Scope:
        """What holds behind the instruction."""
        keyword = made.keyword
        if keyword in _EXPANDED:
            for index, word in enumerate(made.words):
                self.text(scope, word, made, index)
        if keyword == "ENV":
            pairs = {name: self.text(scope, value, made) for name, value in _pairs(made)}
            known = {name: value for name, value in pairs.items() if value is not None}
            unknown = (scope.unknown - known.keys()) | (pairs.keys() - known.keys())
            environment = {**scope.environment, **known}
            return _changed(scope, values={**scope.values, **known}, environment=environment, unknown=unknown)
        if keyword == "ARG":
            return self.argued(made, scope, self.top.values)
        if keyword == "USER":
            return _changed(scope, user=self.text(scope, made.arguments, made) or "?")
        if keyword == "WORKDIR":
            path = self.text(scope, made.arguments, made) or "?"
            return _changed(scope, directory=path if path.startswith("/") else f"{scope.directory or '?'}/{path}")
        if keyword == "SHELL":
            return _changed(scope, shell=made.words)
        return scope

    def check_words(self, made: Instruction, scope: Scope, stage: Stage) -> None:
        if made.keyword == "STOPSIGNAL":
            signal = self.text(scope, made.arguments, made)
            if signal is not None and not _is_signal(signal):
                hint = t("For example SIGTERM.")
                raise self.dockerfile.fail(t("invalid signal: {signal}", signal=signal), line=made.line, hint=hint)
        if made.keyword == "EXPOSE":
            ports = [port for word in made.words for port in (self.text(scope, word, made) or "0").split()]
            wrong = next((port for port in ports if not _is_port(port)), None)
            if wrong is not None:
                hint = t("Write, for example, 8080 or 53/udp.")
                raise self.dockerfile.fail(t("“{port}” is no port", port=wrong), line=made.line, hint=hint)
        source = made.flag("from") if made.keyword == "COPY" else None
        if source:
            self.check_source(source, made, stage)

    def check_source(self, source: str, made: Instruction, stage: Stage) -> None:
        other = self.dockerfile.stage(source)
        if other is not None and other.index == stage.index:
            raise self.dockerfile.fail(
                t("COPY --from={source} is this stage itself", source=source), line=made.line,
                hint=t("Name an earlier stage, or leave --from out."),
            )
        if other is None and source.isdecimal():
            hint = t("Stages are counted from 0.")
            raise self.dockerfile.fail(t("there is no stage {number}", number=source), line=made.line, hint=hint)

    def argued(self, made: Instruction, scope: Scope, top: Mapping[str, str]) -> Scope:
        values, unknown = dict(scope.values), set(scope.unknown)
        for word in made.words:
            name, equals, default = word.partition("=")
            name = self.text(Scope(escape=scope.escape), name, made) or ""
            now = _changed(scope, values=values, unknown=frozenset(unknown))
            value = self.text(now, default, made) if equals else top.get(name)
            if self.given is not None and name in self.given:
                value = self.given[name]
            if name in scope.environment:
                continue
            if value is None and self.given is None:
                unknown.add(name)
            elif value is not None:
                values[name] = value
                unknown.discard(name)
        return _changed(scope, values=values, unknown=frozenset(unknown))

    def text(self, scope: Scope, text: str, made: Instruction, index: int = -1) -> str | None:
        try:
            return scope.expand(text)
        except ExpansionError as error:
            start = made.extents[index][0] if index >= 0 else max(0, made.arguments.find(text))
            place = made.span(start + error.offset, start + error.offset + 1)
            message = t("failed to process “{text}”: {reason}", text=text, reason=error)
            raise self.dockerfile.fail(message, line=place.line, column=place.column) from error


def _changed(scope: Scope, **changes: object) -> Scope:
    return Scope(**{**scope.__dict__, **changes})  # dataclasses.replace, at a third of its time


def _is_signal(text: str) -> bool:
    if text.isdecimal():
        return int(text) > 0
    return text.upper().removeprefix("SIG") in _SIGNALS


def _is_port(text: str) -> bool:
    found = _PORT.match(text)
    return found is not None and all(int(number) <= 65535 for number in found.groups() if number)


def _pairs(made: Instruction) -> list[tuple[str, str]]:
    if "=" not in made.words[0]:
        name, value = BLANKS.split(made.arguments, maxsplit=1)
        return [(name, value)]
    return [(name, value) for name, _, value in (word.partition("=") for word in made.words)]


def _sources(made: Instruction) -> Iterator[str]:
    if made.keyword == "COPY" and made.flag("from"):
        yield made.flag("from") or ""
    for flag in made.flags:
        if flag.name == "mount":
            yield from re.findall(r"(?:^|,)from=([^,]+)", flag.value or "")


