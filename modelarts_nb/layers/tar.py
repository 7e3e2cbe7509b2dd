"""A tar stream as entries, however its bytes are cut: ustar, GNU and PAX, read as the Engine reads them (Go's archive/tar).

    stream   = { [ g | x | L | K ] header data padding } two zero blocks
    x, g     = PAX records "LENGTH KEY=VALUE\\n" for the next entry, for all (which Engines ignore)
    L, K     = GNU: the next entry's name, its link

Standard library's tarfile takes three times as long (docs/benchmarks.md), wants a file, and forgives what an Engine does
not. Here whatever is not understood, or may be read in two ways, ends the reading with ``problem``: it never passes.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple, Protocol
from zlib import adler32

from ..messages import mark

BLOCK = 512
SPECIAL_LIMIT = 1 << 20  # bytes of PAX records or of a long name; the Engine's own limit (archive/tar, maxSpecialFileSize)
NAME_LIMIT = 4096  # Linux' PATH_MAX: nothing longer can be unpacked
ZEROS = bytes(BLOCK)
FILE, HARD_LINK, SYMLINK, CHARACTER, BLOCK_DEVICE, FOLDER, FIFO = b"0", b"1", b"2", b"3", b"4", b"5", b"6"
_KINDS = frozenset({FILE, HARD_LINK, SYMLINK, CHARACTER, BLOCK_DEVICE, FOLDER, FIFO})
_XATTR = (b"SCHILY.xattr.", b"LIBARCHIVE.xattr.")
_PAX_KEYS = frozenset({b"path", b"linkpath", b"size", b"uid", b"gid"})
_TAIL = struct.Struct("124x12s12x8sc100s8s")  # size, checksum, type, link, magic and version


class TarError(ValueError):
    """A stream that is no tar, or may be read in two ways."""


class Entry(NamedTuple):
    """One entry. ``name`` and ``link`` are as written. ``size``: bytes of the file, for sparse ones more than are stored.

    ``kind``: one of the constants above. ``sparse``: its data are pieces, which ``Sink.data`` does not get put together.
    """

    kind: bytes
    name: bytes
    mode: int
    uid: int
    gid: int
    size: int
    link: bytes
    xattrs: Mapping[bytes, bytes]
    sparse: bool


class Sink(Protocol):
    """Who gets the entries. ``data`` and ``end`` are called for a file whose ``begin`` said True."""

    def begin(self, entry: Entry) -> bool:
        """An entry; True if its data are wanted."""

    def data(self, piece: memoryview) -> None:
        """The next bytes of it."""

    def end(self) -> None:
        """All of it was given."""


class TarWalker:
    """Feed it bytes. ``problem`` says why it stopped reading ("": it did not), ``entries`` counts."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._head = b""  # of a header that has not come whole
        self._skip = 0  # bytes of data and padding until the next header
        self._data = 0  # of which these are the data that somebody wants
        self._special: tuple[bytes, bytearray] | None = None
        self._pending: dict[bytes, bytes] = {}  # for the next entry
        self._sparse_map = False
        self._after_map = 0
        self._zeros = 0
        self._owners: dict[bytes, tuple[int, int, int]] = {}
        self._sums: dict[bytes, int] = {}  # what Adler-32 gives for a checksum's field
        self._began = False
        self.problem = ""
        self.entries = 0

    def feed(self, data: bytes | memoryview) -> None:
        """The next bytes of the stream."""
        if self.problem:
            return
        try:
            self._feed(memoryview(data))
        except TarError as error:
            self.problem = str(error)

    def close(self) -> None:
        """The stream is over: where it stops in the middle, that is a problem."""
        if not self.problem and (self._skip or self._head or self._pending or self._special or self._sparse_map):
            self.problem = mark("it ends in the middle")

    @property
    def finished(self) -> bool:
        """The two zero blocks that end an archive were read."""
        return self._zeros >= 2

    def _feed(self, view: memoryview) -> None:
        position, end = 0, len(view)
        while position < end:
            if self._skip:
                taken = min(self._skip, end - position)
                if self._data or self._special is not None:
                    self._pass(view[position : position + taken])
                else:
                    self._skip -= taken
                position += taken
                continue
            if self._head or end - position < BLOCK:
                missing = BLOCK - len(self._head)
                self._head += bytes(view[position : position + missing])
                position += missing
                if len(self._head) < BLOCK:
                    return
                block, self._head = self._head, b""
            else:
                block = bytes(view[position : position + BLOCK])
                position += BLOCK
            self._block(block)

    def _pass(self, piece: memoryview) -> None:
        """Data and padding of the entry that was begun."""
        self._skip -= len(piece)
        if self._data:
            part = piece[: self._data]
            self._data -= len(part)
            if self._special is not None:
                self._special[1].extend(part)
            else:
                self._sink.data(part)
                if not self._data:
                    self._sink.end()
        if self._special is not None and not self._skip:
            kind, content = self._special
            self._special = None
            self._keep_special(kind, bytes(content))

    def _block(self, block: bytes) -> None:
        if self._sparse_map:  # more of an old GNU sparse map; the last byte of the last one says that none follows
            self._sparse_map = bool(block[504])
            if not self._sparse_map:
                self._skip, self._after_map = self._after_map, 0
            return
        if block == ZEROS:
            self._zeros += 1
            return
        if self._zeros:
            raise TarError(mark("something stands behind its end") if self._zeros > 1 else mark("an empty block in the middle"))
        size_field, sum_field, kind, link, magic = _TAIL.unpack_from(block)
        expected = self._sums.get(sum_field)
        if adler32(block) & 0xFFFF != expected and not self._right_sum(block, sum_field):
            raise TarError(mark("a header's checksum is wrong") if self._began else mark("it is no tar archive"))
        self._began = True
        size = _number(size_field)
        if kind in b"xgLK":
            self._begin_special(kind, size)
        else:
            self._entry(block, kind, size, link, magic)

    def _begin_special(self, kind: bytes, size: int) -> None:
        if size > SPECIAL_LIMIT:
            raise TarError(mark("a header that is too large"))
        if size == 0:
            self._keep_special(kind, b"")
            return
        self._special = (kind, bytearray())
        self._data, self._skip = size, -(-size // BLOCK) * BLOCK

    def _keep_special(self, kind: bytes, content: bytes) -> None:
        if kind == b"L":
            self._pending[b"L"] = content.split(b"\0", 1)[0]
        elif kind == b"K":
            self._pending[b"K"] = content.split(b"\0", 1)[0]
        elif kind == b"x":
            self._pending.update(_records(content))
        elif any(key in _PAX_KEYS or key.startswith((b"GNU.sparse", *_XATTR)) for key in _records(content)):
            raise TarError(mark("a global header that readers understand differently"))

    def _entry(self, block: bytes, kind: bytes, size: int, link: bytes, magic: bytes) -> None:
        owner = self._owners.get(block[100:124])
        if owner is None:
            owner = self._owner(block[100:124])
        mode, uid, gid = owner
        name = block[: block.find(0, 0, 100)] if block[99] == 0 else block[:100]
        link = link.split(b"\0", 1)[0]
        if block[345] and magic[:5] == b"ustar":
            name = _prefixed(block, name, magic)
        stored, sparse, xattrs = size, False, _NONE
        if kind == b"S":
            kind, sparse, size = FILE, True, _number(block[483:495])
        if self._pending:
            name, link, size, stored, uid, gid, sparse, xattrs = self._with_pending(
                name, link, size, stored, uid, gid, sparse
            )
        if kind == b"\0" or kind == b"7":
            kind = FOLDER if kind == b"\0" and name.endswith(b"/") else FILE
        if kind not in _KINDS:
            raise TarError(mark("an entry of an unknown kind"))
        if kind != FILE and stored:
            if kind != FOLDER:
                raise TarError(mark("a link or device with data, which readers understand differently"))
            stored = 0
        _check(name, link, size)
        self.entries += 1
        wanted = self._sink.begin(Entry(kind, name, mode, uid, gid, size, link, xattrs, sparse))
        self._expect(stored, wanted=wanted and not sparse, in_map=block[156:157] == b"S" and block[482] != 0)

    def _expect(self, stored: int, *, wanted: bool, in_map: bool) -> None:
        """Set out to pass the data of the entry that was begun."""
        skip = (stored + BLOCK - 1) & -BLOCK
        if in_map:
            self._sparse_map, self._after_map = True, skip
            return
        self._skip, self._data = skip, stored if wanted else 0
        if wanted and not stored:
            self._sink.end()

    def _right_sum(self, block: bytes, field: bytes) -> bool:
        if not _right_sum(block, field):
            return False
        if len(self._sums) < 4096:
            self._sums[field] = _adler(field)
        return True

    def _owner(self, field: bytes) -> tuple[int, int, int]:
        owner = (_number(field[:8]) & 0o7777, _number(field[8:16]), _number(field[16:24]))
        if len(self._owners) < 4096:
            self._owners[field] = owner
        return owner

    def _with_pending(
        self, name: bytes, link: bytes, size: int, stored: int, uid: int, gid: int, sparse: bool
    ) -> tuple[bytes, bytes, int, int, int, int, bool, Mapping[bytes, bytes]]:
        """What PAX records and GNU long names say instead."""
        given, self._pending = self._pending, {}
        xattrs = {}
        for key, value in given.items():
            prefix = next((prefix for prefix in _XATTR if key.startswith(prefix)), b"")
            if prefix:
                xattrs[key[len(prefix) :]] = value
        name = given.get(b"path") or given.get(b"L") or name
        link = given.get(b"linkpath") or given.get(b"K") or link
        uid, gid = (_decimal(given[key], was) if key in given else was for key, was in ((b"uid", uid), (b"gid", gid)))
        if b"size" in given:
            size = stored = _decimal(given[b"size"], size)
        if any(key.startswith(b"GNU.sparse.") for key in given):
            sparse = True
            name = given.get(b"GNU.sparse.name") or name
            real = given.get(b"GNU.sparse.realsize") or given.get(b"GNU.sparse.size")
            size = _decimal(real, size) if real else size
        return name, link, size, stored, uid, gid, sparse, xattrs


_NONE: Mapping[bytes, bytes] = {}


def _check(name: bytes, link: bytes, size: int) -> None:
    """What no file system takes."""
    if not name or len(name) > NAME_LIMIT or len(link) > NAME_LIMIT or b"\0" in name or b"\0" in link:
        raise TarError(mark("a name that is empty, too long, or has a zero byte in it"))
    if size >> 62:
        raise TarError(mark("a number in a header that is none"))


def _number(field: bytes) -> int:
    """A number of a header: octal digits, or base 256 behind a set first bit."""
    if field[-1] == 0 and field[:-1].isdigit():
        return _octal(field[:-1])
    if field[0] & 0x80:
        if field[0] & 0x40:
            raise TarError(mark("a negative number in a header"))
        return int.from_bytes(bytes([field[0] & 0x3F]) + field[1:], "big")
    text = field.strip(b" \0").split(b"\0", 1)[0]
    if not text:
        return 0
    if not text.isdigit():
        raise TarError(mark("a number in a header that is none"))
    return _octal(text)


def _octal(text: bytes) -> int:
    try:
        return int(text, 8)
    except ValueError:
        raise TarError(mark("a number in a header that is none")) from None


def _decimal(text: bytes, was: int) -> int:
    if not text:
        return was  # an empty value takes the record back (POSIX)
    if not text.isdigit() or len(text) > 18:
        raise TarError(mark("a number in a header that is none"))
    return int(text)


def is_header(block: bytes) -> bool:
    """Whether a block is the header of an entry, as its checksum tells."""
    try:
        return len(block) == BLOCK and block != ZEROS and _right_sum(block, block[148:156])
    except TarError:
        return False


def _right_sum(block: bytes, field: bytes) -> bool:
    return adler32(block) & 0xFFFF == _adler(field) or _signed_sum(block, _number(field))


def _adler(field: bytes) -> int:
    """Adler-32's low half, which is 1 + the sum of all bytes; the checksum counts itself as eight spaces."""
    return (1 + _number(field) - 256 + sum(field)) % 65521


def _signed_sum(block: bytes, stored: int) -> bool:
    """Some old programs summed signed bytes."""
    counted = block[:148] + b" " * 8 + block[156:]
    return stored in (sum(counted), sum(byte - 256 if byte > 127 else byte for byte in counted))


def _prefixed(block: bytes, name: bytes, magic: bytes) -> bytes:
    """The name with the header's prefix before it."""
    if magic == b"ustar\x00" + magic[6:]:
        stop = 476 if block[508:512] == b"tar\0" else 500  # star keeps times behind a shorter prefix
        return block[345:stop].split(b"\0", 1)[0] + b"/" + name
    for start in (345, 357):  # GNU keeps two times there; Engines take what is none for a prefix
        _number(block[start : start + 12])
    return name


def _records(content: bytes) -> dict[bytes, bytes]:
    """PAX records."""
    found: dict[bytes, bytes] = {}
    while content:
        length, blank, _ = content.partition(b" ")
        if not blank or not length.isdigit() or len(length) > 7:
            raise TarError(mark("records that are none"))
        record, content = content[: int(length)], content[int(length) :]
        key, equals, value = record[len(length) + 1 : -1].partition(b"=")
        if len(record) != int(length) or record[-1:] != b"\n" or not equals or not key:
            raise TarError(mark("records that are none"))
        if key in (b"path", b"linkpath", b"uid", b"gid", b"size") and b"\0" in value:
            raise TarError(mark("a name that is empty, too long, or has a zero byte in it"))
        if key.startswith((b"GNU.sparse.offset", b"GNU.sparse.numbytes")):
            key = b"GNU.sparse.map"
        found[key] = value
    return found
