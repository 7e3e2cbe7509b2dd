"""Build, check, train, push, submit: generators of events, with a value at the end. No display, no parsing of lines.

Each takes the ``trace`` into which its consumer folds what it yields (see follow.py): after a failure it holds the lines
that explain it.
"""

from __future__ import annotations

from .builds import build, build_elsewhere, parse
from .checks import checked, judge
from .inspections import CheckRequest, before_push, check
from .jobs import follow_job
from .pushes import push
from .regionpush import push_to_region
from .runs import train
from .shells import at_failure, in_image, run_script
from .submits import Preflight, Submission, check_before, submit
from .transfers import bring, send

__all__ = [
    "CheckRequest", "Preflight", "Submission", "at_failure", "before_push", "bring", "build", "build_elsewhere",
    "check", "check_before", "checked", "follow_job", "in_image", "judge", "parse", "push", "push_to_region",
    "run_script", "send", "submit", "train",
]
