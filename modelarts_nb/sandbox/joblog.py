"""One node's log: written as its container prints, read by line numbers while it grows."""

from __future__ import annotations

import contextlib
import threading
from array import array
from pathlib import Path

PREVIEW = 5 << 20  # bytes, the API's own limit
MOST = 1 << 30  # bytes of one log: what comes after is told, and not kept
FULL = b"[ModelArts Service Log]The log is full; the rest is not kept.\n"


class JobLog:
    """A file with an index of its lines. A line counts once its end has been written, or the job's."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ends = array("Q")  # where each whole line ends
        self._size = 0
        self._full = False
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.exists():
            content = path.read_bytes()
            self._index(content)
            self._full = content.endswith(FULL)

    @property
    def size(self) -> int:
        """Bytes that were written."""
        with self._lock:
            return self._size

    def write(self, data: bytes) -> None:
        """Add what was printed. A full disk loses it and is not the job's fault."""
        with self._lock:
            if self._full:
                return
            if self._size + len(data) > MOST:
                data, self._full = FULL, True
            with contextlib.suppress(OSError):
                with self.path.open("ab") as file:
                    file.write(data)
                self._index(data)

    def close(self) -> None:
        """Nothing more comes: an unfinished last line counts as one."""
        with self._lock:
            if self._size > (self._ends[-1] if self._ends else 0):
                self._ends.append(self._size)

    def after(self, line: int, count: int) -> tuple[int, int, str]:
        """(number of the first, number of the last, text) of at most ``count`` lines behind line number ``line``."""
        with self._lock:
            line = min(line, len(self._ends))
            last = min(line + count, len(self._ends))
            return line + 1 if last > line else line, last, self._read(line, last)

    def before(self, line: int | None, count: int) -> tuple[int, int, str]:
        """The same for the last lines before number ``line`` (None: the newest)."""
        with self._lock:
            last = len(self._ends) if line is None else max(0, min(line - 1, len(self._ends)))
            first = max(0, last - count)
            return first + 1 if last > first else last, last, self._read(first, last)

    def preview(self) -> tuple[str, int, int]:
        """(the newest part, its size, the size of all)."""
        with self._lock:
            start = max(0, self._size - PREVIEW)
            text = self._bytes(start, self._size)
            return text.decode(errors="replace"), len(text), self._size

    def _read(self, first: int, last: int) -> str:
        if last <= first:
            return ""
        start = self._ends[first - 1] if first else 0
        return self._bytes(start, self._ends[last - 1]).decode(errors="replace")

    def _bytes(self, start: int, end: int) -> bytes:
        if not self.path.exists():
            return b""
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(end - start)

    def _index(self, data: bytes) -> None:
        place = data.find(b"\n")
        while place >= 0:
            self._ends.append(self._size + place + 1)
            place = data.find(b"\n", place + 1)
        self._size += len(data)
