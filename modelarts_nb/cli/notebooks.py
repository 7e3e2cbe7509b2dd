"""The ``%%dockerfile`` cells of a notebook file, read as running it would: nothing is executed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..building.request import DockerfileSource
from ..errors import SettingsError
from ..messages import t

MAGIC = "%%dockerfile"


@dataclass(frozen=True)
class DockerfileCell:
    """A cell: its number in the notebook, from 1, and its Dockerfile."""

    number: int
    source: DockerfileSource


def is_notebook(name: str) -> bool:
    """Whether a word names a notebook file."""
    return name.endswith(".ipynb")


def read(path: Path) -> Any:
    """The notebook, as nbformat 4. Raises SettingsError."""
    import nbformat

    try:
        return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except OSError as error:
        raise SettingsError(t("{path} cannot be read: {error}", path=path, error=error.strerror)) from error
    except Exception as error:  # nbformat raises what JSON, its schema and its converters raise
        raise SettingsError(t("{path} is no notebook: {error}", path=path, error=str(error).split("\n")[0])) from error


def dockerfiles(path: Path, wanted: str = "") -> tuple[DockerfileCell, ...]:
    """The cells that keep a Dockerfile, in their order; ``wanted``: only the one of that name, or in the cell of that number.

    Folders in their lines are seen from the notebook's own, as its kernel sees them. Raises SettingsError where there is none.
    """
    found = [
        _cell(path, number, str(cell.source))
        for number, cell in enumerate(read(path).cells, 1)
        if cell.cell_type == "code" and str(cell.source).lstrip().startswith(MAGIC)
        and str(cell.source).split(None, 1)[0] == MAGIC
    ]
    if not found:
        raise SettingsError(
            t("{path} has no %%dockerfile cell.", path=path), t("It is a cell that starts with %%dockerfile NAME.")
        )
    return _chosen(path, found, wanted)


def _cell(path: Path, number: int, text: str) -> DockerfileCell:
    """The Dockerfile of one cell, with the options of its line. Raises UsageError for a line that the cell would refuse."""
    from ..notebook.magics import BuildMagics
    from ..notebook.magics.parsing import parse

    blank = len(text) - len(text.lstrip())
    line, _, body = text[blank:].partition("\n")
    options = parse(BuildMagics.dockerfile, line.removeprefix(MAGIC).strip())
    return DockerfileCell(number, DockerfileSource(
        body, name=options.name, origin=t("{notebook}, cell {number}", notebook=path, number=number),
        first_line=2 + text[:blank].count("\n"), context=path.parent / options.context, notebook=path,
    ))


def _chosen(path: Path, found: Sequence[DockerfileCell], wanted: str) -> tuple[DockerfileCell, ...]:
    if not wanted:
        return tuple(found)
    named = [each for each in found if each.source.name == wanted]
    if not named and wanted.isdigit():
        named = [each for each in found if each.number == int(wanted)]
    if not named:
        known = ", ".join(f"{each.source.name} ({each.number})" for each in found)
        raise SettingsError(
            t("{path} has no %%dockerfile cell “{wanted}”.", path=path, wanted=wanted), t("There are: {known}.", known=known)
        )
    return tuple(named[-1:])  # a name that is kept twice means the later cell, as it does in a kernel
