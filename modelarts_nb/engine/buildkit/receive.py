"""What a build exports, received over ``moby.filesync.v1.FileSend/DiffCopy`` into a folder or a tar file.

Folder: fsutil's receiver (receive.go): the Engine lists, we ask for the files, it sends. A hostile list cannot reach
outside: names are checked, and every path is opened part by part from the folder's descriptor, following no link.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ...messages import t
from . import grpc
from .filesync import DATA, ERROR, FIN, REQUEST, STAT
from .grpc import Call, Metadata, StatusError, framed
from .http2 import Buffer
from .protobuf import Message, WireError, number
from .request import Output, TarFile

AT_ONCE = 32  # files asked for at a time
_FOLDER, _LINK, _SETUID, _SETGID, _STICKY = 1 << 31, 1 << 27, 1 << 23, 1 << 22, 1 << 20  # of Go's os.FileMode
_SPECIAL = 1 << 26 | 1 << 25 | 1 << 24 | 1 << 21 | 1 << 19  # devices, FIFOs, sockets
_TYPE = _FOLDER | _LINK | _SPECIAL


def methods(output: Output | None, report: Callable[[str], None]) -> dict[str, Callable[[Metadata], Call]]:
    """The service, where there is somewhere to export to."""
    if output is None:
        return {}

    def receive(metadata: Metadata) -> Call:
        try:
            return TarReceiver(output.path, report) if isinstance(output, TarFile) else FolderReceiver(output.path, report)
        except OSError as error:
            reason = _unwritable(error.filename or output.path, error)
            report(reason)
            raise StatusError(grpc.INTERNAL, reason) from error

    return {"/moby.filesync.v1.FileSend/DiffCopy": receive}


def _unwritable(path: object, error: OSError) -> str:
    return t("the export cannot be written: {path}: {reason}", path=path, reason=error.strerror)


class _Receiver(Call):
    """What both share: words for what went wrong."""

    def __init__(self, report: Callable[[str], None]) -> None:
        super().__init__()
        self._report = report

    def received(self, message: bytes) -> None:
        """A message of the Engine; what cannot be written or believed ends the export."""
        if self.status is not None:
            return
        try:
            self._take(Message(message))
        except WireError as error:
            self._fail(t("the Engine's export cannot be read: {error}", error=error))
        except Refused as error:
            self._fail(t("the Engine's export was refused: {error}", error=error))
        except OSError as error:
            self._fail(_unwritable(error.filename or "", error))

    def _take(self, message: Message) -> None:
        raise NotImplementedError

    def _fail(self, reason: str) -> None:
        self._report(reason)
        self._undo()
        self.finish(grpc.INTERNAL, reason)

    def _undo(self) -> None:
        raise NotImplementedError

    def dropped(self, reason: str) -> None:
        """The Engine gave up."""
        self._undo()


class Refused(Exception):
    """The Engine's list breaks its own rules."""


class TarReceiver(_Receiver):
    """A file, whole or not at all."""

    def __init__(self, path: Path, report: Callable[[str], None]) -> None:
        super().__init__(report)
        self._path = path
        self._partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        self._file = self._partial.open("xb")

    def _take(self, message: Message) -> None:
        self._file.write(message.bytes(1))

    def ended(self) -> None:
        """That was all of it."""
        if self.status is not None:
            return
        try:
            self._file.close()
            self._partial.rename(self._path)
        except OSError as error:
            self._fail(_unwritable(self._path, error))
        self.finish()

    def _undo(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
        self._partial.unlink(missing_ok=True)


@dataclass
class _Incoming:
    """A file that was asked for."""

    path: bytes
    mode: int
    mtime: int
    partial: bytes = b""
    descriptor: int = -1


class FolderReceiver(_Receiver):
    """A folder: what comes is added to what is there, files of the same name are replaced, each at once."""

    def __init__(self, path: Path, report: Callable[[str], None]) -> None:
        super().__init__(report)
        path.mkdir(parents=True, exist_ok=True)
        self._root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._listed = 0
        self._complete = False
        self._order = Order()
        self._waiting: deque[tuple[int, _Incoming]] = deque()
        self._asked: dict[int, _Incoming] = {}
        self._links: list[tuple[bytes, bytes]] = []  # (path, first path of the same file)
        self._files: set[bytes] = set()  # paths that hard links may lead to
        self._folders: list[tuple[bytes, int, int]] = []  # (path, mode, time), set at the end: writing inside changes both
        self._outgoing: list[Buffer] = []
        self._fin_sent = False

    def _take(self, message: Message) -> None:
        kind = message.number(1)
        if kind == STAT:
            found = message.message(2)
            if found is None:
                self._complete = True
            else:
                self._entry(found)
        elif kind == DATA:
            self._data(message.number(3), message.bytes(4))
        elif kind == FIN:
            self.finish()
            self._close()
        elif kind == ERROR:
            raise Refused(message.text(4))
        self._ask()

    def _entry(self, found: Message) -> None:
        path, mode, linkname, mtime = found.bytes(1), found.number(2), found.bytes(7), found.number(6)
        file_id, self._listed = self._listed, self._listed + 1
        self._order.check(path, is_folder=bool(mode & _FOLDER))
        if mode & _FOLDER:
            self._make_folder(path)
            self._folders.append((path, mode, mtime))
        elif mode & _LINK:
            with self._replacing(path) as (parent, name):
                os.symlink(linkname, name, dir_fd=parent)
                os.utime(name, ns=(mtime, mtime), dir_fd=parent, follow_symlinks=False)
        elif mode & _SPECIAL:
            self._report(t("left out of the export, being no file: {path}", path=path.decode("utf-8", "replace")))
        elif linkname:
            if linkname not in self._files:
                raise Refused(f"a link to {linkname!r}, which was not sent")
            self._links.append((path, linkname))
        else:
            self._files.add(path)
            self._waiting.append((file_id, _Incoming(path, mode, mtime)))

    def _ask(self) -> None:
        """Ask for the next files; say when we have all."""
        while self._waiting and len(self._asked) < AT_ONCE:
            file_id, incoming = self._waiting.popleft()
            with self._parent(incoming.path) as (parent, name):
                incoming.partial = b".%b.%b" % (secrets.token_hex(4).encode(), name[:200])
                incoming.descriptor = os.open(
                    incoming.partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=parent
                )
            self._asked[file_id] = incoming
            self._say(number(1, REQUEST) + number(3, file_id))
        if self._complete and not self._asked and not self._waiting and not self._fin_sent:
            self._fin_sent = True
            self._finish_tree()
            self._say(number(1, FIN))

    def _data(self, file_id: int, content: bytes) -> None:
        incoming = self._asked.get(file_id)
        if incoming is None:
            raise Refused(f"data of file {file_id}, which was not asked for")
        if content:
            view = memoryview(content)
            while view:
                view = view[os.write(incoming.descriptor, view) :]
            return
        del self._asked[file_id]
        os.fchmod(incoming.descriptor, _st_mode(incoming.mode))
        os.utime(incoming.descriptor, ns=(incoming.mtime, incoming.mtime))
        os.close(incoming.descriptor)
        with self._replacing(incoming.path, unlink=False) as (parent, name):
            os.replace(incoming.partial, name, src_dir_fd=parent, dst_dir_fd=parent)

    def _finish_tree(self) -> None:
        for path, first in self._links:
            with self._parent(first) as (source, old), self._replacing(path) as (parent, name):
                os.link(old, name, src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False)
        for path, mode, mtime in reversed(self._folders):
            with self._opened(path) as descriptor:
                os.fchmod(descriptor, _st_mode(mode))
                os.utime(descriptor, ns=(mtime, mtime))

    def _make_folder(self, path: bytes) -> None:
        with self._parent(path) as (parent, name):
            with contextlib.suppress(FileNotFoundError):
                if stat.S_ISDIR(os.lstat(name, dir_fd=parent).st_mode):
                    return
                os.unlink(name, dir_fd=parent)
            os.mkdir(name, 0o700, dir_fd=parent)

    @contextlib.contextmanager
    def _opened(self, path: bytes) -> Iterator[int]:
        """A folder below the root, reached without following any link."""
        descriptor = os.dup(self._root)
        try:
            for part in path.split(b"/") if path else ():
                inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def _parent(self, path: bytes) -> Iterator[tuple[int, bytes]]:
        """(descriptor of the folder that ``path`` is in, its name there)."""
        folder, _, name = path.rpartition(b"/")
        with self._opened(folder) as descriptor:
            yield descriptor, name

    @contextlib.contextmanager
    def _replacing(self, path: bytes, *, unlink: bool = True) -> Iterator[tuple[int, bytes]]:
        """Like ``_parent``, after a folder of that name was removed with all that is in it, and any other with ``unlink``."""
        with self._parent(path) as (parent, name):
            with contextlib.suppress(FileNotFoundError):
                if stat.S_ISDIR(os.lstat(name, dir_fd=parent).st_mode):
                    _remove_tree(parent, name)
                elif unlink:
                    os.unlink(name, dir_fd=parent)
            yield parent, name

    def _say(self, packet: bytes) -> None:
        self._outgoing.append(framed(packet))
        self.wake()

    def batch(self) -> list[Buffer] | None:
        """What we have to say."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing or None

    def ended(self) -> None:
        """The Engine says nothing more: without a FIN the export is not complete."""
        if self.status is None:
            self._fail(t("the Engine ended the export before it was complete"))

    def _undo(self) -> None:
        for incoming in self._asked.values():
            os.close(incoming.descriptor)
            with contextlib.suppress(OSError), self._parent(incoming.path) as (parent, _):
                os.unlink(incoming.partial, dir_fd=parent)
        self._asked.clear()
        self._close()

    def _close(self) -> None:
        if self._root >= 0:
            os.close(self._root)
            self._root = -1


class Order:
    """Checks that paths come as fsutil's sender must give them: clean, relative, in order, each in a folder that came."""

    def __init__(self) -> None:
        self._folders: list[tuple[bytes, bytes]] = [(b"", b"")]  # (path, last name seen in it), from the root down

    def check(self, path: bytes, *, is_folder: bool) -> None:
        """Take the next path. Raises Refused."""
        parts = path.split(b"/")
        if not path or b"\0" in path or any(part in (b"", b".", b"..") for part in parts):
            raise Refused(f"the path {path!r}")
        folder, name = b"/".join(parts[:-1]), parts[-1]
        while self._folders and self._folders[-1][0] != folder:
            self._folders.pop()
        if not self._folders or self._folders[-1][1] >= name:
            raise Refused(f"the path {path!r} out of order")
        self._folders[-1] = folder, name
        if is_folder:
            self._folders.append((path, b""))


def _remove_tree(parent: int, name: bytes) -> None:
    """A folder with all that is in it, following no link (shutil's takes a descriptor only since Python 3.11)."""
    for _, folders, files, descriptor in os.fwalk(name, topdown=False, dir_fd=parent):
        for file in files:
            os.unlink(file, dir_fd=descriptor)
        for folder in folders:
            if stat.S_ISLNK(os.lstat(folder, dir_fd=descriptor).st_mode):
                os.unlink(folder, dir_fd=descriptor)
            else:
                os.rmdir(folder, dir_fd=descriptor)
    os.rmdir(name, dir_fd=parent)


def _st_mode(mode: int) -> int:
    """Go's os.FileMode as permissions."""
    return (
        mode & 0o777 | (stat.S_ISUID if mode & _SETUID else 0) | (stat.S_ISGID if mode & _SETGID else 0)
        | (stat.S_ISVTX if mode & _STICKY else 0)
    )
