"""An image's history as instructions, and the lines of the Dockerfile that they came from.

An Engine keeps what made each layer as text: ``RUN /bin/sh -c pip install … # buildkit``, ``RUN |1 A=b /bin/sh -c …``, and of
the classic builder ``/bin/sh -c #(nop) COPY …``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..text import clean
from .model import Dockerfile, Instruction, Stage

_NOISE = re.compile(
    r"^(?:RUN )?(?:\|\d+ .*? )?/bin/(?:ba)?sh (?:-o pipefail )?-l?c (?:#\(nop\) +)?|\s+# buildkit(?:\.dockerfile\.v0)?$"
)
_KEYWORD = re.compile(r"[A-Z]{3,} ")


def instruction(created_by: str) -> str:
    """A history entry as it was written; "" for a file system that was imported."""
    text = clean(" ".join(created_by.split()))
    command = _NOISE.sub("", text)
    if not command or _KEYWORD.match(command) or "(nop)" in text:
        return command
    return f"RUN {command}"


def lines(dockerfile: Dockerfile, history: Sequence[str], target: str = "") -> list[Instruction | None]:
    """For each entry of a history, from the base up, the instruction of the Dockerfile that made it; None: none of it did.

    Every instruction but FROM makes one entry, the last one the last. What does not look like the entry is not taken: the
    Dockerfile may be another than the image was built from.
    """
    stage = dockerfile.stage(target)
    made = [*_chain(dockerfile, stage)] if stage is not None else []
    found: list[Instruction | None] = [None] * len(history)
    for offset, one in enumerate(reversed(made), 1):
        if offset > len(history):
            break
        if _looks_like(instruction(history[-offset]), one):
            found[-offset] = one
    return found


def _chain(dockerfile: Dockerfile, stage: Stage) -> Iterator[Instruction]:
    """The instructions of a stage behind those of the stages that it is made from."""
    below = next((other for other in dockerfile.stages[: stage.index] if other.name and other.name == stage.base.lower()), None)
    if below is not None:
        yield from _chain(dockerfile, below)
    yield from stage.instructions


def _looks_like(entry: str, one: Instruction) -> bool:
    keyword = entry.partition(" ")[0]
    if keyword != one.keyword:
        return False
    if keyword != "RUN" or one.heredocs:
        return True  # their variables are expanded in the entry
    words = "".join(one.words if one.exec_form else one.arguments.split())
    return words in "".join(entry.split())
