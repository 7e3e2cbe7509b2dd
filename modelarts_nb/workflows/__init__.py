"""Build, check, train, push: generators of events, with a value at the end. No display, no parsing of lines.

Each takes the ``trace`` into which its consumer folds what it yields (see follow.py): after a failure it holds the lines
that explain it.
"""

from __future__ import annotations

from .builds import build, build_elsewhere, parse
from .checks import checked, judge
from .inspections import CheckRequest, before_push, check
from .pushes import push
from .runs import train

__all__ = [
    "CheckRequest", "before_push", "build", "build_elsewhere", "check", "checked", "judge", "parse", "push", "train",
]
