"""The sandbox's processes: the practice registry, the region's registry on a Unix socket, and the server in front of it."""

from __future__ import annotations

import http.client
import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import paths
from ..errors import SandboxError
from ..messages import t
from ..packages import need
from ..services import Service
from .state import write_private
from .web import LOOPBACK, MARK

DEFAULT_PORT = 5005
PORTS = ("registry", "api", "swr", "obs")  # one behind the other
_SOCKET_LENGTH = 100  # a Unix socket's path has 107 bytes at the most


def folder() -> Path:
    """Where the sandbox keeps everything; it need not exist."""
    return paths.home() / "sandbox"


def owner() -> str:
    """What the containers of this sandbox's jobs are marked with."""
    return f"sandbox {folder()}"


def service(name: str) -> Service:
    """One of the processes: “registry”, “swr-registry”, “region”."""
    return Service(name, folder())


def pids() -> dict[str, int]:
    """The pid of each process; 0 where it does not run."""
    return {name: service(name).pid() for name in ("registry", "swr-registry", "region")}


def stop() -> None:
    """Stop them all, the server first."""
    for name in ("region", "swr-registry", "registry"):
        service(name).stop()
    socket_path().unlink(missing_ok=True)


def data(name: str = "registry") -> Path:
    """Where a registry keeps its images."""
    return folder() / name


def socket_path() -> Path:
    """The socket of the region's registry."""
    here = folder() / "swr.sock"
    if len(str(here).encode()) <= _SOCKET_LENGTH:
        return here
    return paths.runtime().with_name(f"{paths.runtime().name}-swr") / "swr.sock"


def start(port: int, engine: str, *, install: bool, say: Callable[[str], None]) -> None:
    """Start what does not run, on ``port`` and the ports behind it. Raises SandboxError."""
    running = pids()
    services = ("docker-registry.service",)
    program = need("docker-registry", ("docker-registry",), install=install, say=say, services=services)
    for offset, name in enumerate(PORTS):
        if not running["registry" if name == "registry" else "region"]:
            check(port + offset)
    if not running["registry"]:
        say(t("starting the registry on localhost:{port}", port=port))
        _start_registry(program, "registry", {"addr": f"{LOOPBACK}:{port}"}, lambda: _answers(port, 200))
    if not running["swr-registry"]:
        path = socket_path()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.unlink(missing_ok=True)
        _start_registry(program, "swr-registry", {"addr": str(path), "net": "unix"}, path.exists)
    _start_server(port, engine, say)


def _start_registry(program: str, name: str, http_: dict[str, str], ready: Callable[[], bool]) -> None:
    configuration: dict[str, Any] = {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(data(name))}, "delete": {"enabled": True}},
        "http": http_,
    }
    path = paths.folder("sandbox") / f"{name}.yml"
    path.write_text(json.dumps(configuration))  # JSON is YAML
    # REGISTRY_… variables would overrule the file
    environment = {variable: value for variable, value in os.environ.items() if not variable.startswith("REGISTRY_")}
    service(name).start([program, "serve", str(path)], ready, environment=environment)


def _start_server(port: int, engine: str, say: Callable[[str], None]) -> None:
    configuration = {"port": port, "engine": engine, "socket": str(socket_path())}
    path = paths.folder("sandbox") / "server.json"
    if service("region").pid():
        if path.exists() and json.loads(path.read_text()) == configuration:
            return
        service("region").stop()  # another Engine runs the jobs from now on
    write_private(path, json.dumps(configuration).encode())
    say(t("starting region sandbox on {address}", address=f"{LOOPBACK}:{port + 1}"))
    command = [sys.executable, "-m", "modelarts_nb.sandbox.server", str(folder())]
    service("region").start(command, lambda: _answers(port + 1, 401))


def _answers(port: int, status: int) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=2)
    try:
        connection.request("GET", "/v2/")
        answer = connection.getresponse()
        return answer.status == status and (status == 200 or answer.getheader(MARK[0]) == MARK[1])
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def check(port: int) -> None:
    """Raise SandboxError unless a program of this user can listen on that port now."""
    if not 0 < port < 65536:
        raise SandboxError(
            t("{port} is no port.", port=port), t("Choose one from 1024 to 65532: `modelarts-nb sandbox up --port N`.")
        )
    reason = _bind(port)
    if reason:
        candidates = range(port + 1, 65536 - len(PORTS))
        other = next((first for first in candidates if not any(map(_bind, range(first, first + len(PORTS))))), DEFAULT_PORT)
        raise SandboxError(
            t("Port {port} of this machine cannot be used: {reason}.", port=port, reason=reason),
            t("Choose another: `modelarts-nb sandbox up --port {port}`.", port=other),
        )


def _bind(port: int) -> str:
    """Why the port cannot be listened on; "" where it can."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the registry does
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            return error.strerror or str(error)
    return ""
