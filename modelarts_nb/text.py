"""Output of other programs as text that is safe to show.

What a build or a training prints is data: it may hold terminal escapes, control characters, bytes that are no UTF-8,
lines of megabytes, and characters that turn the reading direction around. Here bytes become lines; HTML escaping is
the view's part.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator

from .messages import t

# CSI … final byte; OSC … BEL or ST; other two-character escapes (ECMA-48)
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)|\x1b[ -/]*[0-~]?",
)
# C0 and C1 controls except tab; bidirectional overrides and isolates (Unicode TR 9); lone surrogates; the BOM
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
_CURSOR_BACK = re.compile(r"\x1b\[[0-9]*[GK]")

LINE_LIMIT = 8_192  # characters of one line that are kept for showing; the log file has the whole line


def clean(line: str) -> str:
    """One line as a terminal would leave it, without escapes; unsafe characters become “�”.

    A carriage return starts the line over, so that a progress bar ends as its last state.
    """
    if "\r" in line:
        line = _last_overwrite(line)
    if "\x1b" in line or "\x9b" in line:
        line = _ESCAPES.sub("", line)
    if "\b" in line:
        line = _rubbed_out(line)
    return _UNSAFE.sub("\ufffd", line)


def _last_overwrite(line: str) -> str:
    parts = [part for part in line.split("\r") if _CURSOR_BACK.sub("", part)]
    return parts[-1] if parts else ""


def _rubbed_out(line: str) -> str:
    kept: list[str] = []
    for character in line:
        if character != "\b":
            kept.append(character)
        elif kept:
            kept.pop()
    return "".join(kept)


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

    A line longer than ``limit`` characters comes out in pieces of that length, so memory stays bounded.
    """

    def __init__(self, redact: Callable[[str], str] = lambda line: line, limit: int = 65_536) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._redact = redact
        self._limit = limit
        self._pending = ""

    def feed(self, data: bytes) -> Iterator[str]:
        """The lines that ``data`` completes, cleaned, without their line ends."""
        text = self._pending + self._decoder.decode(data)
        *lines, self._pending = text.split("\n")
        for line in lines:
            yield from self._pieces(line)
        while len(self._pending) > self._limit:
            head = self._pending[: self._limit]
            self._pending = self._pending[self._limit :]
            yield self._redact(clean(head))

    def _pieces(self, line: str) -> Iterator[str]:
        line = line.removesuffix("\r")
        for start in range(0, len(line) or 1, self._limit):
            yield self._redact(clean(line[start : start + self._limit]))

    @property
    def partial(self) -> str:
        """The line that has not ended yet, cleaned: a progress bar or a prompt."""
        return self._redact(clean(self._pending)) if self._pending else ""

    def close(self) -> Iterator[str]:
        """What is left without a line end."""
        rest = self._pending + self._decoder.decode(b"", final=True)
        self._pending = ""
        if rest:
            yield from self._pieces(rest)


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
