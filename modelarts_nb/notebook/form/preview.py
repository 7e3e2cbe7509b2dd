"""The cells as the form shows them while one chooses: HTML, every text escaped, instructions and magics told from the rest."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from ...dockerfile.parser import FLAGS
from ...form import Problem
from ...messages import t

_START = re.compile(rf"(\s*)(%{{1,2}}[a-z]+|(?:{'|'.join(sorted(FLAGS, key=len, reverse=True))})(?=\s|$))(.*)", re.DOTALL)


def cells_html(cells: Sequence[str]) -> str:
    """Each cell as a block with its number, and a button that copies it where no extension of JupyterLab can insert it."""
    parts = []
    for number, cell in enumerate(cells, 1):
        lines = "\n".join(map(_line, cell.split("\n")))
        label = html.escape(t("Cell {number}", number=number))
        copy = (
            '<button type="button" class="jupyter-button ma-copy" onclick="navigator.clipboard.writeText('
            f"this.closest('.ma-cell').querySelector('code').textContent)\">{html.escape(t('Copy'))}</button>"
        )
        parts.append(
            f'<div class="ma-cell" role="group" aria-label="{label}"><div class="ma-cell-head"><span>{label}</span>{copy}</div>'
            f"<pre><code>{lines}</code></pre></div>"
        )
    return f'<div class="ma-cells">{"".join(parts)}</div>'


def _line(line: str) -> str:
    if line.lstrip().startswith("#"):
        return f'<span class="ma-comment">{html.escape(line)}</span>'
    found = _START.match(line)
    if not found:
        return html.escape(line)
    return f'{found[1]}<span class="ma-word">{html.escape(found[2])}</span>{html.escape(found[3])}'


def problems_html(problems: Sequence[Problem], labels: dict[str, str]) -> str:
    """What is wrong, field by field: errors first. An alert, so that a screen reader says it when it appears."""
    rows = [
        f'<li class="{"ma-error" if problem.error else "ma-note"}"><span aria-hidden="true">{"✕" if problem.error else "i"}'
        f"</span><span><b>{html.escape(labels.get(problem.field, ''))}</b> {html.escape(problem.message)}</span></li>"
        for problem in sorted(problems, key=lambda problem: not problem.error)
    ]
    role = "alert" if any(problem.error for problem in problems) else "status"
    return f'<div role="{role}"><ul class="ma-problems">{"".join(rows)}</ul></div>' if rows else ""


def told_html(text: str, *, good: bool, note: bool = False) -> str:
    """One sentence about what a button did."""
    sign, kind = ("✓", "ma-good") if good else ("i", "ma-note") if note else ("✕", "ma-error")
    return (
        f'<div role="status"><ul class="ma-problems"><li class="{kind}"><span aria-hidden="true">{sign}</span>'
        f"<span>{html.escape(text)}</span></li></ul></div>"
    )
