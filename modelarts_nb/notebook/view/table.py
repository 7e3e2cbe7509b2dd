"""A list as an HTML table: every text escaped, no scripts, legible without any style."""

from __future__ import annotations

from ...messages import t
from ...table import Table
from . import html

MOST = 200  # rows that stand in a saved notebook


def render(found: Table) -> str:
    """The card."""
    head = "".join(f'<td class="ma-dim">{html.escape(name)}</td>' for name in found.columns)
    rows = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in found.rows[:MOST]
    )
    more = len(found.rows) - MOST
    foot = f'<div class="ma-foot">{html.escape(t("{count} more", count=more))}</div>' if more > 0 else ""
    note = f'<div class="ma-foot"><code>{html.escape(found.note)}</code></div>' if found.note else ""
    return (
        f'{html.STYLE}<div class="ma" role="group" aria-label="{html.escape(found.title)}"><div class="ma-head">'
        f'<b>{html.escape(found.title)}</b> <span class="ma-sum">{len(found.rows)}</span></div>'
        f'<div style="overflow:auto"><table class="ma-list"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
        f"{foot}{note}</div>"
    )
