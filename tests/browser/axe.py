"""axe-core's judgement of a part of a page."""

from pathlib import Path

import axe_playwright_python


def violations(page, selector):
    """What axe-core finds wrong in the elements that match, one line each; nothing is left out of its default rules."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate((Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("selector => axe.run(selector)", selector)
    assert found["passes"], f"axe-core looked at nothing in {selector}"
    nodes = [(rule["id"], node) for rule in found["violations"] for node in rule["nodes"]]
    return [f"{rule}: {node['html'][:200]} {node['failureSummary']}" for rule, node in nodes]
