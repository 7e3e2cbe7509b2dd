"""The product from Python: what the magics, the command line and the form call.

A module a verb; ``current`` is what holds here and now, ``following`` runs a workflow under a view.
"""

from __future__ import annotations

from .builds import build, keep, review
from .current import catalog, connect, connected, current_settings
from .pushes import push
from .runs import train

__all__ = ["build", "catalog", "connect", "connected", "current_settings", "keep", "push", "review", "train"]
