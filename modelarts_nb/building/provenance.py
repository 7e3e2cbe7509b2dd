"""What an image's labels say of where it came from: which notebook, which commit, which Dockerfile. No user, no path, no time.

All of it follows from what is built, so that building it again gives the same labels and, with them, the same digest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

from ..dockerfile import Dockerfile

REVISION = "org.opencontainers.image.revision"  # the OCI image specification's own name (annotations.md)
NOTEBOOK, MODIFIED, DOCKERFILE = "modelarts-nb.notebook", "modelarts-nb.modified", "modelarts-nb.dockerfile"


@dataclass(frozen=True)
class Origin:
    """Where a Dockerfile stands: ``notebook``, a file's name ("": none is known); ``revision``, the commit that is checked out
    there ("": none); ``modified``: the Dockerfile, or a file that it takes, is not what that commit holds."""

    notebook: str = ""
    revision: str = ""
    modified: bool = False


def labels(dockerfile: Dockerfile, origin: Origin) -> dict[str, str]:
    """The labels, but those that the Dockerfile's last stages set themselves: a person's word stands."""
    found = {DOCKERFILE: f"sha256:{hashlib.sha256(dockerfile.text.encode(errors='surrogateescape')).hexdigest()}"}
    if origin.notebook:
        found[NOTEBOOK] = PurePath(origin.notebook).name
    if origin.revision:
        found |= {REVISION: origin.revision, MODIFIED: "true" if origin.modified else "false"}
    own = {word.partition("=")[0].strip("\"'") for stage in dockerfile.stages for made in stage.instructions
           if made.keyword == "LABEL" for word in made.words}
    return {name: value for name, value in found.items() if name not in own}


def holds(notebook: str, text: str) -> bool:
    """Whether a notebook, as JSON, has a ``%%dockerfile`` cell with that text."""
    try:
        cells = json.loads(notebook)["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell.get("cell_type") == "code"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return False
    bodies: Mapping[str, None] = dict.fromkeys(
        source.partition("\n")[2].rstrip("\n") for source in sources if source.lstrip().startswith("%%dockerfile")
    )
    return text.rstrip("\n") in bodies
