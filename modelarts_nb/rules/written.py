"""What the rules on Dockerfiles look at: the parsed file, resolved for one target, its RUN lines as commands."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from ..catalog import Catalog, Limits, OfficialBase, builtin
from ..dockerfile import Instruction, Resolved, Step
from ..errors import InvalidReference
from ..reference import ImageReference, parse_reference
from . import shell
from .model import Severity
from .requirements import Install, install

INSTALLS = {
    "apt-get": ("install",), "apt": ("install",), "aptitude": ("install",), "yum": ("install", "localinstall"),
    "dnf": ("install",), "microdnf": ("install",), "apk": ("add",), "zypper": ("install", "in"),
}
ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE


@dataclass(frozen=True)
class Target:
    """What the image is for. ``region``: where it will train ("": not said); ``push_to``: where it will be pushed;
    ``build_args`` None: not known yet; ``stage``: the target stage; ``platform``: of the build."""

    contract: str = "v1"
    region: str = ""
    push_to: str = ""
    platform: str = ""
    stage: str = ""
    build_args: Mapping[str, str] | None = field(default=None, repr=False)
    catalog: Catalog = field(default_factory=builtin, repr=False)


@dataclass(frozen=True)
class Ran:
    """A command of a RUN, the lines that it stands in, the step around it, and the folder it runs in ("": not known)."""

    command: shell.Command
    line: int
    end_line: int
    step: Step
    directory: str = ""

    @property
    def root(self) -> bool:
        """Whether it runs as root, as far as the Dockerfile says: a base without USER runs as root."""
        return self.step.scope.user.split(":")[0] in ("", "root", "0")

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """Its operands as absolute paths, "" for what is none or is hidden by a variable."""
        return tuple(self.path(text) for text in self.command.operands)

    @cached_property
    def packages(self) -> tuple[str, ...]:
        """The names of the distribution's packages that it installs, without versions."""
        if self.command.name in ("dpkg", "rpm") and self.command.has("i", "--install"):
            files = (self.text(text).rpartition("/")[2] for text in self.command.operands)
            return tuple(re.split(r"_|-\d+\.", file)[0] for file in files)
        verbs = INSTALLS.get(self.command.name, ())
        operands = [self.text(text) for text in self.command.operands] if verbs else []
        verb = next((index for index, text in enumerate(operands) if text in verbs), None)
        if verb is None:
            return ()
        names = (name for text in operands[verb + 1 :] for name in text.split())
        return tuple(re.split(r"[=:]", name)[0].rpartition("/")[2] for name in names)

    def text(self, text: str) -> str:
        """The text with the variables that the Dockerfile sets; others stay as written."""
        if "$" not in text:
            return text
        values = self.step.scope.values
        return re.sub(r"\$(?:(\w+)|\{(\w+)\})", lambda found: values.get(found[1] or found[2], found[0]), text)

    def path(self, text: str) -> str:
        """The path as an absolute one; "" where a variable hides it."""
        return absolute(self.text(text), self.directory)


@dataclass(frozen=True)
class Written:
    """The subject of the Dockerfile rules."""

    resolved: Resolved
    target: Target

    @cached_property
    def limits(self) -> Limits:
        """What the contract allows, and its user."""
        return self.target.catalog.limits(self.target.contract)

    @cached_property
    def base(self) -> ImageReference | None:
        """The base image; None where it is not known before the build, or is ``scratch``."""
        if not self.resolved.base:
            return None
        try:
            return parse_reference(self.resolved.base)
        except InvalidReference:
            return None

    @cached_property
    def official(self) -> OfficialBase | None:
        """The official base that it is, None for any other."""
        return self.target.catalog.find_base(self.base) if self.base is not None else None

    @property
    def steps(self) -> tuple[Step, ...]:
        """The instructions that make the image, from the base on."""
        return self.resolved.steps

    def of(self, *keywords: str) -> Iterator[Step]:
        """The steps with one of these keywords."""
        return (step for step in self.steps if step.instruction.keyword in keywords)

    @cached_property
    def ran(self) -> tuple[Ran, ...]:
        """Every command of every RUN."""
        return tuple(ran for step in self.of("RUN") for ran in _in_folders(_ran(step), step.scope.directory or "/"))

    def named(self, *names: str) -> tuple[Ran, ...]:
        """The commands of these programs."""
        if names not in self._named:
            self._named[names] = tuple(ran for ran in self.ran if ran.command.name in names)
        return self._named[names]

    @cached_property
    def _named(self) -> dict[tuple[str, ...], tuple[Ran, ...]]:
        return {}

    @cached_property
    def installs(self) -> tuple[Install, ...]:
        """Every ``pip install``."""
        return tuple(found for ran in self.ran if (found := install(ran)) is not None)

    @cached_property
    def folders(self) -> frozenset[str]:
        """What the Dockerfile makes as folders."""
        made = {ran.path(text) for ran in self.named("mkdir") for text in ran.command.operands}
        made |= {ran.path(text) for ran in self.named("install") if ran.command.has("d", "--directory")
                 for text in ran.command.operands}
        return frozenset(made | {step.scope.expand(step.instruction.arguments) or "" for step in self.of("WORKDIR")})

    @cached_property
    def made(self) -> tuple[tuple[int, str], ...]:
        """(line, path) of what the Dockerfile makes itself, as far as can be seen."""
        found: list[tuple[int, str]] = []
        for ran in self.ran:
            command = ran.command
            if command.name in ("mkdir", "touch", "ln", "cp", "mv", "install", "tee"):
                found += ((ran.line, path) for path in ran.paths)
            found += ((ran.line, ran.path(each.target.text)) for each in command.redirections if each.operator == ">")
            value = command.value("-O", "-o", "-P", "-C", "-d")
            found += [(ran.line, ran.path(value))] if value else []
        for step in self.of("COPY", "ADD"):
            found.append((step.instruction.line, absolute(words_of(step)[-1], step.scope.directory)))
        return tuple((line, path) for line, path in found if path)

    @cached_property
    def region(self) -> str:
        """The region that the image is for: the target's, else the one of the registry it will be pushed to."""
        return self.target.region or region_of(self.target.push_to, self.target.catalog)


def region_of(address: str, catalog: Catalog) -> str:
    """The region whose registry an address names; "" for any other."""
    host = address.split("/", 1)[0]
    return next((region.id for region in catalog.all_regions if host and region.registry == host), "")


def absolute(text: str, directory: str) -> str:
    """The path from the root; "" where a variable hides it."""
    if "$" in text or "`" in text or "{}" in text or not text:
        return ""
    if text == "~" or text.startswith("~/"):
        return f"/root{text[1:]}"
    if not text.startswith("/"):
        if not directory.startswith("/") or "?" in directory:
            return ""
        text = f"{directory}/{text}"
    path = posixpath.normpath(text)
    return path[1:] if path.startswith("//") else path


def words_of(step: Step) -> tuple[str, ...]:
    """An instruction's words with their variables; "" where one is not known."""
    made = step.instruction
    if made.exec_form and made.keyword in ("CMD", "ENTRYPOINT", "RUN"):
        return made.words
    return tuple(step.scope.expand(word) or "" for word in made.words)


def _ran(step: Step) -> Iterator[Ran]:
    made = step.instruction
    if made.exec_form:
        for command in shell.argv_commands(made.words):
            yield Ran(command, made.line, made.end_line, step)
        return
    script = next(iter(made.heredocs.values()), None)
    if script is not None and re.match(r"\d*<<", made.arguments):
        for command in shell.commands(script.body):
            yield Ran(command, *_lines_of(script.body, command, script.line), step)
        return
    for command in shell.commands(made.arguments):
        place = made.span(command.start, command.end) if command.end else None
        yield Ran(command, place.line if place else made.line, place.end_line if place else made.end_line, step)


def _in_folders(found: Iterable[Ran], directory: str) -> Iterator[Ran]:
    """Each with the folder that ``cd`` has led to."""
    for ran in found:
        ran = replace(ran, directory=directory)
        if ran.command.name == "cd" and ran.command.operands:
            directory = ran.path(ran.command.operands[0])
        yield ran


def _lines_of(body: str, command: shell.Command, first: int) -> tuple[int, int]:
    return first + body.count("\n", 0, command.start), first + body.count("\n", 0, command.end)


def at(made: Instruction) -> tuple[int, int]:
    """The lines of an instruction, as a finding wants them."""
    return made.line, made.end_line
