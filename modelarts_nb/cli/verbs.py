"""A magic as a command: the options that it declares, its own function, and what it returns told in a terminal's way."""

from __future__ import annotations

import copy
import re
import shlex
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from inspect import cleandoc
from typing import Any

from IPython.core.magic import Magics

from ..messages import t
from . import values

Groups = Any  # argparse keeps the type of what add_subparsers returns to itself
# A command is one process: nothing goes on behind it, and what it remembers ends with it
LEFT_OUT = ("background", "docker", "compare")
_MAGIC = re.compile(
    r"%{1,2}(build|check|train|push|submit|jobs|job|logs|stop|login|flavors|engines|images|obs|swr)(?=[\s?`.,;:)]|$)"
)


class Terminal:
    """What a magic finds in place of IPython's shell: no cell was executed."""

    execution_count = 0


def in_terminal(text: str) -> str:
    """A text that speaks of magics as a terminal's user types them: ``%build -f FILE`` is ``modelarts-nb build -f FILE``."""
    text = re.sub(r"%(build|check|train|push|submit|login|obs|swr)\?", r"modelarts-nb \1 --help", text)
    return _MAGIC.sub(r"modelarts-nb \1", text)


def add(
    groups: Groups, magics: type[Magics], name: str, run: Callable[[Namespace], int] | None = None, *,
    about: str = "", said: Mapping[str, str] | None = None,
) -> ArgumentParser:
    """Add the command of a magic. ``run``: what it does (default: call the magic and tell its result); ``about``: its help
    (default: the magic's); ``said``: other help for some options, by their name."""
    magic = getattr(magics, name).parser
    described = in_terminal(cleandoc(magic.description))
    parser: ArgumentParser = groups.add_parser(
        name, help=escaped(about or described.split("\n")[0]), description=about or described, allow_abbrev=False,
        formatter_class=RawDescriptionHelpFormatter,
    )
    for action in magic._actions:  # as argparse's own ``parents`` takes them, but for those that are left out
        if action.dest not in LEFT_OUT:
            own = copy.copy(action)
            own.help = (said or {}).get(action.dest, in_terminal(action.help or ""))
            parser._add_action(own)
    parser.add_argument("--json", action="store_true", help=t("Print the result as JSON."))
    parser.set_defaults(command=run or (lambda options: told(magics, name, options)), **dict.fromkeys(LEFT_OUT, False))
    return parser


def call(magics: type[Magics], name: str, options: Namespace) -> Any:
    """What the magic returns. What it shows meanwhile goes to standard error."""
    with redirect_stdout(sys.stderr):
        return bound(magics, name)(options)


def bound(magics: type[Magics], name: str) -> Any:
    """The magic, which takes parsed options where a cell gives it a line."""
    shell: Any = Terminal()
    return getattr(magics(shell), name)


def escaped(text: str) -> str:
    """A text as argparse wants it for ``help``, where % begins a field."""
    return text.replace("%", "%%")


def told(magics: type[Magics], name: str, options: Namespace) -> int:
    """Call the magic and tell its result."""
    options.command = command_line(options.behind)
    value = call(magics, name, options)
    if value is not None:
        values.tell(value, as_json=options.json)
    return 0 if getattr(value, "passed", True) else 1


def command_line(words: list[str]) -> str:
    """The words behind “--” as the one line that the platform runs: a single word is such a line already."""
    return words[0] if len(words) == 1 else shlex.join(words)
