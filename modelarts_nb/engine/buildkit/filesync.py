"""The build context over ``moby.filesync.v1.FileSync/DiffCopy``: we list, the Engine asks for what it lacks, we send.

Packets and their order: fsutil, send.go and wire.proto. ``Packet{type=1 stat=2 ID=3 data=4}``; a file's ID is its place
in the list, counting from 0; a STAT without a stat ends the list; empty DATA end a file; FIN is answered by FIN.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ...messages import t
from . import grpc, protobuf
from .grpc import Call, Metadata, StatusError, framed
from .http2 import Buffer
from .pathtable import PathTable
from .patterns import PatternError
from .protobuf import Message, WireError, data, number, present, varint
from .tree import Entry, Filter, TreeError, follow, walk

STAT, REQUEST, DATA, FIN, ERROR = range(5)
BATCH = 32 << 10  # bytes of list that are sent at once
SMALL = 128 << 10  # bytes of small files that are sent at once
_KIND = 0o170000  # the bits of st_mode that say what it is (stat.S_IFMT, without a call)
CHUNK = 1 << 20  # bytes of one piece of a large file; Engine 20.10 takes messages of up to 4 MiB

# Go's os.FileMode, which is not st_mode (go.dev/pkg/io/fs#FileMode)
_KINDS = {
    stat.S_IFDIR: 1 << 31, stat.S_IFLNK: 1 << 27, stat.S_IFBLK: 1 << 26, stat.S_IFIFO: 1 << 25,
    stat.S_IFCHR: 1 << 26 | 1 << 21, stat.S_IFSOCK: 0, stat.S_IFREG: 0,  # fsutil clears the socket's bit
}


def go_mode(mode: int) -> int:
    """``st_mode`` as Go's os.FileMode."""
    return (
        mode & 0o777 | _KINDS.get(stat.S_IFMT(mode), 0)
        | (1 << 23 if mode & stat.S_ISUID else 0) | (1 << 22 if mode & stat.S_ISGID else 0)
        | (1 << 20 if mode & stat.S_ISVTX else 0)
    )


@dataclass(frozen=True)
class Folder:
    """A folder on this machine. Its files belong to nobody in particular: they are sent as root's, as docker does."""

    path: Path

    def entries(self, metadata: Metadata) -> Iterator[Entry]:
        """What the call asks for. Raises StatusError, TreeError."""
        root = os.fsencode(self.path)
        paths = metadata.all("followpaths")
        followed = follow(root, paths) if paths else []
        include = [] if followed is None else [*metadata.all("include-patterns"), *followed]
        try:
            wanted = Filter.of(include, metadata.all("exclude-patterns"))
        except PatternError as error:
            raise StatusError(grpc.INVALID_ARGUMENT, f"invalid pattern: {error}") from error
        return walk(root, wanted)

    def open(self, path: bytes) -> int:
        """A descriptor of the regular file ``path``. Raises OSError."""
        full = os.fsencode(self.path) + b"/" + path
        # not blocking: what was a file when it was listed may be a FIFO by now
        descriptor = os.open(full, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, t("it is no regular file any more"))
        return descriptor


@dataclass(frozen=True)
class Memory:
    """A folder of files that exist in memory only: a Dockerfile and its ignore file; empty, an empty context."""

    files: Mapping[str, bytes]

    def entries(self, metadata: Metadata) -> Iterator[Entry]:
        """All of it, whatever the call asks for: there is nothing else."""
        for name in sorted(self.files, key=os.fsencode):
            yield Entry(os.fsencode(name), _made_up(self.files[name]))

    def open(self, path: bytes) -> int:
        """A descriptor of the file, made for this moment. Raises OSError."""
        descriptor = os.memfd_create("file") if hasattr(os, "memfd_create") else _unnamed_file()
        with open(descriptor, "wb", closefd=False) as file:
            file.write(self.files[os.fsdecode(path)])
        return descriptor


def _unnamed_file() -> int:
    import tempfile

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _made_up(content: bytes) -> os.stat_result:
    """A stat whose modification time is a digest of the content: the Engine compares sizes and times, not contents."""
    seconds, nanoseconds = divmod(int.from_bytes(hashlib.sha256(content).digest()[:8], "big") % 10**18, 10**9)
    times = {"st_mtime_ns": (10**9 + seconds) * 10**9 + nanoseconds, "st_rdev": 0}
    mode = stat.S_IFREG | 0o644
    return os.stat_result((mode, 0, 0, 1, 0, 0, len(content), 0, 0, 0), times)


Source = Folder | Memory


def methods(sources: Mapping[str, Source], report: Callable[[str], None]) -> dict[str, Callable[[Metadata], Call]]:
    """The service. ``sources`` by name; ``report`` hears, in words, of what kept us from sending."""

    def diff_copy(metadata: Metadata) -> Call:
        name = metadata.first("dir-name")
        if name not in sources:
            raise StatusError(grpc.NOT_FOUND, f"no access allowed to dir {name!r}")
        try:
            return Sender(sources[name], metadata, report)
        except TreeError as error:
            report(str(error))
            raise StatusError(grpc.INTERNAL, str(error)) from error

    return {"/moby.filesync.v1.FileSync/DiffCopy": diff_copy}


class Sender(Call):
    """One DiffCopy call: it sends the list and the files in turn, so that the Engine can write while we still walk."""

    def __init__(self, source: Source, metadata: Metadata, report: Callable[[str], None]) -> None:
        super().__init__()
        self._source = source
        self._report = report
        self._entries: Iterator[Entry] | None = source.entries(metadata)
        self._paths = PathTable()
        self._links: dict[tuple[int, int], bytes] = {}  # the first path of files with several names
        self._requests: deque[int] = deque()
        self._file: _OpenFile | None = None
        self._buffer: bytearray | None = None
        self._list_next = True

    def received(self, message: bytes) -> None:
        """A packet of the Engine: a request, its end, or its error."""
        try:
            packet = Message(message)
        except WireError as error:
            self._fail(t("a packet that cannot be read: {error}", error=error))
            return
        kind = packet.number(1)
        if kind == REQUEST:
            if not self._paths[packet.number(3)]:
                self._fail(f"invalid file id {packet.number(3)}")
                return
            self._requests.append(packet.number(3))
            self.wake()
        elif kind == FIN:
            self._over(framed(number(1, FIN)))
        elif kind == ERROR:
            self._over(b"", packet.text(4))

    def ended(self) -> None:
        """The Engine says nothing more: without a FIN it gave up."""
        if self.status is None:
            self._over(b"", t("the Engine ended the transfer"))

    def dropped(self, reason: str) -> None:
        """The Engine gave up."""
        self._close()

    def batch(self) -> list[Buffer] | None:
        """The next part of the list or of a file, in turn."""
        if self.status is not None:
            last, self._last = self._last, b""
            return [last] if last else None
        try:
            return self._next()
        except TreeError as error:
            self._fail(str(error))
        except OSError as error:
            self._fail(str(error.strerror or error))
        return self.batch()

    _last = b""  # the packet that ends the call, when there is one

    def _next(self) -> list[Buffer] | None:
        self._list_next = not self._list_next
        busy = self._file is not None or bool(self._requests)
        if self._entries is not None and (self._list_next or not busy):
            return [self._list()]
        return self._send() if busy else None

    def _over(self, last: bytes, error: str = "") -> None:
        """The call is over once ``last`` was sent."""
        if self.status is None:
            self._last = last
            self._close()
            self.finish(grpc.UNKNOWN if error else grpc.OK, error)

    def _fail(self, reason: str) -> None:
        self._report(reason)
        self._over(framed(number(1, ERROR) + data(4, reason.encode("utf-8", "replace"))))

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        self._entries = None
        self._requests.clear()

    def _list(self) -> bytes:
        """The next part of the list, as packets."""
        assert self._entries is not None
        parts: list[bytes] = []
        size = 0
        for entry in self._entries:
            packet = self._stat_packet(entry)
            parts.append(packet)
            size += len(packet)
            if size > BATCH:
                return b"".join(parts)
        self._entries = None
        parts.append(framed(b""))  # the end of the list: type STAT, no stat
        return b"".join(parts)

    def _stat_packet(self, entry: Entry) -> bytes:
        path, st, linkname, xattrs = entry
        mode, size = st.st_mode, st.st_size
        kind = mode & _KIND
        if kind == stat.S_IFREG:
            self._paths.append(path)
            if st.st_nlink > 1:
                first = self._links.setdefault((st.st_dev, st.st_ino), path)
                if first is not path:
                    linkname, size = first, 0
        else:
            # the receiver takes a socket for a file, since its mode says so, and asks for it
            self._paths.append(path if kind == stat.S_IFSOCK else b"")
            if kind == stat.S_IFDIR:
                size = 0
        return _encode_stat(path, st, size, linkname, xattrs)

    def _send(self) -> list[Buffer]:
        """The next part of the files that were asked for: many small ones, or a piece of a large one."""
        parts: list[bytes] = []
        size = 0
        while size < SMALL and (self._file is not None or self._requests):
            if self._file is None:
                self._file = self._open(self._requests.popleft())
            file = self._file
            if file.left > SMALL:
                return [b"".join(parts), *self._piece(file)]
            content = file.read_all()
            head = _data_head(file.id, len(content)) if content else b""
            parts += (head, content, _data_head(file.id, 0))
            size += len(content) + 64
            file.close()
            self._file = None
        return [b"".join(parts)]

    def _piece(self, file: _OpenFile) -> list[Buffer]:
        if self._buffer is None:
            self._buffer = bytearray(CHUNK)
        view = memoryview(self._buffer)[: file.read_into(self._buffer)]
        if len(view):
            return [_data_head(file.id, len(view)), view]
        return []  # shorter than it was: what is left of it, nothing, comes as a small file

    def _open(self, file_id: int) -> _OpenFile:
        path = self._paths[file_id]
        try:
            return _OpenFile(file_id, self._source.open(path))
        except OSError as error:
            # fsutil sends an empty file here; a build with a file missing would pass for a good one
            name = path.decode("utf-8", "replace")
            gone = error.errno in (errno.ENOENT, errno.ELOOP)
            reason = t("it vanished while it was being sent") if gone else error.strerror
            raise TreeError(t("cannot read {path}: {reason}", path=name, reason=reason)) from error


class _OpenFile:
    """A file while it is sent: up to the size that it has now, so that one that grows on has an end."""

    def __init__(self, file_id: int, descriptor: int) -> None:
        self.id = file_id
        self._descriptor = descriptor
        self._position = 0
        self.left = os.fstat(descriptor).st_size

    def read_all(self) -> bytes:
        """What is left of a small file."""
        content = os.pread(self._descriptor, self.left, self._position) if self.left else b""
        self.left = 0
        return content

    def read_into(self, buffer: bytearray) -> int:
        """The next piece; 0 when the file is shorter than it was, and nothing is left."""
        count = os.preadv(self._descriptor, [memoryview(buffer)[: self.left]], self._position)
        self._position += count
        self.left = self.left - count if count else 0
        return count

    def close(self) -> None:
        os.close(self._descriptor)


def _data_head(file_id: int, size: int) -> bytes:
    """What stands before ``size`` bytes of a file; with 0, the packet that ends it."""
    head = b"\x08\x02" + number(3, file_id) + (b"\x22" + varint(size) if size else b"")
    return b"\0" + (len(head) + size).to_bytes(4, "big") + head


def _encode_stat(
    path: bytes, st: os.stat_result, size: int, linkname: bytes, xattrs: tuple[tuple[bytes, bytes], ...]
) -> bytes:
    """A framed STAT packet. Owner and group are left at 0, root's."""
    mode = st.st_mode
    encoded = _MODES.get(mode) or _encode_mode(mode)
    body = b"\x0a%b%b\x10%b\x30%b" % (protobuf.SMALL[len(path)], path, encoded, varint(st.st_mtime_ns))
    if size:
        body += b"\x28" + varint(size)
    if linkname:
        body += data(7, linkname)
    if mode & _KIND in (stat.S_IFBLK, stat.S_IFCHR):
        body += number(8, os.major(st.st_rdev)) + number(9, os.minor(st.st_rdev))
    for name, value in xattrs:
        body += present(10, present(1, name) + present(2, value))
    length = protobuf.SMALL[len(body)] if len(body) < 16384 else varint(len(body))
    return b"\0%b\x12%b%b" % ((1 + len(length) + len(body)).to_bytes(4, "big"), length, body)


_MODES: dict[int, bytes] = {}  # a tree has few different ones


def _encode_mode(mode: int) -> bytes:
    encoded = _MODES[mode] = varint(go_mode(mode))
    return encoded
