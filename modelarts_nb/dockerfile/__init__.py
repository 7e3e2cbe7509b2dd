"""Dockerfile text to values, with the place of everything kept. No I/O."""

from .locate import locate
from .model import Dockerfile, Flag, Instruction, Stage
from .parser import parse_dockerfile

__all__ = ["Dockerfile", "Flag", "Instruction", "Stage", "locate", "parse_dockerfile"]
