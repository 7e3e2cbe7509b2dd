"""File paths by their number, in little memory: a context may have a million files, and each may be asked for."""

from __future__ import annotations

import zlib

BLOCK = 1024  # paths kept together
PLAIN = 32  # newest full blocks kept as they are; older ones are compressed, well, since neighbours share their start


class PathTable:
    """Paths by the order in which they came, from 0. Reading them about in order is fast."""

    def __init__(self) -> None:
        self._last: list[bytes] = []  # the block that is being filled
        self._blocks: list[bytes] = []
        self._open = -1, self._last  # the block read last

    def append(self, path: bytes) -> None:
        """Keep a path; b"" where the number stands for none."""
        self._last.append(path)
        if len(self._last) == BLOCK:
            self._blocks.append(b"\0".join(self._last))
            self._last = []
            old = len(self._blocks) - 1 - PLAIN
            if old >= 0:
                self._blocks[old] = zlib.compress(self._blocks[old], 1)

    def __getitem__(self, number: int) -> bytes:
        """The path of that number, b"" where there is none."""
        block, place = divmod(number, BLOCK)
        if block > len(self._blocks) or number < 0:
            return b""
        if block == len(self._blocks):
            return self._last[place] if place < len(self._last) else b""
        if self._open[0] != block:
            packed = self._blocks[block]
            plain = zlib.decompress(packed) if block < len(self._blocks) - PLAIN else packed
            self._open = block, plain.split(b"\0")
        return self._open[1][place]
