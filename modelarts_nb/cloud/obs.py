"""Folders to and from object storage: only what changed, resumable, several files at once, told as events.

A file has not changed when its size, its times and its inode are those noted when it was sent, and the object has the
ETag noted then. Without a note the MD5 is compared. So 1 GB that did not change is recognised by listing, not by reading.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from .. import paths
from ..errors import SettingsError
from ..events import Event, Vertex, VertexStatus
from ..messages import t
from ..text import size
from ..training.obspath import ObsPath
from . import obsparts
from .obsstore import Object, Store

WORKERS = 4
TICK = 0.1


class File(Protocol):
    """A file to send: its name below the folder, its length, where it is."""

    @property
    def name(self) -> str:
        """Below the folder, with “/”."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def source(self) -> Path:
        """Where it is read from."""


@dataclass
class Transfer:
    """What came of it: files and bytes that moved, and files that were there already."""

    files: int = 0
    bytes: int = 0
    unchanged: int = 0
    kept: list[Path] = field(default_factory=list)

    def __str__(self) -> str:
        moved = size(self.bytes)
        return t("{files} files, {size}; {unchanged} were there", files=self.files, size=moved, unchanged=self.unchanged)


def upload(store: Store, files: Sequence[File], to: ObsPath, name: str, result: Transfer) -> Iterator[Event]:
    """Send what differs to ``to``. Events are of one vertex called ``name``; ``result`` is filled. Raises CloudError."""
    vertex, began = f"upload:{to}", time.time()
    yield Vertex(vertex, name, started=began)
    notes = _Notes(store, to)
    there = {each.key: each for each in store.objects(to.bucket, to.prefix)}
    todo = [file for file in files if not notes.same(file, there.get(to.prefix + file.name))]
    result.unchanged = len(files) - len(todo)
    counter = _Counter(sum(file.size for file in todo))
    try:
        yield from _several(
            todo, lambda file: notes.sent(file, _stamp(file.source), _send(store, file, to, counter)), counter, vertex, result,
            store,
        )
    finally:
        notes.keep()
    yield Vertex(vertex, name, started=began, completed=time.time(), cached=not todo and bool(files))


def download(store: Store, source: ObsPath, folder: Path, name: str, result: Transfer) -> Iterator[Event]:
    """Bring all below ``source`` into ``folder``, what differs only. Raises CloudError, SettingsError for hostile names."""
    vertex, began = f"download:{source}", time.time()
    yield Vertex(vertex, name, started=began)
    found = [each for each in store.objects(source.bucket, source.prefix) if not each.key.endswith("/")]
    places = {each.key: _inside(folder, each.key.removeprefix(source.prefix)) for each in found}
    todo = [each for each in found if not _is_copy(places[each.key], each)]
    result.unchanged = len(found) - len(todo)
    result.kept = list(places.values())
    counter = _Counter(sum(each.size for each in todo))
    yield from _several(
        todo, lambda each: _fetch(store, source.bucket, each, places[each.key], counter), counter, vertex, result, store
    )
    yield Vertex(vertex, name, started=began, completed=time.time(), cached=not todo and bool(found))


class _Counter:
    """Bytes on their way, counted by several threads: each writes its own entry."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._by_name: dict[str, int] = {}

    def at(self, name: str, count: int) -> None:
        self._by_name[name] = count

    @property
    def current(self) -> int:
        return min(sum(list(self._by_name.values())), self.total)


def _several(
    todo: Sequence[Any], work: Any, counter: _Counter, vertex: str, result: Transfer, store: Store
) -> Iterator[Event]:
    """Do ``work`` for each, a few at a time; the first failure ends it."""
    pending: set[Future[None]] = set()
    queue = iter(todo)
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="modelarts_nb-obs") as pool:
        try:
            while True:
                while len(pending) < WORKERS * 2 and not store.stopped:
                    item = next(queue, None)
                    if item is None:
                        break
                    pending.add(pool.submit(work, item))
                if not pending:
                    break
                done, pending = wait(pending, timeout=TICK, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
                result.files += len(done)
                result.bytes = counter.current
                yield VertexStatus("transferring", vertex, "transferring", counter.current, counter.total)
        except BaseException:
            store.stop()
            for future in pending:
                future.cancel()
            raise


def _send(store: Store, file: File, to: ObsPath, counter: _Counter) -> str:
    """Send one file; the object's ETag."""
    key = to.prefix + file.name
    if file.size > obsparts.PART:
        note = _place("upload", store, to, file.name)
        return obsparts.put(
            store, to.bucket, key, file.source, _stamp(file.source), note, lambda count: counter.at(file.name, count)
        )
    answer = store.ask(t("Uploading {name}", name=file.name), lambda client: client.putFile(to.bucket, key, str(file.source)))
    counter.at(file.name, file.size)
    return str(getattr(answer.body, "etag", "") or "").strip('"')


def _fetch(store: Store, bucket: str, each: Object, place: Path, counter: _Counter) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    obsparts.get(store, bucket, each, place, lambda count: counter.at(each.key, count))
    counter.at(each.key, each.size)


def _inside(folder: Path, name: str) -> Path:
    """Where an object goes. Raises SettingsError for a key that would leave the folder: keys are anybody's text."""
    parts = name.split("/")
    if not name or any(part in ("", ".", "..") for part in parts) or "\0" in name or name.startswith("/"):
        raise SettingsError(t("The object “{name}” cannot be a file in {folder}.", name=name, folder=folder))
    return folder.joinpath(*parts)


def _is_copy(place: Path, each: Object) -> bool:
    try:
        if place.is_symlink() or place.stat().st_size != each.size:
            return False
    except OSError:
        return False
    return len(each.etag) == 32 and _md5(place) == each.etag  # in parts: its ETag says nothing about the content


def _md5(path: Path) -> str:
    found = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()


def fingerprint(files: Sequence[File], folder: Path) -> str:
    """A short text that stands for names and contents of a folder's files; those known by their times are not read again."""
    path = paths.folder("obs") / f"digests-{hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:24]}.json"
    known, now, whole = _read(path), {}, hashlib.sha256()
    for file in files:
        note = known.get(file.name)
        stamp = _stamp(file.source)
        digest = note[-1] if note and note[:-1] == stamp else _md5(file.source)
        now[file.name] = [*stamp, digest]
        whole.update(f"{file.name}\0{digest}\0".encode())
    if now != known:
        _write(path, now)
    return whole.hexdigest()[:12]


class _Notes:
    """What was sent to a place before: name to [size, mtime, ctime, inode, ETag], in a file of the product's folder."""

    def __init__(self, store: Store, to: ObsPath) -> None:
        self._path = _place("sent", store, to, "notes")
        self._notes = _read(self._path)

    def same(self, file: File, there: Object | None) -> bool:
        """Whether the object is this file."""
        if there is None or there.size != file.size:
            return False
        note = self._notes.get(str(file.source.absolute()))
        if note is not None and note == [*_stamp(file.source), there.etag]:
            return True
        if len(there.etag) == 32 and _md5(file.source) == there.etag:
            self._notes[str(file.source.absolute())] = [*_stamp(file.source), there.etag]
            return True
        return False

    def sent(self, file: File, stamp: list[int], etag: str) -> None:
        """Note that the object is the file as it was before it was sent."""
        self._notes[str(file.source.absolute())] = [*stamp, etag]

    def keep(self) -> None:
        """Write the notes down; where that fails, the next time compares contents."""
        _write(self._path, self._notes)


def _read(path: Path) -> dict[str, list[Any]]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {name: note for name, note in read.items() if isinstance(note, list)} if isinstance(read, dict) else {}


def _write(path: Path, notes: dict[str, list[Any]]) -> None:
    new = path.with_suffix(f".{os.getpid()}.new")
    try:
        new.write_text(json.dumps(notes), encoding="utf-8")
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)


def _stamp(path: Path) -> list[int]:
    facts = path.stat()
    return [facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino]


def _place(kind: str, store: Store, to: ObsPath, name: str) -> Path:
    """A file of the product's own for what is remembered of a transfer."""
    digest = hashlib.sha256(f"{kind}\0{store.region.obs}\0{to}\0{name}".encode()).hexdigest()[:24]
    return paths.folder("obs") / f"{kind}-{digest}.json"

