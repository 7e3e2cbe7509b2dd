"""Places in object storage in a run on this machine: what is read is brought first, what was written is sent at the end."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import paths
from ..events import Event
from ..training.obspath import ObsPath
from .logins import account

Steps = Generator[Event | None, None, None]


@dataclass
class Remote:
    """Copies on this machine of places in object storage: (place, folder) of what is read, and of what is written."""

    who: Any = None
    reads: list[tuple[ObsPath, Path]] = field(default_factory=list)
    writes: list[tuple[ObsPath, Path]] = field(default_factory=list)

    def bring(self) -> Steps:
        """Bring what is read; what is no longer there leaves the copy too."""
        from .. import workflows

        for place, folder in self.reads:
            kept = set((yield from workflows.bring(self.who, place, folder)).kept)
            for path in sorted(folder.rglob("*"), reverse=True):
                if not path.is_dir() and path not in kept:
                    path.unlink()

    def send(self) -> Steps:
        """Send what was written."""
        from .. import workflows

        for place, folder in self.writes:
            yield from workflows.send(self.who, folder, place, str(place))


def local(options: Mapping[str, Any]) -> tuple[dict[str, Any], Remote]:
    """The options of a run with folders of this machine for every ``ObsPath``, and what moves them. Raises SettingsError."""
    remote, found = Remote(), dict(options)
    if isinstance(found.get("code"), ObsPath):
        found["code"] = _copy(remote.reads, found["code"], fresh=False)
    for kind, moved in (("inputs", remote.reads), ("outputs", remote.writes)):
        found[kind] = {
            name: _copy(moved, place, fresh=kind == "outputs") if isinstance(place, ObsPath) else place
            for name, place in (found.get(kind) or {}).items()
        }
    if remote.reads or remote.writes:
        remote.who = account()
    return found, remote


def _copy(moved: list[tuple[ObsPath, Path]], place: ObsPath, *, fresh: bool) -> Path:
    name = place.key.rpartition("/")[2] or place.bucket
    above = paths.folder("obs", "copies", hashlib.sha256(f"{fresh}\0{place}".encode()).hexdigest()[:16])
    if fresh:
        shutil.rmtree(above / name, ignore_errors=True)
    (above / name).mkdir(exist_ok=True)
    moved.append((place, above / name))
    return above / name
