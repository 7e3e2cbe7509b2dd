"""Plain-text tables stand straight in both languages."""

import pytest

from modelarts_nb import messages
from modelarts_nb.notebook.status import Status
from modelarts_nb.notebook.view import plain
from modelarts_nb.notebook.view.card import Fact
from modelarts_nb.table import table
from modelarts_nb.text import ljust, width


@pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("镜像", 4), ("OBS 桶", 6), ("（）", 4), ("e\u0301", 1), ("", 0)])
def test_a_chinese_character_takes_two_columns(text, columns):
    assert width(text) == columns
    assert width(ljust(text, 9)) == 9


def test_rows_begin_in_one_column_whatever_their_labels():
    rows = plain.fact_lines([Fact("镜像", "x"), Fact("Dockerfile", "x"), Fact("上次运行", "x")])
    assert {width(row[: row.index("x")]) for row in rows} == {14}
    status = str(Status((("镜像", "x"), ("Dockerfile", "x")))).split("\n")
    assert {width(row[: row.index("x")]) for row in status} == {12}
    listed = str(table("作业", ("名称", "N"), [("数字", "x"), ("digits", "x")])).split("\n")[2:]
    assert {width(row[: row.index("x")]) for row in listed} == {8}


def test_every_state_has_a_word_that_fits_its_column():
    for language in messages.LANGUAGES:
        messages.use(language)
        try:
            from modelarts_nb.notebook.view.steps import WORDS

            assert all(width(messages.t(word)) <= 9 for word in WORDS.values())
        finally:
            messages.use("en")
