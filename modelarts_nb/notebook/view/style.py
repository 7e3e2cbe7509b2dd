"""The look of every card, live or static: JupyterLab's own fonts, borders and backgrounds; own colours where contrast counts.

Every text keeps 4.5:1 against its background in the light and in the dark theme; tests measure it with axe-core.
"""

from __future__ import annotations

_LIGHT = (
    "--ma-accent:#1565c0;--ma-ok:#2e7d32;--ma-bad:#b3261e;--ma-warn:#8a4b00;--ma-dim:#5f6368;--ma-log:#f6f7f9;--ma-track:#dfe5ec;"
    "--ma-base:#78909c;--ma-edge:#d9dde1;--ma-mark:#ffe082;"
)
_DARK = (
    "--ma-accent:#7ab7f5;--ma-ok:#7bc67f;--ma-bad:#ff8a80;--ma-warn:#e5b567;--ma-dim:#a8b1ba;--ma-log:#1a1f24;--ma-track:#39424b;"
    "--ma-base:#90a4ae;--ma-edge:#3a4149;--ma-mark:#6d5400;"
)
# ANSI colours by SGR code: light and dark; 3x and 9x are shown alike
_ANSI = {
    0: ("#5f6368", "#a8b1ba"), 1: ("#b3261e", "#ff8a80"), 2: ("#2e7d32", "#7bc67f"), 3: ("#8a4b00", "#e5b567"),
    4: ("#1565c0", "#7ab7f5"), 5: ("#8e24aa", "#ce93d8"), 6: ("#00695c", "#4dd0c0"), 7: ("#3c4043", "#e0e0e0"),
}


def _ansi() -> str:
    rules = [".ma .a1{font-weight:600}.ma .a2{opacity:.8}.ma .a3{font-style:italic}.ma .a4{text-decoration:underline}"]
    for number in _ANSI:
        rules.append(f".ma .a3{number},.ma .a9{number}{{color:var(--ma-a{number})}}")
    return "".join(rules)


def _theme(index: int, colours: str) -> str:
    return colours + "".join(f"--ma-a{number}:{pair[index]};" for number, pair in _ANSI.items())


_RULES = """
.ma{border:1px solid var(--ma-edge);border-radius:6px;max-width:900px;overflow:hidden;margin:2px 0;
font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:13px;line-height:1.5;
color:var(--jp-content-font-color1,#212121);background:var(--jp-layout-color1,#fff)}
.ma code,.ma pre{font-family:var(--jp-code-font-family,monospace);font-size:12px;background:none;padding:0;margin:0;
color:inherit;border:0}
.ma .ma-head{display:flex;gap:4px 10px;align-items:baseline;padding:8px 14px;flex-wrap:wrap}
.ma .ma-head b{font-weight:600}
.ma .ma-head code{overflow:hidden;text-overflow:ellipsis;overflow-wrap:anywhere}
.ma .ma-sum{margin-left:auto;font-variant-numeric:tabular-nums}
.ma .ma-sum,.ma .ma-dim{color:var(--ma-dim)}
.ma .ma-dim{font-variant-numeric:tabular-nums}
.ma .ma-meter{height:3px;background:var(--ma-track)}
.ma .ma-meter i,.ma .ma-bar i{display:block;height:100%;background:var(--ma-accent)}
.ma table.ma-steps,.ma table.ma-facts{border-collapse:collapse;width:100%;margin:0 0 6px;border:0;table-layout:fixed}
.ma td{padding:3px 4px;border:0;text-align:left;vertical-align:top;font-size:12px;background:none}
.ma tr,.ma tr:hover,.ma tbody tr:nth-child(odd),.ma tbody tr:nth-child(even){background:none}
.ma td:first-child{padding-left:14px;width:18px}.ma td:last-child{padding-right:14px}
.ma td.ma-name{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.ma td.ma-more{width:210px;text-align:right;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.ma td.ma-state{width:64px}.ma td.ma-time{width:84px;text-align:right;white-space:nowrap}
.ma .ma-bar{display:inline-block;width:80px;height:5px;border-radius:3px;overflow:hidden;vertical-align:middle;
margin-right:6px;background:var(--ma-track)}
.ma pre.ma-log{margin:0 14px 8px 40px;padding:6px 10px;border-left:2px solid var(--ma-edge);
background:var(--ma-log);line-height:1.45;overflow:auto;white-space:pre;max-height:20em}
.ma .ma-why{margin:2px 14px 10px 40px;padding:8px 12px;border-left:3px solid var(--ma-bad);
background:var(--ma-log);white-space:pre-wrap;overflow-wrap:anywhere}
.ma .ma-why.ma-said{border-color:var(--ma-warn)}
.ma table.ma-facts td:first-child{width:92px;color:var(--ma-dim)}
.ma table.ma-facts td{white-space:normal;overflow-wrap:anywhere;font-size:13px}
.ma .ma-size{display:flex;height:8px;max-width:460px;border-radius:4px;overflow:hidden;margin:6px 0 2px;
background:var(--ma-track)}
.ma .ma-size i{display:block;height:100%;background:var(--ma-base)}.ma .ma-size i+i{background:var(--ma-accent)}
.ma .ma-size i.ma-over{background:var(--ma-bad)}
.ma .ma-foot{padding:7px 14px;border-top:1px solid var(--ma-edge);
color:var(--ma-dim);font-size:12px;display:flex;gap:2px 18px;flex-wrap:wrap;overflow-wrap:anywhere}
.ma details>summary{cursor:pointer;padding:2px 14px 8px;color:var(--ma-dim);font-size:12px}
.ma .ma-stage{padding:4px 14px 2px;font-weight:600;font-size:12px;color:var(--ma-dim)}
.ma .ma-running{color:var(--ma-accent)}.ma .ma-done{color:var(--ma-ok)}
.ma .ma-failed{color:var(--ma-bad)}.ma .ma-warn{color:var(--ma-warn)}
.ma .ma-chart{padding:6px 14px 10px;max-width:520px}.ma .ma-chart svg{display:block;width:100%;height:auto}
.ma .ma-chart text{fill:var(--ma-dim);font-size:12.5px}
.ma .ma-run{display:grid;grid-template-columns:1fr}
@media (max-width:640px){.ma td.ma-more{width:110px}.ma td.ma-state{width:56px}.ma pre.ma-log,.ma .ma-why{margin-left:14px}}
"""
CSS = (
    f".ma{{{_theme(0, _LIGHT)}}}\n"
    + f"[data-jp-theme-light=false] .ma,.vscode-dark .ma{{{_theme(1, _DARK)}}}\n"
    + (_RULES + _ansi()).replace(".ma ", ".ma.ma.ma ")  # stronger than JupyterLab's rules for tables and code in outputs
)
STYLE = f"<style>{CSS}</style>"
