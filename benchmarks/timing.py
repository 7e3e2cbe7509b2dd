"""Alternating measurements in one loop, and tables of medians and ratios."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


def alternate(cases: Mapping[str, Callable[[int], object]], rounds: int) -> dict[str, list[float]]:
    """Wall seconds of each case, ``rounds`` times, one after the other in each round; each gets the round's number."""
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(rounds):
        for name, case in cases.items():
            began = time.perf_counter()
            case(number)
            seconds[name].append(time.perf_counter() - began)
    return seconds


def table(title: str, seconds: Mapping[str, list[float]], *, against: str) -> str:
    """Medians with their spread, and the ratio of each to ``against``."""
    base = statistics.median(seconds[against])
    lines = [f"\n{title}", f"{'':<34}{'median s':>10}{'min':>9}{'max':>9}{'ratio':>8}"]
    for name, values in seconds.items():
        median = statistics.median(values)
        lines.append(f"{name:<34}{median:>10.3f}{min(values):>9.3f}{max(values):>9.3f}{median / base:>8.2f}")
    return "\n".join(lines)
