"""A Dockerfile that ends before one of its instructions, and what a RUN there would have had."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import DockerfileSyntaxError
from .model import Dockerfile, Instruction, Stage
from .scope import resolve


@dataclass(frozen=True)
class Cut:
    """``text``: everything before the instruction; its last stage is the instruction's. ``empty``: that stage has no file yet.

    ``script`` is what a RUN would have given to its shell ("" for other instructions), ``arguments`` the ARGs that hold there,
    ``shell`` what SHELL says, ``mounts`` the RUN's own mounts.
    """

    text: str
    script: str
    empty: bool = False
    arguments: Mapping[str, str] = field(default_factory=dict, repr=False)  # users put tokens there, wrongly
    shell: tuple[str, ...] = ("/bin/sh", "-c")
    mounts: tuple[str, ...] = ()


def before(dockerfile: Dockerfile, instruction: Instruction, build_args: Mapping[str, str]) -> Cut | None:
    """The Dockerfile up to ``instruction``; None where that is none of a stage's (FROM itself, an ARG before it)."""
    stage = next((each for each in dockerfile.stages if instruction in each.instructions), None)
    if stage is None:
        return None
    text = "\n".join(dockerfile.text.split("\n")[: instruction.line - 1]) + "\n"
    position = stage.instructions.index(instruction)
    filled = any(made.keyword in ("RUN", "COPY", "ADD", "WORKDIR") for made in stage.instructions[:position])
    arguments, shell = _scope(dockerfile, stage, instruction, build_args)
    mounts = tuple(flag.value or "" for flag in instruction.flags if flag.name == "mount")
    return Cut(text, script(dockerfile, instruction), stage.base.lower() == "scratch" and not filled, arguments, shell, mounts)


def _scope(
    dockerfile: Dockerfile, stage: Stage, instruction: Instruction, build_args: Mapping[str, str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    try:
        steps = resolve(dockerfile, build_args=build_args, target=str(stage.index)).steps
    except DockerfileSyntaxError:
        return {}, ("/bin/sh", "-c")  # another stage is wrong in a way that this one does not meet
    scope = next(step.scope for step in steps if step.instruction == instruction)
    arguments = {name: value for name, value in scope.values.items() if name not in scope.environment}
    return arguments, scope.shell


def script(dockerfile: Dockerfile, instruction: Instruction) -> str:
    """What a RUN gives to its shell: its text as it was written, or its heredoc's body; "" for other instructions."""
    if instruction.keyword != "RUN":
        return ""
    if instruction.exec_form:
        return shlex.join(instruction.words)
    if not instruction.heredocs:
        return _written(dockerfile, instruction)
    names = list(instruction.heredocs.values())
    if len(names) == 1 and instruction.arguments.strip().startswith("<<") and len(instruction.words) == 1:
        return names[0].body.rstrip("\n")
    bodies = "".join(f"{heredoc.body}{heredoc.name}\n" for heredoc in names)
    return f"{instruction.arguments}\n{bodies}".rstrip("\n")


def _written(dockerfile: Dockerfile, instruction: Instruction) -> str:
    """The arguments with their line breaks, where a shell reads them as the Engine does: no comments between, same escape."""
    place = instruction.span(0, len(instruction.arguments))
    first, *more = [line.rstrip("\r") for line in dockerfile.text.split("\n")[place.line - 1 : place.end_line]]
    if dockerfile.escape != "\\" or any(not line.strip() or line.lstrip().startswith("#") for line in more):
        return instruction.arguments
    if any(not line.endswith("\\") for line in (first, *more)[:-1]):
        return instruction.arguments  # blanks behind the backslash
    return "\n".join((first[place.column - 1 :], *more)).rstrip()
