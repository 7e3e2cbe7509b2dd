"""A page for each magic, from its own parser and docstring: what `%build?` says, and nothing else."""

from __future__ import annotations

import inspect
import re
import textwrap
from argparse import Action
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from modelarts_nb.notebook.magics import ALL

from .words import LANGUAGES, say

NOT_RUN = "*Checked against the options; not run by our tests.*"


class Magic(NamedTuple):
    """One magic: its name, its signs (the first is how it is shown), and the function that knows its parser."""

    name: str
    signs: tuple[str, ...]
    function: Callable[..., Any]

    @property
    def shown(self) -> str:
        """As one types it."""
        return self.signs[0] + self.name

    @property
    def description(self) -> str:
        """Its docstring, without the options that IPython writes below it."""
        return inspect.cleandoc(self.function.parser.description)  # type: ignore[attr-defined]


def magics() -> dict[str, Magic]:
    """All magics by name, in the order in which one meets them."""
    found: dict[str, Magic] = {}
    for kind in ALL:
        for sign, names in (("%%", kind.magics["cell"]), ("%", kind.magics["line"])):
            for name, attribute in names.items():
                before = found[name].signs if name in found else ()
                found[name] = Magic(
                    name, (sign, *before), getattr(kind, attribute) if isinstance(attribute, str) else attribute
                )
    return found


def pages() -> dict[str, str]:
    """Text by path below docs/, in both languages."""
    found = {}
    for language, folder in LANGUAGES.items():
        found[f"{folder}magics/README.md"] = _index(language)
        for magic in magics().values():
            found[f"{folder}magics/{magic.name}.md"] = _page(magic, language)
    return found


def _index(language: str) -> str:
    lines = [f"# {say('Magics', language)}", "", say(
        "A page for each, written from its own help: `%build?` says the same in a notebook. A word behind `--` is taken as it "
        "stands; quotes work as in a shell; options are not abbreviated.", language
    ), "", f"| {say('Magic', language)} | {say('What it does', language)} |", "|---|---|"]
    for magic in magics().values():
        [first, *_] = _parts(magic.description)
        lines.append(f"| [`{magic.shown}`]({magic.name}.md) | {_cell(_prose(first, language))} |")
    lines += ["", "```{toctree}", ":hidden:", "", *magics(), "```"]
    return "\n".join(lines) + "\n"


def _page(magic: Magic, language: str) -> str:
    lines = [f"# {magic.shown}", ""]
    for part in _parts(magic.description):
        if isinstance(part, list):
            lines += [say(NOT_RUN, language), "", "```ipython", *part, "```", ""]
        else:
            lines += [_prose(part, language), ""]
    lines += [f"## {say('Usage', language)}", "", "```text", *_usage(magic), "```", "", f"## {say('Options', language)}", ""]
    lines += [f"| {say('Option', language)} | {say('What it does', language)} |", "|---|---|"]
    for action in magic.function.parser._actions:  # type: ignore[attr-defined]
        if action.dest != "help":
            lines.append(f"| {_option(action)} | {_cell(say(_help(action), language))} |")
    return "\n".join(lines) + "\n"


def _usage(magic: Magic) -> list[str]:
    """Its usage; not argparse's own, which is as wide as the terminal."""
    actions = [action for action in magic.function.parser._actions if action.dest != "help"]  # type: ignore[attr-defined]
    actions.sort(key=lambda action: not action.option_strings)
    words = []
    for action in actions:
        text = " ".join([*action.option_strings[:1], *([_value(action)] if action.nargs != 0 else [])])
        words.append(text if action.required and action.nargs is None else f"[{text}]")
    if any("behind" in part and "--" in part for part in _parts(magic.description) if isinstance(part, str)):
        words.append("-- COMMAND")
    wrapped = textwrap.wrap("\0".join(word.replace(" ", "\1") for word in words).replace("\0", " "), 100,
                            break_long_words=False, break_on_hyphens=False)
    lines = [line.replace("\1", " ") for line in wrapped] or [""]
    return [f"{magic.shown} {lines[0]}".rstrip(), *(" " * (len(magic.shown) + 1) + line for line in lines[1:])]


def _value(action: Action) -> str:
    return str(action.metavar or ("|".join(filter(None, action.choices)) if action.choices else action.dest))


def _option(action: Action) -> str:
    value = _value(action)
    if not action.option_strings:
        return f"`{value}`".replace("|", "\\|")
    takes = "" if action.nargs == 0 else f" {value}"
    return ", ".join(f"`{text}{takes}`" for text in action.option_strings).replace("|", "\\|")


def _help(action: Action) -> str:
    return (action.help or "").replace("%%", "%")


def _parts(description: str) -> Iterator[str | list[str]]:
    """Paragraphs, and the lines of examples."""
    for block in re.split(r"\n\s*\n(?! {4})", description):
        text, _, example = block.partition("::\n\n")
        text = " ".join(text.split()) + (":" if example and not text.endswith("Examples") else "")
        # “… stands behind “--”. Examples” ends with a heading for what follows
        text = re.sub(r"\s*\bExamples?$", "", text)
        if text:
            yield text
        if example:
            yield inspect.cleandoc(example).splitlines()


def _prose(text: str | list[str], language: str) -> str:
    assert isinstance(text, str)
    return say(text.replace("``", "`"), language)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
