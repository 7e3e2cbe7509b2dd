"""The product from Python: what the magics, the command line and the form call.

A module a verb; ``current`` is what holds here and now, ``following`` runs a workflow under a view.
"""

from __future__ import annotations

from .background import Background, started
from .builds import build, keep
from .checks import check
from .checks import failed as checks_failed
from .current import catalog, connect, current_settings
from .pushes import push
from .runs import train

__all__ = [
    "Background", "build", "catalog", "check", "checks_failed", "connect", "current_settings", "keep", "push",
    "started", "train",
]
