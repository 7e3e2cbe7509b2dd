"""The card as HTML: no scripts, every text escaped, colours from JupyterLab's own variables, legible without any style.

It stands in the saved notebook, so it is bounded: a few rows of text a step, whatever was printed.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

from ...errors import BuildFailed, ChecksFailed, ModelArtsError
from ...text import duration, shorten, size
from ...trace import State, Step, Trace
from . import findings
from .card import Fact, Work, short_path, state_of, step_name, summary

SIGNS = {
    State.WAITING: "○", State.RUNNING: "◐", State.DONE: "✓", State.CACHED: "=", State.FAILED: "✕", State.CANCELLED: "–",
}
RUNNING_LINES = 6  # log lines shown under a running step
LAST_LINES = 12  # and under a failed one
MAX_ROWS = 60  # steps shown; those that are done give way first
LINE_WIDTH = 400  # characters of a line that are shown

STYLE = """<style>
.ma{border:1px solid var(--jp-border-color2,#e0e0e0);border-radius:6px;max-width:900px;overflow:hidden;
font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:13px;line-height:1.5;
color:var(--jp-content-font-color1,#212121);background:var(--jp-layout-color1,#fff)}
.ma code,.ma pre{font-family:var(--jp-code-font-family,monospace);font-size:12px;background:none;padding:0;color:inherit}
.ma .ma-head{display:flex;gap:10px;align-items:baseline;padding:8px 14px}
.ma .ma-sum{margin-left:auto;white-space:nowrap}
.ma .ma-sum,.ma .ma-dim{color:var(--jp-content-font-color2,#616161);font-variant-numeric:tabular-nums}
.ma .ma-meter{height:3px;background:var(--jp-layout-color3,#dfe5ec)}
.ma .ma-meter i,.ma .ma-bar i{display:block;height:100%;background:var(--jp-brand-color1,#1565c0)}
.ma table.ma-steps,.ma table.ma-facts{border-collapse:collapse;width:100%;margin:0 0 6px;border:0;table-layout:fixed}
.ma td{padding:3px 8px;border:0;text-align:left;vertical-align:top;font-size:12px;background:none}
.ma tr,.ma tr:hover,.ma tbody tr:nth-child(odd),.ma tbody tr:nth-child(even){background:none}
.ma td:first-child{padding-left:14px;width:16px}.ma td:last-child{padding-right:14px}
.ma td.ma-name{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.ma td.ma-more{width:190px;text-align:right;white-space:nowrap}.ma td.ma-state{width:66px}
.ma td.ma-time{width:80px;text-align:right;white-space:nowrap}
.ma .ma-bar{display:inline-block;width:80px;height:5px;border-radius:3px;overflow:hidden;vertical-align:middle;
margin-right:6px;background:var(--jp-layout-color3,#dfe5ec)}
.ma pre.ma-log{margin:-2px 14px 8px 40px;padding:6px 10px;border-left:2px solid var(--jp-border-color1,#bdbdbd);
background:var(--jp-cell-editor-background,#f5f5f5);line-height:1.45;overflow:auto;white-space:pre;max-height:20em}
.ma .ma-why{margin:2px 14px 10px 40px;padding:8px 12px;border-left:3px solid var(--jp-error-color1,#b3261e);
background:var(--jp-cell-editor-background,#f5f5f5);white-space:pre-wrap}
.ma table.ma-facts td:first-child{width:84px;color:var(--jp-content-font-color2,#616161)}
.ma table.ma-facts td{white-space:normal;overflow-wrap:anywhere;font-size:13px}
.ma .ma-foot{padding:7px 14px;border-top:1px solid var(--jp-border-color2,#e0e0e0);
color:var(--jp-content-font-color2,#616161);font-size:12px;display:flex;gap:2px 18px;flex-wrap:wrap}
.ma details>summary{cursor:pointer;padding:2px 14px 8px;color:var(--jp-content-font-color2,#616161);font-size:12px}
.ma .ma-running{color:var(--jp-brand-color0,#0d47a1)}.ma .ma-done{color:var(--jp-success-color0,#1b5e20)}
.ma .ma-failed{color:var(--jp-error-color0,#8c1d18)}.ma .ma-warn{color:var(--jp-warn-color0,#8a4b00)}
</style>""".replace(".ma ", ".ma.ma.ma ")  # stronger than JupyterLab's rules for tables and code in outputs
_TONES = {State.RUNNING: "ma-running", State.DONE: "ma-done", State.FAILED: "ma-failed"}


def escape(text: str) -> str:
    """Text as HTML."""
    return html.escape(shorten(text, LINE_WIDTH), quote=True)


def render(
    work: Work, subject: str, trace: Trace, *, now: float, seconds: float, ended: bool = False,
    error: BaseException | None = None, rows: Sequence[Fact] = (), log_path: str = "", following: str = "",
) -> str:
    """The card as it stands. ``seconds``: how long it has taken; ``following``: the line to type next."""
    state = state_of(trace, ended, error)
    parts = [STYLE, f'<div class="ma" role="group" aria-label="{escape(_title(work, state))} {escape(subject)}">']
    parts.append(_head(work, subject, state, summary(work, trace, seconds)))
    if not ended:
        parts.append(_meter(trace))
    if state is State.DONE:
        if rows:
            parts.append(_facts(rows))
        steps = _steps(list(trace.steps.values()), now, open_log=False)
        parts += [_last_lines(step, work.lines_after) for step in trace.steps.values()]
        parts.append(f"<details><summary>{len(trace.steps)} {work.unit}</summary>{steps}</details>")
    else:
        shown = _without_cached(trace) if state is State.FAILED else list(trace.steps.values())
        parts.append(_steps(shown, now, open_log=True))
    parts.append(_warnings(trace))
    if isinstance(error, ModelArtsError):
        parts.append(_why(error, trace))
    parts.append(_foot(trace, log_path, following) if ended else "")
    parts.append("</div>")
    return "".join(parts)


def facts_card(
    title: str, subject: str, rows: Sequence[Fact], details: Sequence[tuple[str, str]] = (), extra: str = ""
) -> str:
    """A result by itself: a head, its facts, ``extra`` (HTML), and a table of details (two columns) that opens."""
    table = ""
    if details:
        body = "".join(f'<tr><td></td><td class="ma-name"><code>{escape(a)}</code></td><td class="ma-time ma-dim">'
                       f"{escape(b)}</td></tr>" for a, b in details)
        table = f'<details><summary>{len(details)} layers</summary><table class="ma-steps">{body}</table></details>'
    return (
        f'{STYLE}<div class="ma" role="group" aria-label="{escape(title)} {escape(subject)}"><div class="ma-head">'
        f"<b>{escape(title)}</b> <code>{escape(subject)}</code></div>{_facts(rows)}{extra}{table}</div>"
    )


def _title(work: Work, state: State) -> str:
    return {State.RUNNING: work.running, State.DONE: work.done, State.FAILED: work.failed}.get(
        state, f"{work.running}: cancelled"
    )


def _head(work: Work, subject: str, state: State, text: str) -> str:
    return (
        f'<div class="ma-head"><span class="{_TONES.get(state, "ma-dim")}" aria-hidden="true">{SIGNS[state]}</span> '
        f"<b>{escape(_title(work, state))}</b> <code>{escape(subject)}</code> "
        f'<span class="ma-sum" role="status">{escape(text)}</span></div>'
    )


def _meter(trace: Trace) -> str:
    share = trace.done / len(trace.steps) if trace.steps else 0.0
    return f'<div class="ma-meter" aria-hidden="true"><i style="width:{share:.0%}"></i></div>'


def _steps(steps: Sequence[Step], now: float, *, open_log: bool) -> str:
    hidden = 0
    if len(steps) > MAX_ROWS:
        first = [step for step in steps if step.state in (State.RUNNING, State.FAILED, State.CANCELLED)]
        rest = [step for step in steps if step not in first][-(MAX_ROWS - len(first[:MAX_ROWS])) or len(steps) :]
        keep = {id(step) for step in [*first[:MAX_ROWS], *rest]}
        hidden = len(steps) - len(keep)
        steps = [step for step in steps if id(step) in keep]
    pieces = [f'<div class="ma-foot">{hidden} more steps</div>'] if hidden else []
    rows: list[str] = []
    for step in steps:
        rows.append(_row(step, now))
        log = _log(step) if open_log else ""
        if log:
            pieces.append(f'<table class="ma-steps">{"".join(rows)}</table>{log}')
            rows = []
    if rows:
        pieces.append(f'<table class="ma-steps">{"".join(rows)}</table>')
    return "".join(pieces)


def _row(step: Step, now: float) -> str:
    state = step.state
    took = duration(step.seconds(now)) if state not in (State.WAITING, State.CACHED) else ""
    tone = _TONES.get(state, "ma-dim")
    return (
        f'<tr><td class="{tone}" aria-hidden="true">{SIGNS[state]}</td>'
        f'<td class="ma-name" title="{escape(step.name)}"><code>{escape(step_name(step))}</code></td>'
        f'<td class="ma-more ma-dim">{_counter(step)}</td><td class="ma-state {tone}">{escape(state.value)}</td>'
        f'<td class="ma-time ma-dim">{took}</td></tr>'
    )


def _counter(step: Step) -> str:
    """The transfer that goes on, else what was transferred in all; memory and CPU of a run."""
    texts = []
    for status in step.statuses.values():
        if status.id == "memory":
            texts.append(f"memory {size(status.current)}")
        elif status.id == "cpu":
            texts.append(f"CPU {status.current} %")
    if texts:
        return escape(" · ".join(texts))
    moving = [s for s in step.statuses.values() if s.total and s.completed is None and s.current < s.total]
    if moving and step.state is State.RUNNING:
        current, total = sum(s.current for s in moving), sum(s.total for s in moving)
        return (
            f'<span class="ma-bar" aria-hidden="true"><i style="width:{current / total:.0%}"></i></span>'
            f"{size(current)} of {size(total)}"
        )
    done = sum(s.current for s in step.statuses.values() if s.current)
    return size(done) if done and step.state is not State.CACHED else ""


def _log(step: Step) -> str:
    if step.state is State.FAILED:
        lines = list(step.tail)[-LAST_LINES:]
    elif step.state is State.RUNNING:
        lines = [*step.tail, *([step.partial] if step.partial else [])][-RUNNING_LINES:]
    else:
        return ""
    return _lines(lines)


def _last_lines(step: Step, count: int) -> str:
    lines = list(step.tail)[-count:] if count else []
    return _lines(lines)


def _lines(lines: Sequence[str]) -> str:
    body = "\n".join(escape(line) for line in lines)
    return f'<pre class="ma-log">{body}</pre>' if lines else ""


def _without_cached(trace: Trace) -> list[Step]:
    """After a failure: what ran, what failed; the steps that were fine and silent are not what one looks for."""
    return [step for step in trace.steps.values() if step.state in (State.FAILED, State.CANCELLED)] or list(
        trace.steps.values()
    )


def _warnings(trace: Trace) -> str:
    return "".join(
        f'<div class="ma-why"><span class="ma-warn">!</span> {escape(trace.redact(warning.short))}'
        + "".join(f"\n{escape(trace.redact(line))}" for line in warning.detail)
        + "</div>"
        for warning in trace.warnings
    )


def _why(error: ModelArtsError, trace: Trace) -> str:
    if isinstance(error, ChecksFailed):
        said = f'<div class="ma-why" role="alert">{escape(error.message)}\n{escape(error.hint)}</div>'
        return said + findings.table(error.findings, error.first_line)
    where = f"{error.origin}, line {error.line}: " if isinstance(error, BuildFailed) and error.line else ""
    text = f"{where}{trace.redact(error.message)}"
    hint = f"\n{escape(trace.redact(error.hint))}" if error.hint else ""
    return f'<div class="ma-why" role="alert">{escape(text)}{hint}</div>'


def _facts(rows: Sequence[Fact]) -> str:
    body = []
    for row in rows:
        text = f"<code>{escape(row.text)}</code>" if row.code else escape(row.text)
        body.append(f"<tr><td>{escape(row.label)}</td><td>{text}</td></tr>")
    return f'<table class="ma-facts">{"".join(body)}</table>'


def _foot(trace: Trace, log_path: str, following: str) -> str:
    parts = []
    if following:
        parts.append(f"<span>Next: <code>{escape(following)}</code></span>")
    if log_path:
        lines = f" ({trace.lines:,} line{'s' if trace.lines != 1 else ''})" if trace.lines else ""
        parts.append(f"<span>Full log: <code>{escape(short_path(log_path))}</code>{lines}</span>")
    return f'<div class="ma-foot">{" ".join(parts)}</div>' if parts else ""
