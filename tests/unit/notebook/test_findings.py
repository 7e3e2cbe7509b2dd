"""Findings as people see them: by the cell's lines, calm, and safe whatever a Dockerfile holds."""

from pathlib import Path

import pytest

from modelarts_nb import messages
from modelarts_nb.building.request import DockerfileSource
from modelarts_nb.dockerfile import parse_dockerfile
from modelarts_nb.errors import ChecksFailed
from modelarts_nb.notebook import shown
from modelarts_nb.notebook.view import findings, html
from modelarts_nb.notebook.view.card import BUILD
from modelarts_nb.rules.lint import lint
from modelarts_nb.rules.model import Finding, Severity
from modelarts_nb.session import Kept
from modelarts_nb.trace import Trace
from modelarts_nb.workflows.checks import checked

HOSTILE = Finding("MA020", Severity.ERROR, "<script>alert(1)</script>\x1b[31m\u202e", "<img src=x onerror=y>", 2, 2)
NOTE = Finding("MA061", Severity.NOTE, "a note.", "Do it.", 3, 3)
MEANT = Finding("MA021", Severity.ERROR, "meant", "", 4, 4, ignored="because <b>")


def test_every_text_is_escaped_and_no_control_character_is_left():
    made = findings.table([HOSTILE, MEANT], 2)
    assert "<script" not in made
    assert "<img" not in made
    assert "<b>" not in made
    assert "\x1b" not in made + "".join(findings.lines([HOSTILE], 2))
    assert "\u202e" not in made + "".join(findings.lines([HOSTILE], 2))


def test_lines_are_the_cells_and_what_does_not_matter_now_is_folded_away():
    made = findings.table([NOTE, HOSTILE, MEANT], 2)
    open_part, _, folded = made.partition("<details>")
    assert "line 3" in open_part
    assert "a note." not in open_part
    assert "1 note, 1 ignored" in folded
    assert "ignored: because" in folded
    assert findings.lines([NOTE, HOSTILE], 2)[0].startswith("  ✕ error     line 3    MA020")
    assert findings.table([], 2) == ""


def test_a_sign_and_a_word_say_the_severity_and_not_the_colour_alone():
    for severity, sign, word in ((Severity.ERROR, "✕", "error"), (Severity.WARNING, "!", "warning"),
        (Severity.NOTE, "i", "note")):
        made = findings.table([Finding("MA001", severity, "m", "", 1, 1)], 1)
        assert f'<i aria-hidden="true">{sign}</i>{word}' in made


def test_a_hundred_findings_do_not_fill_the_notebook():
    many = [Finding("MA020", Severity.ERROR, f"number {number}", "", number, number) for number in range(1, 101)]
    made = findings.table(many, 1)
    assert "number 60" in made
    assert "number 61" not in made
    assert "40 more" in made


def test_a_kept_dockerfile_says_what_to_type_only_while_nothing_stops_it():
    source = DockerfileSource("FROM x\n", "d", first_line=2, context=Path())
    assert "%build d" in shown.bundle(Kept(source, 1, 1, (NOTE, MEANT)))["text/plain"]
    stopped = shown.bundle(Kept(source, 1, 1, (HOSTILE,)))
    assert "%build d" not in stopped["text/plain"]
    assert "Checks" in stopped["text/html"]


def test_a_stopped_build_shows_the_table_and_its_error_names_the_lines():
    source = DockerfileSource("FROM ubuntu:18.04\nUSER nobody\n", "d", first_line=2)
    with pytest.raises(ChecksFailed) as caught:
        next(checked(lint(parse_dockerfile(source.text)), source, Trace(), lambda: iter(())))
    card = html.render(BUILD, "d:1", Trace(), now=0, seconds=0, ended=True, error=caught.value)
    assert "line 2" in card
    assert "MA001" in card
    assert "MA010" in card, "the warnings too"
    text = "\n".join(caught.value._render_traceback_())
    assert "line 2  MA001" in text
    assert "--no-check" in text


def test_findings_speak_chinese():
    messages.use("zh")
    try:
        [found] = lint(parse_dockerfile("FROM ubuntu:18.04\n"))
        assert "不是官方基础镜像" in found.message
        assert "错误" in findings.table([found], 1)
        assert "第 1 行" in findings.table([found], 1)
    finally:
        messages.use("en")
