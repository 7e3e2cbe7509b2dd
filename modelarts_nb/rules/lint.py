"""All rules on what is written, and how they are asked: values in, findings out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..dockerfile import Dockerfile, Instruction, resolve
from ..messages import mark, t
from . import accounts, base, code, command, frameworks, output, pip, protected, secrets, setuid
from .command import Job
from .folder import Code
from .making import Seen, paste, rule
from .model import Finding, Rule, Severity
from .written import Target, Written

_IGNORE = re.compile(r"#\s*modelarts:\s*ignore\s*=\s*(?P<codes>[A-Za-z0-9]+(?:\s*,\s*[A-Za-z0-9]+)*)(?P<reason>.*)",
    re.IGNORECASE)


@dataclass(frozen=True)
class Comment:
    """An ``# modelarts: ignore=…`` comment: what it names, why, and the instruction below it."""

    codes: tuple[str, ...]
    reason: str
    line: int
    instruction: Instruction


@rule("MA099", Severity.WARNING, mark("ignore comment that ignores nothing"), "docs/rules/README.md")
def comments_are_right(comments: Sequence[Comment]) -> Iterator[Seen]:
    for each in comments:
        unknown = [code for code in each.codes if not re.fullmatch(r"MA1\d\d", code) and code not in CODES]
        for wrong in unknown:
            yield Seen(t("There is no rule {code} to ignore.", code=wrong), "", each.line)
        if not each.reason:
            yield Seen(
                t("To ignore {codes} a reason is needed: nothing is ignored here.", codes=", ".join(each.codes)),
                paste(f"# modelarts: ignore={','.join(each.codes)} …"), each.line,
            )


DOCKERFILE_RULES: tuple[Rule[Written], ...] = (
    *base.RULES, *accounts.RULES, *setuid.RULES, *protected.RULES, *frameworks.RULES, *output.RULES, *secrets.RULES, *pip.RULES,
)
JOB_RULES: tuple[Rule[Job], ...] = command.RULES
CODE_RULES: tuple[Rule[Code], ...] = code.RULES
RULES: tuple[Rule[Any], ...] = (*DOCKERFILE_RULES, *JOB_RULES, *CODE_RULES, comments_are_right)
CODES = frozenset(each.code for each in RULES)


def lint(dockerfile: Dockerfile, target: Target | None = None) -> tuple[Finding, ...]:
    """What is to say about a Dockerfile, by line. Raises DockerfileSyntaxError as ``dockerfile.resolve`` does."""
    target = target or Target()
    written = Written(resolve(dockerfile, build_args=target.build_args, target=target.stage), target)
    comments = _comments(dockerfile)
    found = [*_judge(DOCKERFILE_RULES, written), *_judge((comments_are_right,), comments)]
    return tuple(sorted((_ignored(each, comments) for each in found), key=lambda each: (each.line, each.code)))


def lint_job(job: Job) -> tuple[Finding, ...]:
    """What is to say about a start command and the code that it starts."""
    return (*_judge(JOB_RULES, job), *(_judge(CODE_RULES, job.code) if job.code is not None else ()))


def errors(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings that stop: errors that no comment ignores."""
    return tuple(each for each in findings if each.severity is Severity.ERROR and not each.ignored)


def suppressed(findings: Iterable[Finding], dockerfile: Dockerfile) -> tuple[Finding, ...]:
    """The findings on an image, with the reasons of those that a comment above their instruction ignores."""
    comments = _comments(dockerfile)
    return tuple(_ignored(each, comments) for each in findings)


def _judge(rules: Iterable[Rule[Any]], subject: object) -> list[Finding]:
    return [finding for each in rules for finding in each.check(subject)]


def _comments(dockerfile: Dockerfile) -> tuple[Comment, ...]:
    found = []
    for made in [*dockerfile.arguments, *(each for stage in dockerfile.stages for each in (stage.origin, *stage.instructions))]:
        for line, text in made.comments:
            matched = _IGNORE.match(text)
            if matched:
                codes = tuple(each.strip().upper() for each in matched["codes"].split(","))
                found.append(Comment(codes, matched["reason"].strip(" :-\t"), line, made))
    return tuple(found)


def _ignored(finding: Finding, comments: Sequence[Comment]) -> Finding:
    for each in comments:
        covers = each.instruction.line <= finding.line <= each.instruction.end_line
        if covers and finding.code in each.codes and each.reason and finding.code != "MA099":
            return replace(finding, ignored=each.reason)
    return finding
