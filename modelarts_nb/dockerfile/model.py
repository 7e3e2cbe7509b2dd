"""A parsed Dockerfile. Lines and columns count from 1 in the Dockerfile's own text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from .lines import BLANKS, SPACE, Failing, Heredoc, Places, quoted_words

NOWHERE = Places((0,), (1,), (1,))
PAIRS = frozenset({"ENV", "LABEL", "ARG"})  # whose words may hold blanks in quotes
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


@dataclass(frozen=True)
class Span:
    """A piece of the text; ``end_column`` is the column behind its last character."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True)
class Flag:
    """``--name=value`` before an instruction's arguments; ``value`` is None where there is no “=”."""

    name: str
    value: str | None
    span: Span

    @property
    def line(self) -> int:
        """The line it stands in."""
        return self.span.line

    def __str__(self) -> str:
        return f"--{self.name}" if self.value is None else f"--{self.name}={self.value}"


@dataclass(frozen=True)
class Instruction:
    """One instruction. ``line`` to ``end_line`` is where it stands, heredocs among it.

    ``arguments`` is the text behind the flags, continuation lines joined as the Engine joins them; ``words`` are its
    parts (of the JSON form: its strings; of ENV, LABEL and ARG: with their quotes); ``exec_form`` tells the JSON form.
    ``heredocs`` are by name; ``trigger`` is what ONBUILD keeps; ``comments`` stand above or within it, as (line, text).
    """

    keyword: str
    line: int
    end_line: int
    flags: tuple[Flag, ...] = ()
    arguments: str = ""
    words: tuple[str, ...] = ()
    exec_form: bool = False
    heredocs: Mapping[str, Heredoc] = field(default_factory=dict)
    text: str = field(default="", repr=False)
    trigger: Instruction | None = field(default=None, repr=False)
    comments: tuple[tuple[int, str], ...] = field(default=(), repr=False)
    escape: str = field(default="\\", repr=False)
    places: Places = field(default=NOWHERE, repr=False, compare=False)
    offset: int = field(default=0, repr=False, compare=False)  # of ``arguments`` in the joined text

    def flag(self, name: str) -> str | None:
        """The value of a flag, the last one given; None where it is not there."""
        return next((flag.value or "" for flag in reversed(self.flags) if flag.name == name), None)

    def span(self, start: int, end: int) -> Span:
        """Where ``arguments[start:end]`` stands."""
        return span(self.places, self.offset + start, self.offset + end)

    @property
    def keyword_span(self) -> Span:
        """Where the keyword stands."""
        start = len(self.text) - len(self.text.lstrip(SPACE))
        return span(self.places, start, start + len(self.keyword))

    @property
    def word_spans(self) -> tuple[Span, ...]:
        """Where each of ``words`` stands."""
        return tuple(self.span(start, end) for start, end in self.extents)

    @property
    def extents(self) -> list[tuple[int, int]]:
        """Where each of ``words`` starts and ends in ``arguments``."""
        text = self.arguments
        if self.exec_form:
            return [found.span() for found in _JSON_STRING.finditer(text)]
        if self.keyword in PAIRS:
            return [(start, start + len(word)) for word, start in quoted_words(text, self.escape)]
        return [found.span() for found in re.finditer(r"[^\t\v\f\r ]+", text)]

    def __str__(self) -> str:
        return self.text


def span(places: Places, start: int, end: int) -> Span:
    """The piece of a joined text from ``start`` to ``end``."""
    line, column = places.at(start)
    end_line, end_column = places.at(max(start, end - 1))
    return Span(line, column, end_line, end_column + 1)


def blank_words(text: str) -> tuple[str, ...]:
    """The text split at blanks, as the Engine splits what is no JSON."""
    return tuple(word for word in BLANKS.split(text) if word)


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
    """A whole Dockerfile. ``arguments`` are the ``ARG`` instructions before the first ``FROM``.

    ``origin`` names where it stands ("cell", a path); its line 1 is that place's line ``first_line``.
    """

    text: str = field(repr=False)
    stages: tuple[Stage, ...]
    arguments: tuple[Instruction, ...] = ()
    directives: Mapping[str, str] = field(default_factory=dict)
    origin: str = "Dockerfile"
    first_line: int = 1

    def __str__(self) -> str:
        return self.text

    @property
    def fail(self) -> Failing:
        """Makes the error for a place in it."""
        return Failing(tuple(self.text.split("\n")), self.origin, self.first_line)

    @property
    def escape(self) -> str:
        """The escape character."""
        return self.directives.get("escape", "\\")

    def stage(self, name: str) -> Stage | None:
        """The stage of that name or number; the last one for ""."""
        if not name:
            return self.stages[-1]
        named = next((stage for stage in self.stages if stage.name == name.lower()), None)
        if named is None and name.isdecimal() and int(name) < len(self.stages):
            return self.stages[int(name)]
        return named
