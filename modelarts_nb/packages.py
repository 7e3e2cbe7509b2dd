"""Programs from the distribution's packages: Debian and Ubuntu, as root."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence

from .errors import SandboxError


def need(program: str, packages: Sequence[str], *, install: bool, say: Callable[[str], None]) -> str:
    """The path of ``program``; where it is missing, ``packages`` are installed, which ``say`` says first.

    Raises SandboxError where that is not wanted or not possible.
    """
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"  # root's own tools, for a user whose PATH leaves them out
    found = shutil.which(program, path=path)
    if found:
        return found
    command = f"apt-get install -y --no-install-recommends {' '.join(packages)}"
    if not install or os.getuid() != 0 or shutil.which("apt-get") is None:
        raise SandboxError(f"{program} is not installed.", f"Install it: on Debian or Ubuntu, as root: {command}")
    say(f"{program} is not installed: {command}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["apt-get", "update", "-qq"], command.split()):
        done = subprocess.run(words, env=environment, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode:
            raise SandboxError(f"`{' '.join(words)}` failed:\n{done.stderr.strip()[-1500:]}")
    found = shutil.which(program, path=path)
    if not found:
        raise SandboxError(f"{program} is still missing after: {command}")
    return found
