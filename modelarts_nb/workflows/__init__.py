"""Build, train, push: generators of events, with a value at the end. No display, no parsing of lines.

Each takes the ``trace`` into which its consumer folds what it yields (see follow.py): after a failure it holds the lines
that explain it.
"""

from __future__ import annotations

from .builds import build, build_elsewhere, parse
from .checks import checked, judge
from .pushes import push
from .runs import train

__all__ = ["build", "build_elsewhere", "checked", "judge", "parse", "push", "train"]
