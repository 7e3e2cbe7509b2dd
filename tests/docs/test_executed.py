"""The cells of a page, from top to bottom, in one kernel, against a real Engine and the sandbox."""

import shutil

import nbformat
import pytest
from nbclient import NotebookClient

from .blocks import DOCS, ROOT, blocks, like, pages

# Run elsewhere: the contract's own test runs its lines, and compares what the containers see
ELSEWHERE = {DOCS / "contract.md"}
PAGES = [
    page for page in pages()
    if page not in ELSEWHERE and page.parent.name != "rules" and any(block.runs for block in blocks(page))
]


@pytest.fixture(autouse=True)
def environment(monkeypatch, home, engine_base_url):
    monkeypatch.setenv("DOCKER_HOST", engine_base_url)
    monkeypatch.setenv("MODELARTS_NB_HOME", str(home))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")


def printed(cell):
    """What a cell says besides its cards."""
    return "\n".join(
        output.get("text", "") or output.get("data", {}).get("text/plain", "")
        for output in cell.outputs if output.output_type in ("stream", "execute_result")
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_runs(page, tmp_path, registry, base_image):
    if page == ROOT / "README.md":
        shutil.copytree(ROOT / "notebooks" / "digits", tmp_path / "digits")  # what its lines train with
    loads = any("%load_ext modelarts_nb" in block.text for block in blocks(page))
    cells, expected = [nbformat.v4.new_code_cell("" if loads else "%load_ext modelarts_nb")], []
    for block in blocks(page):
        if block.runs:
            cells.append(nbformat.v4.new_code_cell(block.text.rstrip("\n").replace("localhost:5005", registry)))
        elif block.language == "text" and block.behind and cells:
            expected.append((cells[-1], block))
    book = nbformat.v4.new_notebook(cells=cells)
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    NotebookClient(book, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    for cell, block in expected:
        assert like(block.text, printed(cell)), f"{block}: {printed(cell)}"
