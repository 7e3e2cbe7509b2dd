"""The live view where the browser lacks its part: anywidget's extension is switched off."""

import json
import os

import pytest

from .conftest import FEED, ROOT
from .lab import Lab


def test_without_the_browsers_part_the_card_is_repainted_instead(tmp_path_factory):
    folder = tmp_path_factory.mktemp("without")
    (folder / "notebooks").mkdir()
    config = folder / "state" / "CONFIG" / "labconfig"
    config.mkdir(parents=True)
    (config / "page_config.json").write_text(json.dumps({"disabledExtensions": {"anywidget": True}}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])))
        with Lab(folder / "notebooks", folder / "state") as lab:
            notebook = lab.open(lab.notebook("a.ipynb", FEED, "x = run(typical(6))"))
            notebook.run(0)
            notebook.start(1)
            card = notebook.cell(1).locator(".ma-beside")
            card.get_by_text("41.2 MB/s").wait_for()
            assert card.is_visible()
            notebook.wait(1, 30)
            assert notebook.cell(1).locator(".ma").inner_text().startswith("✓\nBuilt")
            assert notebook.cell(1).locator(".jp-OutputArea-output:visible").count() == 1
            notebook.close()
