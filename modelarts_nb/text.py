"""Output of other programs as text that is safe to show.

What a build or a training prints is data: it may hold terminal escapes, control characters, bytes that are no UTF-8,
lines of megabytes, and characters that turn the reading direction around. Here bytes become lines; HTML escaping is
the view's part.
"""

from __future__ import annotations

import codecs
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator

from .messages import t
from .terminal import UNSAFE, Screen, plain

_ESCAPE_OR_UNSAFE = re.compile(rf"\x1b\[[0-9;]*m|{UNSAFE.pattern}")  # a row's own escapes stay

LINE_LIMIT = 8_192  # characters of one line that are kept for showing; the log file has the whole line


def clean(line: str) -> str:
    """One line as a terminal would leave it, without escapes; unsafe characters become “�”."""
    if not UNSAFE.search(line):
        return line
    screen = Screen(sys.maxsize)
    return UNSAFE.sub("\ufffd", plain("".join([*screen.feed(line), *screen.close()])))


def shorten(line: str, limit: int = LINE_LIMIT) -> str:
    """The line, or its beginning and the number of characters left out."""
    return line if len(line) <= limit else t(
        "{beginning} … ({count:,} characters more)", beginning=line[:limit], count=len(line) - limit
    )


class Redactor:
    """Replaces secret values with ``***``. Each line of a value counts; lines of under 6 characters are too common."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        parts = {line.strip() for value in values for line in value.splitlines()}
        longest_first = sorted((part for part in parts if len(part) >= 6), key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        """The text with every secret value replaced."""
        return self._pattern.sub("***", text) if self._pattern else text


class LineDecoder:
    """Bytes in, whole lines out, whatever the pieces; bytes that are no UTF-8 become “�”.

    A line longer than ``limit`` characters comes out in pieces of that length, so memory stays bounded. ``styles``: the
    lines are styled ones (see terminal.py), else plain text.
    """

    def __init__(
        self, redact: Callable[[str], str] = lambda line: line, limit: int = 65_536, *, styles: bool = False
    ) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._redact = redact
        self._limit = limit
        self._styles = styles
        self._screen = Screen(limit)
        self._pending = ""  # a line without controls that has not ended; then the screen is idle

    def feed(self, data: bytes) -> Iterator[str]:
        """The lines that ``data`` completes, without their line ends."""
        text = self._pending + self._decoder.decode(data)
        if "\r\n" in text:
            text = text.replace("\r\n", "\n")
        if self._screen.idle and not UNSAFE.search(text):
            *lines, self._pending = text.split("\n")
            for line in lines:
                if len(line) <= self._limit:
                    yield self._redact(line.rstrip(" "))  # as a screen's rows are: blanks at the end are no text there
                else:
                    yield from self._pieces(line)
            while len(self._pending) > self._limit:
                head, self._pending = self._pending[: self._limit], self._pending[self._limit :]
                yield self._redact(head.rstrip(" "))
            return
        self._pending = ""
        for row in self._screen.feed(text):
            yield self._shown(row)

    def _pieces(self, line: str) -> Iterator[str]:
        for start in range(0, len(line), self._limit):
            yield self._redact(line[start : start + self._limit].rstrip(" "))

    def _shown(self, row: str) -> str:
        """A row of the screen, safe and without secrets: a secret that styles run through takes them away."""
        text = UNSAFE.sub("\ufffd", plain(row))
        told = self._redact(text)
        if not self._styles or "\x1b" not in row or told != text:
            return told
        return _ESCAPE_OR_UNSAFE.sub(lambda found: found[0] if found[0][0] == "\x1b" else "\ufffd", row)

    @property
    def partial(self) -> str:
        """The line that has not ended yet: a progress bar or a prompt."""
        return self._redact(self._pending.rstrip(" ")) if self._pending else self._shown(self._screen.partial)

    def close(self) -> Iterator[str]:
        """What is left without a line end."""
        yield from self.feed(self._decoder.decode(b"", final=True).encode())
        rest, self._pending = self._pending, ""
        if rest.rstrip(" "):
            yield from self._pieces(rest)
        for row in self._screen.close():
            yield self._shown(row)


def width(text: str) -> int:
    """The columns that a text takes in a terminal: two for each Chinese character (Unicode, UAX #11)."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text
    )


def ljust(text: str, columns: int) -> str:
    """The text with blanks behind it, ``columns`` wide at the least."""
    return text + " " * (columns - width(text))


def size(count: float) -> str:
    """Bytes for people, in units of 1000 as registries and disks count them: “212 MB”, “1.4 GB”."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 999.5 or unit == "TB":
            return f"{count:.0f} {unit}" if unit == "B" or count >= 99.5 else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError("unreachable")


def duration(seconds: float) -> str:
    """Seconds for people: “0.4 s”, “31.4 s”, “2 min 05 s”, “1 h 02 min”."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
