"""Layers one above the other: what is there in the end, what the upper ones changed of the base, what space they waste.

Being in a layer is not being changed: kind, mode, owner, link target, extended attributes and content are compared with
what the base has at that path (shared measurements: ``chmod -R a+rX`` copies 1,500 identical files up). Times, and whether
a folder is named, say nothing. An opaque marker on a folder that no lower layer has takes nothing away.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from . import places
from .aliases import resolve
from .index import FILE, FOLDER, SYMLINK, WHITEOUT, LayerIndex, key_of

PART = 30_000  # entries that are looked at together: bounds the memory of a lookup table
CHUNK = 10_000  # base files that are compared together
EXAMPLES = 20  # paths kept of one group of changes
LARGEST = 12  # wasted files that are named
_REMOVED = "removed"


class Ref(NamedTuple):
    """An entry: layer from 0, place in it."""

    layer: int
    place: int


class State(NamedTuple):
    """All that is compared of an entry."""

    kind: bytes
    mode: int
    uid: int
    gid: int
    content: bytes | int | None  # a digest; a link's target; None: not known
    xattrs: tuple[bytes, int]

    def __str__(self) -> str:
        return f"{self.mode:04o} {self.uid}:{self.gid}"


@dataclass
class Changes:
    """Base files that one layer changed in one way. ``what``: content, kind, link, mode, owner, xattrs, unknown, removed.

    ``paths`` are the first few, ``count`` all; ``below`` is the deepest path that they are, or are in. ``evidence``: the first
    one's state before and after. ``place``: bits of places.py.
    """

    what: str
    layer: int
    place: int
    evidence: str = ""
    count: int = 0
    size: int = 0
    paths: list[bytes] = field(default_factory=list)
    below: bytes | None = None

    def add(self, path: bytes, size: int) -> None:
        """One more."""
        self.count += 1
        self.size += size
        if len(self.paths) < EXAMPLES:
            self.paths.append(path)
        if self.below is None:
            self.below = path
        while self.below and path != self.below and not path.startswith(self.below + b"/"):
            self.below = self.below.rpartition(b"/")[0]


@dataclass
class Wasted:
    """A file of one layer that a later one hides."""

    path: bytes
    size: int
    layer: int
    by: int


class Found(NamedTuple):
    """A marked entry that is there in the end."""

    path: bytes
    what: str
    ref: Ref


@dataclass
class Folded:
    """What came out. Layers count from 0. ``caches``: bytes by (layer, bit of places.py)."""

    changes: list[Changes] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    hidden: list[Found] = field(default_factory=list)  # marked, and hidden or removed by a later layer
    wasted: list[int] = field(default_factory=list)
    largest_wasted: list[Wasted] = field(default_factory=list)
    caches: dict[tuple[int, int], int] = field(default_factory=dict)
    files: int = 0
    size: int = 0
    problems: list[tuple[int, str]] = field(default_factory=list)
    unknown: set[int] = field(default_factory=set)  # keys of what hard links in place of base files name: to be hashed


class Fold:
    """``layers`` from the base up; the first ``base`` of them are the base's."""

    def __init__(self, layers: Sequence[LayerIndex], base: int) -> None:
        self.layers, self.base = layers, base
        self.names = layers[0].names if layers else None
        self.result = Folded(wasted=[0] * len(layers))
        self._candidates = [array("I") for _ in range(base)]  # of each base layer, what upper ones hide
        self._gone: list[array[int]] = []

    def run(self) -> Folded:
        """All of it."""
        if self.names is None:
            return self.result
        self.result.problems += resolve(self.layers)
        self._gone = self._removed_folders()
        parts = 1 + sum(map(len, self.layers)) // PART
        for part in range(parts):
            self._visible(part, parts)
        self.result.largest_wasted.sort(key=lambda wasted: -wasted.size)
        self._compare()
        self._marked()
        return self.result

    def _removed_folders(self) -> list[array[int]]:
        """For each layer and folder: 1 + the lowest layer above that takes away what is in the folder; 0: none does."""
        assert self.names is not None
        names = self.names
        by_key = {key_of(path): number for path, number in names.numbers.items() if path}
        gone = [array("H", bytes(2 * len(names.paths)))]
        for layer in range(len(self.layers) - 1, 0, -1):
            killed = set(self.layers[layer].opaque) | set(self._replaced(self.layers[layer], by_key))
            if not killed:
                gone.append(gone[-1])
                continue
            now = array("H", gone[-1])
            for number, parent in enumerate(names.parents):
                if number in killed or (number and now[parent] == layer + 1):
                    now[number] = layer + 1
            gone.append(now)
        return gone[::-1]

    @staticmethod
    def _replaced(index: LayerIndex, by_key: dict[int, int]) -> Iterator[int]:
        """Folders that an entry takes away: a removal, or a file or link in their place."""
        owners = index.names.owners
        for position, key in enumerate(index.keys):
            folder = by_key.get(key)
            if folder is not None and owners[index.owners[position]].kind != FOLDER:
                yield folder

    def _visible(self, part: int, parts: int) -> None:
        """From the top down: what is hidden by what. ``seen`` holds the nearest layer above that has the key."""
        assert self.names is not None
        seen: dict[int, int] = {}
        bits, result, base = self.names.places, self.result, self.base
        for layer in range(len(self.layers) - 1, -1, -1):
            index, gone = self.layers[layer], self._gone[layer]
            keys, folders, sizes = index.keys, index.folders, index.sizes
            for position in range(len(keys) - 1, -1, -1):
                key = keys[position]
                if key % parts != part:
                    continue
                above = seen.get(key)
                seen[key] = layer
                folder = folders[position]
                lost = gone[folder]
                if above is None and not lost:
                    place = bits[folder]
                    if place & places.CACHES:
                        self._cached(layer, place, sizes[position])
                    result.files += 1
                    result.size += sizes[position]
                    continue
                by = min(above if above is not None else 1 << 16, lost - 1 if lost else 1 << 16)
                if sizes[position]:
                    self._waste(layer, position, by)
                if layer < base <= by and (bits[folder] & places.JUDGED or not folder):
                    self._candidates[layer].append(position)

    def _cached(self, layer: int, place: int, size: int) -> None:
        bit = next(bit for bit in (places.PIP_CACHE, places.APT_CACHE, places.CONDA_CACHE, places.GIT, places.BYTECODE)
                   if place & bit)
        self.result.caches[layer, bit] = self.result.caches.get((layer, bit), 0) + size

    def _waste(self, layer: int, position: int, by: int) -> None:
        size = self.layers[layer].sizes[position]
        if position in self.layers[layer].hard_links:
            return  # its bytes are the other name's
        self.result.wasted[layer] += size
        largest = self.result.largest_wasted
        if len(largest) < LARGEST or size > largest[-1].size:
            largest.append(Wasted(self.layers[layer].path(position), size, layer, by))
            largest.sort(key=lambda wasted: -wasted.size)
            del largest[LARGEST:]

    def _occurrences(self, wanted: set[int], start: int) -> dict[int, list[Ref]]:
        """Where these keys are, in layers from ``start`` on, in the order of application."""
        found: dict[int, list[Ref]] = {}
        for layer in range(start, len(self.layers)):
            for position, key in enumerate(self.layers[layer].keys):
                if key in wanted:
                    found.setdefault(key, []).append(Ref(layer, position))
        return found

    def state(self, ref: Ref) -> State:
        """What an entry is."""
        index = self.layers[ref.layer]
        owner = index.owner(ref.place)
        content: bytes | int | None = b""
        if owner.kind == FILE:
            content = None if ref.place in index.unhashed else index.digests.get(ref.place)
        elif owner.kind == SYMLINK:
            content = index.links[ref.place]
        elif owner.kind != FOLDER:
            content = None
        mode = owner.mode if owner.kind != SYMLINK else 0o777  # Linux has no other for links
        return State(owner.kind, mode, owner.uid, owner.gid, content, index.xattrs.get(ref.place, (b"", 0)))

    def _compare(self) -> None:
        groups: dict[tuple[str, int, int], Changes] = {}
        for layer, positions in enumerate(self._candidates):
            for start in range(0, len(positions), CHUNK):
                self._compare_some([Ref(layer, position) for position in positions[start : start + CHUNK]], groups)
        self.result.changes = sorted(groups.values(), key=lambda group: (group.layer, group.what))

    def _compare_some(self, refs: list[Ref], groups: dict[tuple[str, int, int], Changes]) -> None:
        above = self._occurrences({self._key(ref) for ref in refs}, self.base)
        for ref in refs:
            index = self.layers[ref.layer]
            path = index.path(ref.place)
            place = self._place(path, index.folders[ref.place])
            if not place:
                continue
            for what, layer, evidence in self._differences(ref, above.get(self._key(ref), [])):
                group = groups.setdefault((what, layer, place), Changes(what, layer, place, evidence))
                group.add(path, index.sizes[ref.place])

    def _place(self, path: bytes, folder: int) -> int:
        """The bits that judge a path; 0: none. In the root folder the links and folders themselves count."""
        assert self.names is not None
        bits = self.names.places[folder] if folder else places.of_folder(path, 0)
        if bits & places.TOOLS and not bits & places.PROTECTED and not path.endswith((b".py", b".sh")):
            return 0
        if path in places.DOCS_FOLDERS:
            bits |= places.DOCS
        return places.refined(bits & (places.JUDGED | places.DOCS), path)

    def _key(self, ref: Ref) -> int:
        return self.layers[ref.layer].keys[ref.place]

    def _differences(self, ref: Ref, above: list[Ref]) -> Iterator[tuple[str, int, str]]:
        """How the base's entry differs in the end: (what, layer that did it, evidence)."""
        before = self.state(ref)
        folder = self.layers[ref.layer].folders[ref.place]
        last = above[-1] if above else None
        if last is None or self._lost(last):
            there = next((other for other in reversed(above) if self.state(other).kind != WHITEOUT), ref)
            removals = [other.layer for other in above if other.layer > there.layer]
            lost = self._gone[there.layer][folder]
            yield _REMOVED, min([*removals, *([lost - 1] if lost else [])]), str(before)
            return
        after = self.state(last)
        for what in _differing(before, after):
            if what == "unknown" and last.place in self.layers[last.layer].hard_links:
                self.result.unknown.add(key_of(self.layers[last.layer].hard_links[last.place]))
            by = last
            for other in reversed(above[:-1]):  # the first that did it and was not taken back
                if what not in _differing(before, self.state(other)):
                    break
                by = other
            yield what, by.layer, f"{before} → {after}" if what in ("mode", "owner") else _told(what, before, after)

    def _lost(self, ref: Ref) -> bool:
        index = self.layers[ref.layer]
        return index.owner(ref.place).kind == WHITEOUT or bool(self._gone[ref.layer][index.folders[ref.place]])

    def _marked(self) -> None:
        """Which marked entries are there in the end."""
        keys = {layer.keys[mark.index] for layer in self.layers for mark in layer.marks}
        where = self._occurrences(keys, 0)
        for number, layer in enumerate(self.layers):
            for mark in layer.marks:
                ref = Ref(number, mark.index)
                found = Found(layer.path(mark.index), mark.what, ref)
                there = where[layer.keys[mark.index]][-1] == ref and not self._lost(ref)
                (self.result.found if there else self.result.hidden).append(found)


def _differing(before: State, after: State) -> Iterator[str]:
    if before.kind != after.kind:
        yield "removed" if after.kind == WHITEOUT else "kind"
        return
    if before.kind == FOLDER:
        pass
    elif before.content is None or after.content is None:
        yield "unknown"
    elif before.content != after.content:
        yield "link" if before.kind == SYMLINK else "content"
    if before.mode != after.mode:
        yield "mode"
    if (before.uid, before.gid) != (after.uid, after.gid):
        yield "owner"
    if before.xattrs != after.xattrs:
        yield "xattrs"


_KIND_WORDS = {b"0": "file", b"2": "link", b"3": "device", b"4": "device", b"5": "folder", b"6": "pipe"}


def _told(what: str, before: State, after: State) -> str:
    if what == "kind":
        return f"{_KIND_WORDS[before.kind]} → {_KIND_WORDS[after.kind]}"
    if what == "link":
        return f"{_text(before.content)} → {_text(after.content)}"
    return str(after)


def _text(content: bytes | int | None) -> str:
    return content.decode("utf-8", "backslashreplace") if isinstance(content, bytes) else ""
