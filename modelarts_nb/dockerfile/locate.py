"""Which instruction a vertex of BuildKit's trace stands for.

A vertex is named ``[2/3] RUN …``, ``[builder 2/3] …`` or ``[linux/amd64 builder 2/3] …``: the stage, which step of it, and
the instruction with its variables expanded. FROM is step 1; RUN, COPY, ADD and WORKDIR count
(moby/buildkit, dockerfile2llb/convert.go).
"""

from __future__ import annotations

import re

from .model import Dockerfile, Instruction, Stage

_NAME = re.compile(r"^\[(?:(?P<stage>[^\]]*?) )?(?P<step>\d+)/\d+\] (?P<text>.*)", re.DOTALL)
_STEPS = frozenset({"RUN", "COPY", "ADD", "WORKDIR"})


def locate(dockerfile: Dockerfile, vertex_name: str, target: str = "") -> Instruction | None:
    """The instruction; None where the vertex stands for none (``[internal] …``, ``exporting …``)."""
    found = _NAME.match(vertex_name)
    if found is None:
        return None
    words = (found["stage"] or "").split()
    stage = _stage(dockerfile, words[-1] if words and "/" not in words[-1] else "", target)
    if stage is None:
        return None
    step, text = int(found["step"]), found["text"]
    steps = [stage.origin, *(made for made in stage.instructions if made.keyword in _STEPS)]
    keyword = text.split(None, 1)[0].upper() if text.strip() else ""
    if 1 <= step <= len(steps) and steps[step - 1].keyword == keyword:
        return steps[step - 1]
    same = [made for made in steps if made.keyword == keyword and _folded(made.text) == _folded(text)]
    return same[0] if len(same) == 1 else None


def _stage(dockerfile: Dockerfile, name: str, target: str) -> Stage | None:
    if name.startswith("stage-") and name[6:].isdigit() and int(name[6:]) < len(dockerfile.stages):
        return dockerfile.stages[int(name[6:])]
    return dockerfile.stage(name or target)


def _folded(text: str) -> str:
    return " ".join(text.split())
