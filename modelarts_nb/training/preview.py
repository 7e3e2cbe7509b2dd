"""What can be said about a job before it runs: rows 8, 14, 15 and 16 of the documented first-run failures."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from ..events import VertexWarning
from .spec import JobSpec


def warnings(spec: JobSpec) -> Iterator[VertexWarning]:
    """What in the command and the variables will most likely not work as meant."""
    if re.search(r"\b(?:conda|source) activate\b", spec.command):
        yield VertexWarning(
            "", "`conda activate` does nothing in the start command: it does not run in a login shell.",
            ("Call the environment's python by its path, or put it first in PATH with ENV in the Dockerfile.",),
        )
    other = r"\$\{?((?:DLS|BATCH)_\w+)" if spec.contract == "v2" else r"\$\{?((?:MA|VC)_\w+)"
    for name in sorted(set(re.findall(other, spec.command))):
        yield VertexWarning("", f"{name} belongs to the other generation of the contract; under {spec.contract} it is not set.")
    places = [*spec.inputs, *spec.outputs]
    last = last_command(spec.command)
    if places and spec.access_method == "parameter" and last and last[0] in _NO_TRAINING:
        yield VertexWarning(
            "", f"--{places[0]}=… will be appended to `{last[0]}`, the last command.",
            ("Let the training script be the last command, or use --access-method env.",),
        )
    if re.search(r"(?:^|\s)(?:&?>>?|\d>)\s*[^&\s]", spec.command):
        yield VertexWarning(
            "", "The command writes its output to a file: the platform shows only standard output.",
            ("Leave the redirection out, or use `2>&1 | tee FILE`.",),
        )
    for name in sorted(name for name in spec.env if name.startswith("MA_")):
        yield VertexWarning("", f"{name}: names that start with MA_ are the platform's own.")


_NO_TRAINING = frozenset(
    ("echo", "ls", "cat", "tee", "sleep", "true", "exit", "wait", "cp", "mv", "rm", "cd", "date", "tail", "head")
)


def last_command(command: str) -> list[str]:
    """The words of the last simple command: what is appended lands there."""
    try:
        lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:
        return []  # an open quote: bash will say so
    for index in range(len(words) - 1, -1, -1):
        if words[index] and set(words[index]) <= set("();<>|&") and not set(words[index]) & set("<>"):
            return words[index + 1 :]
    return words
