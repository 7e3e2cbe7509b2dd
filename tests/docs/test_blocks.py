"""Every block of every page says what it is, and holds: magics, commands, Dockerfiles, links."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from modelarts_nb.dockerfile import parse_dockerfile

from .blocks import CELLS, DOCS, NOT_RUN, ROOT, anchors, blocks, every_block, like, links, pages
from .commands import shell_commands, wrong_command, wrong_magics

KNOWN = {*CELLS, "dockerfile", "bash", "console", "text", "json", "yaml", "{toctree}", "{eval-rst}", "{note}"}
RULES = DOCS / "rules"  # their bad and good ones are judged by tests/unit/rules


def of(*languages):
    return [block for block in every_block() if block.language in languages and block.page.parent != RULES]


def test_every_block_says_what_it_is():
    assert [str(block) for block in every_block() if block.page.parent != RULES and block.language not in KNOWN] == []


def test_a_block_that_is_not_run_is_a_cell_or_a_command():
    marked = [block for block in every_block() if NOT_RUN.search(block.above)]
    assert marked
    assert [str(block) for block in marked if block.language not in (*CELLS, "dockerfile", "bash")] == []


def test_magics_are_called_as_they_want_it():
    found = {str(block): wrong for block in of(*CELLS, "dockerfile") if (wrong := wrong_magics(block.text))}
    assert not found


def test_dockerfiles_are_dockerfiles():
    for block in of("dockerfile", *CELLS):
        text = block.text
        if text.startswith("%%dockerfile"):
            text = text.partition("\n")[2]
        elif block.language != "dockerfile":
            continue
        parse_dockerfile(text if "FROM" in text else f"FROM scratch\n{text}")


def test_commands_are_real():
    found = {
        f"{block}: {' '.join(words)}": wrong for block in of("bash")
        for words in shell_commands(block.text) if (wrong := wrong_command(words))
    }
    assert not found


def test_commands_of_workflows_are_real():
    for block in of("yaml"):
        for step in yaml.safe_load(block.text)["steps"]:
            for words in shell_commands(step.get("run", "")):
                assert not wrong_command(words), block


def test_json_is_json():
    for block in of("json"):
        json.loads(block.text)


def test_what_a_terminal_shows_is_what_it_shows(home):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for block in of("console"):
        assert block.text.startswith("$ "), block
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            if not output.strip():  # only typed: judged as any other command
                assert not [wrong for words in shell_commands(command) if (wrong := wrong_command(words))], block
                continue
            done = subprocess.run(
                command, shell=True, capture_output=True, text=True, cwd=ROOT, timeout=60, env={**os.environ, "PATH": path},
            )
            assert like(output, done.stdout + done.stderr), f"{block}: {done.stdout}{done.stderr}"


@pytest.mark.parametrize("wrong", [
    "make nothing", "modelarts-nb engine sideways", "pip install 'modelarts-nb[magic]'", "no-such-program", "ruff --no-such",
    "python -m nowhere.at.all", "python -m pytest tests/no_such.py",
])
def test_a_wrong_command_is_found(wrong):
    [words] = shell_commands(wrong)
    assert wrong_command(words)


def test_wrong_magics_are_found():
    for wrong in ("%build --nope", "x = %train --nodes many -- true", "%nothing", "%dockerfile a", "%stop"):
        assert wrong_magics(wrong), wrong


def test_links_lead_somewhere():
    wrong = []
    for link in links():
        path, _, anchor = link.target.partition("#")
        if ":" in path.partition("/")[0]:
            if not path.startswith("https:"):
                wrong.append(link)
            continue
        place = (link.page.parent / path).resolve() if path else link.page
        if not place.exists() or (anchor and place.suffix == ".md" and anchor not in anchors(place)):
            wrong.append(link)
    assert not wrong


def test_every_page_can_be_reached():
    """From the README, by links; the site has them all in its contents."""
    seen, ahead = set(), [ROOT / "README.md", DOCS / "index.md"]
    while ahead:
        page = ahead.pop()
        if page in seen:
            continue
        seen.add(page)
        ahead += [
            place for link in links() if link.page == page
            for place in [(page.parent / link.target.partition("#")[0]).resolve()] if place.suffix == ".md" and place.is_file()
        ]
        ahead += [place for block in blocks(page) if block.language == "{toctree}" for place in _contents(page, block.text)]
    chinese = {page for page in pages() if page.is_relative_to(DOCS / "zh-CN") or page.name.endswith(".zh-CN.md")}
    assert set(pages()) - chinese - seen == set(), "Chinese pages are reached by the site's switch"


def _contents(page, text):
    for name in text.split():
        if not name.startswith(":") and "*" in name:
            yield from page.parent.glob(f"{name}.md")
        elif not name.startswith(":") and (page.parent / f"{name}.md").is_file():
            yield page.parent / f"{name}.md"
