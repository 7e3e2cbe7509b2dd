"""What a build context holds, before any of it is sent: how much, and which folders are the largest."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ..dockerfile import Dockerfile
from ..events import VertexWarning
from ..messages import t
from ..text import size

LARGE = 1_000_000_000  # bytes; a build context over this is more likely a mistake than meant
MANY = 100_000  # files
LARGEST = 5


@dataclass(frozen=True)
class ContextSize:
    """Bytes and files of a context; ``largest``: (top folder or file, bytes), the largest first."""

    size: int
    files: int
    largest: tuple[tuple[str, int], ...]


def measure(files: Iterable[tuple[str, int]]) -> ContextSize:
    """Sum up (relative path, bytes) of each file; folders are told by their first two parts at the most."""
    folders: Counter[str] = Counter()
    count = 0
    for path, length in files:
        count += 1
        parts = path.split("/")
        folders["/".join(parts[:2]) if len(parts) > 2 else path if len(parts) == 1 else parts[0] + "/"] += length
    return ContextSize(sum(folders.values()), count, tuple(folders.most_common(LARGEST)))


def warning(measured: ContextSize) -> VertexWarning | None:
    """What to say about a context that is suspiciously large; None for one that is not."""
    if measured.size < LARGE and measured.files < MANY:
        return None
    lines = [f"{size(length):>9}  {name}" for name, length in measured.largest]
    return VertexWarning(
        "",
        t(
            "The build context holds {size} in {count:,} files, before anything is sent.",
            size=size(measured.size), count=measured.files,
        ),
        (*lines, t("Name what the image does not need in .dockerignore, or choose a smaller folder: %%dockerfile -C DIR.")),
    )


def taken(dockerfile: Dockerfile) -> dict[str, tuple[str, ...]]:
    """What each COPY and ADD takes of the context, by the instruction's text on one line; ``.`` is all of it."""
    found = {}
    for stage in dockerfile.stages:
        for made in stage.instructions:
            if made.keyword in ("COPY", "ADD") and made.flag("from") is None:
                sources = [_name(source) for source in made.words[:-1] if "://" not in source and not source.startswith("<<")]
                if sources:
                    found[" ".join(made.text.replace("\\\n", " ").split())] = tuple(sources)
    return found


def wanted(dockerfile: Dockerfile) -> tuple[str, ...]:
    """What of the context any instruction takes: names below it, ``.`` for all of it, nothing where none takes files."""
    found: set[str] = set()
    for stage in dockerfile.stages:
        for made in stage.instructions:
            if made.keyword in ("COPY", "ADD") and made.flag("from") is None:
                found.update(_name(source) for source in made.words[:-1] if "://" not in source and not source.startswith("<<"))
            for mount in (flag.value or "" for flag in made.flags if flag.name == "mount"):
                options = dict(part.partition("=")[::2] for part in mount.split(","))
                if options.get("type", "bind") == "bind" and "from" not in options:
                    found.add(_name(options.get("source") or options.get("src") or "."))
    return tuple(sorted(found))


def _name(source: str) -> str:
    """The source as a name below the context; ``.`` where it can only be told when it is built."""
    plain = posixpath.normpath("/" + source).lstrip("/")
    return "." if not plain or set(plain) & set("$*?[") else plain
