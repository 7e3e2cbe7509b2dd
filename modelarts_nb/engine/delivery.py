"""Files on their way into and out of containers, as object storage carries them: contents and names, nothing else.

No execute bits, no links, no owners. A link to a file inside the folder arrives as that file's content; other links,
sockets and devices stay behind and are told.
"""

from __future__ import annotations

import io
import os
import stat
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ..errors import SettingsError
from ..events import VertexWarning
from ..messages import t
from ..text import size
from ..training.contract import NodePlan

LEFT_OUT = frozenset({".git", "__pycache__", ".ipynb_checkpoints", ".DS_Store"})  # nobody trains with these
ADVISED_SIZE = 50_000_000  # bytes of a code folder (support page develop-modelarts-0008)
ADVISED_FILES = 2_000
BLOCK = 1 << 20


@dataclass(frozen=True)
class Item:
    """One file to deliver: its name below the folder, its length, and where it is read from."""

    name: str
    size: int
    source: Path


@dataclass
class Listing:
    """What a folder holds for object storage; ``behind``: what stays behind, and why."""

    items: list[Item] = field(default_factory=list)
    behind: list[str] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(item.size for item in self.items)


def listing(root: Path, what: str) -> Listing:
    """The files of a folder (or the one file that ``root`` is). Raises SettingsError where it is not there."""
    found = Listing()
    if root.is_file():
        found.items.append(Item(root.name, root.stat().st_size, root))
        return found
    if not root.is_dir():
        raise SettingsError(
            t("{what} {path} is not here.", what=what, path=root),
            t("Paths are relative to the notebook's folder, {folder}.", folder=Path.cwd()),
        )
    inside = os.path.realpath(root)
    for folder, folders, names in os.walk(root, onerror=_unreadable):
        linked = [name for name in folders if (Path(folder) / name).is_symlink()]
        found.behind += [t("{path} is a link to a folder", path=(Path(folder) / name).relative_to(root)) for name in linked]
        folders[:] = sorted(set(folders) - LEFT_OUT - set(linked))
        for name in sorted(set(names) - LEFT_OUT):
            _list_one(found, Path(folder) / name, root, inside)
    return found


def _list_one(found: Listing, path: Path, root: Path, inside: str) -> None:
    name = path.relative_to(root).as_posix()
    try:
        facts = path.stat()
    except OSError:
        found.behind.append(t("{path} is a link to nothing", path=name))
        return
    if path.is_symlink() and not os.path.realpath(path).startswith(inside + os.sep):
        found.behind.append(t("{path} is a link to a place outside", path=name))
    elif not stat.S_ISREG(facts.st_mode):
        found.behind.append(t("{path} is no regular file", path=name))
    else:
        found.items.append(Item(name, facts.st_size, path))


def unreadable(path: object, error: OSError) -> SettingsError:
    """The error for a file or folder that the system does not let us read."""
    return SettingsError(t("{path} cannot be read: {reason}.", path=path, reason=error.strerror))


def _unreadable(error: OSError) -> None:
    raise unreadable(error.filename, error) from error


def warnings(found: Listing, what: str) -> Iterator[VertexWarning]:
    """What to say about a code folder before it is delivered."""
    if found.behind:
        text = t("{what}: {count} entries do not reach object storage.", what=what, count=len(found.behind))
        yield VertexWarning("", text, tuple(found.behind[:10]))
    if found.size > ADVISED_SIZE or len(found.items) > ADVISED_FILES:
        largest = sorted(found.items, key=lambda item: -item.size)[:5]
        yield VertexWarning(
            "",
            t(
                "{what} holds {size} in {count:,} files; advised are at most {limit}.",
                what=what, size=size(found.size), count=len(found.items), limit=size(ADVISED_SIZE),
            ),
            (*(f"{size(item.size):>9}  {item.name}" for item in largest), t("Keep data out of it: %train --data NAME=PATH.")),
        )


def archive(plan: NodePlan, listings: Mapping[str, Listing], sent: Callable[[int], None]) -> Iterator[bytes]:
    """A tar of all that the plan brings into its container, in pieces, in constant memory.

    ``listings`` are the deliveries' files by target; ``sent`` is told the number of bytes of each piece of a file.
    Raises SettingsError for a file that cannot be read.
    """
    made: set[str] = set()
    for folder in plan.folders:
        yield from _folder(plan, folder, made)
    for delivery in plan.deliveries:
        yield from _folder(plan, delivery.target, made)
        for item in listings[delivery.target].items:
            place = f"{delivery.target}/{item.name}"
            yield from _folder(plan, str(PurePosixPath(place).parent), made, below=delivery.target)
            yield from _file(plan, place, item, sent)
    for place, target in plan.links:
        link = _entry(plan, place, tarfile.SYMTYPE, 0o777)
        link.linkname = target
        yield _header(link)
    yield b"\0" * 2 * tarfile.BLOCKSIZE


def _folder(plan: NodePlan, path: str, made: set[str], below: str = "") -> Iterator[bytes]:
    """Entries for a folder and, down from ``below``, its parents; those above belong to the image and stay as they are."""
    parents = [str(parent) for parent in PurePosixPath(path).parents if below and str(parent).startswith(below)]
    for folder in (*reversed(parents), path):
        if folder not in made:
            made.add(folder)
            yield _header(_entry(plan, folder, tarfile.DIRTYPE, 0o755))


def _file(plan: NodePlan, place: str, item: Item, sent: Callable[[int], None]) -> Iterator[bytes]:
    try:
        with item.source.open("rb") as source:
            length = os.fstat(source.fileno()).st_size
            entry = _entry(plan, place, tarfile.REGTYPE, 0o644)
            entry.size = length
            yield _header(entry)
            left = length
            while left and (block := source.read(min(BLOCK, left))):
                left -= len(block)
                sent(len(block))
                yield block
            yield b"\0" * (left + -length % tarfile.BLOCKSIZE)  # a file that shrank meanwhile must not break the tar
    except OSError as error:
        raise unreadable(item.source, error) from error


def _entry(plan: NodePlan, path: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path.lstrip("/"))
    entry.type, entry.mode, entry.uid, entry.gid = kind, mode, plan.uid, plan.gid
    return entry


def _header(entry: tarfile.TarInfo) -> bytes:
    return entry.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def unpack(chunks: Iterable[bytes], target: Path) -> Iterator[tuple[str, int]]:
    """Write the files of a container's archive below ``target``; (name, bytes) of each as it is written.

    The first folder of the archive is the place that was asked for and is left off. Only regular files are taken, and
    none that would land outside ``target``.
    """
    target.mkdir(parents=True, exist_ok=True)
    inside = os.path.realpath(target)
    with tarfile.open(fileobj=_Reader(chunks), mode="r|") as archive_:
        for entry in archive_:
            name = PurePosixPath(*PurePosixPath(entry.name).parts[1:])
            place = target / name
            if not entry.isreg() or not os.path.realpath(place).startswith(inside + os.sep):
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            source = archive_.extractfile(entry)
            assert source is not None  # it is a regular file
            with place.open("wb") as out:
                while block := source.read(BLOCK):
                    out.write(block)
            yield str(name), entry.size


class _Reader(io.RawIOBase):
    """An iterator of bytes as a file that ``tarfile`` can stream from."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""

    def read(self, count: int = -1) -> bytes:
        """The next ``count`` bytes, less only at the end."""
        while count < 0 or len(self._rest) < count:
            block = next(self._chunks, b"")
            if not block:
                break
            self._rest += block
        taken, self._rest = (self._rest, b"") if count < 0 else (self._rest[:count], self._rest[count:])
        return taken


def file_names(listings: Mapping[str, Listing], target: str) -> tuple[str, ...]:
    """The names below a delivery's target, for explaining a path that is not there."""
    return tuple(item.name for item in listings[target].items) if target in listings else ()
