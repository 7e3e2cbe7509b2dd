"""Images that a check found nothing against: so that the sandbox need not read again at once what %check has just read.

One empty file a fact, named by what it says: programs that run at the same time need not agree on anything.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from .. import __version__, paths
from ..catalog import Limits
from ..errors import SettingsError
from ..rules.model import Severity
from ..rules.report import CheckReport

KEPT = 500


def note(report: CheckReport, limits: Limits) -> None:
    """Remember that an image passed. One with an error that a comment ignores did not; a full disk forgets it."""
    if any(each.severity is Severity.ERROR for each in report.findings):
        return
    with contextlib.suppress(OSError, SettingsError):
        place = _place(report.image_id, limits)
        place.touch()
        for old in sorted(place.parent.iterdir(), key=lambda path: path.stat().st_mtime)[:-KEPT]:
            old.unlink(missing_ok=True)


def known(image_id: str, limits: Limits) -> bool:
    """Whether that image passed under these limits, in this version."""
    try:
        return _place(image_id, limits).exists()
    except SettingsError:
        return False


def _place(image_id: str, limits: Limits) -> Path:
    return paths.folder("passed") / hashlib.sha256(f"{__version__} {limits!r} {image_id}".encode()).hexdigest()
