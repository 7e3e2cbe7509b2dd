"""What the live view in the browser is told: a trace's changes as messages. Values in, values out; widget.py sends them.

A message is (content, buffers). ``tick`` has what changed since the tick before; ``replay`` has all, and may come at any time:
rows replace rows, and each piece of log says at which line it begins, so that what is there already is passed over.

    head     {state, title, subject, summary, share}            always
    groups   [[key, title, [step, …]], …]                       where steps came
    steps    [[step, state, word, time, more, share|null], …]
    names    {step: [name, title]}
    partials {step: styled line}                                lines that have not ended
    logs     [[step, from, base, [line, …]], …]                 few lines, as they are
    packed   [[step, from, base, count], …]                     many: buffer i is the zlib of their UTF-8
    chart    SVG

``base`` is the first line that is still kept; earlier ones are in the log file.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ...events import Vertex
from ...messages import t
from ...text import duration
from ...trace import State, Step, Trace
from .card import Work, progress, summary, title
from .steps import WORDS, counter, layout, state_word, step_name

Message = tuple[dict[str, Any], list[bytes]]

CALM = 2  # ticks from one to the next that tells clocks and counters: more often is only restless
FEW, FEW_CHARACTERS = 400, 40_000  # that go as they are: to unpack them takes the browser longer than to receive them
PACK = 4_000  # lines of one packed piece, at the most
PACK_CHARACTERS = 512_000
KEPT = 64_000_000  # bytes of packed log that are kept of one view, and
KEPT_LINES = 1_500_000  # lines of one step: what a browser can make one scrolling area of
NAMES = {state: state.name.lower() for state in State}
NAME_WIDTH = 1_000


@dataclass
class _Log:
    """The lines of one step: packed pieces, then lines that wait to be packed."""

    packed: list[tuple[int, int, bytes]] = field(default_factory=list)  # (first line, how many, zlib)
    loose: list[str] = field(default_factory=list)
    base: int = 0
    count: int = 0
    size: int = 0  # bytes of the packed pieces

    def add(self, lines: list[str]) -> Iterator[tuple[int, list[str] | bytes, int]]:
        """Keep them; gives what to send: (first line, lines or the packed piece, how many)."""
        for piece in _pieces(lines):
            first = self.count
            self.count += len(piece)
            if len(piece) <= FEW and sum(map(len, piece)) <= FEW_CHARACTERS:
                self.loose += piece
                yield first, piece, len(piece)
            else:
                self._pack_loose()
                yield first, self._keep(first, piece), len(piece)
            if len(self.loose) > PACK // 4:
                self._pack_loose()

    def _pack_loose(self) -> None:
        if self.loose:
            first = self.packed[-1][0] + self.packed[-1][1] if self.packed else self.base
            self._keep(first, self.loose)
            self.loose = []

    def _keep(self, first: int, lines: list[str]) -> bytes:
        data = _pack(lines)
        self.packed.append((first, len(lines), data))
        self.size += len(data)
        return data

    def trim(self) -> None:
        """Let go of the earliest piece."""
        first, count, data = self.packed.pop(0)
        self.base = first + count
        self.size -= len(data)


def _pieces(lines: list[str]) -> Iterator[list[str]]:
    start = characters = 0
    for index, line in enumerate(lines):
        characters += len(line)
        if index - start >= PACK or characters > PACK_CHARACTERS:
            yield lines[start : index + 1]
            start, characters = index + 1, 0
    if start < len(lines):
        yield lines[start:]


def _pack(lines: list[str]) -> bytes:
    return zlib.compress("\n".join(lines).encode("utf-8", "replace"), 1)


class Wire:
    """One view's messages; ``trace`` must keep its unread lines."""

    def __init__(self, work: Work, subject: str) -> None:
        self._work, self._subject = work, subject
        self._words = {state: t(word) for state, word in WORDS.items()}
        self._numbers: dict[str, int] = {}
        self._rows: dict[int, list[Any]] = {}
        self._names: dict[int, list[str]] = {}
        self._partials: dict[int, str] = {}
        self._logs: dict[int, _Log] = {}
        self._groups: list[Any] = []
        self._chart = ""
        self._beat = 0
        self._vertices: dict[int, Vertex] = {}
        self._head: dict[str, Any] = {}

    def tick(self, trace: Trace, seconds: float, chart: str = "") -> Message:
        """What changed."""
        content: dict[str, Any] = {"type": "tick", "head": self._headline(trace, seconds)}
        buffers: list[bytes] = []
        if len(trace.steps) != len(self._numbers):
            content["names"] = self._name(trace)
            self._groups = [[g.key, g.title, [self._numbers[d] for d in g.digests]] for g in layout(trace)]
            content["groups"] = self._groups
        now, rows, partials = time.time(), [], {}
        moving = self._beat % CALM == 0
        self._beat += 1
        for digest, step in trace.steps.items():
            number = self._numbers[digest]
            if step.unread:
                self._read(number, step, content, buffers)
            if moving or step.vertex is not self._vertices.get(number):
                self._vertices[number] = step.vertex
                row = self._row(number, step, trace, now)
                if row != self._rows.get(number):
                    self._rows[number] = row
                    rows.append(row)
            partial = step.partial
            if partial != self._partials.get(number, ""):
                self._partials[number] = partials[number] = partial
        if rows:
            content["steps"] = rows
        if partials:
            content["partials"] = partials
        if chart != self._chart:
            self._chart = content["chart"] = chart
        self._trim()
        return content, buffers

    def replay(self) -> Message:
        """All that the view was told so far."""
        logs, packed, buffers = [], [], []
        for number, log in self._logs.items():
            for first, count, data in log.packed:
                packed.append([number, first, log.base, count])
                buffers.append(data)
            if log.loose:
                logs.append([number, log.count - len(log.loose), log.base, list(log.loose)])
        content = {
            "type": "replay", "head": self._head, "names": dict(self._names), "groups": self._groups,
            "steps": list(self._rows.values()), "partials": dict(self._partials), "logs": logs, "packed": packed,
            "chart": self._chart,
        }
        return content, buffers

    def _headline(self, trace: Trace, seconds: float) -> dict[str, Any]:
        left = trace.remaining(time.time())
        self._head = {
            "state": "running", "title": title(self._work, State.RUNNING), "subject": self._subject,
            "summary": summary(self._work, trace, seconds, left),
            "share": round(progress(trace), 3),
        }
        return self._head

    def _name(self, trace: Trace) -> dict[int, list[str]]:
        names = {}
        for digest, step in trace.steps.items():
            if digest not in self._numbers:
                number = self._numbers[digest] = len(self._numbers)
                names[number] = self._names[number] = [step_name(step)[:NAME_WIDTH], step.name[:NAME_WIDTH]]
        return names

    def _read(self, number: int, step: Step, content: dict[str, Any], buffers: list[bytes]) -> None:
        lines, step.unread = step.unread or [], []
        log = self._logs.setdefault(number, _Log())
        for first, data, count in log.add(lines):
            if isinstance(data, bytes):
                content.setdefault("packed", []).append([number, first, log.base, count])
                buffers.append(data)
            else:
                content.setdefault("logs", []).append([number, first, log.base, data])

    def _row(self, number: int, step: Step, trace: Trace, now: float) -> list[Any]:
        state = step.state
        moving = counter(step, trace, state)
        took = duration(step.seconds(now)) if state not in (State.WAITING, State.CACHED) else ""
        share = None if moving.share is None else round(moving.share, 3)
        word = state_word(step) if state is State.FAILED else self._words[state]
        return [number, NAMES[state], word, took, moving.text, share]

    def _trim(self) -> None:
        for log in self._logs.values():
            while log.packed and log.count - log.base > KEPT_LINES:
                log.trim()
        while sum(log.size for log in self._logs.values()) > KEPT:
            max(self._logs.values(), key=lambda log: log.size).trim()
