"""The card as plain text: for terminals, logs, and every reader without HTML."""

from __future__ import annotations

from collections.abc import Sequence

from ...messages import t
from ...text import duration, ljust, width
from ...trace import State, Step, Trace
from .card import Fact, Work, short_path, state_of, summary, title
from .steps import full_name, state_word


def step_line(step: Step, now: float) -> str:
    """One step in one line: “  done      11.2 s  RUN pip install …”."""
    took = duration(step.seconds(now)) if step.state not in (State.WAITING, State.CACHED) else ""
    return f"  {ljust(state_word(step), 9)}{took:>12}  {full_name(step)}"[:160]


def fact_lines(rows: Sequence[Fact]) -> list[str]:
    """The rows of a result, aligned."""
    most = max((width(row.label) for row in rows), default=0)
    return [f"  {ljust(row.label, most)}  {row.text}" for row in rows]


def render(
    work: Work, subject: str, trace: Trace, *, seconds: float, ended: bool, error: BaseException | None,
    rows: Sequence[Fact], log_path: str, note: str = "",
) -> str:
    """The whole card, as short as it can be."""
    state = state_of(ended, error)
    lines = [f"{title(work, state)} {subject} · {summary(work, trace, seconds)}"]
    for warning in trace.warnings:
        lines += [f"  ! {trace.redact(warning.short)}", *(f"    {trace.redact(line)}" for line in warning.detail)]
    lines += fact_lines(rows)
    if ended and log_path:
        lines.append(f"  {t('Full log')}{t(': ')}{short_path(log_path)}")
    if note and not ended:
        lines.append(f"  {note}")
    return "\n".join(lines)
