"""The README's picture: the first tutorial, run in a real JupyterLab and photographed.

    python -m tests.browser.picture docs/first-image.png      (after `make up`)
"""

import shutil
import sys
import tempfile
from pathlib import Path

from .lab import Lab

TUTORIAL = "01-first-image.ipynb"
CELLS = (5, 14)  # from the Dockerfile to the push


def main(target):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "notebooks")
        shutil.copytree(Path(__file__).parents[2] / "notebooks", root, ignore=shutil.ignore_patterns("output"))
        state = Path(folder, "state")
        state.mkdir()
        with Lab(root, state) as lab:
            notebook = lab.open(TUTORIAL, width=1000, height=4000, scale=2)
            notebook.page.evaluate("jupyterapp.shell.collapseLeft()")
            notebook.run_all()
            notebook.page.wait_for_timeout(500)  # the last painting
            first, last = (notebook.cell(index).bounding_box() for index in CELLS)
            top = first["y"] - 8
            notebook.page.screenshot(path=target, clip={
                "x": first["x"], "y": top, "width": first["width"], "height": last["y"] + last["height"] + 2 - top,
            })
            notebook.close()


if __name__ == "__main__":
    main(sys.argv[1])
