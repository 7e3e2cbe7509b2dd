"""A Dockerfile's text as values, refusing what the Engine's parser refuses (moby/buildkit, frontend/dockerfile).

    file        = { ARG } stage { stage }
    stage       = FROM [ --platform=… ] image [ AS name ] { instruction }
    instruction = KEYWORD { --flag[=value] } arguments

Line structure: see lines.py. What each instruction takes: see accepted.py. Variables: see expand.py and scope.py.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import replace

from ..errors import DockerfileSyntaxError
from ..messages import t
from .accepted import check, check_flag
from .lines import BLANKS, SPACE, Failing, LogicalLine, directives, logical_lines, quoted_words
from .model import PAIRS, Dockerfile, Flag, Instruction, Stage, blank_words, span

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
_REPEATABLE = frozenset({"mount", "exclude", "device"})


def parse_dockerfile(text: str, *, origin: str = "Dockerfile", first_line: int = 1) -> Dockerfile:
    """The Dockerfile that ``text`` writes.

    Raises DockerfileSyntaxError with line and caret. ``origin`` and ``first_line`` say where the text stands ("cell",
    2), so that the message can name the line the user sees.
    """
    lines = text.split("\n")
    fail = Failing(tuple(lines), origin, first_line)
    found, start = directives(lines, fail)
    escape = found.get("escape", "\\")
    instructions = [_instruction(line, escape, fail) for line in logical_lines(lines, start, escape, fail)]
    if not instructions:
        raise fail(t("there is no instruction in it"), line=1, hint=t("A Dockerfile starts with FROM IMAGE."))
    return Dockerfile(text, *_stages(instructions, fail), found, origin, first_line)


def _stages(instructions: list[Instruction], fail: Failing) -> tuple[tuple[Stage, ...], tuple[Instruction, ...]]:
    arguments: list[Instruction] = []
    stages: list[tuple[Instruction, list[Instruction]]] = []
    for instruction in instructions:
        if instruction.keyword == "FROM":
            stages.append((instruction, []))
        elif stages:
            stages[-1][1].append(instruction)
        elif instruction.keyword == "ARG":
            arguments.append(instruction)
        else:
            raise fail(
                t("{keyword} stands before the first FROM", keyword=instruction.keyword), line=instruction.line,
                hint=t("A Dockerfile starts with FROM IMAGE; only ARG may stand before it."),
            )
    if not stages:
        raise fail(t("there is no FROM in it"), line=arguments[-1].line, hint=t("Name the base image: FROM IMAGE."))
    return tuple(_stage(origin, index, tuple(made)) for index, (origin, made) in enumerate(stages)), tuple(arguments)


def _stage(origin: Instruction, index: int, instructions: tuple[Instruction, ...]) -> Stage:
    name = origin.words[2].lower() if len(origin.words) == 3 else ""
    return Stage(index, name, origin.words[0], origin.flag("platform") or "", origin, instructions)


def _instruction(line: LogicalLine, escape: str, fail: Failing) -> Instruction:
    start = len(line.text) - len(line.text.lstrip(SPACE))
    made = _parsed(line, start, escape, fail)
    if made.keyword == "HEALTHCHECK" and len(made.words) > 1:
        _words("CMD", BLANKS.split(made.arguments, maxsplit=1)[1], escape, line, made.offset, fail)
    if made.keyword == "ONBUILD" and made.arguments:
        # The Engine looks at the trigger's form; how many arguments it has is seen by the build that runs it
        first = BLANKS.split(made.arguments, maxsplit=1)[0].upper()
        if first in ("ONBUILD", "FROM", "MAINTAINER"):
            raise fail(t("{keyword} isn't allowed as an ONBUILD trigger", keyword=first), line=line.line)
        if first in FLAGS:
            made = replace(made, trigger=_parsed(line, made.offset, escape, fail, strict=False))
    check(made, fail)
    return made


def _parsed(line: LogicalLine, start: int, escape: str, fail: Failing, *, strict: bool = True) -> Instruction:
    """The instruction that starts at ``start`` of the joined line; how many arguments it has is not judged yet.

    ``strict``: flags that the instruction does not have are refused.
    """
    text = line.text.rstrip(SPACE)
    blank = BLANKS.search(text, start)
    keyword = text[start : blank.start() if blank else len(text)].upper()
    if keyword not in FLAGS:
        raise _unknown(line, keyword, start, fail)
    strict = strict and keyword != "ARG"  # the Engine never looks at ARG's flags
    flags, offset = _flags(keyword, text, blank.end() if blank else len(text), line, fail if strict else None)
    offset += len(text[offset:]) - len(text[offset:].lstrip(SPACE))
    arguments = text[offset:]
    words, exec_form = _words(keyword, arguments, escape, line, offset, fail)
    made = Instruction(
        keyword, line.line, line.end_line, flags, arguments, words, exec_form, line.heredocs, text, None, line.comments,
        escape, line.places, offset,
    )
    if keyword in PAIRS and arguments:
        check(made, fail)
    return made


def _unknown(line: LogicalLine, keyword: str, start: int, fail: Failing) -> DockerfileSyntaxError:
    close = difflib.get_close_matches(keyword[:40], FLAGS, n=1, cutoff=0.6)
    hint = t("Did you mean {name}?", name=close[0]) if close else t("Instructions are: {list}.", list=", ".join(sorted(FLAGS)))
    if keyword.startswith(("%", "!")):
        hint = t("Magics stand in cells of their own; this cell holds a Dockerfile.")
    elif not close and line.line > 1:
        hint += t(" A line that goes on ends with a backslash.")
    number, column = line.places.at(start)
    return fail(t("unknown instruction: {keyword}", keyword=keyword[:40]), line=number, column=column, hint=hint)


def _flags(
    keyword: str, text: str, index: int, line: LogicalLine, fail: Failing | None
) -> tuple[tuple[Flag, ...], int]:
    """The flags, and the offset behind them. ``fail`` None: any flag will do."""
    found: list[Flag] = []
    while True:
        index += len(text[index:]) - len(text[index:].lstrip(SPACE))
        if not text.startswith("--", index):
            return tuple(found), index
        word, end = _flag_word(text, index)
        if word == "--":
            return tuple(found), end
        name, equals, value = word[2:].partition("=")
        where = span(line.places, index, end)
        flag = Flag(name, value if equals else None, where)
        index = end
        found.append(flag)
        if fail is None:
            continue
        if name not in FLAGS[keyword]:
            close = difflib.get_close_matches(name[:40], FLAGS[keyword], n=1)
            known = ", ".join(f"--{known}" for known in sorted(FLAGS[keyword])) or t("none")
            hint = t("Did you mean {name}?", name=f"--{close[0]}") if close else t("Its flags: {list}.", list=known)
            message = t("{keyword} has no flag --{name}", keyword=keyword, name=name[:40])
            raise fail(message, line=where.line, column=where.column, hint=hint)
        if name not in _REPEATABLE and any(other.name == name for other in found[:-1]):
            message = t("{keyword} --{name} is given twice", keyword=keyword, name=name)
            raise fail(message, line=where.line, column=where.column)
        check_flag(keyword, flag, fail)


def _flag_word(text: str, index: int) -> tuple[str, int]:
    """The word at ``index``, quotes taken off, and the offset behind it. The escape is always a backslash here."""
    word, quote = "", ""
    while index < len(text):
        character = text[index]
        if character == "\\":
            word += text[index + 1 : index + 2]
            index += 2
            continue
        if quote:
            quote, word = ("", word) if character == quote else (quote, word + character)
        elif character in "\"'":
            quote = character
        elif character in SPACE:
            break
        else:
            word += character
        index += 1
    return word, min(index, len(text))


def _words(
    keyword: str, arguments: str, escape: str, line: LogicalLine, offset: int, fail: Failing
) -> tuple[tuple[str, ...], bool]:
    if keyword in _JSON and arguments.startswith("["):
        values = json_list(arguments)
        if values is not None:
            if not all(isinstance(value, str) for value in values):
                number, column = line.places.at(offset)
                raise fail(
                    t("when using JSON array syntax, arrays must be comprised of strings only"), line=number, column=column,
                    hint=t("Put every part in double quotes."),
                )
            return tuple(values), True  # type: ignore[arg-type]  # all of them are texts
    if keyword in PAIRS:
        return tuple(word for word, _ in quoted_words(arguments, escape)), False
    return blank_words(arguments), False


def json_list(text: str) -> list[object] | None:
    """The list that the text writes; None for what is no JSON list, which the Engine takes for the shell form."""

    def no_constant(name: str) -> object:
        raise ValueError(name)  # NaN and Infinity are Python's

    try:
        values = json.loads(text, parse_constant=no_constant)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, list) else None
