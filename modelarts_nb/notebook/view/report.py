"""A check's report as a card: what was found at a glance, and the layers with what wastes their space below.

A table with a head, a caption and words beside its signs, so that nothing depends on colour or sight.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...image import layer_count
from ...messages import mark, t
from ...rules.image import RULES
from ...rules.model import Finding, Severity
from ...rules.report import SIGNS, CheckReport
from ...text import size
from .card import short_path, whole
from .html import escape
from .style import STYLE

ROWS = 40  # findings shown; the report itself has them all
LAYERS = 60
WASTED = 6
_TONES = {Severity.ERROR: "ma-failed", Severity.WARNING: "ma-warn", Severity.NOTE: "ma-dim"}
_WORDS = {Severity.ERROR: mark("Error"), Severity.WARNING: mark("Warning"), Severity.NOTE: mark("Note")}
_TITLES = {rule.code: rule.title for rule in RULES}
_OWN = """<style>
.ma table.ma-check{border-collapse:collapse;width:100%;margin:0;border:0;table-layout:auto}
.ma table.ma-check caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.ma .ma-check th{padding:4px 8px;text-align:left;font-weight:400;font-size:12px;color:var(--ma-dim);background:none;border:0}
.ma .ma-check td{padding:6px 8px;border-top:1px solid var(--ma-edge);font-size:13px;vertical-align:top;white-space:normal}
.ma .ma-check td:first-child,.ma .ma-check th:first-child{padding-left:14px;width:16px}
.ma .ma-check td:last-child,.ma .ma-check th:last-child{padding-right:14px}
.ma .ma-check.ma-found{table-layout:fixed}.ma .ma-check.ma-found td{overflow-wrap:anywhere}
.ma .ma-found .ma-rule{width:36%}.ma .ma-found .ma-seen{width:28%}.ma .ma-found .ma-num{width:52px}
.ma .ma-check .ma-rule code{margin-right:6px;color:var(--ma-dim)}
.ma .ma-check .ma-rule small{display:block;font-size:12px;color:var(--ma-dim)}
.ma .ma-check code{overflow-wrap:anywhere}.ma .ma-check .ma-num{white-space:nowrap;font-variant-numeric:tabular-nums}
.ma .ma-check .ma-size{max-width:none;width:130px;height:6px;margin:6px 0}
.ma .ma-check .ma-size i+i{background:var(--ma-warn)}
.ma details.ma-layers{border-top:1px solid var(--ma-edge)}.ma details.ma-layers>summary{padding:8px 14px}
.ma .ma-sub{padding:6px 14px 2px;font-size:12px;color:var(--ma-dim)}
.ma .ma-whole{padding:0 14px 10px}.ma .ma-whole .ma-size{max-width:none}
</style>""".replace(".ma ", ".ma.ma.ma ")


@whole.register
def bundle(report: CheckReport, log_path: str = "") -> dict[str, str]:
    """The report as a MIME bundle: the card, and its twin in plain text."""
    text = str(report)
    if log_path:
        text += f"\n  {t('Full log')}{t(': ')}{short_path(log_path)}"
    return {"text/plain": text, "text/html": card(report, log_path)}


def card(report: CheckReport, log_path: str = "") -> str:
    """The whole card."""
    tone, sign = ("ma-done", "✓") if report.passed and not report.warnings else (
        ("ma-warn", "!") if report.passed else ("ma-failed", "✕")
    )
    against = t("{image} against {base}", image=report.image, base=_short(report.base)) if report.base else report.image
    parts = [
        STYLE, _OWN, f'<div class="ma" role="group" aria-label="{escape(report.title)}: {escape(report.image)}">',
        f'<div class="ma-head"><span class="{tone}" aria-hidden="true">{sign}</span> <b>{escape(report.title)}</b> '
        f'<code title="{escape(report.base)}">{escape(against)}</code> '
        f'<span class="ma-sum" role="status">{escape(report.summary)}</span></div>',
        _whole(report), _findings(report), _layers(report), _foot(report, log_path), "</div>",
    ]
    return "".join(parts)


def _short(reference: str) -> str:
    return reference.rpartition("/")[2]


def _whole(report: CheckReport) -> str:
    """The size against the limit, as a bar and in words."""
    limit = max(report.limit, report.size, 1)
    own = max(report.size - report.base_size, 0)
    words = t("{size} of {limit}: base {base}, yours {own}", size=size(report.size), limit=size(report.limit),
              base=size(report.base_size), own=size(own))
    over = ' class="ma-over"' if report.size > report.limit else ""
    bar = "".join(f'<i{over} style="width:{part / limit:.1%}"></i>' for part in (report.base_size, own))
    told = f'<span class="ma-dim">{escape(words)}</span>'
    return f'<div class="ma-whole"><div class="ma-size" aria-hidden="true">{bar}</div>{told}</div>'


def _findings(report: CheckReport) -> str:
    """Errors and warnings in sight; notes behind a line that says how many there are."""
    notes = report.of(Severity.NOTE)
    count = t("1 note") if len(notes) == 1 else t("{count} notes", count=len(notes))
    folded = f"<details><summary>{escape(count)}</summary>{_table(report, notes, t('Notes'))}</details>" if notes else ""
    return _table(report, (*report.errors, *report.warnings), t("Findings")) + folded


def _table(report: CheckReport, found: Sequence[Finding], caption: str) -> str:
    if not found:
        return ""
    columns = (("", ""), (t("Rule"), "ma-rule"), (t("Evidence"), "ma-seen"), (t("Where"), "ma-num"), (t("Fix"), ""))
    head = "".join(f'<th scope="col" class="{name}">{escape(text)}</th>' if text else "<th></th>" for text, name in columns)
    rows = "".join(_finding(report, each) for each in found[:ROWS])
    more = len(found) - ROWS
    tail = f'<div class="ma-foot">{escape(t("{count} more in the report", count=more))}</div>' if more > 0 else ""
    return (
        f'<table class="ma-check ma-found"><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>{tail}"
    )


def _finding(report: CheckReport, finding: Finding) -> str:
    title = t(_TITLES.get(finding.code, ""))
    word = t(_WORDS[finding.severity])
    sign = f'<span class="{_TONES[finding.severity]}" role="img" aria-label="{escape(word)}">{SIGNS[finding.severity]}</span>'
    rule = f"<code>{finding.code}</code>{escape(title)}<small>{escape(finding.message)}</small>"
    evidence = " ".join(f"<code>{escape(each)}</code>" for each in (finding.path, finding.evidence) if each)
    fix = f"<code>{escape(finding.fix)}</code>" if _is_code(finding.fix) else escape(finding.fix)
    return (
        f'<tr><td>{sign}</td><td class="ma-rule">{rule}</td><td class="ma-seen">{evidence}</td>'
        f'<td class="ma-num">{_place(report, finding)}</td><td>{fix}</td></tr>'
    )


def _is_code(fix: str) -> bool:
    """Whether a fix is a line to paste rather than a sentence."""
    return bool(fix) and not fix.endswith((".", "。"))


def _place(report: CheckReport, finding: Finding) -> str:
    line = report.line(finding)
    title = f' title="{escape(finding.instruction)}"' if finding.instruction else ""
    if line:
        return f"<span{title}>{escape(t('line {line}', line=line))}</span>"
    return f"<span{title}>{escape(t('layer {number}', number=finding.layer))}</span>" if finding.layer else ""


def _layers(report: CheckReport) -> str:
    """Each layer with its size, what of it is hidden, and what made it; then the files that waste most."""
    if not report.layers:
        return ""
    largest = max(layer.size for layer in report.layers) or 1
    head = _row("th", ["", t("Layer"), t("Size"), t("Hidden later"), ""])
    rows = []
    for layer in report.layers[:LAYERS]:
        widths = (max(layer.size - layer.wasted, 0) / largest, layer.wasted / largest)
        parts = "".join(f'<i style="width:{width:.1%}"></i>' for width in widths)
        hidden = size(layer.wasted) if layer.wasted else ""
        made = layer.instruction or t("imported file system")
        base = f' <span class="ma-dim">{escape(t("base"))}</span>' if layer.base else ""
        rows.append(
            f'<tr><td class="ma-dim">{layer.number}</td><td><code>{escape(made[:160])}</code>{base}</td>'
            f'<td class="ma-num">{escape(size(layer.size))}</td><td class="ma-num">{escape(hidden)}</td>'
            f'<td><div class="ma-size" aria-hidden="true">{parts}</div></td></tr>'
        )
    table = _plain_table(t("Layers"), head, "".join(rows))
    wasted = sum(layer.wasted for layer in report.layers)
    words = t("{layers}, {files} files, {wasted} hidden by later layers", layers=layer_count(len(report.layers)),
              files=f"{report.files:,}", wasted=size(wasted))
    return f'<details class="ma-layers"><summary>{escape(words)}</summary>{table}{_waste(report)}{_caches(report)}</details>'


def _waste(report: CheckReport) -> str:
    if not report.wasted:
        return ""
    head = _row("th", ["", t("Hidden file"), t("Size"), t("Layer"), t("Hidden by")])
    rows = "".join(
        f'<tr><td></td><td><code>{escape(each.path)}</code></td><td class="ma-num">{escape(size(each.size))}</td>'
        f'<td class="ma-num">{each.layer}</td><td class="ma-num">{each.by}</td></tr>'
        for each in report.wasted[:WASTED]
    )
    return _plain_table(t("Hidden files"), head, rows)


def _plain_table(caption: str, head: str, rows: str) -> str:
    return f'<table class="ma-check"><caption>{escape(caption)}</caption><thead>{head}</thead><tbody>{rows}</tbody></table>'


def _caches(report: CheckReport) -> str:
    texts = [t("{name} {size} in layer {layer}", name=name, size=size(count), layer=layer)
             for layer, name, count in report.caches if layer > report.base_layers]
    return f'<div class="ma-sub">{escape(t("Caches: {list}", list=" · ".join(texts)))}</div>' if texts else ""


def _foot(report: CheckReport, log_path: str) -> str:
    parts = [t("{count} rules", count=report.rules), t("contract {name}", name=report.contract)]
    if report.not_tried:
        parts.append(t("Not started: {reason}", reason=report.not_tried))
    elif report.tried:
        parts.append(t("Imported offline: {packages}", packages=", ".join(report.tried[:12])))
    else:
        parts.append(t("Started offline as the contract's user"))
    if log_path:
        parts.append(f"{t('Full log')}{t(': ')}{short_path(log_path)}")
    return '<div class="ma-foot">' + "".join(f"<span>{escape(part)}</span>" for part in parts) + "</div>"


def _row(tag: str, texts: Sequence[str]) -> str:
    scope = ' scope="col"' if tag == "th" else ""
    return "<tr>" + "".join(f"<{tag}{scope if text else ''}>{escape(text)}</{tag}>" for text in texts) + "</tr>"
