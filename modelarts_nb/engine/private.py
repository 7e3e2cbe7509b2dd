"""A private Docker Engine: a socket, a data folder and a bridge of its own, touching no other Engine.

``modelarts-nb engine up|status|down``. It needs root and ``dockerd``. No rule of the host's firewall is changed and nothing is
forwarded, so that containers on its networks reach each other and nothing else; ``RUN`` steps get the host's network
(label ``modelarts-nb.build-network``).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .. import paths
from ..errors import SandboxError
from ..packages import need
from ..services import Service, start_time

PACKAGES = ("docker.io", "iptables", "ca-certificates")
# BuildKit keeps 2 MiB of a step's output and 200 kB of each second, and drops the rest, unless it is told otherwise
UNCLIPPED = {"BUILDKIT_STEP_LOG_MAX_SIZE": "-1", "BUILDKIT_STEP_LOG_MAX_SPEED": "-1"}
LABELS = ("modelarts-nb=private", "modelarts-nb.build-network=host")


@dataclass(frozen=True)
class EngineStatus:
    """Whether the private Engine runs, and where."""

    running: bool
    url: str
    pid: int = 0
    data: str = ""


def url() -> str:
    """Where the private Engine listens; "" where there is none that runs."""
    found = status()
    return found.url if found.running else ""


def status() -> EngineStatus:
    """How the private Engine stands."""
    pid = _service().pid()
    return EngineStatus(bool(pid), f"unix://{_socket()}", pid, str(_data()))


def up(*, install: bool = True, say: Callable[[str], None] = lambda text: None) -> EngineStatus:
    """Start it unless it runs. Raises SandboxError saying why not and what to do.

    ``install``: where ``dockerd`` is missing, install it from the distribution's packages (which ``say`` says first).
    """
    if status().running:
        return status()
    if os.getuid() != 0:
        raise SandboxError(
            "A private Engine needs root.",
            "Use an Engine of your own (DOCKER_HOST, Docker Desktop, rootless Docker), or run `sudo modelarts-nb engine up`.",
        )
    dockerd = need("dockerd", PACKAGES, install=install, say=say)
    _clean()  # what a crashed one left
    for folder in (_data(), paths.runtime()):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _bridge_up()
    command = [
        dockerd, "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--bridge", _bridge(),
        "--data-root", str(_data()), "--exec-root", str(paths.runtime() / "exec"), "--host", f"unix://{_socket()}",
        "--pidfile", str(paths.runtime() / "dockerd.pid"), *(f"--label={label}" for label in LABELS),
        "--default-address-pool", f"base={_networks()},size=24", "--insecure-registry", "127.0.0.0/8",
    ]
    say("starting a private Docker Engine")
    try:
        _service().start(command, _answers, environment=UNCLIPPED)
    except SandboxError:
        _clean()
        raise
    return status()


def down(*, purge: bool = False) -> None:
    """Stop it. Nothing of it runs or is mounted afterwards; images and containers stay on disk unless ``purge``."""
    _service().stop()
    _clean()
    if purge:
        shutil.rmtree(_data(), ignore_errors=True)
        _service().log.unlink(missing_ok=True)


def _service() -> Service:
    return Service("dockerd", paths.home() / "engine")


def _data() -> Path:
    return paths.home() / "engine" / "data"


def _socket() -> Path:
    return paths.runtime() / "docker.sock"


def _bridge() -> str:
    return f"manb-{paths.runtime().name}"  # an interface's name has 15 characters at the most


def _slot() -> int:
    """A number from 0 to 31 that belongs to this home, so that two private Engines have networks of their own."""
    return int(paths.runtime().name, 16) % 32


def _networks() -> str:
    return f"10.{211 + _slot() // 16}.{_slot() % 16 * 16}.0/20"


def _bridge_up() -> None:
    address = f"10.213.{_slot()}.1/24"
    if not Path("/sys/class/net", _bridge()).exists():
        _ip("link", "add", _bridge(), "type", "bridge")
        _ip("address", "add", address, "dev", _bridge())
    _ip("link", "set", _bridge(), "up")


def _ip(*words: str) -> None:
    program = need("ip", ("iproute2",), install=True, say=lambda text: None)
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SandboxError(f"`ip {' '.join(words)}` failed: {done.stderr.strip()}")


def _answers() -> bool:
    """Whether the Engine answers a ping, asked without docker-py: nothing is to be logged or retried here."""
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as connection, contextlib.suppress(OSError):
        connection.settimeout(2)
        connection.connect(str(_socket()))
        connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: d\r\n\r\n")
        return b" 200 " in connection.recv(64)
    return False


def _clean() -> None:
    """Remove what an Engine leaves behind when it ends, or when it was killed: containerd, mounts, sockets, the bridge."""
    _kill_leftovers()
    own = (f"{_data()}/", f"{paths.runtime()}/")
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in sorted((m for m in mounts if f"{m}/".startswith(own)), key=len, reverse=True):
        subprocess.run(["umount", "-l", mount], capture_output=True, check=False)
    shutil.rmtree(paths.runtime(), ignore_errors=True)
    if Path("/sys/class/net", _bridge()).exists():
        _ip("link", "delete", _bridge())


def _kill_leftovers() -> None:
    """End what outlives an Engine that was killed: its containerd and shims, which name our own exec folder in their
    command line, and the processes of its containers, whose cgroups name a container of our own data folder."""
    mark = str(paths.runtime() / "exec").encode()
    containers = [folder.name.encode() for folder in (_data() / "containers").glob("*")]
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended
            words = (folder / "cmdline").read_bytes().split(b"\0")
            ours = b"containerd" in words[0] and any(mark in word for word in words)
            if ours or (containers and any(name in (folder / "cgroup").read_bytes() for name in containers)):
                found.append(int(folder.name))
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while any(start_time(pid) for pid in found) and time.monotonic() < deadline:
        time.sleep(0.05)
