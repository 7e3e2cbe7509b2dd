"""Which notebook this kernel runs for, and what git says of it and of the files that a build takes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ..building import context
from ..building.provenance import Origin, holds
from ..building.request import DockerfileSource
from ..dockerfile import Dockerfile
from ..errors import CELL

# git's own settings come with a folder, and some of them name programs to run
_GIT = ("git", "--no-optional-locks", "--literal-pathspecs", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
_PATIENCE = 10.0  # seconds; a repository so large is told without


def origin(source: DockerfileSource, dockerfile: Dockerfile) -> Origin:
    """What is known of it; a machine without git, or a folder that is no repository, knows nothing of commits."""
    path = source.notebook or (Path(source.origin) if source.origin != CELL else notebook())
    folder = path.parent if path is not None else Path()
    name = path.name if path is not None and path.suffix == ".ipynb" else ""
    revision = _git(folder, "rev-parse", "--verify", "HEAD")
    if not revision:
        return Origin(name)
    return Origin(name, revision.strip(), _modified(source, dockerfile, folder, path))


def notebook() -> Path | None:
    """The notebook that this kernel was started for, where its front end says so.

    jupyter-server says it since version 2 (``JPY_SESSION_NAME``), Visual Studio Code by a variable in the notebook's own names;
    nbclient and papermill say nothing. A notebook that was renamed since keeps its old name until its kernel is restarted.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    told = str(getattr(shell, "user_ns", {}).get("__vsc_ipynb_file__", "")) or os.environ.get("JPY_SESSION_NAME", "")
    return Path(told) if told.endswith(".ipynb") else None


def _modified(source: DockerfileSource, dockerfile: Dockerfile, folder: Path, path: Path | None) -> bool:
    """Whether what is built differs from the commit: the Dockerfile's text, and the files that COPY takes. What else changed in
    the notebook does not count: it is saved with new outputs all the time."""
    if path is not None and path.suffix != ".ipynb":
        committed = _git(folder, "show", f"HEAD:./{path.name}") == source.text
    else:
        text = _git(folder, "show", f"HEAD:./{path.name}") if path is not None else None
        committed = text is not None and holds(text, source.text)
    if not committed:
        return True
    wanted = context.wanted(dockerfile) if source.context is not None else ()
    if not wanted or source.context is None:
        return False
    places = [str((source.context / name).absolute()) for name in wanted]
    changed = _git(folder, "status", "--porcelain", "--untracked-files=normal", "--", *places)
    return changed is None or bool(changed)


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints; None where it fails, or is not there."""
    environment = {**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(
            [*_GIT, *arguments], cwd=folder, env=environment, capture_output=True, timeout=_PATIENCE, check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="surrogateescape")
