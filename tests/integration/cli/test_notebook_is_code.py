"""A ``%%dockerfile`` cell keeps every byte wherever notebooks are handled as code: formats, diffs, merges, scripts."""

import copy
import os
import subprocess
import sys
import warnings

import nbformat
import pytest
from nbconvert import PythonExporter

from modelarts_nb.cli import notebooks

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # their imports
    import jupytext
    import nbdime
    from nbdime.prettyprint import PrettyPrintConfig, pretty_print_notebook_diff

TEXT = (
    "# syntax=docker/dockerfile:1\nFROM scratch\nLABEL a=\"'''\" b='\"\"\"' c=\"\\\\n\" \\\n  d=\"$HOME {x} %%y é 镜像\"\n"
    "COPY <<EOF /a\n\t!tab\n%magic\nEOF\n# modelarts: ignore=MA001,MA002 a test of text\n"
)
CELL = f"%%dockerfile exact -C .\n{TEXT}"
OURS = ("FROM scratch", "FROM scratch AS ours")


@pytest.fixture
def path(notebook):
    return notebook("code.ipynb", "%load_ext modelarts_nb", CELL, "print('end')")


@pytest.fixture
def book(path):
    return nbformat.read(path, 4)


def kept(book, folder):
    """The Dockerfile that the notebook, written to a file, holds."""
    nbformat.write(book, folder / "kept.ipynb")
    [cell] = notebooks.dockerfiles(folder / "kept.ipynb")
    return cell.source.text


def test_nbformat_keeps_it(book, tmp_path):
    nbformat.validate(book)
    assert kept(book, tmp_path) == TEXT
    assert kept(nbformat.read(tmp_path / "kept.ipynb", 4), tmp_path) == TEXT


def test_nbdime_shows_its_lines_and_merges_both_sides(book, tmp_path):
    ours, theirs = copy.deepcopy(book), copy.deepcopy(book)
    ours.cells[1].source = ours.cells[1].source.replace(*OURS)
    theirs.cells[1].source += "ENV THEIRS=1\n"
    with (tmp_path / "diff").open("w") as out:
        pretty_print_notebook_diff("a", "b", book, nbdime.diff_notebooks(book, ours),
                                   PrettyPrintConfig(out=out, use_color=False, use_git=False, use_diff=False))
    shown = (tmp_path / "diff").read_text()
    assert "FROM scratch AS ours" in shown
    assert "ENV" not in shown
    merged, decisions = nbdime.merge_notebooks(book, ours, theirs)
    assert not [each for each in decisions if each.conflict]
    assert kept(merged, tmp_path) == TEXT.replace(*OURS) + "ENV THEIRS=1\n"


def test_nbconverts_script_runs_under_ipython(book, tmp_path):
    text, _ = PythonExporter().from_notebook_node(book)
    compile(text, "script", "exec")  # ordinary Python, which calls the magics
    found = "__import__('modelarts_nb.session').session.session.dockerfile('exact').text"
    script = tmp_path / "script.ipy"
    script.write_text(f"{text}\nassert {found} == {TEXT!r}\nprint('kept')\n", encoding="utf-8")
    ran = subprocess.run([sys.executable, "-m", "IPython", "--colors=NoColor", script], capture_output=True, text=True,
                         cwd=tmp_path, timeout=120, env={**os.environ, "IPYTHONDIR": str(tmp_path / "ipython")})
    assert "kept" in ran.stdout, ran.stdout + ran.stderr


@pytest.mark.parametrize("form", ["py:percent", "py:light", "md"])
def test_jupytext_goes_there_and_back(book, tmp_path, form):
    back = jupytext.reads(jupytext.writes(book, form), form)
    assert kept(back, tmp_path).rstrip("\n") == TEXT.rstrip("\n")
