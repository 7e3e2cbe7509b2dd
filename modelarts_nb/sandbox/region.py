"""The sandbox: what a region is to a notebook, on this machine. Today a registry and a base image in it.

``modelarts-nb sandbox up|status|down``. The registry (Distribution) listens on loopback only.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from .. import paths
from ..engine import images
from ..engine.discovery import Engine
from ..errors import RegistryError, SandboxError
from ..packages import need
from ..reference import parse_reference
from ..registry import client as registry
from ..services import Service
from . import base_image

DEFAULT_PORT = 5005


@dataclass(frozen=True)
class SandboxStatus:
    """Whether the sandbox runs, and where: the registry's host and port, and the reference of the base image in it."""

    running: bool
    registry: str = ""
    base_image: str = ""
    recipe: str = ""
    pid: int = 0
    data: str = ""


def status() -> SandboxStatus:
    """How the sandbox stands."""
    pid = _service().pid()
    try:
        kept = json.loads(_state().read_text())
    except (OSError, ValueError):
        kept = {}
    return SandboxStatus(**{**asdict(SandboxStatus(False)), **kept, "running": bool(pid), "pid": pid, "data": str(_data())})


def up(
    engine: Engine, *, port: int = 0, base: str = "", install: bool = True, say: Callable[[str], None] = lambda text: None
) -> SandboxStatus:
    """Start the registry and see that the base image is in it. Raises SandboxError.

    ``port`` 0: the one it had before, else 5005. ``base``: make the base image from this image of the Engine.
    """
    before = status()
    port = port or int(before.registry.rpartition(":")[2] or DEFAULT_PORT)
    host = f"localhost:{port}"
    if before.running and before.registry != host:
        _service().stop()
        before = replace(before, running=False)
    if not before.running:
        _start(port, install=install, say=say)
    fingerprint = base_image.recipe(os.environ, base)
    reference = parse_reference(f"{host}/{base_image.REPOSITORY}:{base_image.TAG}")
    now = SandboxStatus(True, host, str(reference), fingerprint)
    if not (before.recipe == fingerprint and before.registry == host and _served(str(reference))):
        image = base_image.find(engine, fingerprint) or base_image.make(engine, fingerprint, base, install=install, say=say)
        say(f"pushing {reference}")
        images.tag(engine, image, reference)
        for _ in images.push(engine, reference):
            pass
    elif not images.exists(engine, str(reference)) and (found := base_image.find(engine, fingerprint)):
        images.tag(engine, found, reference)
    kept = {"registry": now.registry, "base_image": now.base_image, "recipe": now.recipe}
    _state().write_text(json.dumps(kept))
    return status()


def down(*, purge: bool = False) -> None:
    """Stop the registry. What was pushed to it stays on disk unless ``purge``."""
    _service().stop()
    if purge:
        shutil.rmtree(paths.home() / "sandbox", ignore_errors=True)


def _served(reference: str) -> bool:
    try:
        registry.read_manifest(parse_reference(reference))
    except RegistryError as error:
        if error.status == 404:
            return False
        raise
    return True


def _start(port: int, *, install: bool, say: Callable[[str], None]) -> None:
    program = need("docker-registry", ("docker-registry",), install=install, say=say)
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise SandboxError(
                f"Port {port} on this machine is taken by another program.",
                f"Choose another: `modelarts-nb sandbox up --port {port + 1}`.",
            )
    configuration = {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(_data())}, "delete": {"enabled": True}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    path = paths.folder("sandbox") / "registry.yml"
    path.write_text(json.dumps(configuration))  # JSON is YAML
    say(f"starting the registry on localhost:{port}")

    def answers() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    _service().start([program, "serve", str(path)], answers)


def _service() -> Service:
    return Service("registry", paths.home() / "sandbox")


def _state() -> Path:
    return paths.home() / "sandbox" / "sandbox.json"


def _data() -> Path:
    return paths.home() / "sandbox" / "registry"
