"""docs/command-line.md says what there is."""

import re
import shlex
from pathlib import Path

import pytest

from modelarts_nb import cli
from modelarts_nb.cli import parser

PAGE = (Path(__file__).parents[3] / "docs" / "command-line.md").read_text(encoding="utf-8")


def commands():
    [groups] = [action for action in parser.build()._actions if action.dest == "==SUPPRESS=="]
    return groups.choices


@pytest.mark.parametrize("name", commands())
def test_every_command_is_on_the_page(name):
    assert re.search(rf"`{name}[ `]", PAGE)


def test_every_exit_code_is_on_the_page():
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)}
    assert codes == {0, cli.FAILED, cli.USAGE, cli.NOT_RUNNING, cli.INTERRUPTED, cli.TERMINATED}


def test_every_line_of_the_page_is_a_command():
    lines = re.findall(r"^\$ .*?(modelarts-nb .+?)(?:\)| >.*)?$", PAGE, re.MULTILINE)
    assert len(lines) > 8
    for line in lines:
        parser.parse(shlex.split(line.rstrip(')"'))[1:] if line.count('"') % 2 else shlex.split(line)[1:])
