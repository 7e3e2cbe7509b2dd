"""The bytes of a layer as they were packed: plain, gzip, or zstd where the ``zstandard`` package is there.

Memory stays bounded whatever the bytes unpack to: pieces of at most 1 MiB are passed on.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

from ..messages import mark

PIECE = 1 << 20
LIMIT = 1 << 40  # bytes that one layer may unpack to; no disk of a training node holds more
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


class UnpackError(ValueError):
    """Bytes that cannot be unpacked; the text says why."""


class Gunzip:
    """gzip, of several members too. ``feed`` passes what it unpacks on to ``out``."""

    knows_its_end = True

    def __init__(self, out: Callable[[bytes], None]) -> None:
        self._out = out
        self._inflate = zlib.decompressobj(wbits=31)
        self._total = 0
        self._empty = True

    def feed(self, data: bytes | memoryview) -> None:
        """The next packed bytes."""
        while data:
            if self._inflate.eof:
                if not bytes(data).strip(b"\0"):
                    return  # padding behind the last member
                self._inflate = zlib.decompressobj(wbits=31)
            try:
                piece = self._inflate.decompress(data, PIECE)
            except zlib.error as error:
                raise UnpackError(mark("its gzip data are broken")) from error
            self._empty = False
            self._total += len(piece)
            if self._total > LIMIT:
                raise UnpackError(mark("it unpacks to more than 1 TiB"))
            if piece:
                self._out(piece)
            data = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail

    def close(self) -> None:
        """No bytes follow."""
        if not self._inflate.eof:
            raise UnpackError(mark("its gzip data end in the middle"))


class Unzstd:
    """zstd, by the ``zstandard`` package. It does not tell whether the data were whole: the tar in them must end."""

    knows_its_end = False

    def __init__(self, out: Callable[[bytes], None]) -> None:
        try:
            import zstandard
        except ImportError:
            raise UnpackError(mark("it is packed with zstd; `pip install zstandard` lets it be read")) from None
        self._error: type[Exception] = zstandard.ZstdError
        counted: Any = _Counted(out)
        # A window of 128 MiB is what `zstd --long=27` makes and what other programs accept without being asked
        self._writer: Any = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_writer(counted, closefd=False)

    def feed(self, data: bytes | memoryview) -> None:
        """The next packed bytes."""
        view = memoryview(data)
        try:
            for start in range(0, len(view), 4096):  # small pieces in, so that pieces out are bounded
                self._writer.write(view[start : start + 4096])
        except self._error as error:
            raise UnpackError(mark("its zstd data are broken")) from error

    def close(self) -> None:
        """No bytes follow."""
        self._writer.close()


class _Counted:
    """A file to write to, for zstandard."""

    def __init__(self, out: Callable[[bytes], None]) -> None:
        self._out = out
        self._total = 0

    def write(self, data: bytes) -> int:
        self._total += len(data)
        if self._total > LIMIT:
            raise UnpackError(mark("it unpacks to more than 1 TiB"))
        self._out(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back."""
