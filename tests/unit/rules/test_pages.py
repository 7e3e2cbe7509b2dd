"""Every rule has a page, every page a rule; what a page shows as bad trips its rule alone, what it shows as good trips none."""

import re

import pytest

from modelarts_nb.rules.lint import RULES

from . import planted

PAGES = planted.pages()


def test_rules_and_pages_correspond():
    codes = [rule.code for rule in RULES]
    assert sorted(codes) == sorted(set(codes)), "a code is given twice"
    assert sorted(codes) == sorted(PAGES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_page_names_its_rule_and_says_what_why_and_how(rule):
    text = PAGES[rule.code]
    assert text.splitlines()[0].lower() == f"# {rule.code}: {rule.title}".lower()
    assert [line for line in text.splitlines() if line.startswith("## ")] == ["## Why", "## Bad", "## Good", "## To ignore it"]


@pytest.mark.parametrize("code", PAGES)
def test_bad_trips_exactly_that_rule(code):
    assert {found for found, _ in planted.judge(PAGES[code], "Bad")} == {code}


@pytest.mark.parametrize("code", PAGES)
def test_good_trips_none(code):
    assert planted.judge(PAGES[code], "Good") == set()


def test_the_table_in_the_readme_is_what_the_tests_find():
    """To write it anew: python -m tests.unit.rules.planted"""
    text = (planted.FOLDER / "README.md").read_text(encoding="utf-8")
    assert re.search(rf"{planted.BEGIN}\n(.*?)\n{planted.END}", text, re.DOTALL).group(1) == planted.table()


def test_every_planted_thing_is_found_and_nothing_clean_raises_a_false_alarm():
    for code, row in planted.counted().items():
        assert row.found == row.planted > 0, code
        assert row.false_alarms == 0, code
