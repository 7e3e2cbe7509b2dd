"""The tutorials as they lie in the repository: the same code in two languages, nothing executed, links that lead somewhere."""

import json
import re
from pathlib import Path

import nbformat
import pytest

from modelarts_nb import api, messages
from modelarts_nb.building.request import DockerfileSource
from modelarts_nb.notebook.magics import ALL as MAGICS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
ENGLISH = sorted(path for path in FOLDER.glob("*.ipynb") if ".zh-CN" not in path.name)
BOOKS = sorted(FOLDER.rglob("*.ipynb"))
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


@pytest.mark.parametrize("path", BOOKS, ids=named)
def test_a_notebook_is_valid_and_has_never_been_run(path):
    book = nbformat.read(path, 4)
    nbformat.validate(book)
    assert book.metadata.kernelspec.name == "python3"
    for cell in book.cells:
        assert set(cell.metadata) <= {"tags"}
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)


@pytest.mark.parametrize("path", [*BOOKS, *PAGES], ids=named)
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


@pytest.mark.parametrize("path", [path for path in [*BOOKS, *PAGES] if ".zh-CN" in path.name], ids=named)
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


@pytest.mark.parametrize(
    ("language", "name"), [("en", "from-the-official-tutorial.md"), ("zh-CN", "from-the-official-tutorial.zh-CN.md")]
)
def test_what_the_page_says_of_the_official_dockerfile_is_what_the_rules_say(language, name, monkeypatch, tmp_path):
    monkeypatch.setenv("MODELARTS_NB_HOME", str(tmp_path))
    page = (ROOT / "docs" / name).read_text()
    text = re.search(r"```dockerfile\n(FROM.*?)```", page, re.DOTALL)[1]
    quoted = re.search(r"<!-- findings -->\n```text\n(.*?)\n```\n<!-- end of findings -->", page, re.DOTALL)[1]
    messages.use(language)
    try:
        findings = api.review(DockerfileSource(text, name="official")).findings
    finally:
        messages.use("en")
    said = [f"{each.severity.value:7}  line {each.line}  {each.code}  {each.message}" for each in findings]
    assert quoted.splitlines() == said


def test_both_pages_on_the_official_tutorial_have_the_same_steps_and_name_magics_that_exist():
    def steps(name):
        rows = re.findall(r"^\| (.+) \|$", (ROOT / "docs" / name).read_text(), re.MULTILINE)[1:]
        return [(set(re.findall(r"\bMA\d{3}\b", row)), set(re.findall(r"`(%+\w+)", row))) for row in rows]

    english = steps("from-the-official-tutorial.md")
    assert len(english) > 20
    assert english == steps("from-the-official-tutorial.zh-CN.md")
    for _, magics in english:
        for magic in magics:
            kind = "cell" if magic.startswith("%%") else "line"
            assert any(magic.lstrip("%") in each.magics[kind] for each in MAGICS), magic


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_index_names_every_tutorial(name):
    listed = re.findall(r"\]\(([^)]+\.ipynb)\)", (FOLDER / name).read_text())
    assert listed == [path.name if name == "README.md" else chinese(path).name for path in ENGLISH]
