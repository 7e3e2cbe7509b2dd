"""A magic's line as values."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

from IPython.core.error import UsageError

from ...messages import t


def parse(magic: Callable[..., Any], line: str) -> Any:
    """The options in a magic's line. Quotes work as in a shell; options are not abbreviated."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"{error}: {line}") from error
    parser = magic.parser  # type: ignore[attr-defined]  # put there by magic_arguments
    parser.allow_abbrev = False
    return parser.parse_args(words)


def pairs(option: str, texts: list[str]) -> dict[str, str]:
    """``K=V`` texts as a mapping. Raises UsageError naming the option."""
    pairs = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not key or not separator:
            raise UsageError(t("{option} wants K=V, not “{text}”.", option=option, text=text))
        pairs[key] = value
    return pairs
