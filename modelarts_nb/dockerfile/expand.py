"""Variables in a Dockerfile's words, as the Engine expands them (moby/buildkit, frontend/dockerfile/shell/lex.go).

    $NAME  ${NAME}  ${NAME:-word} ${NAME-word}  ${NAME:+word} ${NAME+word}  ${NAME:?word} ${NAME?word}
    ${NAME#pattern} ${NAME##pattern} ${NAME%pattern} ${NAME%%pattern}  ${NAME/pattern/word} ${NAME//pattern/word}

Single quotes protect everything; double quotes all but “$”, the escape and themselves. Quotes are taken off. The forms of the
last line need Dockerfile 1.7, those without “:” a frontend newer than Engine 20.10's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..messages import t

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?\-$!]")


class ExpansionError(ValueError):
    """The Engine would refuse the word; ``offset`` is where in it."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


def expand(text: str, values: Mapping[str, str], escape: str = "\\") -> str:
    """The text with its variables replaced and its quotes taken off. Raises ExpansionError."""
    if not any(character in text for character in ("$", "'", '"', escape)):
        return text
    lexer = _Lexer(text, values, escape)
    return lexer.until("")


class _Lexer:
    def __init__(self, text: str, values: Mapping[str, str], escape: str) -> None:
        self.text, self.values, self.escape, self.index = text, values, escape, 0

    def peek(self) -> str:
        return self.text[self.index : self.index + 1]

    def next(self) -> str:
        character = self.peek()
        self.index += 1
        return character

    def fail(self, message: str) -> ExpansionError:
        return ExpansionError(message, min(self.index, max(0, len(self.text) - 1)))

    def until(self, stop: str, *, raw_escapes: bool = False) -> str:
        """What stands before ``stop`` ("": the end), which is taken too."""
        found: list[str] = []
        while self.index < len(self.text):
            character = self.next()
            if character == stop:
                return "".join(found)
            if character == "'":
                found.append(self.single())
            elif character == '"':
                found.append(self.double())
            elif character == "$":
                found.append(self.dollar())
            elif character == self.escape:
                found.append((character if raw_escapes else "") + self.next())
            else:
                found.append(character)
        if stop:
            raise self.fail(t("syntax error: missing “{sign}”", sign=stop))
        return "".join(found)

    def single(self) -> str:
        end = self.text.find("'", self.index)
        if end < 0:
            raise self.fail(t("unexpected end of statement while looking for matching single-quote"))
        found, self.index = self.text[self.index : end], end + 1
        return found

    def double(self) -> str:
        found: list[str] = []
        while self.index < len(self.text):
            character = self.next()
            if character == '"':
                return "".join(found)
            if character == "$":
                found.append(self.dollar())
            elif character == self.escape:
                following = self.peek()
                if following and following in f'"${self.escape}':
                    found.append(self.next())
                else:
                    found.append(character)
            else:
                found.append(character)
        raise self.fail(t("unexpected end of statement while looking for matching double-quote"))

    def name(self) -> str:
        found = _NAME.match(self.text, self.index)
        if found is None:
            return ""
        self.index = found.end()
        return found.group()

    def dollar(self) -> str:
        if self.peek() != "{":
            name = self.name()
            return self.values.get(name, "") if name else "$"
        self.index += 1
        if not self.peek():
            raise self.fail(t("syntax error: missing “{sign}”", sign="}"))
        if self.peek() in "{}:":
            raise self.fail(t("syntax error: bad substitution"))
        name = self.name()
        sign = self.next()
        if sign == "}":
            return self.values.get(name, "")
        colon = sign == ":"
        if colon:
            sign = self.next()
        if not sign:
            raise self.fail(t("syntax error: missing “{sign}”", sign="}"))
        if (colon and sign not in "-+?") or sign not in "-+?#%/":
            modifier = f"{':' if colon else ''}{sign}"
            raise self.fail(t("unsupported modifier ({modifier}) in substitution", modifier=modifier))
        return self.modified(name, sign, empty_is_unset=colon)

    def modified(self, name: str, sign: str, *, empty_is_unset: bool) -> str:
        value = self.values.get(name)
        there = value is not None and not (empty_is_unset and value == "")
        if sign == "/":
            return self.replaced(value or "")
        word = self.until("}", raw_escapes=sign in "#%")
        if sign == "-":
            return value or "" if there else word
        if sign == "+":
            return word if there else ""
        if sign == "?":
            if not there:
                unset = t("is not allowed to be empty") if value == "" else t("is not allowed to be unset")
                reason = word or unset
                raise self.fail(f"{name}: {reason}")
            return value or ""
        greedy = word.startswith(sign)
        pattern = _pattern(word.removeprefix(sign), self.escape, greedy=greedy)
        return _without_prefix(pattern, value or "") if sign == "#" else _without_suffix(pattern, value or "", greedy=greedy)

    def replaced(self, value: str) -> str:
        every = self.peek() == "/"
        self.index += every
        pattern = re.compile(_pattern(self.until("/", raw_escapes=True), self.escape, greedy=True), re.DOTALL)
        word = self.until("}", raw_escapes=True)
        return pattern.sub(lambda _: word, value, count=0 if every else 1)


def _pattern(glob: str, escape: str, *, greedy: bool) -> str:
    """A shell pattern as a regular expression: “*” and “?”; there are no classes."""
    parts, index = [], 0
    while index < len(glob):
        character = glob[index]
        if character == escape and index + 1 < len(glob):
            index += 1
            parts.append(re.escape(glob[index]))
        elif character == "*":
            parts.append(".*" if greedy else ".*?")
        else:
            parts.append("." if character == "?" else re.escape(character))
        index += 1
    return "".join(parts)


def _without_prefix(pattern: str, value: str) -> str:
    found = re.match(pattern, value, re.DOTALL)
    return value[found.end() :] if found else value


def _without_suffix(pattern: str, value: str, *, greedy: bool) -> str:
    starts = range(len(value) + 1) if greedy else range(len(value), -1, -1)
    matching = re.compile(rf"(?:{pattern})\Z", re.DOTALL)
    start = next((start for start in starts if matching.match(value, start)), None)
    return value if start is None else value[:start]
