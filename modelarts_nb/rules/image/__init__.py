"""Rules on images: MA101 to MA199. Each takes ImageFacts and does no I/O."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Finding, Rule, Severity
from . import cloud, content, files, libraries, settings, space
from .facts import ImageFacts

RULES: tuple[Rule[ImageFacts], ...] = tuple(
    sorted(
        (*files.RULES, *settings.RULES, *content.RULES, *libraries.RULES, *space.RULES, *cloud.RULES),
        key=lambda rule: rule.code,
    )
)
_ORDER = (Severity.ERROR, Severity.WARNING, Severity.NOTE)


def judge(facts: ImageFacts) -> tuple[Finding, ...]:
    """What all rules find, the worst first."""
    found: Iterator[Finding] = (finding for rule in RULES for finding in rule.check(facts))
    return tuple(sorted(found, key=lambda finding: (_ORDER.index(finding.severity), finding.code, finding.layer, finding.path)))


__all__ = ["RULES", "ImageFacts", "judge"]
