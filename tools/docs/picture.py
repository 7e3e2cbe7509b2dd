"""The picture of the architecture: drawn from what the sources import and from the floors that the tests hold them to.

A line says “imports”. What is reached along lines is not drawn again, and the core, which all may import, is one band.
"""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from html import escape

from tests.unit.test_architecture import FLOORS, floor, imports, modules

NAMES = {
    0: "the core: values in, values out; everybody may import it", 1: "the outside world, a system each",
    2: "one loop for every front end; the sandbox", 3: "workflows: generators of events", 4: "views",
    5: "the product from Python", 6: "what people touch",
}
TOP = ("__init__", "__main__")  # names only: they hand on what is imported when it is first used
CORE = 0
WIDTH, MARGIN, BOX, ROW, HEAD, SPACE = 960, 16, 30, 62, 14, 26
LEFT = 230  # where the boxes begin, beside the floors' names

Pair = tuple[str, str]


@cache
def parts() -> dict[int, list[str]]:
    """The parts on each floor, from the top: what has a floor of its own in the tests, and is there."""
    found: dict[int, set[str]] = defaultdict(set)
    for name, _ in modules():
        if _part(name) not in TOP:
            found[floor(name)].add(_part(name))
    return {level: sorted(found[level]) for level in sorted(found, reverse=True)}


@cache
def imported() -> set[Pair]:
    """(who imports, who is imported), between different parts."""
    known = {part for names in parts().values() for part in names}
    found = set()
    for name, path in modules():
        for _, target in imports(name, path):
            pair = (_part(name), _part(target))
            if not target.startswith(":") and pair[0] != pair[1] and set(pair) <= known:
                found.add(pair)
    return found


@cache
def lines() -> set[Pair]:
    """The pairs that are drawn: imports above the core, without those that a longer way of lines shows."""
    core = set(parts()[CORE])
    pairs = {(upper, lower) for upper, lower in imported() if not {upper, lower} & core}
    return {pair for pair in pairs if pair[1] not in reached(pairs - {pair}, pair[0])}


def reached(pairs: set[Pair], start: str) -> set[str]:
    """Everything on the ways from ``start``."""
    found: set[str] = set()
    ahead = [start]
    while ahead:
        here = ahead.pop()
        for upper, lower in pairs:
            if upper == here and lower not in found:
                found.add(lower)
                ahead.append(lower)
    return found


def _part(name: str) -> str:
    while name not in FLOORS and "." in name:
        name = name.rpartition(".")[0]
    return name


def svg() -> str:
    """The picture. It is light or dark as the reader prefers, and takes nothing from anywhere."""
    places, bands, height = _placed()
    body = [
        f'<rect class="floor" x="{MARGIN}" y="{top}" width="{WIDTH - 2 * MARGIN}" height="{bottom - top}" rx="6"/>\n'
        + "\n".join(
            f'<text class="name" x="{MARGIN + 12}" y="{top + 26 + 17 * row}">{escape(text)}</text>'
            for row, text in enumerate(textwrap.wrap(NAMES.get(level, ""), 28))
        )
        for level, (top, bottom) in bands.items()
    ]
    for upper, lower in sorted(lines()):
        (x1, y1), (x2, y2) = places[upper], places[lower]
        y1, y2 = y1 + BOX, y2 - 5
        bend = max(18, (y2 - y1) // 2)
        body.append(f'<path class="line" d="M{x1} {y1} C{x1} {y1 + bend} {x2} {y2 - bend} {x2} {y2}" marker-end="url(#tip)"/>')
    for part, (x, y) in sorted(places.items()):
        width = _width(part)
        body.append(f'<rect class="part" x="{x - width // 2}" y="{y}" width="{width}" height="{BOX}" rx="4"/>')
        body.append(f'<text class="part" x="{x}" y="{y + 20}">{escape(part)}</text>')
    return _SVG.format(width=WIDTH, height=height, body="\n".join(body))


def _width(part: str) -> int:
    return 9 * len(part) + 20


def _placed() -> tuple[dict[str, tuple[int, int]], dict[int, tuple[int, int]], int]:
    """Where each part's box hangs (the middle of its upper edge), where each floor begins and ends, the height."""
    places: dict[str, tuple[int, int]] = {}
    bands: dict[int, tuple[int, int]] = {}
    y = MARGIN
    for level, names in parts().items():
        top = y
        y += HEAD
        for row in _packed(names) if level == CORE else _rows(names):
            for part, x in _side_by_side(row) if level == CORE else _spread(row, places):
                places[part] = (x, y)
            y += BOX + 8 if level == CORE else ROW
        y -= 0 if level == CORE else ROW - BOX - 12
        bands[level] = (top, y)
        y += SPACE
    return places, bands, y - SPACE + MARGIN


def _rows(names: list[str]) -> list[list[str]]:
    """A floor's parts, those that import others of the same floor above them."""
    drawn = lines()
    depth = {name: sum(name in reached(drawn, other) for other in names if other != name) for name in names}
    return [[name for name in names if depth[name] == level] for level in sorted(set(depth.values()))]


def _packed(names: list[str]) -> list[list[str]]:
    rows: list[list[str]] = [[]]
    for name in names:
        if sum(map(_width, rows[-1])) + 10 * len(rows[-1]) + _width(name) > WIDTH - MARGIN - LEFT - 12:
            rows.append([])
        rows[-1].append(name)
    return rows


def _side_by_side(row: list[str]) -> Iterator[tuple[str, int]]:
    x = LEFT
    for name in row:
        yield name, x + _width(name) // 2
        x += _width(name) + 10


def _spread(row: list[str], places: dict[str, tuple[int, int]]) -> Iterator[tuple[str, int]]:
    """A row's parts evenly, each near those that import it; a part alone stands right below."""
    above = {name: [places[upper][0] for upper, lower in lines() if lower == name and upper in places] for name in row}
    middle = (LEFT + WIDTH - MARGIN) // 2
    wanted = {name: sum(found) / len(found) if found else middle for name, found in above.items()}
    step = (WIDTH - MARGIN - LEFT) // len(row)
    for index, name in enumerate(sorted(row, key=lambda name: (wanted[name], name))):
        yield name, int(wanted[name]) if len(row) == 1 else LEFT + step // 2 + step * index


_SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>The parts of modelarts_nb, floor by floor; imports point down</title>
<style>
text {{ font: 14px system-ui, "DejaVu Sans", sans-serif; fill: #24292f }}
text.name {{ font-size: 12.5px; fill: #57606a }}
text.part {{ text-anchor: middle }}
rect.floor {{ fill: #f3f5f7; stroke: #d8dee4 }}
rect.part {{ fill: #ffffff; stroke: #8c959f }}
path.line {{ fill: none; stroke: #57606a; stroke-width: 1.3 }}
path.tip {{ fill: #57606a }}
@media (prefers-color-scheme: dark) {{
text {{ fill: #e6edf3 }}
text.name {{ fill: #9da7b1 }}
rect.floor {{ fill: #1b2027; stroke: #30363d }}
rect.part {{ fill: #0d1117; stroke: #6e7681 }}
path.line {{ stroke: #9da7b1 }}
path.tip {{ fill: #9da7b1 }}
}}
</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<path class="tip" d="M0 0 L8 4 L0 8 z"/></marker></defs>
{body}
</svg>
"""
