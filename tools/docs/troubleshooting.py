"""Troubleshooting by message: every message of an expected failure, with its cause and what mends it."""

from __future__ import annotations

import inspect
import json
import re
from functools import cache
from pathlib import Path

from modelarts_nb.cloud import failures as cloud

from .failures import CLASSES, Failure, failures, said_by_builds
from .words import LANGUAGES, say

CAUSES = sorted((Path(__file__).parent / "causes").glob("*.json"))
# (heading, the modules whose messages stand there); a module that no line names stands under the last
TOPICS = (
    ("Dockerfiles", ("dockerfile",)),
    ("Options, paths and settings", (
        "notebook", "settings", "paths", "catalog", "session", "building.options", "training.spec", "cli",
    )),
    ("Engine", ("engine.discovery", "engine.build", "engine.buildkit", "engine.classic", "engine.export", "engine.failures")),
    ("Builds", ("api.builds", "api.background", "building", "engine.context", "workflows.builds", "workflows.checks")),
    ("Training on this machine", ("training.diagnosis", "engine", "workflows.runs", "api.runs")),
    ("Image names and registries", (
        "reference", "registry", "api.pushes", "api.regionpush", "api.registries", "workflows.pushes", "workflows.regionpush",
    )),
    ("Logins, jobs and object storage in the cloud", ("cloud", "api", "training", "workflows")),
    ("The private Engine and the sandbox", ("engine.private", "sandbox", "services", "packages")),
    ("Everything else", ("",)),
)


@cache
def causes() -> dict[str, tuple[str, str]]:
    """What is behind a message, in English and Chinese, and what to do where the message has no hint."""
    found: dict[str, tuple[str, str]] = {}
    for path in CAUSES:
        found.update({message: tuple(told) for message, told in json.loads(path.read_text("utf-8")).items()})
    return found


def topic(module: str) -> str:
    """Where a module's messages stand: the longest name that fits counts."""
    fits = [(len(name), heading) for heading, names in TOPICS for name in names
            if not name or module == name or module.startswith(f"{name}.")]
    return max(fits)[1]


def pages() -> dict[str, str]:
    """Text by path below docs/, in both languages."""
    return {f"{folder}troubleshooting.md": _page(language) for language, folder in LANGUAGES.items()}


def _page(language: str) -> str:
    title = f"# {say('Troubleshooting by message', language)}"
    lines = ["---", "tocdepth: 2", "---", "", title, "", say(INTRODUCTION, language), ""]
    found = failures()
    for heading, _ in TOPICS:
        entries = [each for each in found if topic(each.module) == heading]
        if entries:
            lines += [f"## {say(heading, language)}", "", *(line for each in entries for line in _entry(each, language))]
        if heading == "Builds":
            lines += _builds(language)
        if heading.startswith("Logins"):
            lines += _cloud(language)
    lines += [f"## {say('The classes', language)}", "", say(CATCH, language), "",
              f"| {say('Class', language)} | {say('What it is', language)} |", "|---|---|"]
    lines += [f"| `{name}` | {say(inspect.cleandoc(kind.__doc__ or '').split(chr(10))[0].replace('``', '`'), language)} |"
              for name, kind in CLASSES.items()]
    return "\n".join(lines) + "\n"


INTRODUCTION = (
    "Every message of an expected failure is here: search this page for words of yours; “…” stands for names, paths and "
    "numbers. The page is written from the code. A traceback that ends in none of these classes is a bug: please report it. "
    "The whole log of a step is in the file that the message names."
)
CATCH = "From Python: all of them are a `modelarts_nb.ModelArtsError`, with `message` and `hint`."


def _entry(each: Failure, language: str) -> list[str]:
    shown = [f"### {plain(say(each.message, language))}", ""]
    if language != "en":
        shown += [plain(each.message), ""]
    english, chinese = causes().get(each.message, ("", ""))
    cause = english if language == "en" else chinese.replace("](", "](../")  # one folder deeper
    mends = " · ".join(plain(say(hint, language)) for hint in each.hints)
    shown += [f"`{each.kind}`. {cause}".rstrip(), ""]
    if mends:
        shown += [f"**{say('What to do', language)}{'：' if language == 'zh-CN' else ':'}** {mends}", ""]
    return shown


def _builds(language: str) -> list[str]:
    lines = [f"### {say('A step failed', language)}", "", say(
        "`BuildFailed` names the instruction, its line and the last lines that matter. Where these say one of the following, "
        "the hint is:", language
    ), "", f"| {say('The log says', language)} | {say('What to do', language)} |", "|---|---|"]
    for pattern, hint in said_by_builds():
        words = [_readable(part) for part in _alternatives(pattern)]
        told = plain(say(hint, language)).replace("|", "\\|")
        lines.append(f"| {', '.join(f'`{word}`' for word in words)} | {told} |")
    return [*lines, ""]


def _cloud(language: str) -> list[str]:
    lines = [f"### {say('The cloud refused', language)}", "", say(
        "`CloudError` tells the cloud's own code, words and request id. What the status means:", language
    ), "", f"| {say('Status', language)} | {say('What to do', language)} |", "|---|---|"]
    for status in (401, 403, 404, 429, 500):
        lines.append(f"| {status} | {say(cloud._hint(status, '', 0.0), language)} |")
    return [*lines, ""]


def _alternatives(pattern: str) -> list[str]:
    """The alternatives of a pattern, split outside its groups."""
    parts, deep = [""], 0
    for sign in pattern:
        deep += {"(": 1, ")": -1}.get(sign, 0)
        if sign == "|" and not deep:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def _readable(pattern: str) -> str:
    """A pattern as one would read it in a log."""
    text = re.sub(r"\(\?P<\w+>[^)]*\)", "…", pattern)
    text = re.sub(r"\(\?:([^|)]*)[^)]*\)\??", r"\1", text)
    text = re.sub(r"\\b|\$|\?$", "", text).replace("\\S", "…").replace(" +", " ").replace("[- ]", "-").replace(":?", ":")
    return text.replace("…+?", "…").replace("…+", "…")


def plain(text: str) -> str:
    """A message as markdown: placeholders as “…”, nothing taken for markup outside backticks."""
    text = re.sub(r"\{\{|\}\}", lambda found: found.group()[0], re.sub(r"\{\w[^{}]*\}", "…", " ".join(text.split())))
    parts = text.split("`")
    if len(parts) % 2 == 0:  # a backtick of its own
        return re.sub(r"([\\`*_<>\[\]#|])", r"\\\1", text)
    parts[::2] = [re.sub(r"([\\*_<>\[\]#])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)
