"""Programs from the distribution's packages: Debian and Ubuntu, as root."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from .errors import SandboxError
from .messages import t

POLICY = Path("/usr/sbin/policy-rc.d")  # asked by packages before they start a service; 101 is "do not" (invoke-rc.d(8))
LOCK = Path("/run/modelarts_nb-packages.lock")
SYSTEMD = Path("/run/systemd/system")  # there where systemd runs (sd_booted(3))


def need(
    program: str, packages: Sequence[str], *, install: bool, say: Callable[[str], None], services: Sequence[str] = ()
) -> str:
    """The path of ``program``; where it is missing, ``packages`` are installed, which ``say`` says first.

    ``services``: what these packages would run for the whole machine, now and after every boot, on ports and firewall
    rules of their own choice; that is not what was asked for, so that they are left stopped and disabled.
    Raises SandboxError where installing is not wanted or not possible.
    """
    found = _which(program)
    if found:
        return found
    command = f"apt-get install -y --no-install-recommends {' '.join(packages)}"
    if not install or os.getuid() != 0 or _which("apt-get") is None:
        raise SandboxError(
            t("{program} is not installed.", program=program),
            t("Install it: on Debian or Ubuntu, as root: {command}", command=command),
        )
    say(t("{program} is not installed: {command}", program=program, command=command))
    with _alone(), _starting_nothing():
        found = _which(program)  # another of us may have installed it while we waited
        if found:
            return found
        # One broken source among many fails the update, and need not matter to these packages
        updated = _run("apt-get", "update", "-qq")
        done = _run("apt-get", "-o", "DPkg::Lock::Timeout=120", *command.split()[1:])
    if done.returncode:
        said = "\n".join(text.strip()[-1500:] for text in (updated.stderr, done.stderr) if text.strip())
        raise SandboxError(t("`{command}` failed:", command=command) + f"\n{said}")
    if services and SYSTEMD.is_dir():
        _run("systemctl", "disable", *services)
    found = _which(program)
    if not found:
        raise SandboxError(t("{program} is still missing after: {command}", program=program, command=command))
    return found


def _which(program: str) -> str | None:
    """Where it is; root's own tools too, for a user whose PATH leaves them out."""
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One of us at a time: what stands in ``POLICY`` holds for all, and apt's lists have no lock that waits."""
    with LOCK.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _starting_nothing() -> Iterator[None]:
    if POLICY.exists():
        yield  # the machine's own policy
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    return subprocess.run(words, env=environment, capture_output=True, text=True, errors="replace", check=False)
