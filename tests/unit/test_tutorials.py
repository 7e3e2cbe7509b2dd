"""The tutorials as they lie in the repository: the same code in two languages, nothing executed, links that lead somewhere."""

import json
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
ENGLISH = sorted(path for path in FOLDER.glob("*.ipynb") if ".zh-CN" not in path.name)
ALL = sorted(FOLDER.rglob("*.ipynb"))
PAGES = [
    *sorted(FOLDER.glob("README*.md")), *sorted((ROOT / "docs").glob("from-the-official-tutorial*.md"))
]
CJK = re.compile(r"[\u4e00-\u9fff]")
TOUCHING = re.compile(r"[\u4e00-\u9fff][A-Za-z0-9]|[A-Za-z0-9][\u4e00-\u9fff]")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def chinese(path):
    return path.with_name(path.name.replace(".ipynb", ".zh-CN.ipynb"))


def prose(path):
    if path.suffix == ".md":
        return path.read_text()
    return "\n\n".join(cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "markdown")


def named(path):
    return path.relative_to(ROOT).as_posix()


def test_there_are_seven_tutorials_in_both_languages():
    assert [path.name[:2] for path in ENGLISH] == [f"{number:02d}" for number in range(1, 8)]
    assert all(chinese(path).is_file() for path in ENGLISH)


@pytest.mark.parametrize("path", ENGLISH, ids=named)
def test_both_languages_have_the_same_code_and_prose_of_their_own(path):
    one, other = nbformat.read(path, 4).cells, nbformat.read(chinese(path), 4).cells
    assert [cell.cell_type for cell in one] == [cell.cell_type for cell in other]
    for ours, theirs in zip(one, other, strict=True):
        assert ours.metadata == theirs.metadata
        if ours.cell_type == "code":
            assert ours.source == theirs.source
        else:
            assert not CJK.search(ours.source)
            assert CJK.search(theirs.source)


@pytest.mark.parametrize("path", ENGLISH, ids=named)
def test_what_the_chinese_text_calls_bold_is_what_the_product_shows(path):
    catalogue = {}
    for file in (ROOT / "modelarts_nb" / "messages" / "zh_CN").glob("*.json"):
        catalogue.update(json.loads(file.read_text()))
    bold = re.compile(r"\*\*([^*]+)\*\*")
    theirs = set(bold.findall(prose(chinese(path))))
    for label in bold.findall(prose(path)):
        if label in catalogue:
            assert catalogue[label] in theirs


@pytest.mark.parametrize("path", ALL, ids=named)
def test_a_notebook_is_valid_and_has_never_been_run(path):
    book = nbformat.read(path, 4)
    nbformat.validate(book)
    assert book.metadata.kernelspec.name == "python3"
    for cell in book.cells:
        assert set(cell.metadata) <= {"tags"}
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)


@pytest.mark.parametrize("path", [*ALL, *PAGES], ids=named)
def test_links_lead_somewhere_and_rules_exist(path):
    text = prose(path)
    for target in LINK.findall(text):
        if not target.startswith("http"):
            place, _, anchor = target.partition("#")
            assert (path.parent / place).exists(), target
            if anchor:
                assert anchor in anchors(path.parent / place), target
            if ".zh-CN" in path.name and place.endswith(".ipynb"):
                assert not chinese(path.parent / place).exists(), f"{target}: there is a Chinese one"
    for code in re.findall(r"\bMA\d{3}\b", text):
        assert (ROOT / "docs" / "rules" / f"{code}.md").is_file(), code


def anchors(path):
    """As GitHub and JupyterLab make them: JupyterLab keeps case and puts hyphens for blanks."""
    titles = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {title.replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", [path for path in [*ALL, *PAGES] if ".zh-CN" in path.name], ids=named)
def test_chinese_and_latin_characters_have_a_space_between_them(path):
    text = re.sub(r"\]\([^)]*\)|\[|\]|[*`]", "", prose(path))
    assert not TOUCHING.search(text), TOUCHING.search(text)


def test_the_workflow_of_the_last_tutorial_runs_what_there_is():
    import shlex

    import yaml

    from modelarts_nb.cli import parser

    workflow = yaml.safe_load((FOLDER / "ci" / "workflow.yml").read_text())
    lines = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    ours = [line for line in lines if re.search(r"(^|\s)modelarts-nb ", line)]
    assert len(ours) == 2
    for line in ours:
        words = shlex.split(line)
        options = parser.parse(words[words.index("modelarts-nb") + 1:])
        for name in ("notebook", "parameters"):
            assert (ROOT / getattr(options, name, "README.md")).is_file()
    extras = re.search(r"modelarts-nb\[([\w,]+)\]", "\n".join(lines))[1].split(",")
    assert all(f'"{extra}": [' in (ROOT / "setup.py").read_text() for extra in extras)
