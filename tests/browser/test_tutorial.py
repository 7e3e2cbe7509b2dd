"""The first tutorial in a real JupyterLab, in a real browser: what a person sees, and what they see after reopening."""

import shutil
from pathlib import Path

import pytest

from .lab import CELL, Lab

TUTORIAL = "01-first-image.ipynb"
DOCKERFILE, BUILD, CHECK, TRAIN, PUSH = 5, 7, 9, 11, 14


@pytest.fixture(scope="module")
def lab(tmp_path_factory, base_image, registry):
    folder = tmp_path_factory.mktemp("lab")
    root, state = folder / "notebooks", folder / "state"
    shutil.copytree(Path(__file__).parents[2] / "notebooks", root, ignore=shutil.ignore_patterns("output"))
    text = (root / TUTORIAL).read_text()
    assert base_image.startswith(f"{registry}/modelarts-job-dev-image/")
    (root / TUTORIAL).write_text(text.replace("localhost:5005", registry))  # the tests' sandbox has a port of its own
    state.mkdir()
    with Lab(root, state) as running:
        yield running


@pytest.fixture(scope="module")
def tutorial(lab):
    """The tutorial, run from its first cell to its last."""
    notebook = lab.open(TUTORIAL)
    problems = []
    notebook.page.on("pageerror", lambda error: problems.append(str(error)))
    notebook.run_all()
    notebook.problems = problems
    yield notebook
    notebook.close()


def test_every_step_shows_one_card_with_its_result(tutorial):
    for index, title in ((BUILD, "Built"), (TRAIN, "Trained"), (PUSH, "Pushed")):
        assert len([output for output in tutorial.outputs(index) if output["data"]]) == 1
        text = tutorial.cell(index).locator(".ma").inner_text()
        assert text.startswith(f"✓\n{title}"), text
    assert "accuracy=0.97" in tutorial.cell(TRAIN).locator(".ma pre").inner_text()
    assert "sha256:" in tutorial.cell(PUSH).locator(".ma").inner_text()
    assert tutorial.problems == []


def test_the_card_keeps_its_form_against_the_style_sheet_of_jupyterlab(tutorial):
    label, value = (tutorial.cell(PUSH).locator(".ma-facts td").nth(n) for n in (0, 1))
    assert value.evaluate("cell => getComputedStyle(cell).textAlign") == "left"
    assert label.evaluate("cell => getComputedStyle(cell).textAlign") == "left"
    code = value.locator("code").evaluate("code => getComputedStyle(code).backgroundColor")
    assert code == "rgba(0, 0, 0, 0)"
    card = tutorial.cell(PUSH).locator(".ma")
    assert card.evaluate("card => card.scrollWidth <= card.clientWidth"), "nothing sticks out"


def test_a_running_build_is_seen_while_it_runs_and_can_be_interrupted(tutorial):
    tutorial.page.evaluate(f"{CELL}.widgets[{DOCKERFILE}].model.sharedModel.updateSource(0, 10000, "
                           f"'%%dockerfile slow\\nFROM ' + {CELL}.widgets[{DOCKERFILE}].model.sharedModel.getSource()"
                           ".split('FROM ')[1].split('\\n')[0] + '\\nRUN echo first-words; sleep 60')")
    tutorial.run(DOCKERFILE)
    tutorial.page.evaluate(f"{CELL}.widgets[{BUILD}].model.sharedModel.setSource('%build slow --no-cache')")
    tutorial.start(BUILD)
    card = tutorial.cell(BUILD).locator(".ma:visible")
    card.get_by_text("first-words", exact=True).wait_for(timeout=20_000)
    assert "Building" in card.inner_text()
    tutorial.interrupt()
    card.get_by_text("cancelled").first.wait_for(timeout=5_000)
    tutorial.wait(BUILD, 10)


def test_reopened_without_its_kernel_it_looks_the_same(lab, tutorial):
    tutorial.page.evaluate("jupyterapp.commands.execute('docmanager:save')")
    before = tutorial.cell(PUSH).locator(".ma").inner_text()
    again = lab.open(TUTORIAL)
    assert again.cell(PUSH).locator(".ma").inner_text() == before
    again.page.context.close()
