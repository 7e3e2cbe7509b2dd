"""Findings as short texts."""

from __future__ import annotations

from collections.abc import Iterable

from ..messages import mark, t
from ..text import clean
from .model import Finding, Severity

NAMES = {Severity.ERROR: mark("error"), Severity.WARNING: mark("warning"), Severity.NOTE: mark("note")}
_ONE = {Severity.ERROR: mark("1 error"), Severity.WARNING: mark("1 warning"), Severity.NOTE: mark("1 note")}
_MANY = {Severity.ERROR: mark("{count} errors"), Severity.WARNING: mark("{count} warnings"),
    Severity.NOTE: mark("{count} notes")}


def counted(findings: Iterable[Finding]) -> str:
    """“1 error, 3 warnings, 1 ignored”, “nothing found”."""
    found = list(findings)
    parts = []
    for severity in Severity:
        count = sum(each.severity is severity and not each.ignored for each in found)
        if count:
            parts.append(t(_ONE[severity]) if count == 1 else t(_MANY[severity], count=count))
    ignored = sum(bool(each.ignored) for each in found)
    if ignored:
        parts.append(t("{count} ignored", count=ignored))
    return t(", ").join(parts) if parts else t("nothing found")


def one_line(finding: Finding, first_line: int, *, fix: bool = False) -> str:
    """“line 6  MA031  …”, as the cell counts lines; with ``fix``, what to write below it."""
    place = t("line {line}", line=finding.line + first_line - 1) if finding.line else ""
    text = "  ".join(filter(None, ("  " + place, finding.code, finding.message)))
    return f"{clean(text)}\n      → {clean(finding.fix)}" if fix and finding.fix else clean(text)
