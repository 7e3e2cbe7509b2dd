"""The code folder as the rules look at it: its files, and the programs among them as syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ..catalog import Limits, builtin

READ_LIMIT = 1_000_000  # bytes of a program's text that are looked at


@dataclass(frozen=True)
class CodeFile:
    """A file: its path in the folder, its bytes, and its text where it is a program (None: not read)."""

    path: str
    size: int
    text: str | None = None


@dataclass(frozen=True)
class Code:
    """A code folder and the job it is for. ``places``: names of inputs and outputs that come as parameters; ``scripts``: the
    words of the command that name scripts ((): any may be started)."""

    files: tuple[CodeFile, ...]
    contract: str = "v1"
    places: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()

    @cached_property
    def names(self) -> frozenset[str]:
        """The files' paths."""
        return frozenset(file.path for file in self.files)

    @property
    def limits(self) -> Limits:
        """The contract's limits and user."""
        return builtin().limits(self.contract)

    @cached_property
    def python(self) -> tuple[tuple[CodeFile, ast.Module | None], ...]:
        """The Python files, parsed; None where this Python cannot read one."""
        return tuple((file, _tree(file.text)) for file in self.files if file.path.endswith(".py") and file.text is not None)

    @property
    def shell_files(self) -> tuple[CodeFile, ...]:
        """The shell scripts whose text is known."""
        return tuple(file for file in self.files if file.path.endswith((".sh", ".bash")) and file.text is not None)

    def starts(self, path: str) -> bool:
        """Whether the command starts this file."""
        return not self.scripts or any(text == path or text.endswith(f"/{path}") for text in self.scripts)


def _tree(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def dotted(node: ast.AST) -> str:
    """``a.b.c`` of a name or an attribute; "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else node.attr
    return ""


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Every call, with the dotted name of what is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield dotted(node.func), node


def first_text(call: ast.Call) -> str | None:
    """The first argument, where it is a literal text."""
    first = call.args[0] if call.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
