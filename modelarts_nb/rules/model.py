"""What every rule is and says: Rule, Finding, Severity. No I/O in this package.

A rule is one unit: code, severity, title, source, and a check that takes what it judges (a parsed Dockerfile, a command, an
image's facts) and yields findings. Codes: MA001 to MA099 judge what is written, MA101 to MA199 what an image holds.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

Subject = TypeVar("Subject")


class Severity(enum.Enum):
    """How much a finding matters: an error would fail on the platform and fails the cell; a warning may; a note informs."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One thing that a rule found.

    ``message`` is one sentence: what, and why it matters. ``fix``: a line to paste, or one sentence; "" where there is none.
    ``line`` to ``end_line`` count from 1 in the Dockerfile's own text (0: no line); ``first_line`` of its source turns them
    into the cell's. ``path`` is a path in the image or in the code folder, ``layer`` the layer's number from 1, the base's
    first one (0: none), ``instruction`` what made that layer. ``evidence``: what was seen, e.g. "4755 root:root".
    ``ignored``: the reason, where a comment in the Dockerfile says that this is meant.
    """

    code: str
    severity: Severity
    message: str
    fix: str = ""
    line: int = 0
    end_line: int = 0
    path: str = ""
    layer: int = 0
    instruction: str = ""
    evidence: str = ""
    ignored: str = ""


@dataclass(frozen=True)
class Rule(Generic[Subject]):
    """A rule. ``title`` is a noun phrase of a few words; ``source`` names the page or file that the rule is from."""

    code: str
    severity: Severity
    title: str
    source: str
    check: Callable[[Subject], Iterable[Finding]]
