"""Every rule has a page, every page a rule; what a page shows as bad trips its rule alone, what it shows as good trips none."""

import importlib.util
from pathlib import Path

import pytest

from modelarts_nb.rules.lint import RULES

spec = importlib.util.spec_from_file_location("pages", Path(__file__).with_name("pages.py"))
pages = importlib.util.module_from_spec(spec)
spec.loader.exec_module(pages)
PAGES = pages.pages()


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
    assert {found for found, _ in pages.judge(PAGES[code], "Bad")} == {code}


@pytest.mark.parametrize("code", PAGES)
def test_good_trips_none(code):
    assert pages.judge(PAGES[code], "Good") == set()
