"""What happens while something runs, in BuildKit's words.

Builds, pushes and training runs all speak in these values; ``trace.Trace`` folds them, views paint the trace.
A generator of events may also yield ``None``: nothing happened for a while (at most 100 ms), time to repaint the clock.

Field names and meaning follow ``moby.buildkit.v1.StatusResponse`` (moby/buildkit, api/services/control/control.proto).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Vertex:
    """One step of the graph. The same ``digest`` comes again whenever its state changes.

    ``started`` and ``completed`` are seconds since the epoch (None: not yet). ``error`` is the Engine's own text.
    """

    digest: str
    name: str
    inputs: tuple[str, ...] = ()
    started: float | None = None
    completed: float | None = None
    cached: bool = False
    error: str = ""


@dataclass(frozen=True)
class VertexStatus:
    """A counter inside a vertex, in bytes unless its name says otherwise; ``total`` 0 means unknown."""

    id: str
    vertex: str
    name: str = ""
    current: int = 0
    total: int = 0
    timestamp: float | None = None
    started: float | None = None
    completed: float | None = None


@dataclass(frozen=True)
class VertexLog:
    """A piece of output, as bytes in the order they came; a piece may end in the middle of a line or of a character."""

    vertex: str
    data: bytes
    stream: int = 1  # 1 standard output, 2 standard error
    timestamp: float | None = None


@dataclass(frozen=True)
class VertexWarning:
    """A warning of the Engine or of ours. ``ranges`` are (first, last) lines, from 1, in the Dockerfile's own text.

    ``vertex`` is empty where the warning belongs to no step.
    """

    vertex: str
    short: str
    detail: tuple[str, ...] = ()
    url: str = ""
    level: int = 1
    ranges: tuple[tuple[int, int], ...] = ()


Event = Vertex | VertexStatus | VertexLog | VertexWarning
