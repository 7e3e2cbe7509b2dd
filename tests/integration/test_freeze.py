"""``%freeze`` in a real kernel: a cell that our rules pass and that the Engine builds."""

import json

import pytest

from .test_notebook import execute, notebook, texts


@pytest.fixture(autouse=True)
def here(monkeypatch, home, engine_base_url):
    monkeypatch.setenv("DOCKER_HOST", engine_base_url)
    monkeypatch.setenv("MODELARTS_NB_HOME", str(home))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")


def test_what_the_kernel_has_imported_is_built_into_an_image_that_has_it(tmp_path, base_image):
    (tmp_path / "mine.py").write_text("import idna\n")
    book = execute(notebook("import mine\nfrom wcwidth import wcswidth", f"%freeze frozen --base {base_image}"), tmp_path)
    cell = next(output.text for output in book.cells[2].outputs if output.output_type == "stream")
    assert f"FROM {base_image}\n" in cell
    assert "    idna==" in cell, "what a module of one's own imports counts"
    assert "COPY mine.py /home/work/mine.py" in cell
    assert any("mine.py is a module of your own" in texts(each) for each in book.cells)
    checking = "import subprocess, json; from modelarts_nb.session import session; from modelarts_nb import api"
    book = execute(notebook(
        checking, cell.strip(), "image = %build -q frozen",
        "kept = api.review(session.dockerfile('frozen'))\n"
        "print(json.dumps([str(f.severity) for f in kept.findings if f.severity.name == 'ERROR']))",
        "opened = api.shell('frozen:latest', progress='quiet')", "%%shell\npip list --format freeze 2>/dev/null",
        "%shell --stop",
    ), tmp_path)
    assert json.loads(texts(book.cells[4])) == []
    installed = texts(book.cells[6]).splitlines()
    wanted = [line.strip(" \\") for line in cell.splitlines() if "==" in line]
    assert set(wanted) <= set(installed)
