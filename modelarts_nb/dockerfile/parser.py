"""A Dockerfile's text as values, refusing what the Engine's parser refuses (moby/buildkit, frontend/dockerfile).

    file        = { ARG } stage { stage }
    stage       = FROM [ --platform=… ] image [ AS name ] { instruction }
    instruction = KEYWORD { --flag[=value] } arguments

Line structure: see lines.py.
"""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass, replace

from ..errors import DockerfileSyntaxError
from .lines import LogicalLine, directives, logical_lines
from .model import Dockerfile, Flag, Instruction, Stage

# Each keyword with the flags that it takes, of all frontends up to Dockerfile 1.19
FLAGS: dict[str, frozenset[str]] = {
    "ADD": frozenset({"chown", "chmod", "link", "keep-git-dir", "checksum", "exclude", "unpack"}),
    "ARG": frozenset(), "CMD": frozenset(),
    "COPY": frozenset({"chown", "chmod", "from", "link", "parents", "exclude"}),
    "ENTRYPOINT": frozenset(), "ENV": frozenset(), "EXPOSE": frozenset(),
    "FROM": frozenset({"platform"}),
    "HEALTHCHECK": frozenset({"interval", "timeout", "start-period", "start-interval", "retries"}),
    "LABEL": frozenset(), "MAINTAINER": frozenset(), "ONBUILD": frozenset(),
    "RUN": frozenset({"mount", "network", "security", "device"}),
    "SHELL": frozenset(), "STOPSIGNAL": frozenset(), "USER": frozenset(), "VOLUME": frozenset(), "WORKDIR": frozenset(),
}
_JSON = frozenset({"ADD", "COPY", "CMD", "ENTRYPOINT", "RUN", "SHELL", "VOLUME"})
_NEEDS_ARGUMENTS = frozenset(FLAGS) - {"CMD", "ENTRYPOINT", "RUN"}
_STAGE_NAME = re.compile(r"[a-z][a-z0-9-_.]*\Z")
_FLAG = re.compile(r"--([A-Za-z][A-Za-z0-9-]*)(=)?")
_MOUNT_TYPES = frozenset({"bind", "cache", "tmpfs", "secret", "ssh"})


@dataclass(frozen=True)
class _Failing:
    """Makes the error for a place in this text."""

    lines: tuple[str, ...]
    origin: str
    first_line: int

    def __call__(self, message: str, *, line: int, column: int = 0, hint: str = "") -> DockerfileSyntaxError:
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        if not column and text.strip():
            column = len(text) - len(text.lstrip()) + 1
        return DockerfileSyntaxError(
            message, line=line, column=column, text=text, hint=hint, origin=self.origin, first_line=self.first_line
        )


def parse_dockerfile(text: str, *, origin: str = "Dockerfile", first_line: int = 1) -> Dockerfile:
    """The Dockerfile that ``text`` writes.

    Raises DockerfileSyntaxError with line and caret. ``origin`` and ``first_line`` say where the text stands ("cell",
    2), so that the message can name the line the user sees.
    """
    lines = text.split("\n")
    fail = _Failing(tuple(lines), origin, first_line)
    found, start = directives(lines, fail)
    escape = found.get("escape", "\\")
    instructions = [_instruction(line, escape, fail) for line in logical_lines(lines, start, escape, fail)]
    if not instructions:
        raise fail("there is no instruction in it", line=1, hint="A Dockerfile starts with FROM IMAGE.")
    return Dockerfile(text, *_stages(instructions, fail), directives=found)


def _stages(instructions: list[Instruction], fail: _Failing) -> tuple[tuple[Stage, ...], tuple[Instruction, ...]]:
    arguments: list[Instruction] = []
    stages: list[Stage] = []
    for instruction in instructions:
        if instruction.keyword == "FROM":
            stages.append(_stage(instruction, len(stages)))
        elif stages:
            stages[-1] = replace(stages[-1], instructions=(*stages[-1].instructions, instruction))
        elif instruction.keyword == "ARG":
            arguments.append(instruction)
        else:
            raise fail(
                f"{instruction.keyword} stands before the first FROM", line=instruction.line,
                hint="A Dockerfile starts with FROM IMAGE; only ARG may stand before it.",
            )
    if not stages:
        raise fail("there is no FROM in it", line=arguments[-1].line, hint="Name the base image: FROM IMAGE.")
    return tuple(stages), tuple(arguments)


def _stage(origin: Instruction, index: int) -> Stage:
    name = origin.words[2].lower() if len(origin.words) == 3 else ""
    return Stage(index, name, origin.words[0], origin.flag("platform") or "", origin)


def _instruction(line: LogicalLine, escape: str, fail: _Failing, *, nested: bool = False) -> Instruction:
    keyword, *rest = line.text.split(None, 1)
    keyword = keyword.upper()
    if keyword not in FLAGS:
        raise _unknown(line, keyword, fail)
    flags, arguments = _flags(keyword, "".join(rest).strip(), escape, line, fail)
    words, exec_form = _words(keyword, arguments)
    made = Instruction(
        keyword, line.line, line.end_line, flags, arguments, words, exec_form, line.heredocs, line.text
    )
    _check(made, fail, nested=nested)
    if keyword == "ONBUILD":
        inner = replace(line, text=arguments)
        if arguments.split(None, 1)[0].upper() in ("ONBUILD", "FROM", "MAINTAINER"):
            raise fail(f"{arguments.split(None, 1)[0].upper()} isn't allowed as an ONBUILD trigger", line=line.line)
        _instruction(inner, escape, fail, nested=True)
    return made


def _unknown(line: LogicalLine, keyword: str, fail: _Failing) -> DockerfileSyntaxError:
    close = difflib.get_close_matches(keyword, FLAGS, n=1, cutoff=0.6)
    hint = f"Did you mean {close[0]}?" if close else f"Instructions are: {', '.join(sorted(FLAGS))}."
    if keyword.startswith(("%", "!")):
        hint = "Magics stand in cells of their own; this cell holds a Dockerfile."
    elif not close and line.line > 1:
        hint += " A line that goes on ends with a backslash."
    return fail(f"unknown instruction: {keyword}", line=line.line, hint=hint)


def _flags(
    keyword: str, text: str, escape: str, line: LogicalLine, fail: _Failing
) -> tuple[tuple[Flag, ...], str]:
    found: list[Flag] = []
    while text.startswith("--"):
        word, rest = _first_word(text, escape)
        if word == "--":
            return tuple(found), rest.lstrip()
        matched = _FLAG.match(word)
        name = matched.group(1) if matched else word[2:]
        if name not in FLAGS[keyword]:
            close = difflib.get_close_matches(name, FLAGS[keyword], n=1)
            known = ", ".join(f"--{known}" for known in sorted(FLAGS[keyword])) or "none"
            raise fail(
                f"{keyword} has no flag --{name}", line=line.line,
                hint=f"Did you mean --{close[0]}?" if close else f"Its flags: {known}.",
            )
        flag = Flag(name, word[matched.end() :] if matched and matched.group(2) else None, line.line)
        if flag.value is None and name not in ("link", "keep-git-dir", "parents", "unpack"):
            raise fail(f"{keyword} --{name} wants a value: --{name}=…", line=line.line)
        _check_mount(flag, line, fail)
        found.append(flag)
        text = rest.lstrip()
    return tuple(found), text


def _first_word(text: str, escape: str) -> tuple[str, str]:
    """The first word, quotes taken off, and what follows it."""
    word, quote, index = "", "", 0
    while index < len(text):
        character = text[index]
        if character == escape and index + 1 < len(text) and quote != "'":
            word += text[index + 1]
            index += 2
            continue
        if quote:
            quote, word = ("", word) if character == quote else (quote, word + character)
        elif character in "\"'":
            quote = character
        elif character.isspace():
            break
        else:
            word += character
        index += 1
    return word, text[index:]


def _check_mount(flag: Flag, line: LogicalLine, fail: _Failing) -> None:
    if flag.name != "mount":
        return
    for part in (flag.value or "").split(","):
        key, separator, value = part.partition("=")
        if key.strip().lower() == "type" and "$" not in value and value.strip().lower() not in _MOUNT_TYPES:
            raise fail(f"unsupported mount type “{value}”", line=line.line, hint=f"One of: {', '.join(sorted(_MOUNT_TYPES))}.")
        if not separator and key not in ("readonly", "ro", "readwrite", "rw", "required"):
            raise fail(f"--mount: “{part}” is not key=value", line=line.line)


def _words(keyword: str, arguments: str) -> tuple[tuple[str, ...], bool]:
    if keyword in _JSON and arguments.startswith("["):
        try:
            values = json.loads(arguments)
        except ValueError:
            values = None  # the Engine takes it for the shell form then
        if isinstance(values, list) and all(isinstance(value, str) for value in values):
            return tuple(values), True
    return tuple(arguments.split()), False


def _check(made: Instruction, fail: _Failing, *, nested: bool) -> None:
    """What the Engine refuses by the number and form of arguments."""
    if made.keyword in _NEEDS_ARGUMENTS and not made.arguments:
        raise fail(f"{made.keyword} requires an argument", line=made.line)
    check = _CHECKS.get(made.keyword)
    if check is not None:
        message, hint = check(made)
        if message:
            raise fail(message, line=made.line, hint=hint)


def _check_from(made: Instruction) -> tuple[str, str]:
    words = made.words
    if len(words) not in (1, 3) or (len(words) == 3 and words[1].upper() != "AS"):
        return "FROM requires either one or three arguments", "Write FROM IMAGE, or FROM IMAGE AS NAME."
    if len(words) == 3 and not _STAGE_NAME.match(words[2].lower()):
        return f"invalid name for build stage: “{words[2]}”", "It starts with a letter, then letters, digits, “-”, “_”, “.”."
    return "", ""


def _check_copy(made: Instruction) -> tuple[str, str]:
    if len(made.words) < 2 and not (made.heredocs and made.words):
        return f"{made.keyword} requires at least two arguments", f"Write {made.keyword} SOURCE DESTINATION."
    return "", ""


def _check_pairs(made: Instruction) -> tuple[str, str]:
    first = made.words[0]
    if "=" not in first:
        if len(made.words) < 2:
            return f"{made.keyword} must have two arguments", f"Write {made.keyword} NAME=VALUE."
        return "", ""
    for word in _quoted_words(made.arguments):
        if "=" not in word:
            return f"Syntax error - can't find = in “{word}”", "Put quotes around a value with spaces: NAME=\"A VALUE\"."
        if word.startswith("="):
            return f"{made.keyword} names can not be blank", "Write NAME=VALUE."
    return "", ""


def _check_arg(made: Instruction) -> tuple[str, str]:
    blank = any(word.startswith("=") for word in _quoted_words(made.arguments))
    return ("ARG names can not be blank", "Write ARG NAME or ARG NAME=VALUE.") if blank else ("", "")


def _check_volume(made: Instruction) -> tuple[str, str]:
    return ("VOLUME requires an argument", "") if made.exec_form and not made.words else ("", "")


def _check_shell(made: Instruction) -> tuple[str, str]:
    good = made.exec_form and made.words
    return ("", "") if good else ("SHELL requires the arguments to be in JSON form", 'SHELL ["/bin/bash", "-c"]')


def _check_healthcheck(made: Instruction) -> tuple[str, str]:
    kind = made.words[0].upper()
    if kind == "NONE":
        return ("HEALTHCHECK NONE takes no arguments", "") if len(made.words) > 1 else ("", "")
    if kind != "CMD":
        return f"Unknown type “{made.words[0]}” in HEALTHCHECK (try CMD)", "HEALTHCHECK CMD COMMAND, or HEALTHCHECK NONE."
    return ("Missing command after HEALTHCHECK CMD", "") if len(made.words) < 2 else ("", "")


_CHECKS = {
    "FROM": _check_from, "COPY": _check_copy, "ADD": _check_copy, "ENV": _check_pairs, "LABEL": _check_pairs,
    "ARG": _check_arg, "SHELL": _check_shell, "HEALTHCHECK": _check_healthcheck,
    "VOLUME": _check_volume,
}


def _quoted_words(text: str) -> list[str]:
    """The words of an ENV, LABEL or ARG: split at blanks that no quote and no backslash protects."""
    words, word, quote, index = [], "", "", 0
    while index < len(text):
        character = text[index]
        if character == "\\" and index + 1 < len(text):
            word += text[index : index + 2]
            index += 2
            continue
        if character == quote:
            quote = ""
        elif not quote and character in "\"'":
            quote = character
        if character.isspace() and not quote:
            words += [word] if word else []
            word = ""
        else:
            word += character
        index += 1
    return [*words, word] if word else words
