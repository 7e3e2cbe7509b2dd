"""``modelarts-nb run``: a notebook in a kernel, without anybody before it."""

import json
import signal

import nbformat
import pytest

from modelarts_nb.cli import runs
from modelarts_nb.errors import SettingsError

from ...conftest import PATIENCE, wait_until


def outputs(path):
    return [output.get("text", output.get("ename", "")) for cell in nbformat.read(path, 4).cells for output in cell.outputs]


def test_parameters_go_behind_the_tagged_cell_and_outputs_come_as_lines(program, notebook, tmp_path):
    book = notebook("p.ipynb", "epochs, names = 1, []", "print(epochs, names, rate, flag)\n'a value'", tags=[(1, "parameters")])
    (tmp_path / "p.yaml").write_text("epochs: 3\nnames: [a, 'b\"c']\nrate: 1.0e-3\nflag: null\n")
    ran = program("run", book, "--parameters", "p.yaml", "-o", "out/done.ipynb")
    assert (ran.returncode, ran.stdout) == (0, "3 ['a', 'b\"c'] 0.001 None\n'a value'\n"), ran.stderr
    done = nbformat.read(tmp_path / "out" / "done.ipynb", 4)
    assert [cell.metadata.get("tags", []) for cell in done.cells] == [["parameters"], ["injected-parameters"], []]
    (tmp_path / "p.json").write_text('{"epochs": 4, "names": [], "rate": 0, "flag": true}')
    runs.inject(done, runs.parameters(tmp_path / "p.json"))
    assert [cell.source for cell in done.cells[1:2]] == ["# Parameters\nepochs = 4\nnames = []\nrate = 0\nflag = True"]
    assert len(done.cells) == 3


def test_a_failing_cell_ends_it_and_what_was_done_is_kept(program, notebook, tmp_path):
    book = notebook(
        "f.ipynb", "print('\\x1b[31mred\\x1b[0m')", "%load_ext modelarts_nb", "%train of-nobody:1 -- true", "print('never')"
    )
    ran = program("run", book, "-o", "out.ipynb", "--json")
    assert ran.returncode == 1
    told = json.loads(ran.stdout)
    assert (told["cells"], told["failed"]["cell"], told["failed"]["name"]) == (2, 3, "EngineAPIError")
    assert f"{book}, cell 3: EngineAPIError" in ran.stderr
    assert "\x1b" not in ran.stderr
    kept = outputs(tmp_path / "out.ipynb")
    assert "EngineAPIError" in kept
    assert "never\n" not in kept


def test_an_interrupt_stops_what_the_cell_started_and_keeps_the_notebook(started, notebook, tmp_path, base_image, engine):
    cells = ("%load_ext modelarts_nb", f"%train {base_image} -- sleep 600", "print('never')")
    book = notebook("s.ipynb", "print('begun')", *cells)
    running = started("run", book, "-o", "out.ipynb")
    containers = lambda: [each for each in engine.containers() if each["Image"] == base_image]  # noqa: E731
    wait_until(lambda: containers() or running.poll() is not None, 60, "the run starts")
    assert running.poll() is None, running.stderr.read()
    running.send_signal(signal.SIGINT)
    assert running.wait(PATIENCE * 3) == 130
    assert not containers()
    kept = outputs(tmp_path / "out.ipynb")
    assert "begun\n" in kept
    assert "never\n" not in kept


def test_a_kernel_that_dies_is_a_failure(program, notebook):
    ran = program("run", notebook("d.ipynb", "import os; os._exit(3)"))
    assert ran.returncode == 1
    assert "d.ipynb, cell 1: DeadKernelError" in ran.stderr


@pytest.mark.parametrize(("name", "text"), [
    ("p.json", "[1]"), ("p.json", "{"), ("p.json", '{"a b": 1}'), ("p.json", '{"class": 1}'), ("p.yaml", "when: 2024-01-01"),
    ("p.yaml", "a: [}"), ("p.yaml", "1: 2"), ("p.yaml", ""), ("p.yaml", "a: !!python/object/apply:os.getcwd []"),
])
def test_what_is_no_parameter_file_is_refused(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(SettingsError, match=name.replace(".", r"\.")):
        runs.parameters(tmp_path / name)


def test_values_that_python_writes_otherwise_than_json(tmp_path):
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("first")])
    (tmp_path / "p.json").write_text('{"a": NaN, "b": [true, null, -Infinity], "c": {"d\'": "\\n"}}')
    runs.inject(book, runs.parameters(tmp_path / "p.json"))
    names = {}
    exec(book.cells[0].source, names)
    assert names["a"] != names["a"]
    assert (names["b"], names["c"]) == ([True, None, float("-inf")], {"d'": "\n"})
    assert book.cells[1].source == "first"
