"""A parsed Dockerfile. Lines and columns count from 1 in the Dockerfile's own text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Flag:
    """``--name=value`` before an instruction's arguments; ``value`` is None where there is no “=”."""

    name: str
    value: str | None
    line: int

    def __str__(self) -> str:
        return f"--{self.name}" if self.value is None else f"--{self.name}={self.value}"


@dataclass(frozen=True)
class Instruction:
    """One instruction. ``line`` to ``end_line`` is where it stands, heredocs among it.

    ``arguments`` is the text behind the flags, continuation lines joined as the Engine joins them; ``words`` are its
    parts (of the JSON form: its strings); ``exec_form`` tells the JSON form. ``heredocs`` are bodies by name.
    """

    keyword: str
    line: int
    end_line: int
    flags: tuple[Flag, ...] = ()
    arguments: str = ""
    words: tuple[str, ...] = ()
    exec_form: bool = False
    heredocs: Mapping[str, str] = field(default_factory=dict)
    text: str = field(default="", repr=False)

    def flag(self, name: str) -> str | None:
        """The value of a flag, the last one given; None where it is not there."""
        return next((flag.value or "" for flag in reversed(self.flags) if flag.name == name), None)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Stage:
    """A ``FROM`` and what follows it. ``name`` is lower-case, "" for none; ``base`` as written, variables and all."""

    index: int
    name: str
    base: str
    platform: str
    origin: Instruction
    instructions: tuple[Instruction, ...] = ()


@dataclass(frozen=True)
class Dockerfile:
    """A whole Dockerfile. ``arguments`` are the ``ARG`` instructions before the first ``FROM``."""

    text: str = field(repr=False)
    stages: tuple[Stage, ...]
    arguments: tuple[Instruction, ...] = ()
    directives: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text

    def stage(self, name: str) -> Stage | None:
        """The stage of that name or number; the last one for ""."""
        if not name:
            return self.stages[-1]
        named = next((stage for stage in self.stages if stage.name == name.lower()), None)
        if named is None and name.isdigit() and int(name) < len(self.stages):
            return self.stages[int(name)]
        return named
