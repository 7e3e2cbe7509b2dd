import os
import re
from pathlib import Path

import pytest

from .lab import Lab

ROOT = Path(__file__).parents[2]
FEED = "%load_ext modelarts_nb\nfrom tests.browser.feed import *"


@pytest.fixture(scope="session")
def screenshots():
    folder = ROOT / "build" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def bare_lab(tmp_path_factory):
    """A JupyterLab whose kernels can import the tests' feed; no Engine."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "notebooks").mkdir()
    (folder / "state").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])))
        patch.setenv("MODELARTS_NB_HOME", str(folder / "home"))
        with Lab(folder / "notebooks", folder / "state") as running:
            yield running


@pytest.fixture
def opened(bare_lab, request):
    """Notebooks to open in that JupyterLab: ``opened(cell, …, kernel=…)``; their kernels end with the test."""
    found = []

    def open_notebook(*cells, kernel="python3", **options):
        name = re.sub(r"\W+", "-", request.node.name[:60]) + f"-{len(found)}.ipynb"
        bare_lab.notebook(name, FEED, *cells, kernel=kernel)
        notebook = bare_lab.open(name, **options)
        notebook.name = name
        notebook.run(0)
        found.append(notebook)
        return notebook

    yield open_notebook
    for notebook in found:
        notebook.close()
