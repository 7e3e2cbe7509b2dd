"""Look at a build context before anything is sent."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ..building import context
from ..dockerfile import Dockerfile
from ..errors import SettingsError
from ..events import VertexWarning
from ..messages import t
from .buildkit.patterns import PatternError
from .buildkit.tree import Filter, TreeError, walk

LOOKED_AT = 2_000  # files that a snapshot looks at


def guard(dockerfile: Dockerfile, root: Path | None) -> Iterator[VertexWarning]:
    """A warning with the largest offenders where much more would be sent than is usually meant."""
    wanted = context.wanted(dockerfile)
    if root is None or not wanted:
        return
    found = context.warning(context.measure(_files(root, [] if "." in wanted else list(wanted))))
    if found is not None:
        yield found


def snapshot(dockerfile: Dockerfile, root: Path | None) -> dict[str, dict[str, str]]:
    """What each COPY and ADD takes, by the instruction's text: every path with its size and time of change.

    Files are looked at, not read. Of more than ``LOOKED_AT`` nothing is told, as looking at them takes time.
    """
    found: dict[str, dict[str, str]] = {}
    if root is None:
        return found
    left = LOOKED_AT
    for text, sources in context.taken(dockerfile).items():
        taken: dict[str, str] = {}
        try:
            wanted = Filter.of([] if "." in sources else list(sources), _ignored(root))
            for entry in walk(os.fsencode(root), wanted):
                if stat.S_ISREG(entry.st.st_mode):
                    left -= 1
                    taken[os.fsdecode(entry.path)] = f"{entry.st.st_size} {entry.st.st_mtime_ns}"
                if left <= 0:
                    return found
        except (PatternError, TreeError):
            continue  # the build itself says what is wrong
        found[text] = taken
    return found


def _files(root: Path, include: list[str]) -> Iterator[tuple[str, int]]:
    try:
        wanted = Filter.of(include, _ignored(root))
    except PatternError:
        return  # the Engine will say what is wrong with .dockerignore, in its own words
    try:
        for entry in walk(os.fsencode(root), wanted):
            if stat.S_ISREG(entry.st.st_mode):
                yield os.fsdecode(entry.path), entry.st.st_size
    except TreeError as error:
        raise SettingsError(t("The build context {path}: {error}", path=root, error=error)) from error


def _ignored(root: Path) -> list[str]:
    """The patterns of the folder's ``.dockerignore``; the Engine reads them itself when it builds."""
    try:
        lines = (root / ".dockerignore").read_text(encoding="utf-8", errors="surrogateescape").lstrip("\ufeff").splitlines()
    except OSError:
        return []
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
