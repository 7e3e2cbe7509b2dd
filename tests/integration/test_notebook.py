"""The notebook, in a real kernel, against a real Engine and a real registry."""

import json
import re
import time
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from ..conftest import PATIENCE, wait_until
from .kernel import LOAD


@pytest.fixture(autouse=True)
def environment(monkeypatch, home, engine_base_url):
    """Kernels find the private Engine of the tests, and nothing of the user's."""
    monkeypatch.setenv("DOCKER_HOST", engine_base_url)
    monkeypatch.setenv("MODELARTS_NB_HOME", str(home))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")


def notebook(*cells):
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in (LOAD, *cells)])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return book


def execute(book, folder, **options):
    NotebookClient(book, timeout=300, resources={"metadata": {"path": str(folder)}}, **options).execute()
    return book


def texts(cell):
    """All plain text that a cell put out."""
    found = []
    for output in cell.outputs:
        found.append(output.get("text", "") or output.get("data", {}).get("text/plain", ""))
    return "\n".join(found)


def failure(book, folder):
    with pytest.raises(CellExecutionError):
        execute(book, folder)
    outputs = [output for cell in book.cells for output in cell.get("outputs", [])]
    shown = ["\n".join(output.traceback) for output in outputs if output.output_type == "error"]
    shown += [output.text for output in outputs if output.output_type == "stream"]  # IPython tells wrong usage there
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(shown))


def test_a_failing_step_fails_its_cell_and_says_where(tmp_path, base_image):
    book = notebook(
        f"%%dockerfile broken\nFROM {base_image}\nENV A=1\nRUN echo before && \\\n    echo the reason >&2 && exit 7\n",
        "%build -t broken:1",
        "after = 1",
    )
    shown = failure(book, tmp_path)
    assert "line 4" in shown
    assert "exit code 7" in shown
    assert "the reason" in shown
    log = Path(re.search(r"(/\S+\.log)", shown).group(1))
    assert "the reason" in log.read_text()
    assert "File " not in shown, "an expected failure has no traceback"
    assert book.cells[3].execution_count is None, "the cells behind it do not run"


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (["%%dockerfile d\nFROM {base}\nRUM x"], "line 3"),
        (["%%dockerfile d\nFROM {base}\nCOPY nothing.txt /", "%build"], "nothing.txt"),
        (["%%dockerfile d\nFROM {registry}/of-nobody/x:1", "%build"], "of-nobody"),
        (["%%dockerfile d\nFROM localhost:9/of-nobody/y:1", "%build"], "localhost:9"),
        (["%%dockerfile d -C nowhere\nFROM {base}", "%build"], "nowhere"),
        (["%build --nope"], "--nope"),
        (["%train of-nobody:1 -- true"], "of-nobody"),
        (["%push {base} --to Bad:Name"], "lower-case"),
        (["%push {base} --to localhost:9/x/y:1"], "localhost:9"),
    ],
)
def test_bad_input_is_told_shortly_and_fails_the_cell(tmp_path, base_image, registry, cells, says):
    book = notebook(*(cell.replace("{base}", base_image).replace("{registry}", registry) for cell in cells))
    shown = failure(book, tmp_path)
    assert says in shown
    assert len(shown.splitlines()) < 25
    assert "Traceback" not in shown


def test_hostile_output_is_shown_safely(tmp_path, base_image):
    book = notebook(
        f"%%dockerfile hostile\nFROM {base_image}\n"
        "RUN printf '<script>alert(1)</script>\\033[31mred\\033[0m\\000\\377\\342\\200\\256\\n' && "
        "head -c 3000000 /dev/zero | tr '\\0' 'x'\n",
        "%build --no-cache",
    )
    execute(book, tmp_path)
    saved = json.dumps(book.cells[2].outputs)
    assert "&lt;script&gt;alert(1)" in saved, "it was printed, and it is shown"
    assert "<script" not in saved
    assert "\\u001b" not in saved
    assert "\\u202e" not in saved
    assert len(saved) < 100_000


def test_a_hundred_thousand_lines_are_all_in_the_log_and_little_of_them_in_the_notebook(tmp_path, base_image):
    book = notebook(
        "import resource; before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss",
        f"%%dockerfile lines\nFROM {base_image}\nRUN seq -f 'line number %.0f of many, with some text behind it' 1 100000\n",
        "image = %build --no-cache",
        "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "text = open(image.log_path).read()\n"
        "import re; seen = [int(n) for n in re.findall(r'line number (\\d+) of', text)]\n"
        "told = len(seen) == 100000 or 'output clipped' in text\n"
        "print((after - before) // 1024, seen == list(range(1, len(seen) + 1)), told)",
    )
    execute(book, tmp_path)
    grown, in_order, complete_or_told = texts(book.cells[-1]).split()
    assert (in_order, complete_or_told) == ("True", "True")
    assert int(grown) < 50 + 40, "50 MB for the lines, and what importing docker and requests takes"
    assert len(nbformat.writes(book)) < 100_000


def test_the_saved_output_is_static(tmp_path, base_image):
    book = execute(notebook(f"%%dockerfile s\nFROM {base_image}\nRUN true\n", "%build -t static:1"), tmp_path)
    output = book.cells[2].outputs[0]
    assert set(output.data) == {"text/html", "text/plain"}
    assert "Built static:1" in output.data["text/plain"]
    assert "<script" not in output.data["text/html"]
    assert len(book.cells[2].outputs) == 1, "the result is shown once, not again as Out[]"


def running_containers(engine):
    return [container["Id"] for container in engine.containers()]


THREADS = "import threading; print([t.name for t in threading.enumerate() if 'modelarts' in t.name or 'buildkit' in t.name])"


@pytest.mark.parametrize("after", [0.1, 0.2, 0.4, 0.8, 1.5])
def test_interrupting_a_build_ends_it_and_leaves_nothing(kernel, engine, base_image, after):
    marker = f"sleep {31 + int(after * 100) % 17}.{int(time.time() * 1000) % 1000:03d}"
    kernel.run(f"%%dockerfile slow\nFROM {base_image}\nRUN echo started && {marker}\n")
    identifier = kernel.start("%build --no-cache")
    if after > 1:
        wait_until(lambda: processes(marker), 30, "the step did not start")
    time.sleep(after)
    kernel.manager.interrupt_kernel()
    status, _ = kernel.finish(identifier)
    assert status == "KeyboardInterrupt"
    wait_until(lambda: not processes(marker), PATIENCE, "the step's process is still there")
    assert kernel.run(THREADS)[1].strip() == "[]"
    assert kernel.run("%modelarts status")[0] == "ok"


@pytest.mark.parametrize("after", [0.1, 0.2, 0.4, 0.8, 1.5])
def test_interrupting_a_training_leaves_no_container_and_no_network(kernel, engine, base_image, tmp_path, after):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text("print(1)")
    networks = {network["Id"] for network in engine.networks()}
    identifier = kernel.start(f"%train {base_image} --contract v2 --nodes 2 --code code -- sleep 60")
    time.sleep(after)
    kernel.manager.interrupt_kernel()
    status, _ = kernel.finish(identifier)
    assert status == "KeyboardInterrupt"
    wait_until(lambda: not engine.containers(all=True, filters={"label": "modelarts-nb.job"}), PATIENCE, "containers are left")
    assert {network["Id"] for network in engine.networks()} <= networks
    assert kernel.run(THREADS)[1].strip() == "[]"


def processes(marker):
    """Processes on this machine whose command line holds ``marker``; containers' processes are among them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has just ended
        if marker in line and "python" not in line:
            found.append(line)
    return found
