"""Build, train, push, submit: generators of events, with a value at the end. No display, no parsing of lines.

Each takes the ``trace`` into which its consumer folds what it yields (see follow.py): after a failure it holds the lines
that explain it.
"""

from __future__ import annotations

from .builds import build, build_elsewhere, parse
from .jobs import follow_job
from .pushes import push
from .regionpush import push_to_region
from .runs import train
from .submits import Preflight, Submission, check_before, submit
from .transfers import bring, send

__all__ = [
    "Preflight",
    "Submission",
    "bring",
    "build",
    "build_elsewhere",
    "check_before",
    "follow_job",
    "parse",
    "push",
    "push_to_region",
    "send",
    "submit",
    "train",
]
