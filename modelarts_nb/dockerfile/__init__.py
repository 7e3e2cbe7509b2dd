"""Dockerfile text to values, with the place of everything kept. No I/O."""

from .locate import locate
from .model import Dockerfile, Flag, Instruction, Span, Stage
from .parser import parse_dockerfile
from .scope import Resolved, Scope, Step, resolve

__all__ = [
    "Dockerfile", "Flag", "Instruction", "Resolved", "Scope", "Span", "Stage", "Step", "locate", "parse_dockerfile", "resolve",
]
