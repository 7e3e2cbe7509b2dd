"""Programs of ours that outlive the command that started them, and what they may leave behind.

A pid alone is not enough to signal a process: it may have ended and its number may belong to somebody else's by now.
So the start time of the process (``/proc/PID/stat``, field 22) is kept beside the pid.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import SandboxError
from .messages import mark, t

STOP_SECONDS = 20  # dockerd gives its containers 15 s to end
LOCK_SECONDS = 300  # the first `sandbox up` downloads packages
LOG_LINES = 8
ENDED = mark("{program} ended. The end of its log ({path}):\n{log}")
SLOW = mark("{program} did not come up within {seconds} s. The end of its log ({path}):\n{log}")


@dataclass(frozen=True)
class Service:
    """One program: ``folder`` holds its pid file and its log."""

    name: str
    folder: Path

    @property
    def log(self) -> Path:
        """What it printed since it was started; one older log is kept beside it."""
        return self.folder / f"{self.name}.log"

    def pid(self) -> int:
        """The pid of the running program; 0 where it does not run."""
        try:
            pid, started = self._pid_file.read_text().split()
            return int(pid) if started == start_time(int(pid)) else 0
        except (OSError, ValueError):  # no such file, or cut short by a full disk or a crash
            return 0

    def start(
        self, command: Sequence[str], ready: Callable[[], bool], seconds: float = 60,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start it and wait until ``ready``. Raises SandboxError with the end of its log when it ends before that.

        However the wait ends before that, by an interrupt too, the program is stopped.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.suppress(FileNotFoundError):
            self.log.replace(f"{self.log}.1")  # it does not grow for ever, and its end is of this start
        try:
            with self.log.open("wb") as log:
                program = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=self.folder,
                    env=environment,
                )
        except OSError as error:
            raise SandboxError(t("{program} cannot be started: {reason}", program=command[0], reason=error.strerror)) from error
        try:
            self._pid_file.write_text(f"{program.pid} {start_time(program.pid)}")
            deadline = time.monotonic() + seconds
            while not ready():
                if program.poll() is not None or time.monotonic() > deadline:
                    text = ENDED if program.poll() is not None else SLOW
                    said = {"program": command[0], "seconds": f"{seconds:.0f}", "path": self.log, "log": self.last_words()}
                    raise SandboxError(t(text, **said))
                time.sleep(0.05)
        except BaseException:
            self.stop()
            raise
        finally:
            program.returncode = 0  # it is meant to outlive this command: Popen need not warn that it still runs

    def stop(self) -> None:
        """Stop it and wait until it has ended: asked first, killed after ``STOP_SECONDS``."""
        pid = self.pid()
        if pid:
            for number in (signal.SIGTERM, signal.SIGKILL):
                _signal(pid, number, self.name)
                if ended([pid], STOP_SECONDS):
                    break
            else:
                raise SandboxError(t("{name} (pid {pid}) does not end.", name=self.name, pid=pid))
        self._pid_file.unlink(missing_ok=True)

    def last_words(self) -> str:
        """The last lines of its log."""
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(f"  {line[:400]}" for line in lines[-LOG_LINES:])

    @property
    def _pid_file(self) -> Path:
        return self.folder / f"{self.name}.pid"


def start_time(pid: int) -> str:
    """When the process started, in clock ticks since boot; "" where there is none, or only its remains.

    A first thread that has ended is no end yet: as long as another one lives, so do its ports and mounts.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if not fields or (fields[0] in "ZX" and int(fields[17]) <= 1) else fields[19]


def ended(pids: Sequence[int], seconds: float) -> bool:
    """Whether these processes have all ended, once they have or ``seconds`` have passed."""
    deadline = time.monotonic() + seconds
    while any(start_time(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    for pid in pids:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)  # a child of this very process stays a zombie until it is waited for
    return True


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One process at a time inside; another one waits. Raises SandboxError when that takes ``LOCK_SECONDS``."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "lock").open("w") as lock:  # the kernel lets go of it with the process that holds it
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise SandboxError(
                        t(
                            "Another modelarts-nb has been at work in {folder} for {minutes} minutes.",
                            folder=folder, minutes=LOCK_SECONDS // 60,
                        ),
                        t("Look for it with `ps aux | grep modelarts-nb`, end it, and try again."),
                    ) from error
                time.sleep(0.1)
            else:
                break
        yield


def unmount_below(folder: Path) -> None:
    """Unmount everything at and below ``folder``, the innermost first. Raises SandboxError when something stays mounted."""
    for mount in sorted(_mounts_below(folder), key=len, reverse=True):
        # Lazily: a process that has just been killed may hold it for a moment longer
        subprocess.run(["umount", "--lazy", mount], capture_output=True, check=False)
    left = _mounts_below(folder)
    if left:
        raise SandboxError(
            t("{path} is still mounted.", path=left[0]), t("Unmount it (as root: `umount --lazy`), and try again.")
        )


def _mounts_below(folder: Path) -> list[str]:
    own = f"{folder.resolve()}/"
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines()]
    # Spaces, tabs, line ends and backslashes are written as three octal digits (proc(5), mountinfo)
    plain = [re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), point) for point in points]
    return [point for point in plain if f"{point}/".startswith(own)]


def _signal(pid: int, number: int, name: str) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return  # it has just ended
    except PermissionError as error:
        raise SandboxError(
            t("{name} (pid {pid}) belongs to another user.", name=name, pid=pid),
            t("Stop it as that user; as root: `sudo -E modelarts-nb …`."),
        ) from error
