"""What a build context holds, before any of it is sent: how much, and which folders are the largest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ..dockerfile import Dockerfile
from ..events import VertexWarning
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
        f"The build context holds {size(measured.size)} in {measured.files:,} files, before anything is sent.",
        (*lines, "Name what the image does not need in .dockerignore, or choose a smaller folder: %%dockerfile -C DIR."),
    )


def takes_files(dockerfile: Dockerfile) -> bool:
    """Whether any instruction can take files of the context: a COPY, an ADD, or a bind mount, from no other place."""
    for stage in dockerfile.stages:
        for instruction in stage.instructions:
            flags = " ".join(str(flag) for flag in instruction.flags)
            if instruction.keyword in ("COPY", "ADD") and "--from=" not in flags:
                return True
            if "type=bind" in flags and "from=" not in flags:
                return True
    return False
