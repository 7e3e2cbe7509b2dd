"""How much processor and memory a job's nodes use, as the API shows it: averages of minutes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

MINUTE = 60.0


class Minutes:
    """The samples of one node since ``began`` (seconds since the epoch); ``kept``: what ``averages`` gave before."""

    def __init__(self, began: float, kept: Mapping[str, Sequence[float]] | None = None) -> None:
        self._began = began
        self._sums: dict[str, list[list[float]]] = {
            name: [[value] if value >= 0 else [] for value in (kept or {}).get(name, ())] for name in ("cpuUsage", "memUsage")
        }

    @property
    def minute(self) -> int:
        """The number of the minute that is running."""
        return int((time.time() - self._began) // MINUTE)

    def add(self, name: str, value: float) -> None:
        """One sample."""
        series = self._sums[name]
        while len(series) <= self.minute:
            series.append([])
        series[self.minute].append(value)

    def averages(self) -> dict[str, list[float]]:
        """What the API shows: -1 for a minute without a sample."""
        return {
            name: [round(sum(values) / len(values), 3) if values else -1 for values in series]
            for name, series in self._sums.items()
        }
