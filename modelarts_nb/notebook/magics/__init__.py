"""The magics: each parses its line, calls the same function that Python users call, and lets its view show it.

A module a verb; ``parsing`` is what they share.
"""

from __future__ import annotations

from .builds import BuildMagics
from .checks import CheckMagics
from .freezes import FreezeMagics
from .jobs import JobMagics
from .logins import LoginMagics
from .modelarts import ModelArtsMagics
from .pushes import PushMagics
from .runs import TrainMagics
from .shells import ShellMagics
from .submits import SubmitMagics

ALL = (ModelArtsMagics, BuildMagics, CheckMagics, TrainMagics, PushMagics, LoginMagics, SubmitMagics, JobMagics,
       FreezeMagics, ShellMagics)

__all__ = [
    "ALL", "BuildMagics", "CheckMagics", "FreezeMagics", "JobMagics", "LoginMagics", "ModelArtsMagics", "PushMagics",
    "ShellMagics", "SubmitMagics", "TrainMagics",
]
