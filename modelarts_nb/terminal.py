"""What a terminal would show of the bytes that a program prints: colours kept, cursor movement folded, the rest gone.

A styled line is text in which the only escapes are SGR sequences of a small set (ECMA-48, 8.3.117), each made here:
``ESC [ 0 m`` ends all styles, ``ESC [ c;c m`` replaces them. Whatever has no such sequence is plain text already.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# Controls except tab; bidirectional overrides and isolates (Unicode TR 9); lone surrogates; line separators; the BOM
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u061c\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)
_TOKEN = re.compile(
    r"(?P<text>[^\x1b\x9b\r\n\b]+)|(?P<move>[\r\n\b])"
    r"|(?:\x1b\[|\x9b)(?P<arguments>[0-?]*)[ -/]*(?P<final>[@-~])"  # CSI … final byte
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC, DCS and their like, up to BEL or ST
    r"|\x1b[ -/]*[0-~](?<![\]PX^_\[])"  # other escapes of two characters
)
_OPEN = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*\Z|\x1b[\]PX^_][^\x07\x1b]*\x1b?\Z|\x1b[ -/]*\Z")  # begun
_SGR = re.compile(r"\x1b\[([0-9;]*)m")
OPEN_LIMIT = 4_096  # characters of an escape that does not end
COLUMNS = 1_000  # as far as a program may jump to the right
HEIGHT = 60  # rows that a program may go up and write again

# Styles that are kept: SGR codes by group; a later code of a group replaces an earlier one
BOLD, DIM, ITALIC, UNDERLINE = "1", "2", "3", "4"
_OFF = {"22": (BOLD, DIM), "23": (ITALIC,), "24": (UNDERLINE,)}
_COLOURS = frozenset(str(code) for code in [*range(30, 38), *range(90, 98)])
Style = tuple[str, ...]


class Row:
    """One row of a screen: cells, and the style of each."""

    def __init__(self) -> None:
        self.cells: list[str] = []
        self.styles: list[Style] = []

    def write(self, column: int, text: str, style: Style) -> int:
        """Write over what is there; the column behind it."""
        if column > len(self.cells):
            self.styles.extend([()] * (column - len(self.cells)))
            self.cells.extend(" " * (column - len(self.cells)))
        end = column + len(text)
        self.cells[column:end] = text
        self.styles[column:end] = [style] * len(text)
        return end

    def erase(self, column: int, how: str) -> None:
        """To the end of the row (``0``), to its beginning (``1``), or all of it (``2``)."""
        if how == "0":
            del self.cells[column:], self.styles[column:]
        elif how == "1":
            self.write(0, " " * min(column + 1, len(self.cells)), ())
        else:
            del self.cells[:], self.styles[:]

    def styled(self) -> str:
        """The row as a styled line; blanks at its end are nothing."""
        end = len(self.cells)
        while end and self.cells[end - 1] == " ":
            end -= 1
        pieces: list[str] = []
        before: Style = ()
        for cell, style in zip(self.cells[:end], self.styles[:end], strict=True):
            if style != before:
                pieces.append(f"\x1b[{';'.join(style) or '0'}m")
                before = style
            pieces.append(cell)
        return "".join(pieces) + ("\x1b[0m" if before else "")


class Screen:
    """Pieces of output in, finished rows out, as styled lines. State between pieces is bounded.

    A row is finished when the cursor leaves it downwards; once a program has gone up by n rows, its last n rows are kept back,
    as it will write them again (a group of progress bars).
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._reset()

    def _reset(self) -> None:
        self._rows = [Row()]
        self._y = self._x = self._height = 0
        self._style: Style = ()
        self._open = ""

    @property
    def idle(self) -> bool:
        """Whether nothing is begun: a line without controls would come out as it is."""
        return not (self._open or self._height or self._style or self._rows[0].cells or self._x)

    def feed(self, text: str) -> Iterator[str]:
        """The rows that ``text`` finishes."""
        text = self._open + text
        self._open = ""
        cut = _OPEN.search(text)
        if cut is not None and len(text) - cut.start() <= OPEN_LIMIT:
            text, self._open = text[: cut.start()], text[cut.start() :]
        for token in _TOKEN.finditer(text):
            if token["text"]:
                yield from self._write(token["text"])
            elif token["move"] == "\n":
                yield from self._down(1)
                self._x = 0
            elif token["move"] == "\r":
                self._x = 0
            elif token["move"]:
                self._x = max(0, self._x - 1)
            elif token["final"]:
                yield from self._control(token["final"], token["arguments"])

    def _write(self, text: str) -> Iterator[str]:
        room = max(0, self._limit - self._x)
        for start in range(0, len(text), self._limit):
            piece = text[start : start + self._limit]
            if len(piece) > room:
                self._x = self._rows[self._y].write(self._x, piece[:room], self._style)
                yield from self._down(1)
                self._x, piece = 0, piece[room:]
            self._x = self._rows[self._y].write(self._x, piece, self._style)
            room = self._limit - self._x

    def _down(self, count: int) -> Iterator[str]:
        for _ in range(count):
            self._y += 1
            if self._y == len(self._rows):
                self._rows.append(Row())
            while self._y > self._height:
                yield self._rows.pop(0).styled()
                self._y -= 1

    def _control(self, final: str, arguments: str) -> Iterator[str]:
        if final == "m":
            self._style = sgr(self._style, arguments)
            return
        count = int(arguments) if arguments.isdigit() and len(arguments) < 5 else 0
        times = max(1, count)
        if final in "AF":
            self._height = max(self._height, min(times, HEIGHT))
            self._y = max(0, self._y - times)
            self._x = 0 if final == "F" else self._x
        elif final in "BE":
            yield from self._down(min(times, HEIGHT))
            self._x = 0 if final == "E" else self._x
        elif final == "C":
            self._x = min(self._x + times, COLUMNS)
        elif final == "D":
            self._x = max(0, self._x - times)
        elif final == "G":
            self._x = min(times - 1, COLUMNS)
        elif final == "K":
            self._rows[self._y].erase(self._x, str(count))
        elif final == "J" and arguments in ("", "0"):
            self._rows[self._y].erase(self._x, "0")
            del self._rows[self._y + 1 :]

    @property
    def partial(self) -> str:
        """The last row that is not finished and says something."""
        return next((text for row in reversed(self._rows) if (text := row.styled())), "")

    def close(self) -> Iterator[str]:
        """Every row that is left."""
        rows = [row.styled() for row in self._rows]
        while rows and not rows[-1]:
            rows.pop()
        self._reset()
        yield from rows


def sgr(style: Style, arguments: str) -> Style:
    """The style after an SGR sequence; colours beyond the 16 named ones become the nearest of them."""
    codes = [code.lstrip("0") or "0" for code in re.split("[;:]", arguments[:199])]
    kept = list(style)
    while codes:
        code = codes.pop(0)
        if code == "0":
            kept = []
        elif code in (BOLD, DIM, ITALIC, UNDERLINE):
            kept = [*(old for old in kept if old != code), code]
        elif code in _OFF:
            kept = [old for old in kept if old not in _OFF[code]]
        elif code in ("38", "48"):
            named = _named(codes)
            if code == "38":
                kept = [*(old for old in kept if old not in _COLOURS), *([named] if named else [])]
        elif code in _COLOURS or code == "39":
            kept = [*(old for old in kept if old not in _COLOURS), *([code] if code != "39" else [])]
    return tuple(sorted(kept, key=int))


def _named(codes: list[str]) -> str:
    """The nearest named colour of what follows 38 or 48, which it takes away; "" where that is no colour."""
    kind = codes.pop(0) if codes else ""
    if kind == "5" and codes:
        number = _number(codes.pop(0))
        if number < 8:
            return str(30 + number)
        if number < 16:
            return str(82 + number)
        if number < 232:
            number -= 16
            return _nearest(number // 36 * 51, number // 6 % 6 * 51, number % 6 * 51)
        return _nearest(*[(number - 232) * 10 + 8] * 3)
    if kind == "2" and len(codes) >= 3:
        red, green, blue = (_number(codes.pop(0)) for _ in range(3))
        return _nearest(red, green, blue)
    return ""


def _number(text: str) -> int:
    return min(int(text), 255) if text.isdigit() and len(text) < 4 else 0


def _nearest(red: int, green: int, blue: int) -> str:
    top = max(red, green, blue)
    if top - min(red, green, blue) < 40:
        return "" if top >= 100 else "90"  # grey: the text's own colour, or the faint one
    return str(30 + (red > top * 0.6) + 2 * (green > top * 0.6) + 4 * (blue > top * 0.6))


def plain(styled: str) -> str:
    """A styled line without its styles."""
    return _SGR.sub("", styled) if "\x1b" in styled else styled


def spans(styled: str) -> Iterator[tuple[str, Style]]:
    """A styled line as pieces of text, each with its style."""
    if "\x1b" not in styled:
        if styled:
            yield styled, ()
        return
    style: Style = ()
    parts = _SGR.split(styled)
    for index in range(0, len(parts), 2):
        if parts[index]:
            yield parts[index], style
        if index + 1 < len(parts):
            codes = parts[index + 1]
            style = () if codes in ("", "0") else tuple(codes.split(";"))
