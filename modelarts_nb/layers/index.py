"""The entries of one layer, kept small: half a million files take 30 MB.

Of each entry there are numbers in arrays: a 64-bit key of its path (Python's own keyed hash, which nobody outside can aim
at), its folder, its size, and the number of its (kind, mode, owner). Names lie one behind the other in one buffer; whole
paths are put together where something is said about them. Contents are hashed where a comparison can need them: below the
folders that are judged, and of single files elsewhere that are asked for, as a hard link may bring those there.
"""

from __future__ import annotations

import hashlib
import zlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..messages import mark
from . import places
from .tar import CHARACTER, FILE, FOLDER, HARD_LINK, SYMLINK, Entry, TarError

WHITEOUT = b"w"  # our own kind: a path that the layer takes away
MASK = (1 << 64) - 1
DIGEST = 16  # bytes kept of a SHA-256
# Of one image, far above what one holds, and no more than memory does:
MAX_ENTRIES = 5_000_000
MAX_TEXT = 256 << 20  # bytes of names, links and folders
MAX_MARKS = 500_000
TOO_MUCH = mark("the image has more entries than are read")
KEPT_FILE = 1 << 20  # bytes of a file whose text is kept
KEPT_ALL = 48 << 20  # and of all of them
_OPAQUE = b".wh..wh..opq"


def key_of(path: bytes) -> int:
    """The key of a path."""
    return hash(path) & MASK


class Owner(NamedTuple):
    """What entries share: kind, permission bits, owner."""

    kind: bytes
    mode: int
    uid: int
    gid: int


class Names:
    """Folders and owners by number, shared by all layers of an image. Folder 0 is the root, "". """

    def __init__(self) -> None:
        self.numbers: dict[bytes, int] = {b"": 0}
        self.paths: list[bytes] = [b""]
        self.parents = array("I", [0])
        self.places = array("H", [0])  # what kind of place each folder is: bits of places.py
        self.owners: list[Owner] = []
        self._owner_numbers: dict[tuple[bytes, int, int, int], int] = {}
        self.entries = 0
        self.text = 0

    def folder(self, path: bytes) -> int:
        """The number of a folder; its parents get theirs too."""
        number = self.numbers.get(path)
        if number is not None:
            return number
        missing = []
        while path not in self.numbers:
            missing.append(path)
            path = path.rpartition(b"/")[0]
        number = self.numbers[path]
        for one in reversed(missing):
            self.text += len(one)
            if self.text > MAX_TEXT:
                raise TarError(TOO_MUCH)
            above = number
            number = self.numbers[one] = len(self.paths)
            self.paths.append(one)
            self.parents.append(above)
            self.places.append(places.of_folder(one, self.places[above]))
        return number

    def owner(self, kind: bytes, mode: int, uid: int, gid: int) -> int:
        """The number of this kind, mode and owner."""
        key = (kind, mode, uid, gid)
        number = self._owner_numbers.get(key)
        if number is None:
            number = self._owner_numbers[key] = len(self.owners)
            self.owners.append(Owner(*key))
        return number


@dataclass
class Mark:
    """An entry that a rule may want to know of. ``what`` is one of places.py's words, or "setuid", "capability"."""

    index: int
    what: str


@dataclass
class LayerIndex:
    """One layer. ``problem``: why it could not be read whole ("": it was). ``size``: bytes of its files."""

    names: Names
    keys: array[int] = field(default_factory=lambda: array("Q"))
    folders: array[int] = field(default_factory=lambda: array("I"))
    owners: array[int] = field(default_factory=lambda: array("I"))
    sizes: array[int] = field(default_factory=lambda: array("Q"))
    starts: array[int] = field(default_factory=lambda: array("I"))
    text: bytearray = field(default_factory=bytearray)
    links: dict[int, bytes] = field(default_factory=dict)  # of symbolic links
    hard_links: dict[int, bytes] = field(default_factory=dict)  # the path each names
    xattrs: dict[int, tuple[bytes, int]] = field(default_factory=dict)  # file capability, hash of the others
    opaque: dict[int, int] = field(default_factory=dict)  # folder → entry
    marks: list[Mark] = field(default_factory=list)
    kept: dict[int, bytes] = field(default_factory=dict)  # texts of files, packed
    unhashed: set[int] = field(default_factory=set)  # sparse files and devices: their content is not known
    digests: Mapping[int, bytes] = field(default_factory=dict)
    size: int = 0
    problem: str = ""

    def __len__(self) -> int:
        return len(self.keys)

    def name(self, index: int) -> bytes:
        """The last part of an entry's path."""
        stop = self.starts[index + 1] if index + 1 < len(self.starts) else len(self.text)
        return bytes(self.text[self.starts[index] : stop])

    def path(self, index: int) -> bytes:
        """An entry's whole path, without a leading “/”."""
        folder = self.names.paths[self.folders[index]]
        return folder + b"/" + self.name(index) if folder else self.name(index)

    def owner(self, index: int) -> Owner:
        """Kind, mode and owner of an entry."""
        return self.names.owners[self.owners[index]]

    def content(self, index: int) -> bytes | None:
        """The text of a file that was kept; None: it was not."""
        packed = self.kept.get(index)
        return zlib.decompress(packed) if packed is not None else None


class _Digests(Mapping[int, bytes]):
    """Digests by entry, 20 bytes each; entries come in ascending order."""

    def __init__(self) -> None:
        self._indexes = array("I")
        self._bytes = bytearray()
        self._more: dict[int, bytes] = {}

    def add(self, index: int, digest: bytes) -> None:
        self._indexes.append(index)
        self._bytes += digest

    def put(self, index: int, digest: bytes) -> None:
        self._more[index] = digest

    def __getitem__(self, index: int) -> bytes:
        from bisect import bisect_left

        if index in self._more:
            return self._more[index]
        place = bisect_left(self._indexes, index)
        if place < len(self._indexes) and self._indexes[place] == index:
            return bytes(self._bytes[place * DIGEST : (place + 1) * DIGEST])
        raise KeyError(index)

    def __iter__(self) -> Iterator[int]:
        return iter((*self._indexes, *self._more))

    def __len__(self) -> int:
        return len(self._indexes) + len(self._more)


class LayerReader:
    """Makes a LayerIndex of what a TarWalker reads: its Sink."""

    def __init__(self, names: Names, also: frozenset[int] = frozenset()) -> None:
        self.index = LayerIndex(names)
        self._names = names
        self._also = also
        self._digests = _Digests()
        self._hash: Any = None
        self._text: bytearray | None = None
        self._current = 0
        self._folder = (b"", 0)
        self._owner: tuple[tuple[bytes, int, int, int], int] = ((b"", 0, 0, 0), 0)
        self._kept_bytes = 0
        self._hashes = False
        made = self.index
        self._adds = tuple(column.append for column in (made.keys, made.folders, made.owners, made.sizes, made.starts))

    def begin(self, entry: Entry) -> bool:
        """Put an entry into the index; True if its content is to be read."""
        kind, name = entry.kind, entry.name
        path = name if kind == FILE and b"/." not in name and b"//" not in name and name[:1] not in b"/." else tidy(name)
        folder_path, _, last = path.rpartition(b"/")
        if folder_path == self._folder[0]:
            folder = self._folder[1]
        else:
            folder = self._names.folder(folder_path)
            self._folder = (folder_path, folder)
        if last[:4] == b".wh.":
            return self._whiteout(folder, folder_path, last)
        index = self.index
        number = self._append(key_of(path), folder, kind if kind != HARD_LINK else FILE, entry, last)
        if kind == FILE:
            index.size += entry.size
        elif kind == SYMLINK:
            index.links[number] = entry.link
        elif kind == HARD_LINK:
            index.hard_links[number] = tidy(entry.link)
        elif kind != FOLDER:
            index.unhashed.add(number)
        if entry.xattrs:
            self._xattrs(number, entry.xattrs)
        return self._look_at(number, folder, entry, last)

    def _append(self, key: int, folder: int, kind: bytes, entry: Entry, last: bytes) -> int:
        index, names = self.index, self._names
        names.entries += 1
        names.text += len(last) + len(entry.link)
        if names.entries > MAX_ENTRIES or names.text > MAX_TEXT:
            raise TarError(TOO_MUCH)
        owner = (kind, entry.mode, entry.uid, entry.gid)
        if owner != self._owner[0]:
            self._owner = (owner, names.owner(*owner))
        number = len(index.keys)
        add_key, add_folder, add_owner, add_size, add_start = self._adds
        add_key(key)
        add_folder(folder)
        add_owner(self._owner[1])
        add_size(entry.size if kind == FILE else 0)
        add_start(len(index.text))
        index.text += last
        return number

    def _whiteout(self, folder: int, folder_path: bytes, last: bytes) -> bool:
        if last == _OPAQUE:
            target, whole = b"", folder_path
        elif last.startswith(b".wh..wh."):
            return False  # aufs' own notes, which Engines skip
        else:
            target = last[4:]
            if target in (b"", b".", b".."):
                raise TarError(mark("a removal without a name"))
            whole = folder_path + b"/" + target if folder_path else target
        entry = Entry(WHITEOUT, whole, 0, 0, 0, 0, b"", {}, False)
        if not target:
            self.index.opaque[folder] = len(self.index.keys)
            number = self._append(key_of(whole + b"/" + _OPAQUE), folder, WHITEOUT, entry, _OPAQUE)
            self.index.opaque[folder] = number
        else:
            self._append(key_of(whole), folder, WHITEOUT, entry, target)
        return False

    def _xattrs(self, number: int, given: Mapping[bytes, bytes]) -> None:
        capability = given.get(b"security.capability", b"")
        others = sorted((k, v) for k, v in given.items() if k not in (b"security.capability", b"security.selinux"))
        if capability or others:
            self.index.xattrs[number] = (capability, hash(tuple(others)) if others else 0)
        if capability:
            self.index.marks.append(Mark(number, "capability"))

    def _look_at(self, number: int, folder: int, entry: Entry, last: bytes) -> bool:
        """Mark what rules ask for; whether the content is wanted, and for what."""
        place = self._names.places[folder]
        if entry.mode & 0o6000 and entry.kind in (FILE, HARD_LINK):
            self.index.marks.append(Mark(number, "setuid"))
        what = places.of_entry(place, last)
        if entry.kind == FOLDER and place & places.HOME and entry.uid not in (1000, 1101):
            what = places.IN_HOME  # the contracts' users: whoever of them runs, these are somebody else's
        if what:
            self.index.marks.append(Mark(number, what))
        if len(self.index.marks) > MAX_MARKS:
            raise TarError(TOO_MUCH)
        if entry.kind != FILE:
            return False
        if entry.sparse:
            self.index.unhashed.add(number)
            return False
        self._current = number
        kept = what in places.KEPT and entry.size <= KEPT_FILE and self._kept_bytes + entry.size <= KEPT_ALL
        self._text = bytearray() if kept else None
        self._hashes = bool(place & places.JUDGED) or (bool(self._also) and self.index.keys[number] in self._also)
        self._hash = None
        return kept or self._hashes

    def data(self, piece: memoryview) -> None:
        """Content of the file that was begun."""
        if self._text is not None:
            self._text += piece
        if not self._hashes:
            return
        if self._hash is None:
            self._hash = hashlib.sha256(piece)
        else:
            self._hash.update(piece)

    def end(self) -> None:
        """The file's content is over."""
        if self._text is not None:
            self._kept_bytes += len(self._text)
            self.index.kept[self._current] = zlib.compress(bytes(self._text), 1)
            self._text = None
        if self._hashes:
            self._digests.add(self._current, (self._hash or hashlib.sha256()).digest()[:DIGEST])
            self._hash = None

    def close(self) -> LayerIndex:
        """The finished index: hard links have the size and content of what they name."""
        index = self.index
        wanted = {key_of(target) for target in index.hard_links.values()}
        found = {key: number for number, key in enumerate(index.keys) if key in wanted} if wanted else {}
        for number, target in index.hard_links.items():
            named = found.get(key_of(target))
            digest = None
            if named is not None:
                named = found.get(key_of(index.hard_links.get(named, target)), named)
                index.sizes[number] = index.sizes[named]
                digest = self._digests.get(named)
                if named in index.xattrs:
                    index.xattrs.setdefault(number, index.xattrs[named])
                if index.owner(named).mode & 0o6000 and not index.owner(number).mode & 0o6000:
                    index.marks.append(Mark(number, "setuid"))
            if digest is not None:
                self._digests.put(number, digest)
            else:
                index.unhashed.add(number)
        index.digests = self._digests
        return index


def tidy(name: bytes) -> bytes:
    """A name as a path from the root without “.” and empty parts. Raises TarError for one that leaves the image."""
    parts = [part for part in name.split(b"/") if part not in (b"", b".")]
    if b".." in parts:
        raise TarError(mark("a name with “..” in it, which leaves the image"))
    return b"/".join(parts)


def total(layers: Sequence[LayerIndex]) -> int:
    """How many entries there are in all."""
    return sum(len(layer) for layer in layers)


__all__ = [
    "CHARACTER", "FILE", "FOLDER", "HARD_LINK", "SYMLINK", "WHITEOUT", "LayerIndex", "LayerReader", "Mark", "Names", "Owner",
    "key_of", "tidy", "total",
]
