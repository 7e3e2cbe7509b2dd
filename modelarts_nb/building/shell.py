"""A shell in a container: what to start it from, as values."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..dockerfile import Instruction
from .request import BuildRequest

LONGEST = 100_000  # bytes of a script; Linux takes 128 KiB in one argument (execve(2), MAX_ARG_STRLEN)
STATE = "/tmp/.modelarts-nb-shell"  # noqa: S108  # in the container: where its exported variables and folder are kept
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "busybox", "zsh", "ksh"})
# One line before the script's own, so that the line numbers in a shell's messages are those of the %%shell cell
_BEFORE = (
    f"{{ echo $$ >{STATE}.pid; }} 2>/dev/null; export PWD; [ -f {STATE} ] && . {STATE} && cd \"$PWD\"; "
    f"trap 'modelarts_nb=$?; export -p >{STATE} 2>/dev/null; exit $modelarts_nb' EXIT"
)
# Ends what the last script started: asked first, then made to
STOP = (
    "/bin/sh", "-c",
    f"p=$(cat {STATE}.pid) && kill -s TERM -- -$p && for i in 1 2 3 4 5; do sleep 0.2; kill -s 0 -- -$p || exit 0; done; "
    "kill -s KILL -- -$p",
)


@dataclass(frozen=True)
class FailedStep:
    """Where a build failed: what was to be built (without its secrets), and the instruction."""

    request: BuildRequest
    instruction: Instruction


@dataclass(frozen=True)
class Start:
    """What to start a container with. ``user`` and ``directory``: "": the image's own. ``network``: docker's network mode."""

    image: str
    name: str
    user: str = ""
    directory: str = ""
    hostname: str = ""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    network: str = "none"
    hosts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Shell:
    """An open shell: what ``%shell`` returns. ``container`` is its name, ``line`` opens it in a terminal, ``shell`` is what
    runs scripts in it. After a failed build ``failed`` is the step that failed, ``script`` what that step would have run.
    ``notes``: what is different from that step, or from the platform."""

    container: str
    job: str = field(repr=False)
    subject: str
    line: str
    user: str = ""
    shell: tuple[str, ...] = ("/bin/sh", "-c")
    failed: str = ""
    script: str = field(default="", repr=False)
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.subject}  {self.line}"


def arguments(shell: Sequence[str], script: str) -> list[str]:
    """The command that runs a script and keeps, for the next, what it exported and the folder that it was in."""
    if posixpath.basename(shell[0]) not in _SHELLS:
        return [*shell, script]
    return [*shell, f"{_BEFORE}\n{script}"]


def terminal_line(url: str, container: str, program: str, *, podman: bool) -> str:
    """What to type in a terminal on this machine."""
    default = ("unix:///var/run/docker.sock", "unix:///run/podman/podman.sock")
    command = ["podman", "--url"] if podman else ["docker", "-H"]
    where = [] if url in default else [command[1], url]
    return shlex.join([command[0], *where, "exec", "-it", container, program])
