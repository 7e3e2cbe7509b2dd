"""Where the sandbox's practice registry is, as the sandbox noted it: for the form and for completion, which must not wait until
the sandbox itself is imported."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import paths


@dataclass(frozen=True)
class Here:
    """A registry that listens, and the base image in it."""

    registry: str
    base_image: str


def file() -> Path:
    """The note; it need not exist."""
    return paths.home() / "sandbox" / "sandbox.json"


def read(path: Path) -> dict[str, Any]:
    """A file of ours; {} where there is none yet, or it is not as we wrote it."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def here() -> Here | None:
    """The practice registry, where it listens; None: there is none."""
    noted = read(file())
    registry, base = noted.get("registry"), noted.get("base_image")
    port = registry.rpartition(":")[2] if isinstance(registry, str) else ""
    if not isinstance(base, str) or not base or not port.isdigit():
        return None
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return Here(str(registry), base) if probe.connect_ex(("127.0.0.1", int(port))) == 0 else None
