"""Findings as a table (HTML) and as lines: sign and word, line, code, message, and what to write instead."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from ...messages import t
from ...rules.model import Finding, Severity
from ...rules.words import NAMES, counted
from ...text import clean, ljust

SIGNS = {Severity.ERROR: "✕", Severity.WARNING: "!", Severity.NOTE: "i"}
MAX_ROWS = 60
_TONES = {Severity.ERROR: "ma-failed", Severity.WARNING: "ma-warn", Severity.NOTE: "ma-dim"}
_STYLE = """<style>
.ma .ma-found{border-top:1px solid var(--jp-border-color2,#e0e0e0);padding:4px 0 6px}
.ma .ma-found table{border-collapse:collapse;width:100%;margin:0;border:0;table-layout:fixed;
font-size:13px;color:inherit}
.ma .ma-found td{padding:5px 8px;font-size:13px;vertical-align:baseline}
.ma .ma-found td:first-child{width:84px;padding-left:14px;white-space:nowrap}
.ma .ma-found td.ma-place{width:52px;white-space:nowrap;text-align:left}
.ma .ma-found td.ma-code{width:52px;white-space:nowrap;text-align:left}
.ma .ma-found td.ma-text{overflow-wrap:anywhere;white-space:normal;text-align:left}
.ma .ma-found i{display:inline-block;width:16px;font-style:normal;font-weight:600}
.ma .ma-found .ma-fix{margin-top:2px;padding:2px 8px;border-left:2px solid var(--jp-border-color1,#bdbdbd);
background:var(--jp-cell-editor-background,#f5f5f5);white-space:pre-wrap;overflow-wrap:anywhere}
.ma .ma-found td{text-align:left}.ma .ma-found .ma-count{padding:4px 14px 0}
</style>""".replace(".ma ", ".ma.ma.ma ")  # as the card's own


def table(findings: Sequence[Finding], first_line: int) -> str:
    """The findings as HTML for a card; "" where there is none. What is ignored, and the notes, open on demand."""
    if not findings:
        return ""
    loud = [each for each in findings if each.severity is not Severity.NOTE and not each.ignored]
    quiet = [each for each in findings if each not in loud]
    parts = [_STYLE, '<div class="ma-found">']
    if loud:
        parts.append(f'<table role="table" aria-label="{_escape(counted(loud))}">{_rows(loud, first_line)}</table>')
    if quiet:
        parts.append(
            f"<details><summary>{_escape(counted(quiet))}</summary><table>{_rows(quiet, first_line)}</table></details>"
        )
    return "".join([*parts, "</div>"])


def lines(findings: Iterable[Finding], first_line: int) -> list[str]:
    """The same as plain text, notes behind the rest."""
    found = []
    for each in sorted(findings, key=lambda each: bool(each.ignored) or each.severity is Severity.NOTE):
        place = t("line {line}", line=each.line + first_line - 1) if each.line else ""
        word = t("ignored") if each.ignored else t(NAMES[each.severity])
        word = f"  {SIGNS[each.severity]} {ljust(word, 8)}"
        found.append(clean("  ".join((word, ljust(place, 8), f"{each.code:<5}", each.message))))
        more = t("ignored: {reason}", reason=each.ignored) if each.ignored else each.fix
        if more:
            found.append(clean(f"{'':14}→ {more}"))
    return found


def _rows(findings: Sequence[Finding], first_line: int) -> str:
    rows = [_row(each, first_line) for each in findings[:MAX_ROWS]]
    if len(findings) > MAX_ROWS:
        rest = t("{count} more", count=len(findings) - MAX_ROWS)
        rows.append(f'<tr><td></td><td class="ma-text ma-dim" colspan="3">{rest}</td></tr>')
    return "".join(rows)


def _row(finding: Finding, first_line: int) -> str:
    place = t("line {line}", line=finding.line + first_line - 1) if finding.line else ""
    word = t("ignored") if finding.ignored else t(NAMES[finding.severity])
    tone = "ma-dim" if finding.ignored else _TONES[finding.severity]
    more = ""
    if finding.ignored:
        more = f'<div class="ma-dim">{_escape(t("ignored: {reason}", reason=finding.ignored))}</div>'
    elif finding.fix:
        sentence = finding.fix.endswith((".", "。"))  # anything else is there to be pasted
        more = f'<div class="ma-dim">{_escape(finding.fix)}</div>' if sentence else (
            f'<div class="ma-fix"><code>{_escape(finding.fix)}</code></div>'
        )
    return (
        f'<tr><td class="{tone}"><i aria-hidden="true">{SIGNS[finding.severity]}</i>{_escape(word)}</td>'
        f'<td class="ma-place ma-dim">{_escape(place)}</td><td class="ma-code ma-dim"><code>{_escape(finding.code)}</code></td>'
        f'<td class="ma-text">{_escape(finding.message)}{more}</td></tr>'
    )


def _escape(text: str) -> str:
    return html.escape(clean(text)[:1000], quote=True)
