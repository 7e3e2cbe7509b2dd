"""Which paths a list of patterns means: .dockerignore, and the include patterns of the Engine.

The language is moby/patternmatcher's (README and patternmatcher.go): ``*`` and ``?`` stay inside a name, ``**`` crosses
folders, ``[a-z]`` is one of a class, ``\\`` takes the next character literally, ``!`` takes back what an earlier pattern
matched; the last pattern that matches decides; a folder that matches takes all that is in it with it.

Paths are text with ``/``; bytes that are no UTF-8 are one character each (``os.fsdecode``).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# Go's unicode.IsSpace, which its TrimSpace takes off; str.strip() would take more
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_WILD = re.compile(r"[*?\[\]^\\]")
_SPECIAL = re.compile(r"[*?\[\]\\]")


class PatternError(ValueError):
    """A pattern that the language does not have; its text is the message."""


@dataclass(frozen=True)
class Pattern:
    """One pattern, cleaned. ``exception``: it began with ``!``."""

    text: str
    exception: bool
    regex: str

    @property
    def literal_prefix(self) -> str | None:
        """The path before a trailing ``/*`` or ``/**``; None where there are other special characters in it."""
        stem = self.text.removesuffix("/**").removesuffix("/*")
        return None if _WILD.search(stem) else stem


Hits = tuple[bool, ...]  # for each pattern, whether it matched a folder or one above it


class Matcher:
    """A list of patterns. Raises PatternError for one that cannot be read."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self.patterns = tuple(_parse(text) for raw in patterns if (text := raw.strip(_SPACE)))
        self.has_exceptions = any(pattern.exception for pattern in self.patterns)
        self._each = [(re.compile(pattern.regex).fullmatch, pattern.exception) for pattern in self.patterns]
        plain = "|".join(f"(?:{pattern.regex})" for pattern in self.patterns)
        self._any = re.compile(plain).fullmatch
        self._none: Hits = (False,) * len(self.patterns)

    def match(self, path: str, above: Hits | None = None) -> tuple[bool, Hits]:
        """Whether ``path`` is meant, and what to hand on for the paths inside it; ``above`` is what its folder gave.

        Without exceptions, a path below a folder that is meant is meant too, so that nobody need ask about it.
        """
        if not self.has_exceptions:
            if above and above[0]:
                return True, above
            found = self._any(path) is not None
            return found, (True,) * len(self.patterns) if found else self._none
        above = above or self._none
        matched = False
        hits = []
        for (fullmatch, exception), hit in zip(self._each, above, strict=True):
            if not hit and exception is matched:
                hit = fullmatch(path) is not None
            hits.append(hit)
            if hit:
                matched = not exception
        return matched, tuple(hits)

    def matches(self, path: str) -> bool:
        """Whether ``path`` is meant, by itself or through a folder above it."""
        hits: Hits | None = None
        found = False
        for end in [*(i for i, c in enumerate(path) if c == "/"), len(path)]:
            found, hits = self.match(path[:end], hits)
        return found

    def may_match_below(self, folder: str, *, exceptions: bool) -> bool:
        """Whether a pattern (or an exception) could match something inside ``folder``, which itself is not meant."""
        candidates = [p.literal_prefix for p in self.patterns if p.exception is exceptions]
        inside = folder + "/"
        return any(prefix is None or f"{prefix}/".startswith(inside) for prefix in candidates)


def clean(path: str) -> str:
    """The shortest path that means the same, as Go's ``path.Clean``."""
    cleaned = posixpath.normpath(path) if path else "."
    return cleaned[1:] if cleaned.startswith("//") else cleaned  # POSIX gives two leading slashes a meaning, Go does not


def glob(pattern: str) -> re.Pattern[str]:
    """A pattern for one name or path, as Go's ``path.Match``: no ``**``, no exceptions. Raises PatternError."""
    out, position = [], 0
    while position < len(pattern):
        piece, position = _piece(pattern, position)
        out.append(piece)
    return re.compile("".join(out) + r"\Z")


def without_nested(paths: Iterable[str]) -> list[str] | None:
    """Paths without those that lie inside another one; None where one is the root: everything is meant."""
    given = set(paths)
    if "." in given:
        return None
    return sorted(path for path in given if not any(above in given for above in _folders_of(path)))


def _folders_of(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _parse(text: str) -> Pattern:
    cleaned = clean(text)
    exception = cleaned.startswith("!")
    if exception:
        cleaned = cleaned[1:]
        if not cleaned:
            raise PatternError('illegal exclusion pattern: "!"')
    glob(cleaned)  # for its errors
    return Pattern(cleaned, exception, _regex(cleaned))


def _regex(pattern: str) -> str:
    """The pattern as a regular expression for ``fullmatch``, with patternmatcher's own readings of ``**`` and ``^``."""
    if pattern.startswith("**") and not _SPECIAL.search(pattern[2:]):
        # "**/name" is that name in any folder; "**name", without a slash, is anything that ends so
        rest = pattern[2:]
        return rf"(?s:.*){re.escape(rest)}|{re.escape(rest[1:])}" if rest.startswith("/") else rf"(?s:.*){re.escape(rest)}"
    if pattern.endswith("**") and not _SPECIAL.search(pattern[:-2]):
        return rf"{re.escape(pattern[:-2])}(?s:.*)"
    if not _SPECIAL.search(pattern):
        return re.escape(pattern)
    out, position = [], 0
    while position < len(pattern):
        if pattern[position] == "^":
            out.append("^")  # it reaches Go's regular expression as it is: beside a wildcard, "^" matches no character
            position += 1
            continue
        if not pattern.startswith("**", position):
            piece, position = _piece(pattern, position)
            out.append(piece)
            continue
        position += 2
        if pattern.startswith("/", position):
            position += 1
        out.append("(?:.*/)?" if position < len(pattern) else ".*")
    return "".join(out)


def _piece(pattern: str, position: int) -> tuple[str, int]:
    """The regular expression of what stands at ``position``, and the position after it. Raises PatternError."""
    character = pattern[position]
    if character == "*":
        return "[^/]*", position + 1
    if character == "?":
        return "[^/]", position + 1
    if character == "[":
        return _class(pattern, position + 1)
    if character == "\\":
        if position + 1 == len(pattern):
            raise PatternError(f"syntax error in pattern: {pattern}")
        return re.escape(pattern[position + 1]), position + 2
    return re.escape(character), position + 1


def _class(pattern: str, position: int) -> tuple[str, int]:
    """``[a-z]`` or ``[^a-z]``, read by path.Match's grammar: at least one range, ``\\`` escapes."""
    negated = pattern.startswith("^", position)
    position += negated
    out: list[str] = []
    while not (pattern.startswith("]", position) and out):
        low, position = _class_character(pattern, position)
        high = low
        if pattern.startswith("-", position):
            high, position = _class_character(pattern, position + 1)
        if low > high:
            raise PatternError(f"a range backwards in pattern: {pattern}")
        out.append(f"{re.escape(low)}-{re.escape(high)}")
    return f"[{'^' if negated else ''}{''.join(out)}]", position + 1


def _class_character(pattern: str, position: int) -> tuple[str, int]:
    if position < len(pattern) and pattern[position] == "\\":
        position += 1
    elif position >= len(pattern) or pattern[position] in "-]":
        raise PatternError(f"syntax error in pattern: {pattern}")
    if position >= len(pattern):
        raise PatternError(f"syntax error in pattern: {pattern}")
    return pattern[position], position + 1
