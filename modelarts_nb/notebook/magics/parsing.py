"""A magic's line as values.

The command line has the same options: it adds them to a parser of its own and hands a magic what it has parsed in place of the
line (modelarts_nb/cli/verbs.py).
"""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from IPython.core.error import UsageError

from ...messages import t


def parse(magic: Callable[..., Any], line: str | Namespace) -> Any:
    """The options in a magic's line. Quotes work as in a shell; options are not abbreviated."""
    if isinstance(line, Namespace):
        return line
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"{error}: {line}") from error
    parser = magic.parser  # type: ignore[attr-defined]  # put there by magic_arguments
    parser.allow_abbrev = False
    return parser.parse_args(words)


def parse_with_command(magic: Callable[..., Any], line: str | Namespace, missing: str) -> Any:
    """The same, of a line with a command behind “--”: ``command``. ``missing``: what is said where there is none."""
    if isinstance(line, Namespace):
        options = line
    else:
        before, _, command = line.partition(" -- ") if not line.startswith("-- ") else ("", "", line[3:])
        options = parse(magic, before)
        options.command = command.strip()
    if not options.command:
        raise UsageError(missing)
    return options


def pairs(option: str, texts: list[str]) -> dict[str, str]:
    """``K=V`` texts as a mapping. Raises UsageError naming the option."""
    pairs = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not key or not separator:
            raise UsageError(t("{option} wants K=V, not “{text}”.", option=option, text=text))
        pairs[key] = value
    return pairs
