"""Lines of shell and of magics, judged by the real programs and parsers without running them."""

import importlib.metadata
import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from modelarts_nb.cli import parser
from modelarts_nb.notebook.magics.parsing import parse
from tools.docs.magics import magics

from .blocks import ROOT

SHELL = {"cd", "export", "source", "echo"}
REDIRECTION = re.compile(r"\s\d?>{1,2}\s*\S+")


def shell_commands(text):
    """The simple commands of a block: words, without assignments, redirections, comments and sudo."""
    for line in text.replace("\\\n", " ").splitlines():
        line = re.sub(r"(^|\s)#.*", "", line).strip()
        for inside in re.findall(r"\$\(([^()]*)\)", line):
            yield from shell_commands(inside)
        line = re.sub(r"\$\([^()]*\)", "SUBSTITUTED", line)
        for part in re.split(r"&&|\|\||;|\|", REDIRECTION.sub("", line)):
            words = shlex.split(part)
            while words and re.match(r"[A-Z_]+=|(?:sudo|eval|SUBSTITUTED)$", words[0]):
                del words[0]
            if words:
                yield words


def wrong_command(words):
    """What is wrong with a command; "" where nothing is."""
    program, *rest = [words[0].removeprefix(".venv/bin/"), *words[1:]]
    if program in SHELL:
        return ""
    if program in JUDGES:
        return JUDGES[program](rest)
    place = shutil.which(program) or shutil.which(program, path=str(Path(sys.executable).parent))
    return _by_its_help(place, rest) if place else f"{program}: no such program"


def _make(rest):
    targets = set(re.findall(r"^([\w-]+):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE))
    return "" if set(rest) <= targets else f"make has no target {set(rest) - targets}"


def _ours(rest):
    try:
        parser.parse(rest)
    except SystemExit as end:
        return f"modelarts-nb {' '.join(rest)}: wrong usage" if end.code else ""
    return ""


def _pip(rest):
    known = set(importlib.metadata.metadata("modelarts-nb").get_all("Provides-Extra"))
    if rest[0] not in ("install", "uninstall"):
        return _by_its_help(shutil.which("pip"), rest)
    for word in rest[1:]:
        found = re.fullmatch(r"(?:modelarts[-_]nb|\.)(?:\[([\w,]+)\])?", word)
        extras = set((found.group(1) or "").split(",")) - {""} if found else set()
        if not word.startswith("-") and (not found or not extras <= known):
            return f"pip: {word}"
    return ""


def _python(rest):
    if rest[0] != "-m":
        return "" if (ROOT / rest[0]).exists() else f"no file {rest[0]}"
    if importlib.util.find_spec(rest[1].partition(".")[0]) is None:
        return f"no module {rest[1]}"
    paths = [word.partition("::")[0] for word in rest[2:] if word.startswith(("tests", "docs"))]
    missing = [path for path in paths if not (ROOT / path).exists()]
    return f"no {missing}" if missing else ""


def _by_its_help(program, rest):
    """Options and commands that the program's own help does not name."""
    verbs = [word for word in rest[:2] if re.fullmatch("[a-z]+", word)]
    told = ""
    while True:
        done = subprocess.run([program, *verbs, "--help"], capture_output=True, text=True, timeout=60)
        told = done.stdout + done.stderr
        if done.returncode == 0 or not verbs:
            break
        verbs.pop()
    options = [word.partition("=")[0] for word in rest if re.match("-[-a-zA-Z]", word)]
    letters = [f"-{letter}" for word in options if not word.startswith("--") for letter in word[1:]]
    unknown = [word for word in [*(word for word in options if word.startswith("--")), *letters] if word not in told]
    return f"{program} {' '.join(verbs)} does not know {unknown}" if unknown else ""


JUDGES = {"make": _make, "modelarts-nb": _ours, "pip": _pip, "python": _python, "python3": _python}
MAGIC = re.compile(r"^(?:[\w, ]+ = )?(%%?)(\w+)[ ]?(.*)$")


@cache
def ipythons_magics():
    """The names of IPython's own, by kind."""
    shell = InteractiveShell.instance()
    found = {kind: set(names) for kind, names in shell.magics_manager.magics.items()}
    InteractiveShell.clear_instance()
    return found


def wrong_magics(text):
    """What is wrong with the magic lines of a cell, one message each."""
    found = []
    for line in text.splitlines():
        match = MAGIC.match(line)
        if not match:
            continue
        sign, name, rest = match.groups()
        ours = magics().get(name)
        if ours is None:
            if name not in ipythons_magics()["cell" if sign == "%%" else "line"]:
                found.append(f"{line}: no such magic")
        elif sign not in ours.signs:
            found.append(f"{line}: it is {ours.shown}")
        else:
            try:
                parse(ours.function, rest.replace("…", "X").partition(" -- ")[0])
            except (UsageError, SystemExit) as error:
                found.append(f"{line}: {error}")
        if sign == "%%":
            break  # what follows is the cell's own
    return found
