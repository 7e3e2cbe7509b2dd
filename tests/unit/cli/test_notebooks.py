"""The Dockerfiles of a notebook file."""

import nbformat
import pytest
from IPython.core.error import UsageError

from modelarts_nb import cli
from modelarts_nb.cli import notebooks
from modelarts_nb.errors import SettingsError


@pytest.fixture
def book(tmp_path):
    """book("a cell", …) → the path of a notebook with these cells."""

    def make(*cells):
        path = tmp_path / "some.ipynb"
        cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("%%dockerfile no"), *cells]), path)
        return path

    return make


def test_each_cell_comes_with_its_number_line_and_folder(book, tmp_path):
    path = book("1", "%%dockerfile one -C 'a b'\nFROM scratch\n", "\n\n%%dockerfile\nFROM scratch", "%%dockerfiles x\nFROM no")
    one, other = notebooks.dockerfiles(path)
    assert (one.number, one.source.name, one.source.context) == (3, "one", tmp_path / "a b")
    assert (one.source.first_line, one.source.text) == (2, "FROM scratch\n")
    assert (other.number, other.source.name, other.source.first_line) == (4, "default", 4)
    assert one.source.origin == f"{path}, cell 3"


def test_one_is_chosen_by_name_or_number(book):
    path = book("%%dockerfile 3\nFROM a", "%%dockerfile two\nFROM b", "%%dockerfile two\nFROM c")
    for wanted, text in (("3", "FROM a"), ("two", "FROM c"), ("2", "FROM a")):
        [cell] = notebooks.dockerfiles(path, wanted)
        assert cell.source.text == text
    with pytest.raises(SettingsError) as caught:
        notebooks.dockerfiles(path, "nothing")
    assert "3 (2), two (3), two (4)" in caught.value.hint


def test_a_line_that_the_cell_would_refuse_is_refused(book):
    with pytest.raises(UsageError):
        notebooks.dockerfiles(book("%%dockerfile a b c\nFROM scratch"))


@pytest.mark.parametrize(("words", "told"), [
    (["-t", "a:1"], "Choose: --cell NAME"), (["-o", "out"], "Choose: --cell NAME"),
    ([], "Several cells keep a Dockerfile “two”"),
])
def test_several_cells_do_not_make_one_thing(book, capsys, words, told):
    path = book("%%dockerfile two\nFROM b", "%%dockerfile two\nFROM c")
    assert cli.main(["build", str(path), *words]) == cli.USAGE
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "{}", "[1]", "no notebook", '{"nbformat": 99, "cells": []}'])
def test_what_is_no_notebook_is_said(tmp_path, capsys, text):
    (tmp_path / "some.ipynb").write_text(text)
    for verb in ("build", "check", "run"):
        assert cli.main([verb, str(tmp_path / "some.ipynb")]) == cli.FAILED
        assert "some.ipynb" in capsys.readouterr().err
    assert cli.main(["check", str(tmp_path / "other.ipynb")]) == cli.FAILED
