"""What a folder holds, in the order and with the filters that BuildKit's file sync wants.

Names are bytes from end to end. Folders are walked depth first, each one's names sorted as bytes: the receiver refuses
any other order (fsutil, validator.go). Symbolic links are sent as they are and never followed, so there are no loops.
"""

from __future__ import annotations

import contextlib
import errno
import operator
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ...messages import t
from .patterns import Hits, Matcher, PatternError, clean, glob, without_nested

_BY_NAME = operator.attrgetter("name")
_GONE = (errno.ENOENT, errno.ENOTDIR)


class TreeError(Exception):
    """The folder cannot be read; the message names the path."""


@dataclass(frozen=True)
class Filter:
    """What of a tree is wanted; None: all, nothing excluded."""

    include: Matcher | None = None
    exclude: Matcher | None = None

    @classmethod
    def of(cls, include: Sequence[str], exclude: Sequence[str]) -> Filter:
        """From pattern lists; an empty one does not filter. Raises patterns.PatternError."""
        return cls(Matcher(include) if include else None, Matcher(exclude) if exclude else None)


class Entry(NamedTuple):
    """One path: relative, ``st`` as of lstat, ``linkname`` of a symbolic link, ``xattrs`` as (name, value)."""

    path: bytes
    st: os.stat_result
    linkname: bytes = b""
    xattrs: tuple[tuple[bytes, bytes], ...] = ()


class _Folder:
    """A folder on the way down: what is left to visit, and itself, while nothing in it was wanted yet."""

    __slots__ = ("exclude", "include", "names", "pending", "prefix")

    def __init__(
        self, names: Iterator[os.DirEntry[bytes]], prefix: bytes, pending: Entry | None,
        include: Hits | None, exclude: Hits | None,
    ) -> None:
        self.names = names
        self.prefix = prefix
        self.pending = pending
        self.include = include
        self.exclude = exclude


def walk(root: bytes, wanted: Filter) -> Iterator[Entry]:
    """Every wanted path below ``root``, folders before what is in them. Raises TreeError for what cannot be read.

    A folder that is not wanted itself comes just before the first thing in it that is. What vanishes meanwhile is left
    out. A folder that nobody can want anything of is not opened.
    """
    stack = [_Folder(_listing(root, b""), b"", None, None, None)]
    filtered = wanted.include is not None or wanted.exclude is not None
    while stack:
        folder = stack[-1]
        found = next(folder.names, None)
        if found is None:
            stack.pop()
            continue
        path = folder.prefix + found.name
        keep, include, exclude = _decide(wanted, folder, path) if filtered else (True, None, None)
        is_folder = found.is_dir(follow_symlinks=False)
        if not keep and not (is_folder and _worth_opening(wanted, path)):
            continue
        entry = _entry(found, path)
        if entry is None:
            continue
        if keep:
            if filtered:
                yield from _pending(stack)
            yield entry
        if is_folder:
            stack.append(
                _Folder(_listing(found.path, path), path + b"/", None if keep else entry, include, exclude)
            )


def _pending(stack: list[_Folder]) -> Iterator[Entry]:
    for folder in stack:
        if folder.pending is not None:
            yield folder.pending
            folder.pending = None


def _decide(wanted: Filter, folder: _Folder, path: bytes) -> tuple[bool, Hits | None, Hits | None]:
    """Whether a path is wanted, and what each filter hands down to what is in it."""
    text = os.fsdecode(path)
    keep, include, exclude = True, None, None
    if wanted.include is not None:
        keep, include = wanted.include.match(text, folder.include)
    if wanted.exclude is not None:
        excluded, exclude = wanted.exclude.match(text, folder.exclude)
        keep = keep and not excluded
    return keep, include, exclude


def _worth_opening(wanted: Filter, path: bytes) -> bool:
    """Whether something in a folder that is not wanted itself could be."""
    text = os.fsdecode(path)
    if wanted.include is not None and not wanted.include.matches(text) \
            and not wanted.include.may_match_below(text, exceptions=False):
        return False
    return wanted.exclude is None or not wanted.exclude.matches(text) \
        or wanted.exclude.may_match_below(text, exceptions=True)


def _listing(folder: bytes, path: bytes) -> Iterator[os.DirEntry[bytes]]:
    try:
        with os.scandir(folder) as entries:
            return iter(sorted(entries, key=_BY_NAME))
    except OSError as error:
        if error.errno in _GONE and path:
            return iter(())
        reason = t("cannot read the folder {path}: {reason}", path=_shown(path) or ".", reason=error.strerror)
        raise TreeError(reason) from error


def _entry(found: os.DirEntry[bytes], path: bytes) -> Entry | None:
    """The entry with all that is sent of it; None when it is gone by now."""
    try:
        st = found.stat(follow_symlinks=False)
        linkname = os.readlink(found.path) if found.is_symlink() else b""  # noqa: PTH115 - paths are bytes
    except OSError as error:
        if error.errno in _GONE:
            return None
        raise TreeError(t("cannot read {path}: {reason}", path=_shown(path), reason=error.strerror)) from error
    return Entry(path, st, linkname, _xattrs(found.path))


def _xattrs(path: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """Those that can be read: a file system may have none, and some are not ours to see."""
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError:
        return ()
    if not names:
        return ()
    found = []
    for name in sorted(names):
        with contextlib.suppress(OSError):
            found.append((os.fsencode(name), os.getxattr(path, name, follow_symlinks=False)))
    return tuple(found)


def follow(root: bytes, paths: Sequence[str]) -> list[str] | None:
    """Include patterns for paths that a build names, with every symbolic link on the way and what it leads to.

    Links are resolved inside ``root``; wildcards in a name are kept, and links that they meet are followed. None: the
    root itself is among them, so everything is wanted.
    """
    resolver = _Follower(root)
    for path in paths:
        resolver.add(path)
    return without_nested(resolver.found)


class _Follower:
    def __init__(self, root: bytes) -> None:
        self._root = root
        self.found: set[str] = set()

    def add(self, path: str) -> None:
        todo = [path]
        while todo:
            rest = clean("./" + todo.pop().lstrip("/"))
            while rest.startswith("../"):
                rest = rest[3:]
            current = ""
            while True:
                name, _, rest = rest.partition("/")
                current = f"{current}/{name}" if current else name
                targets = self._targets(current)
                if targets is None and rest:
                    continue
                if current not in self.found:
                    self.found.add(current)
                    todo += [f"{target}/{rest}" if rest else target for target in targets or ()]
                break

    def _targets(self, path: str) -> list[str] | None:
        """Where the links that ``path`` names lead to; None when it names none."""
        folder, _, name = path.rpartition("/")
        if not _has_wildcards(name):
            target = self._target(path)
            return None if target is None else [target]
        try:
            matching = glob(name).match
            names = os.listdir(os.path.join(self._root, os.fsencode(folder)))  # noqa: PTH118, PTH208 - paths are bytes
        except (OSError, PatternError):
            return None
        candidates = [os.fsdecode(n) for n in names if matching(os.fsdecode(n))]
        targets = [self._target(f"{folder}/{n}" if folder else n) for n in candidates]
        return [target for target in targets if target is not None] or None

    def _target(self, path: str) -> str | None:
        try:
            link = os.fsdecode(os.readlink(os.path.join(self._root, os.fsencode(path))))  # noqa: PTH115, PTH118
        except OSError:
            return None
        if link.startswith("/"):
            return clean(link)
        return clean(f"/{path.rpartition('/')[0]}/{link}")


def _has_wildcards(name: str) -> bool:
    escaped = False
    for character in name:
        if not escaped and character in "*?[":
            return True
        escaped = character == "\\" and not escaped
    return False


def _shown(path: bytes) -> str:
    return path.decode("utf-8", "replace")
