"""What hadolint says, as findings. It is a program of its own (GPL): used where it is installed, never needed."""

from __future__ import annotations

import json

from ..text import clean
from .model import Finding, Severity

COMMAND = ("hadolint", "--no-fail", "--format", "json", "-")  # reads the Dockerfile from standard input
# Nothing that it says is about the platform, so nothing of it is an error here
_SEVERITIES = {"error": Severity.WARNING, "warning": Severity.NOTE, "info": Severity.NOTE, "style": Severity.NOTE}


def findings(output: str) -> tuple[Finding, ...]:
    """The findings that ``COMMAND`` printed. Raises ValueError for what is not its JSON."""
    found = json.loads(output or "[]")
    if not isinstance(found, list):
        raise ValueError("hadolint's output is not a list")
    made = []
    for each in found:
        if not isinstance(each, dict) or not isinstance(each.get("line"), int):
            raise ValueError("hadolint's output is not a list of findings")
        severity = _SEVERITIES.get(str(each.get("level")), Severity.NOTE)
        line = max(1, each["line"])
        made.append(Finding(clean(str(each.get("code", "hadolint"))), severity, clean(str(each.get("message", ""))), "", line,
            line))
    return tuple(made)
