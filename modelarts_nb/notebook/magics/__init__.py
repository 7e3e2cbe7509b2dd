"""The magics: each parses its line, calls the same function that Python users call, and lets its view show it.

A module a verb; ``parsing`` is what they share.
"""

from __future__ import annotations

from .builds import BuildMagics
from .modelarts import ModelArtsMagics
from .pushes import PushMagics
from .runs import TrainMagics

ALL = (ModelArtsMagics, BuildMagics, TrainMagics, PushMagics)

__all__ = ["ALL", "BuildMagics", "ModelArtsMagics", "PushMagics", "TrainMagics"]
