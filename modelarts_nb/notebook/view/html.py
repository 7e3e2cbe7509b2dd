"""The card as HTML: no scripts, every text escaped, legible without any style.

It stands in the saved notebook, so it is bounded: a few rows of text a step, whatever was printed. And it is the same whenever
the same happened: no identifiers that are drawn, no times of day.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from ...building.failure import meaningful
from ...errors import BuildFailed, ChecksFailed, ModelArtsError, place
from ...messages import t
from ...terminal import plain, spans
from ...text import duration, shorten
from ...trace import State, Step, Trace
from . import findings
from .card import PUSH, Fact, Work, counted, progress, short_path, state_of, summary, title
from .steps import SIGNS, counter, layout, ordered, state_word, step_name
from .style import STYLE

__all__ = ["STYLE", "escape", "facts_card", "render", "styled"]

RUNNING_LINES = 6  # log lines shown under a running step
LAST_LINES = 12  # and under a failed one
MAX_ROWS = 60  # steps shown; those that are done give way first
LINE_WIDTH = 400  # characters of a line that are shown
_TONES = {State.RUNNING: "ma-running", State.DONE: "ma-done", State.FAILED: "ma-failed"}


def escape(text: str) -> str:
    """Text as HTML."""
    return html.escape(shorten(text, LINE_WIDTH), quote=True)


def styled(line: str) -> str:
    """A styled line (terminal.py) as HTML: a class for each SGR code."""
    if "\x1b" not in line or len(line) > 4 * LINE_WIDTH:
        return escape(plain(line))
    return "".join(
        f'<span class="{" ".join(f"a{code}" for code in style)}">{html.escape(text)}</span>' if style else html.escape(text)
        for text, style in spans(line)
    )


def render(
    work: Work, subject: str, trace: Trace, *, now: float, seconds: float, ended: bool = False,
    error: BaseException | None = None, rows: Sequence[Fact] = (), log_path: str = "", following: str = "",
    note: str = "", chart: str = "",
) -> str:
    """The card as it stands. ``seconds``: how long it has taken; ``following``: the line to type next; ``note``: a remark
    below; ``chart``: a picture of what it measured (chart.py)."""
    state = state_of(ended, error)
    left = None if ended else trace.remaining(now)
    kind = "ma" if ended else "ma ma-beside"  # the live view beside it hides it (static/live.css)
    parts = [STYLE, f'<div class="{kind}" role="group" aria-label="{escape(title(work, state))} {escape(subject)}">']
    parts.append(_head(work, subject, state, summary(work, trace, seconds, left)))
    if not ended:
        parts.append(_meter(trace))
    if state is State.DONE:
        parts += [_facts(rows) if rows else "", chart]
        parts.append(_last_words(work, trace))
        steps = _grouped(trace, now)
        parts.append(f"<details><summary>{escape(counted(work, len(trace.steps)))}</summary>{steps}</details>")
    elif state is State.RUNNING:
        parts += [chart, _grouped(trace, now)]
    else:
        parts += [chart, _broken(trace, now)]
    parts.append(_warnings(trace))
    if isinstance(error, ModelArtsError):
        parts.append(_why(error, trace))
    parts.append(_foot(trace, log_path, following) if ended else f'<div class="ma-foot">{escape(note)}</div>' if note else "")
    parts.append("</div>")
    return "".join(parts)


def facts_card(
    heading: str, subject: str, rows: Sequence[Fact], details: Sequence[tuple[str, str]] = (), extra: str = ""
) -> str:
    """A result by itself: a head, its facts, ``extra`` (HTML), and a table of details (two columns) that opens."""
    table = ""
    if details:
        body = "".join(f'<tr><td></td><td class="ma-name"><code>{escape(a)}</code></td><td class="ma-time ma-dim">'
                       f"{escape(b)}</td></tr>" for a, b in details)
        more = escape(counted(PUSH, len(details)))
        table = f'<details><summary>{more}</summary><table class="ma-steps" role="presentation">{body}</table></details>'
    return (
        f'{STYLE}<div class="ma" role="group" aria-label="{escape(heading)} {escape(subject)}"><div class="ma-head">'
        f"<b>{escape(heading)}</b> <code>{escape(subject)}</code></div>{_facts(rows)}{extra}{table}</div>"
    )


def _head(work: Work, subject: str, state: State, text: str) -> str:
    return (
        f'<div class="ma-head"><span class="{_TONES.get(state, "ma-dim")}" aria-hidden="true">{SIGNS[state]}</span> '
        f"<b>{escape(title(work, state))}</b> <code>{escape(subject)}</code> "
        f'<span class="ma-sum">{escape(text)}</span></div>'
    )


def _meter(trace: Trace) -> str:
    return f'<div class="ma-meter" aria-hidden="true"><i style="width:{progress(trace):.0%}"></i></div>'


def _grouped(trace: Trace, now: float) -> str:
    """All steps, each stage under its name where there are several."""
    shown = _fewer(ordered(trace))
    keep = {step.vertex.digest for step in shown}
    hidden = len(trace.steps) - len(shown)
    pieces = [f'<div class="ma-foot">{escape(t("{count} more steps", count=hidden))}</div>'] if hidden else []
    for group in layout(trace):
        steps = [trace.steps[digest] for digest in group.digests if digest in keep]
        if steps and group.title:
            pieces.append(f'<div class="ma-stage">{escape(group.title)}</div>')
        pieces.append(_table(steps, trace, now))
    return "".join(pieces)


def _fewer(steps: list[Step]) -> list[Step]:
    """At most ``MAX_ROWS`` of them: what moves or failed first, then the last of the others."""
    if len(steps) <= MAX_ROWS:
        return steps
    first = [step for step in steps if step.state in (State.RUNNING, State.FAILED, State.CANCELLED)][:MAX_ROWS]
    chosen = {id(step) for step in first}
    rest = [step for step in steps if id(step) not in chosen]
    chosen |= {id(step) for step in rest[len(rest) - (MAX_ROWS - len(first)) :]}
    return [step for step in steps if id(step) in chosen]


def _table(steps: Iterable[Step], trace: Trace, now: float) -> str:
    """Rows, and under a row that moves or failed the end of its log."""
    pieces: list[str] = []
    rows: list[str] = []
    for step in steps:
        rows.append(_row(step, trace, now))
        log = _log(step)
        if log:
            pieces.append(_rows(rows) + log)
            rows = []
    return "".join([*pieces, _rows(rows) if rows else ""])


def _rows(rows: Sequence[str]) -> str:
    return f'<table class="ma-steps" role="presentation">{"".join(rows)}</table>'


def _row(step: Step, trace: Trace, now: float) -> str:
    state = step.state
    took = duration(step.seconds(now)) if state not in (State.WAITING, State.CACHED) else ""
    tone = _TONES.get(state, "ma-dim")
    moving = counter(step, trace, state)
    bar = ""
    if moving.share is not None:
        bar = f'<span class="ma-bar" aria-hidden="true"><i style="width:{moving.share:.0%}"></i></span>'
    return (
        f'<tr><td class="{tone}" aria-hidden="true">{SIGNS[state]}</td>'
        f'<td class="ma-name" title="{escape(step.name)}"><code>{escape(step_name(step))}</code></td>'
        f'<td class="ma-more ma-dim">{bar}{escape(moving.text)}</td><td class="ma-state {tone}">{escape(state_word(step))}</td>'
        f'<td class="ma-time ma-dim">{took}</td></tr>'
    )


def _log(step: Step) -> str:
    if step.state is State.FAILED:
        last = set(meaningful(step.tail, LAST_LINES))
        return _lines([line for line in step.styled if plain(line) in last][-LAST_LINES:])
    if step.state is State.RUNNING:
        return _lines([*step.styled, *([step.partial] if step.partial else [])][-RUNNING_LINES:])
    return ""


def _last_words(work: Work, trace: Trace) -> str:
    """What each step said last, behind its name where there are several."""
    spoke = [step for step in ordered(trace) if step.styled] if work.lines_after else []
    return "".join(
        (f'<div class="ma-stage">{escape(step_name(step))}</div>' if len(spoke) > 1 else "")
        + _lines(list(step.styled)[-work.lines_after :])
        for step in spoke
    )


def _lines(lines: Sequence[str]) -> str:
    body = "\n".join(styled(line) for line in lines)
    return f'<pre class="ma-log" tabindex="0">{body}</pre>' if lines else ""


def _broken(trace: Trace, now: float) -> str:
    """After a failure: how many steps were fine, then what failed; the steps that never ran are not what one looks for."""
    steps = ordered(trace)
    ended = [step for step in steps if step.state in (State.FAILED, State.CANCELLED) and step.vertex.started]
    if not ended:
        return _table(_fewer(steps), trace, now)
    fine = sum(step.state in (State.DONE, State.CACHED) for step in steps)
    cached = trace.count(State.CACHED)
    rest = ""
    if fine:
        words = t("1 step before it") if fine == 1 else t("{count} steps before it", count=fine)
        state = State.CACHED if cached == fine else State.DONE
        more = escape(t("{count} cached", count=cached)) if 0 < cached < fine else ""
        rest = _rows([
            f'<tr><td class="ma-dim" aria-hidden="true">{SIGNS[state]}</td><td class="ma-name">{escape(words)}</td>'
            f'<td class="ma-more ma-dim">{more}</td><td class="ma-state ma-dim">'
            f'{escape(t("cached") if state is State.CACHED else t("done"))}</td><td class="ma-time"></td></tr>'
        ])
    return rest + _table(_fewer(ended), trace, now)


def _warnings(trace: Trace) -> str:
    return "".join(
        f'<div class="ma-why ma-said"><span class="ma-warn">!</span> {escape(trace.redact(warning.short))}'
        + "".join(f"\n{escape(trace.redact(line))}" for line in warning.detail)
        + "</div>"
        for warning in trace.warnings
    )


def _why(error: ModelArtsError, trace: Trace) -> str:
    if isinstance(error, ChecksFailed):
        said = f'<div class="ma-why">{escape(error.message)}\n{escape(error.hint)}</div>'
        return said + findings.table(error.findings, error.first_line)
    where = ""
    if isinstance(error, BuildFailed) and error.line:
        where = t("{origin}, line {line}", origin=place(error.origin), line=error.line) + t(": ")
    text = f"{where}{trace.redact(error.message)}"
    hint = f"\n{escape(trace.redact(error.hint))}" if error.hint else ""
    return f'<div class="ma-why">{escape(text)}{hint}</div>'


def _facts(rows: Sequence[Fact]) -> str:
    body = []
    for row in rows:
        text = f"<code>{escape(row.text)}</code>" if row.code else escape(row.text)
        body.append(f'<tr><td>{escape(row.label)}</td><td>{_share(row.share)}{text}</td></tr>')
    return f'<table class="ma-facts" role="presentation">{"".join(body)}</table>'


def _share(parts: Sequence[float]) -> str:
    if not parts:
        return ""
    over = sum(parts) > 1
    scale = 1 / sum(parts) if over else 1.0
    tone = ' class="ma-over"' if over else ""
    pieces = "".join(f'<i{tone} style="width:{part * scale:.1%}"></i>' for part in parts)
    return f'<div class="ma-size" aria-hidden="true">{pieces}</div>'


def _foot(trace: Trace, log_path: str, following: str) -> str:
    parts = []
    if following:
        parts.append(f"<span>{escape(t('Next') + t(': '))}<code>{escape(following)}</code></span>")
    if log_path:
        lines = f" ({escape(_counted_lines(trace.lines))})" if trace.lines else ""
        parts.append(f"<span>{escape(t('Full log') + t(': '))}<code>{escape(short_path(log_path))}</code>{lines}</span>")
    return f'<div class="ma-foot">{" ".join(parts)}</div>' if parts else ""


def _counted_lines(count: int) -> str:
    return t("1 line") if count == 1 else t("{count} lines", count=f"{count:,}")
