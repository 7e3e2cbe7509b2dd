"""Text to logical lines: directives, comments, continuation, heredocs.

Grammar (moby/buildkit, frontend/dockerfile/parser)::

    file       = { directive } { blank | comment | logical }
    directive  = "#" name "=" value                    (before everything else; the first of each name counts)
    comment    = [ space ] "#" …                        (also between the parts of a logical line)
    logical    = part { escape [ space ] newline part } [ heredocs ]
    heredoc    = "<<" [ "-" ] ( WORD | "'" WORD "'" | '"' WORD '"' ) … body … WORD
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from ..errors import DockerfileSyntaxError

Fail = Callable[..., DockerfileSyntaxError]  # (message, line=…, column=…, hint=…)

_DIRECTIVE = re.compile(r"^#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+?)\s*$")
_HEREDOC = re.compile(r"(?<!<)(?:^|(?<=\s)|(?<=[0-9]))<<(-?)([\"']?)([A-Za-z_][\w.-]*)\2(?=\s|$|[;|&)>])")
_WITH_HEREDOCS = frozenset({"RUN", "COPY", "ADD"})
KNOWN_DIRECTIVES = frozenset({"escape", "syntax", "check"})


@dataclass(frozen=True)
class LogicalLine:
    """One instruction's text: ``text`` joined; ``line`` to ``end_line``; ``heredocs`` are bodies by name."""

    text: str
    line: int
    end_line: int
    heredocs: Mapping[str, str] = field(default_factory=dict)


def directives(lines: list[str], fail: Fail) -> tuple[dict[str, str], int]:
    """The parser directives by lower-case name, and how many lines they take."""
    found: dict[str, str] = {}
    for number, line in enumerate(lines):
        matched = _DIRECTIVE.match(line.lstrip("\ufeff") if number == 0 else line)
        if not matched or matched.group(1).lower() not in KNOWN_DIRECTIVES:
            return found, number
        name = matched.group(1).lower()
        if name in found:
            raise fail(f"only one {name} parser directive can be used", line=number + 1)
        if name == "escape" and matched.group(2) not in ("\\", "`"):
            raise fail(f"escape is “{matched.group(2)}”: it must be \\ or `", line=number + 1)
        found[name] = matched.group(2)
    return found, len(lines)


def logical_lines(lines: list[str], start: int, escape: str, fail: Fail) -> Iterator[LogicalLine]:
    """The instructions' lines, from index ``start`` on."""
    ending = re.compile(rf"(?:(?<=[^{re.escape(escape)}])|^){re.escape(escape)}[ \t]*$")
    index = start
    while index < len(lines):
        first = index
        part = lines[index].strip(" \t\r\ufeff") if index == 0 else lines[index].lstrip(" \t").rstrip("\r")
        index += 1
        if not part.strip() or part.startswith("#"):
            continue
        text, more = _cut(part, ending)
        end = first + 1
        while more and index < len(lines):
            part = lines[index].rstrip("\r")
            index += 1
            end = index
            if part.lstrip().startswith("#") or not part.strip():
                continue
            part, more = _cut(part, ending)
            text += part
        bodies: dict[str, str] = {}
        if text.split(None, 1)[:1] and text.split(None, 1)[0].upper() in _WITH_HEREDOCS:
            for dash, _, name in _HEREDOC.findall(text):
                body, index = _heredoc(lines, index, name, bool(dash), first, fail)
                bodies[name] = body
                end = index
        if text.strip():
            yield LogicalLine(text.strip(), first + 1, end, bodies)


def _cut(part: str, ending: re.Pattern[str]) -> tuple[str, bool]:
    shorter = ending.sub("", part)
    return shorter, shorter != part


def _heredoc(lines: list[str], index: int, name: str, dash: bool, first: int, fail: Fail) -> tuple[str, int]:
    body: list[str] = []
    while index < len(lines):
        line = lines[index].rstrip("\r")
        index += 1
        if (line.lstrip("\t") if dash else line) == name:
            return "\n".join(body) + ("\n" if body else ""), index
        body.append(line.lstrip("\t") if dash else line)
    raise fail(f"the heredoc <<{name} has no end", line=first + 1, hint=f"Close it with a line that holds {name} alone.")
