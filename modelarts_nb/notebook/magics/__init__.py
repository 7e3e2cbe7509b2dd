"""The magics: each parses its line, calls the same function that Python users call, and lets its view show it.

A module a verb; ``parsing`` is what they share.
"""

from __future__ import annotations

from .builds import BuildMagics
from .checks import CheckMagics
from .modelarts import ModelArtsMagics
from .pushes import PushMagics
from .runs import TrainMagics

ALL = (ModelArtsMagics, BuildMagics, CheckMagics, TrainMagics, PushMagics)

__all__ = ["ALL", "BuildMagics", "CheckMagics", "ModelArtsMagics", "PushMagics", "TrainMagics"]
