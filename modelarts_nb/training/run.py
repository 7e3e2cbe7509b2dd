"""What a training run came to: what ``%train`` returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class NodeResult:
    """One node of a run. ``peak_memory``: the most bytes seen in samples; ``stopped``: it did not end by itself."""

    name: str
    exit_code: int
    peak_memory: int = 0
    oom_killed: bool = False
    stopped: bool = False


@dataclass(frozen=True)
class TrainingRun:
    """A finished run. Times are seconds since the epoch; ``outputs`` are the local folders by output name."""

    image: str
    contract: str
    command: str
    nodes: tuple[NodeResult, ...]
    started: float
    finished: float
    outputs: Mapping[str, Path] = field(default_factory=dict)
    log_path: str = ""

    @property
    def exit_code(self) -> int:
        """The first exit code that is not 0, else 0."""
        return next((node.exit_code for node in self.nodes if node.exit_code), 0)

    @property
    def succeeded(self) -> bool:
        """Whether every node ended with 0."""
        return self.exit_code == 0

    @property
    def seconds(self) -> float:
        """From the first start to the last end."""
        return self.finished - self.started

    @property
    def log(self) -> str:
        """Everything that the nodes printed."""
        return Path(self.log_path).read_text(encoding="utf-8", errors="replace") if self.log_path else ""
