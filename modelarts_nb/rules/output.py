"""MA040 to MA042: what the job's log will show, and which Python runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..messages import mark, t
from . import shell
from .base import is_public
from .making import Seen, paste, rule
from .model import Severity
from .written import NOTE, Written, at

_LOG = "OTC docker-modelarts_0029; ModelArts custom image tutorial, 2.1.1 (log to standard output)"
_CONDA = "HW develop-modelarts-1416"
SHOWN = ("/dev/stdout", "/dev/stderr", "/dev/null", "/dev/fd/1", "/dev/fd/2", "/proc/self/fd/1", "/proc/self/fd/2", "1", "2",
    "-")


def to_file(command: shell.Command) -> str:
    """The file that a command's standard output goes to; "" where it stays in sight."""
    for each in command.redirections:
        out = each.fd in ("", "1") and each.operator in (">", ">>", ">|", "&>", "&>>")
        if out and each.target.text not in SHOWN:
            return each.target.text
    return ""


@rule("MA040", Severity.WARNING, mark("Python's output is buffered"), _LOG)
def python_is_unbuffered(written: Written) -> Iterator[Seen]:
    value = written.resolved.end.environment.get("PYTHONUNBUFFERED")
    last = written.steps[-1].instruction if written.steps else written.resolved.origin
    emptied = next((step for step in reversed(tuple(written.of("ENV"))) if "PYTHONUNBUFFERED" in step.instruction.arguments),
        None)
    if value == "" and emptied is not None:
        yield Seen(
            t("PYTHONUNBUFFERED is empty: Python keeps its output back, and the job's log stays empty until the end."),
            paste("ENV PYTHONUNBUFFERED=1"), *at(emptied.instruction),
        )
    if value is None and written.target.contract == "v2" and written.base is not None and is_public(written.base):
        yield Seen(
            t("PYTHONUNBUFFERED is not set: Python keeps its output back, and the job's log stays empty for long."),
            paste("ENV PYTHONUNBUFFERED=1"), *at(last),
        )


@rule("MA041", Severity.WARNING, mark("output that goes to a file"), _LOG)
def output_is_shown(written: Written) -> Iterator[Seen]:
    for step in written.of("CMD", "ENTRYPOINT"):
        made = step.instruction
        for command in _commands(made.words, made.arguments, exec_form=made.exec_form):
            file = to_file(command)
            if file and not command.captured and command.after != "|":
                yield Seen(
                    t("{keyword} writes its output to {file}: the platform shows only standard output.", keyword=made.keyword,
                      file=file),
                    paste(f"2>&1 | tee {file}"), *at(made),
                )


def _commands(words: tuple[str, ...], text: str, *, exec_form: bool) -> list[shell.Command]:
    return shell.argv_commands(words) if exec_form else shell.commands(text)


def activates(commands: Iterable[shell.Command]) -> Iterator[tuple[shell.Command, str, bool]]:
    """(command, environment, sure) of each activation that cannot work; sure: nothing above it has set conda up."""
    ready = False
    for command in commands:
        words = command.arguments
        source = command.name in ("source", ".") and words
        ready = ready or bool(source and re.search(r"conda\.sh|profile|bashrc", words[0]))
        ready = ready or (command.name == "eval" and any("shell.bash" in text or "shell.posix" in text for text in words))
        if command.name in ("conda", "mamba", "micromamba") and words[:1] == ("activate",) and not ready:
            yield command, words[1] if len(words) > 1 else "base", True
        elif source and words[0] == "activate" and not ready:
            yield command, words[1] if len(words) > 1 else "base", False


@rule("MA042", Severity.WARNING, mark("`conda activate` in the Dockerfile"), _CONDA)
def conda_is_not_activated(written: Written) -> Iterator[Seen]:
    for step in written.of("RUN", "CMD", "ENTRYPOINT"):
        made = step.instruction
        login = any(re.fullmatch(r"--login|-[a-z]*[li][a-z]*", word) for word in step.scope.shell[1:]) and not made.exec_form
        commands = [ran.command for ran in written.ran if ran.step is step] if made.keyword == "RUN" else _commands(
            made.words, made.arguments, exec_form=made.exec_form)
        inner = any(command.name in shell.SHELLS and command.has("l", "--login") for command in commands)
        if login or inner:
            continue
        for command, name, sure in activates(commands):
            place = made.span(command.start, command.end) if command.end and not made.heredocs and not made.exec_form else None
            yield Seen(
                t("`{command}` does nothing lasting here: no login shell has set conda up, and the next instruction "
                  "starts a new shell.",
                  command=" ".join(word.text for word in command.words[:3])),
                paste(f"ENV PATH=/home/ma-user/anaconda3/envs/{name}/bin:$PATH") if written.target.contract == "v2"
                else paste(f"ENV PATH=/root/miniconda3/envs/{name}/bin:$PATH"),
                place.line if place else made.line, place.end_line if place else made.end_line, severity=None if sure else NOTE,
            )


RULES = (python_is_unbuffered, output_is_shown, conda_is_not_activated)
