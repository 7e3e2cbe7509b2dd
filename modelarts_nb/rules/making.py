"""How a rule is written: a function over its subject that yields what it saw, under a decorator with code and severity."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from .model import Finding, Rule, Severity

Subject = TypeVar("Subject")


def paste(text: str) -> str:
    """The text itself: a line of a Dockerfile, a command or a program, which is the same in every language."""
    return text


@dataclass(frozen=True)
class Seen:
    """What a check saw; fields as ``Finding``'s. ``severity`` None: the rule's own."""

    message: str
    fix: str = ""
    line: int = 0
    end_line: int = 0
    path: str = ""
    layer: int = 0
    instruction: str = ""
    evidence: str = ""
    severity: Severity | None = None


def rule(
    code: str, severity: Severity, title: str, source: str
) -> Callable[[Callable[[Subject], Iterable[Seen]]], Rule[Subject]]:
    """The Rule that a function becomes. The same thing seen twice in one line is one finding."""

    def make(check: Callable[[Subject], Iterable[Seen]]) -> Rule[Subject]:
        def findings(subject: Subject) -> Iterator[Finding]:
            for seen in dict.fromkeys(check(subject)):
                yield Finding(
                    code, seen.severity or severity, seen.message, seen.fix, seen.line, seen.end_line or seen.line, seen.path,
                    seen.layer, seen.instruction, seen.evidence,
                )

        return Rule(code, severity, title, source, findings)

    return make
