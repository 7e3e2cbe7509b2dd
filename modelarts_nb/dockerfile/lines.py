"""Text to logical lines: directives, comments, continuation, heredocs; where each character stood is kept.

Grammar (moby/buildkit, frontend/dockerfile/parser)::

    file       = { directive } { blank | comment | logical }
    directive  = "#" name "=" value                    (before everything else; the first of each name counts)
    comment    = [ space ] "#" …                        (also between the parts of a logical line)
    logical    = part { escape [ space ] newline part } [ heredocs ]
    heredoc    = a word  [ digits ] "<<" [ "-" ] NAME  (NAME may be quoted)  … body … NAME

Engine 20.10's built-in frontend knows no heredocs; ``# syntax=docker/dockerfile:1`` does (docs/engines.md).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from ..errors import DockerfileSyntaxError
from ..messages import t

Fail = Callable[..., DockerfileSyntaxError]  # a Failing

# Go's unicode.IsSpace, which is not Python's
SPACE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
BLANKS = re.compile(r"[\t\v\f\r ]+")
_DIRECTIVE = re.compile(r"^#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+?)\s*$")
_HEREDOC = re.compile(r"\d*<<(-?)([^<]+)\Z")
_WITH_HEREDOCS = frozenset({"RUN", "COPY", "ADD"})
KNOWN_DIRECTIVES = frozenset({"escape", "syntax", "check"})
LONGEST_LINE = 65_535  # bytes; the Engine's scanner takes no longer one


@dataclass(frozen=True)
class Failing:
    """Makes the error for a place in a Dockerfile's text."""

    lines: tuple[str, ...]
    origin: str
    first_line: int

    def __call__(self, message: str, *, line: int, column: int = 0, hint: str = "") -> DockerfileSyntaxError:
        """The error for that line and column (0: where the line's text begins)."""
        text = self.lines[line - 1].rstrip("\r") if line <= len(self.lines) else ""
        if not column and text.strip():
            column = len(text) - len(text.lstrip()) + 1
        return DockerfileSyntaxError(
            message, line=line, column=column, text=text, hint=hint, origin=self.origin, first_line=self.first_line
        )


@dataclass(frozen=True)
class Places:
    """Where the characters of a joined text stood: from each ``start`` on, they follow one another in one line."""

    starts: tuple[int, ...]
    lines: tuple[int, ...]
    columns: tuple[int, ...]

    def at(self, offset: int) -> tuple[int, int]:
        """(line, column), both from 1."""
        part = max(0, bisect_right(self.starts, offset) - 1)
        return self.lines[part], self.columns[part] + offset - self.starts[part]


@dataclass(frozen=True)
class Heredoc:
    """A heredoc's body as written (tabs taken off for ``<<-``), from line ``line`` on; ``expand``: its name is not quoted."""

    name: str
    body: str
    line: int
    expand: bool = True


@dataclass(frozen=True)
class LogicalLine:
    """One instruction's text: ``text`` joined; ``line`` to ``end_line``; ``heredocs`` by name; ``comments`` above and within
    it as (line, text)."""

    text: str
    line: int
    end_line: int
    places: Places
    heredocs: Mapping[str, Heredoc] = field(default_factory=dict)
    comments: tuple[tuple[int, str], ...] = ()


def directives(lines: list[str], fail: Fail) -> tuple[dict[str, str], int]:
    """The parser directives by lower-case name, and how many lines they take."""
    found: dict[str, str] = {}
    for number, line in enumerate(lines):
        matched = _DIRECTIVE.match(line.lstrip("\ufeff") if number == 0 else line)
        if not matched or matched.group(1).lower() not in KNOWN_DIRECTIVES:
            return found, number
        name = matched.group(1).lower()
        if name in found:
            raise fail(t("only one {name} parser directive can be used", name=name), line=number + 1)
        if name == "escape" and matched.group(2) not in ("\\", "`"):
            raise fail(t("escape is “{value}”: it must be \\ or `", value=matched.group(2)), line=number + 1)
        found[name] = matched.group(2)
    return found, len(lines)


def logical_lines(lines: list[str], start: int, escape: str, fail: Fail) -> Iterator[LogicalLine]:
    """The instructions' lines, from index ``start`` on."""
    ending = re.compile(rf"(?:(?<=[^{re.escape(escape)}])|^){re.escape(escape)}[ \t]*$")
    index = start
    comments: list[tuple[int, str]] = []
    while index < len(lines):
        first = index
        joined, index = _joined(lines, index, ending, comments, fail)
        text = "".join(part for part, _, _ in joined)
        if not text.strip(SPACE):
            continue
        bodies: dict[str, Heredoc] = {}
        for name, dash, expand in _heredoc_names(text, escape):
            body, index = _heredoc(lines, index, name, dash, first, fail)
            bodies[name] = Heredoc(name, body, index - body.count("\n"), expand)
        yield LogicalLine(text, first + 1, index, _places(joined), bodies, tuple(comments))
        comments = []


Part = tuple[str, int, int]  # text, line, column


def _joined(
    lines: list[str], index: int, ending: re.Pattern[str], comments: list[tuple[int, str]], fail: Fail
) -> tuple[list[Part], int]:
    """The parts of the logical line that starts at ``index`` ([]: a blank or a comment), and the index behind it."""
    parts: list[Part] = []
    more = True
    while more and index < len(lines):
        line = lines[index].rstrip("\r")
        if len(line) > LONGEST_LINE // 4 and len(line.encode()) > LONGEST_LINE:
            message = t("a line has more than {limit:,} bytes", limit=LONGEST_LINE)
            raise fail(message, line=index + 1, hint=t("End it earlier with a backslash."))
        line = line.removeprefix("\ufeff") if index == 0 else line
        indent = len(line) - len(line.lstrip(SPACE))
        index += 1
        bare = line[indent:]
        if bare.startswith("#"):
            comments.append((index, bare))
        if not bare or bare.startswith("#"):
            if parts:
                continue
            return [], index
        text = ending.sub("", line)
        more = text != line
        cut = 0 if parts else indent
        parts.append((text[cut:], index, cut + 1))
    return parts, index


def _places(parts: list[Part]) -> Places:
    starts, offset = [], 0
    for text, _, _ in parts:
        starts.append(offset)
        offset += len(text)
    return Places(tuple(starts), tuple(line for _, line, _ in parts), tuple(column for _, _, column in parts))


def _heredoc_names(text: str, escape: str) -> Iterator[tuple[str, bool, bool]]:
    """(name, tabs are taken off, variables are expanded) of each heredoc that the line begins."""
    if "<<" not in text:
        return
    words = [word for word, _ in quoted_words(text, escape)]
    keyword = words[0].upper()
    if keyword == "ONBUILD" and len(words) > 1:
        keyword, words = words[1].upper(), words[1:]
    if keyword not in _WITH_HEREDOCS or (len(words) > 1 and words[1].startswith("[") and text.rstrip().endswith("]")):
        return
    for word in words[1:]:
        found = _HEREDOC.match(word)
        if found:
            name = re.sub(r"\\(.)|[\"']", r"\1", found.group(2))
            yield name, bool(found.group(1)), name == found.group(2)


def _heredoc(lines: list[str], index: int, name: str, dash: bool, first: int, fail: Fail) -> tuple[str, int]:
    body: list[str] = []
    while index < len(lines):
        line = lines[index].rstrip("\r")
        index += 1
        if (line.lstrip("\t") if dash else line) == name:
            return "\n".join(body) + ("\n" if body else ""), index
        body.append(line.lstrip("\t") if dash else line)
    hint = t("Close it with a line that holds {name} alone.", name=name)
    raise fail(t("the heredoc <<{name} has no end", name=name), line=first + 1, hint=hint)


def quoted_words(text: str, escape: str = "\\", start: int = 0) -> list[tuple[str, int]]:
    """The words from ``start`` on, each with its offset: split at blanks that no quote and no escape protects; quotes stay."""
    words: list[tuple[str, int]] = []
    word, quote, begin, index = "", "", start, start
    while index < len(text):
        character = text[index]
        if character == escape and quote != "'" and index + 1 < len(text):
            word += text[index : index + 2]
            index += 2
            continue
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in SPACE:
            words += [(word, begin)] if word else []
            word, begin = "", index + 1
            index += 1
            continue
        word += character
        index += 1
    return [*words, (word, begin)] if word else words
