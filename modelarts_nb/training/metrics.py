"""The numbers that a training prints, as series: ``loss=0.3``, ``epoch 2/10 acc: 0.91``, ``{"step": 5, "val_loss": 0.2}``."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_NAMES = (
    r"loss|acc(?:uracy)?|f1|auc|precision|recall|err(?:or)?|perplexity|ppl|bleu|rouge\w*|mae|mse|rmse|mape|m?ap|m?iou|dice|score|"
    r"reward|lr|learning[_ ]rate|top[_-]?[15]|r2|psnr|ssim|wer|cer"
)
_NUMBER = r"[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|\.\d+(?:e[-+]?\d+)?|nan|inf(?:inity)?)"
# A metric's name may stand behind others (val_loss, train/loss, eval-acc); between it and its number “=”, “:” or blanks
_PAIR = re.compile(
    rf"(?<![\w./-])(?P<name>(?:[a-z]\w*[./_ -])?(?:{_NAMES})(?:[@_/-]?\w*)?)(?:\s*[=:]\s*|\s+)(?P<value>{_NUMBER})"
    r"(?P<percent>\s*%)?(?![\w.]*/)(?!\w)",
    re.IGNORECASE,
)
_EPOCH = re.compile(r"\bepochs?\b[\s:=#\[(]*(\d+)(?:\s*(?:/|of)\s*(\d+))?", re.IGNORECASE)
_STEP = re.compile(r"\b(?:global_?step|step|iter(?:ation)?|batch)\b[\s:=#\[(]*(\d+)", re.IGNORECASE)
_WORTH = re.compile(rf"{_NAMES}|epoch", re.IGNORECASE)
SERIES = 8  # that are followed, the first that come
POINTS = 400  # of a series; then every other one goes
HUGE = 1e100  # above it, it has run away
LINE = 2_000  # characters of a line that are looked at


@dataclass
class Series:
    """One metric. ``points`` are (place, value), ``places`` what the place counts: ``epoch``, ``step`` or ``line``.

    ``broken``: the place at which it stopped to be a number, None while it is one.
    """

    name: str
    places: str
    source: str
    points: list[tuple[float, float]] = field(default_factory=list)
    broken: float | None = None
    _every: int = 1
    _seen: int = 0

    def add(self, place: float | None, value: float) -> None:
        """One more value; without a place it is the next one."""
        self._seen += 1
        where = float(self._seen) if place is None else place
        if math.isnan(value) or abs(value) > HUGE:
            self.broken = where if self.broken is None else self.broken
            return
        self.broken = None
        if self.points and self.points[-1][0] == where:
            self.points[-1] = (where, value)  # the last word on that epoch
        elif self._seen % self._every == 0 or not self.points:
            self.points.append((where, value))
        if len(self.points) > POINTS:
            self.points = self.points[::2]
            self._every *= 2


class Metrics:
    """Lines in, series out. ``progress`` is (epoch, of how many), as last told; ``version`` grows with every change."""

    def __init__(self) -> None:
        self.series: dict[str, Series] = {}
        self.progress: tuple[int, int] | None = None
        self.version = 0
        self._epoch: dict[str, float] = {}

    def feed(self, source: str, line: str) -> None:
        """One line that ``source`` printed. Of several nodes, the first that tells a metric is the one that is followed."""
        if not _WORTH.search(line[:LINE]):
            return
        line = line[:LINE]
        told = _json(line)
        epoch, of, step = _places(line, told)
        if epoch is not None:
            self._epoch[source] = epoch
            if of:
                self.progress = (int(epoch), of)
                self.version += 1
        for name, value in _values(line, told):
            series = self.series.get(name)
            if series is None:
                if len(self.series) >= SERIES:
                    continue
                places = "step" if step is not None else "epoch" if epoch is not None else "line"
                series = self.series[name] = Series(name, places, source)
            if series.source == source:
                place = {"step": step, "epoch": epoch if epoch is not None else self._epoch.get(source)}.get(series.places)
                series.add(place, value)
                self.version += 1


def _json(line: str) -> Mapping[str, object]:
    text = line.strip()
    if not (text.startswith("{") and text.endswith("}")):
        return {}
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _places(line: str, told: Mapping[str, object]) -> tuple[float | None, int, float | None]:
    """(epoch, of how many or 0, step)."""
    epoch, step = _EPOCH.search(line), _STEP.search(line)
    numbers = {name: float(value) for name, value in told.items() if isinstance(value, (int, float))}
    found = numbers.get("epoch", float(epoch[1][:9]) if epoch else None)
    at = next((numbers[name] for name in ("step", "global_step", "iter", "iteration") if name in numbers), None)
    if at is None and step and not told:
        at = float(step[1][:12])
    return found, int(epoch[2][:9]) if epoch and epoch[2] else 0, at


def _values(line: str, told: Mapping[str, object]) -> Iterator[tuple[str, float]]:
    if told:
        for name, value in told.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool) and _WORTH.search(name) and name != "epoch":
                yield name[:40], float(value)
        return
    for found in _PAIR.finditer(line):
        value = float(found["value"])
        yield found["name"].strip(" -/_")[:40], value / 100 if found["percent"] else value
