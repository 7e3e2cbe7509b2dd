"""The real program, as a shell starts it."""

import os
import subprocess
import sys

import nbformat
import pytest


@pytest.fixture(autouse=True)
def environment(monkeypatch, home, engine_base_url):
    """The program finds the private Engine of the tests, and nothing of the user's."""
    monkeypatch.setenv("DOCKER_HOST", engine_base_url)
    monkeypatch.setenv("MODELARTS_NB_HOME", str(home))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")


PROGRAM = [sys.executable, "-m", "modelarts_nb.cli"]


@pytest.fixture
def program(tmp_path):
    """program("build", …) → what it printed, and its exit code."""

    def run(*words, **environment):
        return subprocess.run([*PROGRAM, *map(str, words)], capture_output=True, text=True, cwd=tmp_path, timeout=300,
                              env={**os.environ, **environment})

    return run


@pytest.fixture
def started(tmp_path):
    """started("build", …) → the running program; whatever is left of it ends with the test."""
    running = []

    def start(*words):
        running.append(subprocess.Popen([*PROGRAM, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, cwd=tmp_path, start_new_session=True))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


@pytest.fixture
def notebook(tmp_path):
    """notebook("name.ipynb", "a cell", …) → its path."""

    def make(name, *cells, tags=()):
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        book.metadata["language_info"] = {"name": "python", "file_extension": ".py", "nbconvert_exporter": "python"}
        for number, tag in tags:
            book.cells[number - 1].metadata["tags"] = [tag]
        nbformat.write(book, tmp_path / name)
        return tmp_path / name

    return make
