"""A private Docker Engine: a socket, a data folder, a containerd and a bridge of its own, touching no other Engine.

``modelarts-nb engine up|status|down``. It needs root and ``dockerd``. No rule of the host's firewall is changed and nothing is
forwarded, so that containers on its networks reach each other and nothing else; ``RUN`` steps get the host's network
(label ``modelarts-nb.build-network``).

Two habits of dockerd would tie it to another Engine of this machine, and are switched off: it reads
``/etc/docker/daemon.json`` unless it is given a file of its own, and it shares the containerd at
``/run/containerd/containerd.sock``, containers and all, unless it is given another one.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from .. import paths
from ..errors import SandboxError
from ..messages import t
from ..packages import need
from ..services import Service, alone, ended, unmount_below

PACKAGES = ("docker.io", "iptables", "ca-certificates")
SERVICES = ("docker.service", "docker.socket", "containerd.service")
LABELS = ("modelarts-nb=private", "modelarts-nb.build-network=host")
# BuildKit drops a step's output beyond 1 or 2 MiB and 100 or 200 kB a second, by version, unless it is told otherwise.
# Engines before 23 must not be told: they take -1 for "nothing", and 1 MiB printed at once makes their progress endless
UNCLIPPED = {"BUILDKIT_STEP_LOG_MAX_SIZE": "-1", "BUILDKIT_STEP_LOG_MAX_SPEED": "-1"}
UNCLIPPED_SINCE = 23
ANSWER_SECONDS = 15  # patience with an Engine that runs already

# Where its networks may be, in the order of preference; one Engine takes a block of 4096 addresses
NETWORKS = tuple(IPv4Network(text) for text in ("10.208.0.0/14", "172.24.0.0/14", "192.168.192.0/18"))
BLOCK = 20  # bits of a block's prefix

CONTAINERD = """\
version = 2
root = "{data}/containerd/daemon"
state = "{run}/containerd/daemon"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{run}/containerd/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "{data}/containerd/opt"
"""


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
    pid = _dockerd().pid() if _containerd().pid() else 0  # without its containerd it can start no container
    return EngineStatus(bool(pid), f"unix://{_socket()}", pid, str(_data()))


def up(*, install: bool = True, say: Callable[[str], None] = lambda text: None) -> EngineStatus:
    """Start it unless it runs; it answers when this returns. Raises SandboxError saying why not and what to do.

    ``install``: where ``dockerd`` is missing, install it from the distribution's packages (which ``say`` says first).
    """
    if os.getuid() != 0 and not status().running:
        raise SandboxError(
            t("A private Engine needs root."),
            t(
                "Use an Engine that you may use (DOCKER_HOST, Docker Desktop, rootless Docker), or run the notebook as root in "
                "a container or a virtual machine of your own."
            ),
        )
    with alone(paths.folder("engine")):
        if status().running and _answering():
            return status()
        _start(install=install, say=say)
    return status()


def down(*, purge: bool = False) -> None:
    """Stop it. Nothing of it runs or is mounted afterwards; images and containers stay on disk unless ``purge``."""
    if not (paths.home() / "engine").exists():
        return
    with alone(paths.folder("engine")):
        _clean()
    if purge:
        shutil.rmtree(paths.home() / "engine", ignore_errors=True)


def free_block(taken: Iterable[IPv4Network], first: int) -> IPv4Network | None:
    """A block of ``NETWORKS`` that overlaps none of ``taken``; looked for from number ``first`` on, once around."""
    blocks = [block for network in NETWORKS for block in network.subnets(new_prefix=BLOCK)]
    used = list(taken)
    for number in range(len(blocks)):
        block = blocks[(first + number) % len(blocks)]
        if not any(block.overlaps(other) for other in used):
            return block
    return None


def _answering() -> bool:
    """Whether the one that runs answers, waited for; False: it was about to end, and has. Raises SandboxError."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while not _answers():
        if not status().running:
            return False
        if time.monotonic() > deadline:
            raise SandboxError(
                t("The private Engine (pid {pid}) runs but does not answer.", pid=status().pid),
                t("Stop it with `modelarts-nb engine down`, then start it anew. Its log: {path}", path=_dockerd().log),
            )
        time.sleep(0.1)
    return True


def _start(*, install: bool, say: Callable[[str], None]) -> None:
    dockerd = need("dockerd", PACKAGES, install=install, say=say, services=SERVICES)
    containerd = need("containerd", PACKAGES, install=install, say=say, services=SERVICES)
    ip = need("ip", ("iproute2",), install=install, say=say)
    _clean()  # what a crashed one left
    say(t("starting a private Docker Engine"))
    try:
        pool = _bridge_up(ip)
        _run_folder().mkdir(parents=True, mode=0o700)
        paths.folder("engine", "data")
        configuration = _run_folder() / "containerd.toml"
        configuration.write_text(CONTAINERD.format(data=_data(), run=_run_folder()))
        _containerd().start([containerd, "--config", str(configuration)], _containerd_socket().exists)
        _dockerd().start(_command(dockerd, pool), _answers, environment={**os.environ, **_unclipped(dockerd)})
    except BaseException:
        _clean()
        raise


def _unclipped(dockerd: str) -> dict[str, str]:
    said = subprocess.run([dockerd, "--version"], capture_output=True, text=True, check=False).stdout
    major = re.search(r"version (\d+)", said)
    return UNCLIPPED if major and int(major[1]) >= UNCLIPPED_SINCE else {}


def _command(dockerd: str, pool: IPv4Network) -> Sequence[str]:
    own = paths.folder("engine") / "daemon.json"  # the user's to edit: mirrors, proxies
    if not own.exists():
        own.write_text("{}\n")
    return [
        dockerd, "--config-file", str(own), "--containerd", str(_containerd_socket()),
        "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--bridge", _bridge(),
        "--data-root", str(_data()), "--exec-root", str(_run_folder()), "--host", f"unix://{_socket()}",
        "--pidfile", str(paths.runtime() / "dockerd.pid"), *(f"--label={label}" for label in LABELS),
        "--default-address-pool", f"base={pool},size=25", "--insecure-registry", "127.0.0.0/8",
    ]


def _dockerd() -> Service:
    return Service("dockerd", paths.home() / "engine")


def _containerd() -> Service:
    return Service("containerd", paths.home() / "engine")


def _data() -> Path:
    return paths.home() / "engine" / "data"


def _socket() -> Path:
    return paths.runtime() / "docker.sock"


def _run_folder() -> Path:
    return paths.runtime() / "exec"


def _containerd_socket() -> Path:
    return _run_folder() / "containerd" / "containerd.sock"


def _bridge() -> str:
    return f"manb-{paths.runtime().name}"  # an interface's name has 15 characters at the most


def _bridge_up(ip: str) -> IPv4Network:
    """Make the bridge, in a network that this machine has no route to; returns the addresses for other networks."""
    # The start depends on the home, so that two Engines that come up at once hardly choose the same
    block = free_block(_routes(), int(paths.runtime().name, 16))
    if block is None:
        raise SandboxError(
            t("This machine's routes leave no private network free for the Engine's bridge."),
            t(
                "`ip route` lists them; a /{bits} of one of these is needed: {networks}.",
                bits=BLOCK, networks=", ".join(map(str, NETWORKS)),
            ),
        )
    pool, rest = block.subnets(prefixlen_diff=1)
    address = next(rest.subnets(new_prefix=24))[1]
    _ip(ip, "link", "add", _bridge(), "type", "bridge")
    _ip(ip, "address", "add", f"{address}/24", "dev", _bridge())
    _ip(ip, "link", "set", _bridge(), "up")
    return pool


def _routes() -> list[IPv4Network]:
    """The networks that this machine reaches other than by its default route."""
    found = []
    for line in Path("/proc/net/route").read_text().splitlines()[1:]:
        words = line.split()
        target, mask = (int.from_bytes(bytes.fromhex(words[n]), sys.byteorder) for n in (1, 7))
        network = ipaddress.ip_network((target, mask.bit_count()))
        if mask and isinstance(network, IPv4Network):
            found.append(network)
    return found


def _ip(ip: str, *words: str) -> None:
    done = subprocess.run([ip, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SandboxError(t("`{command}` failed: {reason}", command=f"ip {' '.join(words)}", reason=done.stderr.strip()))


def _answers() -> bool:
    """Whether the Engine answers a ping, asked without docker-py: nothing is to be logged or retried here."""
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as connection, contextlib.suppress(OSError):
        connection.settimeout(2)
        connection.connect(str(_socket()))
        connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: d\r\n\r\n")
        return b" 200 " in connection.recv(64)
    return False


def _clean() -> None:
    """Stop the Engine and remove all that it keeps outside its data folder, or that one left that was killed."""
    _dockerd().stop()
    _containerd().stop()
    _kill_leftovers()
    unmount_below(paths.home() / "engine")
    unmount_below(paths.runtime())
    shutil.rmtree(paths.runtime(), ignore_errors=True)
    with contextlib.suppress(OSError):
        paths.runtime().parent.rmdir()  # unless another home uses it
    if Path("/sys/class/net", _bridge()).exists():
        _ip(need("ip", ("iproute2",), install=False, say=lambda text: None), "link", "delete", _bridge())


def _kill_leftovers() -> None:
    """End what outlives an Engine that was killed: its shims, which name our own run folder in their command line, and
    the processes of its containers, whose cgroups name a container of our own data folder."""
    mark = f"{_run_folder()}/".encode()
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
    if not ended(found, 5):
        raise SandboxError(t("Processes of the private Engine do not end: {pids}.", pids=", ".join(map(str, found))))
