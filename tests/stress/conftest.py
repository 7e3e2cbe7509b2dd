"""What a case writes down once all of its checks held: the rows of docs/reliability.md."""

import json
from pathlib import Path

import pytest

from .size import FULL

RESULTS = Path(__file__).parents[2] / "build" / "stress"


@pytest.fixture
def record(request):
    """record(what, times, lost, left): call it last, so that a case that failed has no row."""
    def write(what, times, lost, left):
        if not FULL:
            return
        RESULTS.mkdir(parents=True, exist_ok=True)
        name = request.node.name
        row = {"what": what, "times": times, "lost": lost, "left": left, "case": f"{request.path.name}::{name}"}
        (RESULTS / f"{request.path.stem}-{name.replace('/', '-')}.json").write_text(json.dumps(row))

    (RESULTS / f"{request.path.stem}-{request.node.name.replace('/', '-')}.json").unlink(missing_ok=True)
    return write
