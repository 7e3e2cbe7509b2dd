"""A list of things as a value: what ``%jobs``, ``%flavors``, ``%swr repos`` and the like return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .text import clean, ljust, width


@dataclass(frozen=True)
class Table:
    """``rows`` hold as many texts as there are ``columns``; ``items`` are the values behind them, for programs.

    ``note`` stands below: what to do with it.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    items: tuple[Mapping[str, Any], ...] = field(default=(), repr=False, hash=False)
    note: str = ""

    def __str__(self) -> str:
        widths = [max(width(row[n]) for row in (self.columns, *self.rows)) for n in range(len(self.columns))]
        lines = ["  ".join(ljust(text, columns) for text, columns in zip(row, widths, strict=True)).rstrip()
                 for row in (self.columns, *self.rows)]
        return "\n".join([f"{self.title} ({len(self.rows)})", *lines, *([self.note] if self.note else [])])


def table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    items: Sequence[Mapping[str, Any]] = (),
    note: str = "",
) -> Table:
    """A table of anything; texts from outside are made safe to show."""
    texts = tuple(tuple(clean(" ".join(str(cell).split())) for cell in row) for row in rows)
    return Table(title, tuple(columns), texts, tuple(items), note)
