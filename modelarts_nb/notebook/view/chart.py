"""The metrics of a training as a picture: inline SVG without scripts, and the same in words for who cannot see it."""

from __future__ import annotations

import html
from collections.abc import Sequence

from ...messages import mark, t
from ...training.metrics import Metrics, Series

WIDTH, HEIGHT = 480, 160
LEFT, RIGHT, TOP, BOTTOM = 44, 356, 14, 128  # of the drawing; the names stand to its right
SHOWN = 4
NEAR = 20  # series whose largest values differ by less than this factor share one scale
GAP = 14  # between two names
_COLOURS = ("var(--ma-accent,#1565c0)", "var(--ma-ok,#2e7d32)", "var(--ma-a5,#8e24aa)", "var(--ma-warn,#8a4b00)")
_DASHES = ("", "5 3", "2 3", "8 3 2 3")
PLACES = {"epoch": mark("epoch"), "step": mark("step"), "line": mark("value")}


def draw(metrics: Metrics) -> str:
    """The picture with its caption; "" while there is nothing to draw."""
    series = [one for one in metrics.series.values() if len(one.points) > 1 or one.broken is not None][:SHOWN]
    drawn = [one for one in series if len(one.points) > 1]
    if not drawn:
        return ""
    words = html.escape(" · ".join(_told(one) for one in series))
    label = html.escape(t("Metrics by {place}", place=t(PLACES[drawn[0].places])))
    return (
        f'<div class="ma-chart"><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" xmlns="http://www.w3.org/2000/svg">'
        f"<title>{label}</title><desc>{words}</desc>{_lines(drawn)}</svg>"
        f'<div class="ma-dim">{words}</div></div>'
    )


def _told(series: Series) -> str:
    """“loss 2.01 → 0.33”."""
    if series.broken is not None:
        return t("{name} is not a number since {place} {number}", name=series.name, place=t(PLACES[series.places]),
                 number=f"{series.broken:g}")
    return f"{series.name} {series.points[0][1]:.3g} → {series.points[-1][1]:.3g}"


def _lines(drawn: Sequence[Series]) -> str:
    main = [one for one in drawn if _near(one, drawn[0])]
    low, high = _range(main)
    first = min(one.points[0][0] for one in drawn)
    last = max(one.points[-1][0] for one in drawn)
    parts = [_grid(low, high), _places(first, last, t(PLACES[drawn[0].places]))]
    ends = []
    for index, one in enumerate(drawn):
        bottom, top = (low, high) if one in main else _range([one])
        dots = [(_x(place, first, last), _y(value, bottom, top)) for place, value in one.points]
        dash = f' stroke-dasharray="{_DASHES[index]}"' if _DASHES[index] else ""
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in dots)
        parts.append(f'<polyline fill="none" style="stroke:{_COLOURS[index]}" stroke-width="2"{dash} points="{points}"/>')
        text = f"{one.name} {one.points[-1][1]:.3g}" + ("" if one in main else " " + t("(own scale)"))
        ends.append((dots[-1][1], index, text))
    return "".join([*parts, *_names(ends)])


def _near(one: Series, other: Series) -> bool:
    a, b = (max(abs(value) for _, value in series.points) for series in (one, other))
    return a == b or (min(a, b) > 0 and max(a, b) / min(a, b) < NEAR)


def _range(series: Sequence[Series]) -> tuple[float, float]:
    values = [value for one in series for _, value in one.points]
    low, high = min(values), max(values)
    if 0 <= low < high / 2:
        low = 0.0
    pad = max(abs(low) * 0.1, 0.5)
    return (low, high) if high > low else (low - pad, high + pad)


def _x(place: float, first: float, last: float) -> float:
    return LEFT + (RIGHT - LEFT) * ((place - first) / (last - first) if last > first else 0)


def _y(value: float, low: float, high: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * (value - low) / (high - low)


def _grid(low: float, high: float) -> str:
    parts = []
    for share in (0.0, 0.5, 1.0):
        y = BOTTOM - (BOTTOM - TOP) * share
        parts.append(f'<path d="M{LEFT} {y:g}H{RIGHT}" style="stroke:var(--ma-edge,#d9dde1)"/>')
        value = low + (high - low) * share
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:g}" text-anchor="end">{value:.3g}</text>')
    return "".join(parts)


def _places(first: float, last: float, what: str) -> str:
    y = BOTTOM + 18
    return (
        f'<text x="{LEFT}" y="{y}">{html.escape(what)} {first:g}</text>'
        f'<text x="{RIGHT}" y="{y}" text-anchor="end">{last:g}</text>'
    )


def _names(ends: list[tuple[float, int, str]]) -> list[str]:
    """Each name at the end of its line, moved apart where two would meet."""
    placed: list[str] = []
    above = float(TOP - GAP)
    for y, index, text in sorted(ends):
        above = max(y + 4, above + GAP)
        placed.append(
            f'<text x="{RIGHT + 8}" y="{above:.1f}" style="fill:{_COLOURS[index]}">{html.escape(text[:24])}</text>'
        )
    return placed
