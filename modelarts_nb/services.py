"""A program of ours that outlives the command that started it: a pid file that is believed only with proof.

A pid alone is not enough to signal a process: it may have ended and its number may belong to somebody else's by now.
So the start time of the process (``/proc/PID/stat``, field 22) is kept beside the pid.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import SandboxError

STOP_SECONDS = 20
LOG_LINES = 8


@dataclass(frozen=True)
class Service:
    """One program: ``folder`` holds its pid file and its log."""

    name: str
    folder: Path

    @property
    def log(self) -> Path:
        """What it printed."""
        return self.folder / f"{self.name}.log"

    def pid(self) -> int:
        """The pid of the running program; 0 where it does not run."""
        try:
            pid, started = (self.folder / f"{self.name}.pid").read_text().split()
        except (OSError, ValueError):
            return 0
        return int(pid) if started == start_time(int(pid)) else 0

    def start(
        self, command: Sequence[str], ready: Callable[[], bool], seconds: float = 60,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start it, with variables besides our own, and wait until ``ready``.

        Raises SandboxError with the end of its log when it ends before that.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.log.open("ab") as log:
            program = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=self.folder,
                env={**os.environ, **(environment or {})},
            )
        (self.folder / f"{self.name}.pid").write_text(f"{program.pid} {start_time(program.pid)}")
        deadline = time.monotonic() + seconds
        while not ready():
            if program.poll() is not None or time.monotonic() > deadline:
                self.stop()
                said = "ended" if program.poll() is not None else f"did not come up within {seconds:.0f} s"
                raise SandboxError(f"{command[0]} {said}. The end of its log ({self.log}):\n{self.last_words()}")
            time.sleep(0.05)
        program.returncode = 0  # it is meant to outlive this command: Popen need not warn that it still runs

    def stop(self) -> None:
        """Stop it and wait until it has ended: asked first, killed after ``STOP_SECONDS``."""
        pid = self.pid()
        if pid:
            for number in (signal.SIGTERM, signal.SIGKILL):
                os.kill(pid, number)
                if _ended(pid, STOP_SECONDS):
                    break
            else:
                raise SandboxError(f"{self.name} (pid {pid}) does not end.")
        (self.folder / f"{self.name}.pid").unlink(missing_ok=True)

    def last_words(self) -> str:
        """The last lines of its log."""
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(f"  {line[:400]}" for line in lines[-LOG_LINES:])


def start_time(pid: int) -> str:
    """When the process started, in clock ticks since boot; "" where there is none, or only its remains."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def _ended(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while start_time(pid):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)  # a child of this very process stays a zombie until it is waited for
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
