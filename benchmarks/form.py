"""How soon the form is up after its cell is run, in Chromium against a real JupyterLab; and how long completion takes."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import nbformat
from jupyter_client.manager import KernelManager

from tests.browser.lab import CELL, Lab

ROUNDS = 11
TEXTS = (
    "%build --", "%train --contract ", "%push --to sw", "%%dockerfile x\nFROM s", "%%dockerfile x\nFROM cuda9",
    "%%dockerfile x\nFROM swr.cn-north-4.myhuaweicloud.com/", "%%dockerfile x\nFROM y\nHEA",
    "%%dockerfile x\nFROM y\nRUN --mount=",
)
UP = f"""async index => {{
    const began = performance.now();
    {CELL}.activeCellIndex = index;
    void jupyterapp.commands.execute('notebook:run-cell');
    const node = {CELL}.widgets[index].node;
    await new Promise(done => {{
        const fields = () => node.querySelectorAll('.ma-form .ma-field').length;
        const isUp = () => node.querySelector('.ma-form .ma-cell code') && fields() > 13;
        const look = () => requestAnimationFrame(isUp() ? done : look);
        look();
    }});
    return performance.now() - began;
}}"""


def form() -> list[float]:
    """Milliseconds from running the cell to the frame in which fields and preview stand; each round a kernel of its own."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        root, state = Path(folder) / "notebooks", Path(folder) / "state"
        root.mkdir()
        state.mkdir()
        book = nbformat.v4.new_notebook(metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}, "language_info": {"name": "python"},
        })
        book.cells = [nbformat.v4.new_code_cell(cell) for cell in ("%load_ext modelarts_nb", "%modelarts")]
        with Lab(root, state) as lab:
            for number in range(ROUNDS):
                nbformat.write(book, root / f"{number}.ipynb")
                notebook = lab.open(f"{number}.ipynb")
                notebook.run(0)
                found.append(notebook.page.evaluate(UP, 1))
                notebook.close()
    return found


def completion() -> dict[str, list[float]]:
    """Milliseconds from the question to a kernel to its answer."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    client.execute_interactive("%load_ext modelarts_nb", timeout=60)
    found: dict[str, list[float]] = {text: [] for text in TEXTS}
    for _ in range(ROUNDS):
        for text in TEXTS:
            began = time.perf_counter()
            client.complete(text, len(text))
            assert client.get_shell_msg(timeout=30)["content"]["matches"]
            found[text].append((time.perf_counter() - began) * 1000)
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    return found


def main() -> None:
    print("\nCompletion in a kernel, ms: median, the most (the first of a kernel among them)")
    for text, values in completion().items():
        print(f"{text.splitlines()[-1]:<50}{statistics.median(values):>8.1f}{max(values):>8.1f}")
    up = form()
    print(f"\nThe form, ms from running its cell until it is up, each time in a fresh kernel: "
          f"median {statistics.median(up):.0f} ({min(up):.0f} to {max(up):.0f})")


if __name__ == "__main__":
    main()
