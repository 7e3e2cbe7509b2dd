"""Execute a tutorial headless, keep the executed notebook, and print what it made.

    python notebooks/execute.py notebooks/01-first-image.ipynb build/01-first-image.ipynb
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ASK = """
print(f"image     {image.reference}  {image.id}")
print(f"digest    {pushed.reference}@{pushed.digest}")
print(f"accuracy  {metrics['accuracy']:.3f}")
"""


def main(source: Path, target: Path) -> int:
    notebook = nbformat.read(source, as_version=4)
    tutorial_cells = len(notebook.cells)
    notebook.cells.append(nbformat.v4.new_code_cell(ASK))  # the tutorial's own variables, asked in its own kernel
    client = NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": str(source.parent)}})
    failure = None
    try:
        client.execute()
    except CellExecutionError as error:
        failure = error
    answer = "".join(output.get("text", "") for output in notebook.cells[-1].get("outputs", []))
    del notebook.cells[tutorial_cells:]
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, target)
    print(f"executed  {target}")
    if failure is not None:
        print(failure, file=sys.stderr)
        return 1
    print(answer, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
