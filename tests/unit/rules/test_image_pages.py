"""Every rule on images has a page, every page a rule; what is bad is planted for real in tests/integration/checking.py."""

import re
from pathlib import Path

import pytest

from modelarts_nb.dockerfile import parse_dockerfile
from modelarts_nb.rules.image import RULES

FOLDER = Path(__file__).parents[3] / "docs" / "rules"


def test_rules_and_pages_correspond():
    codes = [rule.code for rule in RULES]
    assert codes == sorted(set(codes))
    assert codes == sorted(path.stem for path in FOLDER.glob("MA1*.md"))
    assert all(re.fullmatch(r"MA1\d\d", code) for code in codes)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_page_names_its_rule_and_says_what_why_and_how(rule):
    text = (FOLDER / f"{rule.code}.md").read_text(encoding="utf-8")
    assert text.splitlines()[0] == f"# {rule.code}: {rule.title}"
    assert [line for line in text.splitlines() if line.startswith("## ")] == ["## Why", "## Bad", "## Good", "## To ignore it"]
    bad, good = re.findall(r"```dockerfile\n(.*?)```", text, re.DOTALL)
    assert parse_dockerfile(bad).text != parse_dockerfile(good).text
