"""A shell text as its simple commands, each word with its place. Not a shell: what cannot be read is left out, never guessed.

Taken apart are quotes, ``&& || ; | &``, redirections, ``( )`` and ``{ }``, ``$( )`` and back quotes, comments, here-documents
(skipped), the words of ``if`` and ``for``, and what ``sh -c``, ``find -exec`` and ``xargs`` are given. Variables stay as they
are written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

_OPERATOR = re.compile(r"&>>|<<<|<<-|&&|\|\||;;|\|&|&>|>>|<<|>&|<&|>\||<>|[;|&><()]")
_PLAIN = re.compile(r"[^\s;|&<>()\\'\"$`]+")
_BLANKS = " \t\r"
_REDIRECTIONS = frozenset((">", ">>", "<", "<<<", "<<", "<<-", ">&", "<&", ">|", "<>", "&>", "&>>"))
_OPENING = frozenset(("if", "then", "elif", "else", "while", "until", "do", "!", "{", "time"))
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")
_PREFIXES = {
    "sudo": frozenset("ugCpr"), "exec": frozenset("a"), "env": frozenset("uCS"), "nohup": frozenset(), "nice": frozenset("n"),
    "command": frozenset(), "time": frozenset("fo"), "stdbuf": frozenset("oei"), "timeout": frozenset("sk"),
    "setsid": frozenset(),
    "eatmydata": frozenset(), "builtin": frozenset(),
}
SHELLS = frozenset(("sh", "bash", "dash", "ash", "zsh"))
_DEPTH = 8  # of texts in texts; more are a puzzle, not a Dockerfile


@dataclass(frozen=True)
class Word:
    """A word without its quotes; ``text[start:end]`` of the whole text is how it was written. ``quoted``: some of it was."""

    text: str
    start: int
    end: int
    quoted: bool = False


@dataclass(frozen=True)
class Redirection:
    """``>``, ``2>``, ``&>>`` … and where to; ``fd`` "" for the operator's own."""

    fd: str
    operator: str
    target: Word


@dataclass(frozen=True)
class Command:
    """A simple command. ``before`` and ``after``: the operators around it ("" at the ends; "\\n" is a line's end).

    ``nested``: it stands in ``$( )``, back quotes or a text given to a shell; ``captured``: in one of the first two.
    """

    words: tuple[Word, ...]
    assignments: tuple[Word, ...] = ()
    redirections: tuple[Redirection, ...] = ()
    before: str = ""
    after: str = ""
    nested: bool = False
    captured: bool = False
    start: int = 0
    end: int = 0

    @cached_property
    def name(self) -> str:
        """The program's name, without its folder."""
        return self.words[0].text.rpartition("/")[2] if self.words else ""

    @cached_property
    def arguments(self) -> tuple[str, ...]:
        """The words behind the program."""
        return tuple(word.text for word in self.words[1:])

    @cached_property
    def options(self) -> tuple[str, ...]:
        """The arguments that start with “-”."""
        return tuple(text for text in self.arguments if text.startswith("-") and len(text) > 1)

    @cached_property
    def operands(self) -> tuple[str, ...]:
        """The arguments that do not."""
        return tuple(text for text in self.arguments if not text.startswith("-") or len(text) == 1)

    def has(self, short: str, *long: str) -> bool:
        """Whether a short option (a letter, also among others) or a long one is given."""
        bundled = bool(short) and any(
            not text.startswith("--") and short in text[1:] and text[1:].isalpha() for text in self.options
        )
        return bundled or any(text in long or text.split("=", 1)[0] in long for text in self.options)

    def value(self, *names: str) -> str | None:
        """The value of an option: ``-x V``, ``--xx V`` or ``--xx=V``."""
        texts = self.arguments
        for index, text in enumerate(texts):
            head, equals, tail = text.partition("=")
            if head in names and equals:
                return tail
            if text in names and index + 1 < len(texts):
                return texts[index + 1]
        return None


def commands(text: str) -> list[Command]:
    """The simple commands of a text, in the order in which they stand; what is nested comes before its command."""
    return list(_Parser(text, 0, 0).commands())


def argv_commands(words: tuple[str, ...]) -> list[Command]:
    """The commands of a JSON form: one, and what it gives to a shell."""
    made = Command(tuple(Word(word, 0, 0, quoted=True) for word in words))
    return list(_unwrapped(made, 0))


def program(command: Command) -> Command:
    """The command without ``sudo``, ``env A=b``, ``nohup`` and their like before it."""
    words = command.words
    while words:
        name = words[0].text.rpartition("/")[2]
        if name not in _PREFIXES:
            break
        rest = list(words[1:])
        while rest and (rest[0].text.startswith("-") or _ASSIGNMENT.match(rest[0].text)):
            option = rest.pop(0).text
            if option[:1] == "-" and option[-1:] in _PREFIXES[name] and len(option) == 2 and rest:
                rest.pop(0)
        if name == "timeout" and rest:
            rest.pop(0)
        words = tuple(rest)
    return replace(command, words=words) if words is not command.words else command


def _unwrapped(command: Command, depth: int) -> Iterator[Command]:
    """The command, behind what it gives to a shell."""
    bare = program(command)
    if bare.name in SHELLS and depth < _DEPTH:
        for index, word in enumerate(bare.words[1:], 1):
            if not word.text.startswith("-"):
                break
            if re.fullmatch(r"-[a-z]*c", word.text) and index + 1 < len(bare.words):
                script = bare.words[index + 1]
                inner = _Parser(script.text, script.start + script.quoted, depth + 1, captured=command.captured)
                yield from inner.commands()
                break
    given = _given(bare)
    if given:
        yield from _unwrapped(replace(bare, words=given, redirections=(), nested=True), depth + 1)
    yield bare


def _given(command: Command) -> tuple[Word, ...]:
    """The command that ``find -exec`` or ``xargs`` runs."""
    texts = [word.text for word in command.words]
    if command.name == "find":
        start = next((index for index, text in enumerate(texts) if text in ("-exec", "-execdir", "-ok")), len(texts))
        end = next((index for index, text in enumerate(texts) if index > start and text in (";", "+")), len(texts))
        return command.words[start + 1 : end]
    if command.name == "xargs":
        start = 1
        while start < len(texts) and texts[start].startswith("-"):
            start += 2 if texts[start] in ("-n", "-I", "-P", "-L", "-d", "-s", "-a", "-E") else 1
        return command.words[start:]
    return ()


@dataclass
class _Parser:
    text: str
    offset: int  # of the text in the whole one
    depth: int
    captured: bool = False
    index: int = 0
    waiting: list[Command] = field(default_factory=list)

    def commands(self) -> Iterator[Command]:
        before = ""
        words: list[Word] = []
        redirections: list[Redirection] = []
        while True:
            token = self.token()
            if isinstance(token, Word):
                words.append(token)
                continue
            if token in _REDIRECTIONS:
                self.redirect(token, words, redirections)
                continue
            yield from self.waiting
            self.waiting.clear()
            made = self.made(words, redirections, before, token)
            if made is not None:
                yield from _unwrapped(made, self.depth)
            if token == "":
                return
            before = token if made is not None or token not in ("\n", ")") else before
            words, redirections = [], []

    def made(self, words: list[Word], redirections: list[Redirection], before: str, after: str) -> Command | None:
        while words and words[0].text in _OPENING and not words[0].quoted:
            words = words[1:]
        count = 0
        while count < len(words) and _ASSIGNMENT.match(words[count].text):
            count += 1
        if not words and not redirections:
            return None
        places = [*words, *(each.target for each in redirections)]
        start, end = min(word.start for word in places), max(word.end for word in places)
        return Command(
            tuple(words[count:]), tuple(words[:count]), tuple(redirections), before, after, self.depth > 0, self.captured,
            start, end,
        )

    def redirect(self, operator: str, words: list[Word], redirections: list[Redirection]) -> None:
        fd = ""
        if words and words[-1].text.isdigit() and words[-1].end == self.offset + self.index - len(operator):
            fd = words.pop().text
        target = self.token()
        if not isinstance(target, Word):
            return
        redirections.append(Redirection(fd, operator, target))
        if operator in ("<<", "<<-"):
            self.skip_heredoc(target.text, operator == "<<-")

    def skip_heredoc(self, name: str, dash: bool) -> None:
        begin = self.text.find("\n", self.index)
        if begin < 0:
            return
        at = begin + 1
        for line in self.text[at:].split("\n"):
            end = at + len(line)
            if (line.lstrip("\t") if dash else line) == name:
                self.text = self.text[: begin + 1] + " " * (end - begin - 1) + self.text[end:]
                return
            at = end + 1

    def token(self) -> Word | str:
        """The next word or operator; "" at the end."""
        text = self.text
        while self.index < len(text):
            if text[self.index] in _BLANKS:
                self.index += 1
            elif text.startswith("\\\n", self.index):
                self.index += 2
            else:
                break
        if self.index >= len(text):
            return ""
        if text[self.index] == "#":
            end = text.find("\n", self.index)
            self.index = len(text) if end < 0 else end
            return self.token()
        if text[self.index] == "\n":
            self.index += 1
            return "\n"
        found = _OPERATOR.match(text, self.index)
        if found is not None:
            self.index = found.end()
            return found.group()
        return self.word()

    def word(self) -> Word:
        start, parts, quoted = self.index, [], False
        text = self.text
        while self.index < len(text):
            plain = _PLAIN.match(text, self.index)
            if plain is not None:
                parts.append(plain.group())
                self.index = plain.end()
                continue
            character = text[self.index]
            if character in " \t\r\n;|&<>()":
                break
            if character == "\\":
                following = text[self.index + 1 : self.index + 2]
                parts.append("" if following == "\n" else following)
                self.index += 2
            elif character == "'":
                end = text.find("'", self.index + 1)
                end = len(text) if end < 0 else end
                parts.append(text[self.index + 1 : end])
                self.index, quoted = end + 1, True
            elif character == '"':
                self.index, quoted = self.index + 1, True
                parts.append(self.double())
            elif text.startswith("$(", self.index) or character == "`":
                parts.append(self.substitution())
            else:
                parts.append(character)
                self.index += 1
        self.index = min(self.index, len(text))
        return Word("".join(parts), self.offset + start, self.offset + self.index, quoted)

    def double(self) -> str:
        parts, text = [], self.text
        while self.index < len(text) and text[self.index] != '"':
            if text[self.index] == "\\" and text[self.index + 1 : self.index + 2] in ('"', "\\", "$", "`", "\n"):
                parts.append(text[self.index + 1].replace("\n", ""))
                self.index += 2
            elif text.startswith("$(", self.index) or text[self.index] == "`":
                parts.append(self.substitution())
            else:
                parts.append(text[self.index])
                self.index += 1
        self.index += 1
        return "".join(parts)

    def substitution(self) -> str:
        """``$( … )`` or a back-quoted text: its commands come before the one that it stands in."""
        start, text = self.index, self.text
        if text[start] == "`":
            end = text.find("`", start + 1)
            begin, end = start + 1, len(text) if end < 0 else end
        else:
            begin, end, level = start + 2, start + 2, 1
            while end < len(text):
                level += {"(": 1, ")": -1}.get(text[end], 0)
                if not level:
                    break
                end += 1
        self.index = min(end + 1, len(text))
        if self.depth < _DEPTH and not text.startswith("$((", start):
            self.waiting += _Parser(text[begin:end], self.offset + begin, self.depth + 1, captured=True).commands()
        return text[start : self.index]
