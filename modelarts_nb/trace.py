"""A trace: the events of one build, push or run, folded into the state that views paint.

Folding and painting are apart: nothing here displays, and views look at nothing but the trace.
Memory is bounded whatever is printed: of each vertex the last ``TAIL`` lines are kept; the log file has them all.
"""

from __future__ import annotations

import enum
import re
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .events import Event, Vertex, VertexLog, VertexStatus, VertexWarning
from .terminal import plain
from .text import LINE_LIMIT, LineDecoder, Redactor, clean, shorten
from .training.metrics import Metrics

TAIL = 200  # lines kept of each vertex


class State(enum.Enum):
    """Where a vertex stands; the value is the word shown."""

    WAITING = "waits"
    RUNNING = "running"
    DONE = "done"
    CACHED = "cached"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass
class Step:
    """One vertex and all that was said of it.

    ``styled`` holds its last lines (see terminal.py), ``tail`` the same as plain text; ``unread`` the lines since a view took
    them, kept only where a view wants them all.
    """

    vertex: Vertex
    statuses: dict[str, VertexStatus] = field(default_factory=dict)
    styled: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL))
    lines: int = 0
    cancelled: bool = False
    active: float = 0.0  # seconds of finished activity: BuildKit may start and complete a vertex several times
    redact: Redactor = field(default_factory=Redactor, repr=False)
    unread: list[str] | None = field(default=None, repr=False)
    metrics: Metrics | None = field(default=None, repr=False)
    _decoders: dict[int, LineDecoder] = field(default_factory=dict, repr=False)
    _named: tuple[str, str] = field(default=("", ""), repr=False)

    @property
    def name(self) -> str:
        """The vertex's name as a single safe line."""
        if self._named[0] != self.vertex.name:  # views ask for it with every painting
            self._named = (self.vertex.name, self.redact(clean(" ".join(self.vertex.name.split()))))
        return self._named[1]

    @property
    def error(self) -> str:
        """The Engine's own text of what failed, safe to show; "" while nothing did."""
        return self.redact("\n".join(clean(line) for line in self.vertex.error.split("\n")))

    @property
    def state(self) -> State:
        """Where it stands."""
        if self.vertex.error:
            return State.CANCELLED if self.cancelled or _CANCELED.search(self.vertex.error) else State.FAILED
        if self.vertex.completed is not None:
            return State.CACHED if self.vertex.cached else State.DONE
        if self.cancelled:
            return State.CANCELLED
        return State.WAITING if self.vertex.started is None else State.RUNNING

    def seconds(self, now: float) -> float:
        """How long it has been, or was, active."""
        if self.vertex.started is None:
            return self.active
        return self.active + max(0.0, (self.vertex.completed or now) - self.vertex.started)

    @property
    def tail(self) -> list[str]:
        """Its last lines, at most ``TAIL``, as plain text."""
        return [plain(line) for line in self.styled]

    @property
    def partial(self) -> str:
        """The unfinished last line, such as a progress bar, styled."""
        if not self._decoders:
            return ""
        return next((partial for decoder in self._decoders.values() if (partial := decoder.partial)), "")
    def _add(self, log: VertexLog) -> None:
        decoder = self._decoders.get(log.stream)
        if decoder is None:
            decoder = self._decoders[log.stream] = LineDecoder(self.redact, styles=True)
        self._lines(decoder.feed(log.data))

    def _close(self) -> None:
        for decoder in self._decoders.values():
            self._lines(decoder.close())

    def _lines(self, lines: Iterable[str]) -> None:
        for line in lines:
            if len(line) > LINE_LIMIT:
                line = shorten(plain(line))
            self.lines += 1
            if self.unread is not None:
                self.unread.append(line)
            if self.metrics is not None:
                self.metrics.feed(self.vertex.digest, plain(line))
            self.styled.append(line)


_CANCELED = re.compile(r"context canceled|\bCanceled\b")


class Trace:
    """All steps in the order in which they were first named.

    ``apply`` folds one event. ``steps``, ``warnings`` and the counts are what views read. ``version`` grows with every
    change, so that a view can tell whether there is anything new to paint. ``redact`` hides secret values. ``metrics``, where
    given, reads what the steps print.
    A view that shows every line calls ``keep_unread`` once, before the first event, and takes each step's ``unread``.
    """

    def __init__(self, redact: Redactor | None = None, metrics: Metrics | None = None) -> None:
        self.redact = redact or Redactor()
        self.metrics = metrics
        self._unread = False
        self.steps: dict[str, Step] = {}
        self.warnings: list[VertexWarning] = []
        self.version = 0
        self.expected: Mapping[str, float] = {}
        self._counted: tuple[int, Counter[State]] = (-1, Counter())

    def remaining(self, now: float) -> float | None:
        """Seconds that are left, going by ``expected``: what each step, by name, took when it last ran; None: unknown."""
        if not self.expected:
            return None
        by_name = {step.name: step for step in self.steps.values()}
        left = 0.0
        for name, seconds in self.expected.items():
            step = by_name.get(name)
            if step is None or step.state is State.WAITING:
                left += seconds
            elif step.state is State.RUNNING:
                left += max(0.0, seconds - step.seconds(now))
        return left

    def apply(self, event: Event) -> None:
        """Fold one event."""
        self.version += 1
        if isinstance(event, Vertex):
            self._vertex(event)
        elif isinstance(event, VertexLog):
            self._step(event.vertex)._add(event)
        elif isinstance(event, VertexStatus):
            self._step(event.vertex).statuses[event.id] = event
        elif event not in self.warnings:
            self.warnings.append(event)

    def keep_unread(self) -> None:
        """Keep every line from now on until a view takes it."""
        if self._unread:
            return
        self._unread = True
        for step in self.steps.values():
            step.unread = list(step.styled)

    def waiting_for(self, step: Step) -> Step | None:
        """The first step that ``step`` still waits for."""
        inputs = (self.steps.get(digest) for digest in step.vertex.inputs)
        return next((found for found in inputs if found and found.state in (State.WAITING, State.RUNNING)), None)

    def cancel(self) -> None:
        """Mark what has not completed as cancelled."""
        self.version += 1
        for step in self.steps.values():
            if step.vertex.completed is None:
                step.cancelled = True
        self.close()

    def close(self) -> None:
        """No event will follow: unfinished lines are lines now."""
        for step in self.steps.values():
            step._close()

    def _step(self, digest: str) -> Step:
        """The step of ``digest``; a log or status may come before its vertex was named."""
        if digest not in self.steps:
            self._name(Vertex(digest, name=digest[:19]))
        return self.steps[digest]

    def _name(self, vertex: Vertex) -> None:
        unread: list[str] | None = [] if self._unread else None
        self.steps[vertex.digest] = Step(vertex, redact=self.redact, unread=unread, metrics=self.metrics)

    def _vertex(self, vertex: Vertex) -> None:
        if vertex.digest not in self.steps:
            self._name(vertex)
            return
        step = self.steps[vertex.digest]
        old = step.vertex
        restarted = old.completed is not None and old.started is not None and vertex.started != old.started
        if restarted and old.started is not None and old.completed is not None:
            step.active += old.completed - old.started
        step.vertex = vertex
        if vertex.completed is not None:
            step._close()

    @property
    def failed(self) -> Step | None:
        """The first step that failed by itself."""
        return next((step for step in self.steps.values() if step.state is State.FAILED), None)

    def count(self, *states: State) -> int:
        """How many steps are in one of ``states``."""
        if self._counted[0] != self.version:  # views ask several times a painting
            self._counted = (self.version, Counter(step.state for step in self.steps.values()))
        return sum(self._counted[1][state] for state in states)

    @property
    def done(self) -> int:
        """How many steps have completed, cached ones among them."""
        return self.count(State.DONE, State.CACHED)

    @property
    def lines(self) -> int:
        """How many lines of output came, over all steps."""
        return sum(step.lines for step in self.steps.values())
