"""The live view in a real JupyterLab and a real browser, fed with events as an Engine sends them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from .axe import violations
from .lab import CELL

STATIC = Path(__file__).parents[2] / "modelarts_nb" / "notebook" / "view" / "static"
VERSIONS = ("6.29.5", "7.1.0", "7.4.0")


def live(notebook, index=1):
    card = notebook.cell(index).locator(".ma-live")
    card.wait_for(timeout=30_000)
    return card


def row(card, name):
    return card.get_by_role("button", name=name)


def text(notebook, index=1):
    return notebook.cell(index).locator(".ma").inner_text()


def test_every_script_is_sent_to_the_browser():
    from modelarts_nb.notebook.view.widget import SCRIPTS

    assert {path.name for path in STATIC.glob("*.js")} == set(SCRIPTS)


def test_every_step_says_in_words_where_it_stands(opened):
    notebook = opened("run(typical())")
    notebook.start(1)
    card = live(notebook)
    card.get_by_text("Successfully", exact=False).or_(card.get_by_text("Collecting scikit-learn")).first.wait_for()
    words = card.inner_text()
    for part in ("Building", "digits:v1", "3 of 6 steps · 2 cached", "cached", "done", "running", "waits"):
        assert part in words
    assert "for RUN pip install" in row(card, re.compile("^COPY train")).inner_text()
    assert "2.1 MB" in row(card, re.compile("^load build")).inner_text()
    card.get_by_text(re.compile(r"[\d.]+ MB of 13.3 MB")).wait_for()
    assert notebook.cell(1).locator(".ma-beside").is_visible() is False, "the card beside it is hidden while it lives"
    assert notebook.problems == []


def test_the_running_step_shows_its_end_with_colours_and_one_progress_bar(opened):
    notebook = opened("run(typical())")
    notebook.start(1)
    card = live(notebook)
    pane = card.locator(".ma-pane")
    pane.get_by_text("41.2 MB/s").wait_for()
    assert pane.locator(".ma-line").count() == 5, "four lines and the bar"
    colour = pane.get_by_text("Downloading", exact=True).evaluate("span => getComputedStyle(span).color")
    assert colour == "rgb(46, 125, 50)"


def test_nothing_moves_while_it_updates(opened):
    notebook = opened("run(typical())")
    notebook.start(1)
    card = live(notebook)
    card.get_by_text("41.2 MB/s").wait_for()
    places = card.evaluate("""async card => {
        const seen = new Set();
        for (let count = 0; count < 60; count++) {
            await new Promise(requestAnimationFrame);
            seen.add([...card.querySelectorAll('.ma-row, .ma-stop, .ma-scroll')].map(element => {
                const box = element.getBoundingClientRect();
                return [box.top, box.height].map(Math.round).join();
            }).join(' '));
        }
        return seen.size;
    }""")
    assert places == 1


def test_a_log_of_twenty_thousand_lines_scrolls_searches_and_copies(opened):
    notebook = opened("run(many(20_000))")
    notebook.start(1)
    card = live(notebook)
    row(card, "RUN many").click()
    area = card.get_by_role("region", name="Log of RUN many")
    area.get_by_text("line 019999 ").wait_for()
    card.get_by_role("searchbox").fill("line 004321")
    card.get_by_text("1 of 1").wait_for()
    area.get_by_text("line 004321").first.wait_for()
    area.press("Home")
    area.get_by_text("line 000000 ").wait_for()
    card.get_by_role("button", name="Follow the end").click()
    area.get_by_text("line 019999 ").wait_for()
    assert card.locator(".ma-line").count() < 60, "only what is in sight exists"
    card.get_by_role("button", name="Copy all").click()
    card.get_by_text("20,000 lines copied").wait_for()
    copied = notebook.page.evaluate("navigator.clipboard.readText()").split("\n")
    assert [int(re.match(r"line (\d+)", line)[1]) for line in copied] == list(range(20_000))
    area.click()
    area.press("Control+a")
    notebook.page.wait_for_function("document.querySelector('.ma-all')")
    notebook.page.evaluate("navigator.clipboard.writeText('')")
    notebook.page.wait_for_function("""async () => {
        document.execCommand('copy');
        return (await navigator.clipboard.readText()).split('\\n').length === 20000;
    }""")
    assert notebook.problems == []


def test_every_line_is_reached_by_scrolling(opened):
    notebook = opened("run(many(5_000))")
    notebook.start(1)
    card = live(notebook)
    row(card, "RUN many").click()
    card.get_by_text("line 004999 ").wait_for()
    assert card.evaluate(SCROLLED) == [f"line {n:06}" for n in range(5_000)]


SCROLLED = """async card => {
    const area = card.querySelector('.ma-scroll');
    const seen = new Map();
    area.dispatchEvent(new WheelEvent('wheel'));
    for (let top = 0; top <= area.scrollHeight; top += area.clientHeight) {
        area.scrollTop = top;
        for (let wait = 0; wait < 200; wait++) {
            await new Promise(requestAnimationFrame);
            const rows = [...area.querySelectorAll('.ma-line')];
            const has = place => rows.some(row => row.style.top === `${Math.floor(place / 17) * 17}px`);
            const last = Math.min(area.scrollTop + area.clientHeight, area.scrollHeight) - 17;
            if (has(area.scrollTop) && has(last) && rows.every(row => row.textContent)) break;
        }
        for (const row of area.querySelectorAll('.ma-line')) seen.set(parseInt(row.style.top), row.textContent.slice(0, 11));
    }
    return [...seen].sort((a, b) => a[0] - b[0]).map(entry => entry[1]);
}"""


def test_stages_stand_side_by_side_and_below_each_other_where_it_is_narrow(opened):
    notebook = opened("run(stages())", width=1200)
    notebook.start(1)
    card = live(notebook)
    card.get_by_text("PASSED").first.wait_for()
    tops = "card => [...card.querySelectorAll('.ma-stage')].map(one => Math.round(one.getBoundingClientRect().top))"
    assert len(set(card.evaluate(tops)[:2])) == 1
    assert card.evaluate("card => [...card.querySelectorAll('.ma-stage')].map(one => one.textContent)") == [
        "builder", "tests", "stage 3",
    ]
    notebook.page.set_viewport_size({"width": 560, "height": 1200})
    notebook.page.wait_for_function(f"new Set(({tops})(document.querySelector('.ma-live'))).size === 3")
    assert card.evaluate("card => card.scrollWidth <= card.clientWidth"), "nothing sticks out"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("way", ["button", "interrupt"])
def test_a_blocking_cell_is_cancelled(bare_lab, opened, version, way):
    notebook = opened("run(typical(600))", "1 + 1", kernel=bare_lab.kernel(version))
    notebook.start(1)
    card = live(notebook)
    card.get_by_text("41.2 MB/s").wait_for()
    if way == "button":
        card.get_by_role("button", name="Cancel").click()
    else:
        notebook.interrupt()
    notebook.wait(1, 10)
    assert "Building: cancelled" in text(notebook)
    assert [output.get("ename") for output in notebook.outputs(1)][-1] == "KeyboardInterrupt"
    notebook.run(2, 20)
    assert notebook.outputs(2)[0]["data"]["text/plain"] == "2", "the kernel goes on, and nothing else was interrupted"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("way", ["button", "handle", "busy"])
def test_work_in_the_background_is_cancelled(bare_lab, opened, version, way):
    notebook = opened(
        "handle = run(typical(600), background=True)", "handle.cancel()", "import time; time.sleep(2)", "print(handle.state)",
        kernel=bare_lab.kernel(version),
    )
    notebook.run(1, 20)
    card = live(notebook)
    card.get_by_text("41.2 MB/s").wait_for()
    if way == "handle":
        notebook.run(2, 10)
    else:
        if way == "busy":  # another cell runs meanwhile
            notebook.start(3)
        card.get_by_role("button", name="Cancel").click()
    notebook.cell(1).get_by_text("Building: cancelled").wait_for(timeout=10_000)
    notebook.run(4, 20)
    assert notebook.outputs(4)[0]["text"].strip() == "cancelled"


def test_interrupting_another_cell_leaves_the_background_alone(opened):
    notebook = opened(
        "handle = run(typical(8), background=True)", "import time; time.sleep(60)", "print(handle.wait(), handle.state)",
    )
    notebook.run(1, 20)
    live(notebook)
    notebook.start(2)
    notebook.interrupt()
    notebook.wait(2, 10)
    notebook.run(3, 30)
    assert notebook.outputs(3)[0]["text"].strip() == "fine done"
    assert text(notebook).startswith("✓\nBuilt")


def test_a_page_that_is_loaded_again_shows_the_background_work_go_on(opened):
    notebook = opened("handle = run(many(3_000, gap=0.4), background=True)", "handle.cancel()")
    notebook.run(1, 20)
    live(notebook)
    notebook.save()
    notebook.reload()
    card = live(notebook)
    row(card, "RUN many").click()
    card.get_by_text("line 002999 ").wait_for()
    assert len(card.evaluate(SCROLLED)) == 3_000, "also the lines of before"
    assert notebook.cell(1).locator(".ma-beside").is_visible() is False
    card.get_by_role("button", name="Cancel").click()
    notebook.cell(1).get_by_text("Building: cancelled").wait_for(timeout=10_000)
    assert notebook.cell(1).locator(".ma:visible").count() == 1


def test_a_notebook_that_is_open_twice_shows_it_twice(bare_lab, opened):
    notebook = opened("handle = run(many(2_000, gap=0.5), background=True)")
    notebook.run(1, 20)
    live(notebook)
    notebook.save()
    other = bare_lab.open(notebook.name)
    for page in (notebook, other):
        card = live(page)
        row(card, "RUN many").click()
        card.get_by_text("line 001999 ").wait_for()
    live(other).get_by_role("button", name="Cancel").click()
    for page in (notebook, other):
        page.cell(1).get_by_text("Building: cancelled").wait_for(timeout=10_000)
    other.page.context.close()


def test_a_browser_that_was_cut_off_catches_up(opened):
    notebook = opened("handle = run(many(4_000, gap=0.5), background=True)", "handle.cancel()")
    notebook.run(1, 20)
    card = live(notebook)
    row(card, "RUN many").click()
    notebook.page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel._ws.close()")
    card.get_by_text("line 003999 ").wait_for(timeout=30_000)
    assert card.evaluate(SCROLLED) == [f"line {n:06}" for n in range(4_000)]


def test_two_at_once_in_two_cells(opened):
    notebook = opened("one = run(typical(600), 'one:1', background=True)", "run(typical(600), 'two:2')", "print(one.state)")
    notebook.run(1, 20)
    notebook.start(2)
    first, second = live(notebook, 1), live(notebook, 2)
    for card, name in ((first, "one:1"), (second, "two:2")):
        card.get_by_text("41.2 MB/s").wait_for()
        assert name in card.inner_text()
    second.get_by_role("button", name="Cancel").click()
    notebook.wait(2, 10)
    assert "cancelled" in text(notebook, 2)
    assert "Building" in first.inner_text()
    first.get_by_role("button", name="Cancel").click()
    notebook.cell(1).get_by_text("Building: cancelled").wait_for(timeout=10_000)


def test_a_kernel_that_dies_is_told_and_what_was_saved_is_honest(bare_lab, opened):
    notebook = opened("import os; print(os.getpid())", "run(typical(600))")
    notebook.run(1)
    pid = int(notebook.outputs(1)[0]["text"])
    notebook.start(2)
    live(notebook, 2)
    saved = f"JSON.stringify({CELL}.widgets[2].model.outputs.toJSON()[0].data)"
    notebook.page.wait_for_function(f"{saved}.includes('2 cached')")
    notebook.save()
    subprocess.run(["kill", "-KILL", str(pid)], check=True)
    notebook.page.get_by_text("No word from the kernel").wait_for(timeout=30_000)
    again = bare_lab.open(notebook.name)
    card = again.cell(2).locator(".ma")
    card.wait_for()
    assert "it goes on only while its kernel runs" in card.inner_text()
    assert "RUN pip install" in card.inner_text()
    again.page.context.close()


def test_a_restart_ends_what_runs_in_the_background(bare_lab, opened):
    notebook = opened("handle = run(typical(600), background=True)", "import os; print(os.getpid(), handle.log_path)")
    notebook.run(1)
    notebook.run(2)
    live(notebook).get_by_text("41.2 MB/s").wait_for()
    pid, log = notebook.outputs(2)[0]["text"].split()
    notebook.page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    notebook.page.get_by_text("No word from the kernel").wait_for(timeout=30_000)
    assert not Path(f"/proc/{pid}").exists()
    assert (bare_lab.root / log).read_text().endswith("cancelled\n")


def test_hostile_output_is_text(opened):
    notebook = opened("run(hostile(), '<img src=x onerror=window.bad=5>')")
    notebook.start(1)
    card = live(notebook)
    card.locator(".ma-row").click()
    card.get_by_text("end of it").wait_for()
    area = card.get_by_role("region")
    area.press("Home")
    area.get_by_text("<script>window.bad=2</script>").wait_for()
    shown = area.inner_text()
    assert "\u202e" not in shown
    assert "\x1b" not in shown
    card.get_by_role("button", name="Cancel").click()
    notebook.wait(1, 20)
    assert notebook.page.evaluate("window.bad") is None
    assert len(json.dumps(notebook.outputs(1))) < 30_000
    assert notebook.problems == []


def test_the_keyboard_is_enough(opened):
    notebook = opened("run(typical())")
    notebook.start(1)
    card = live(notebook)
    card.get_by_text("41.2 MB/s").wait_for()
    card.get_by_role("button", name="Cancel").focus()
    notebook.page.keyboard.press("Tab")
    focused = "document.activeElement.innerText"
    assert "load build context" in notebook.page.evaluate(focused)
    for _ in range(3):
        notebook.page.keyboard.press("ArrowDown")
    assert "RUN pip install" in notebook.page.evaluate(focused)
    notebook.page.keyboard.press("Enter")
    card.get_by_role("searchbox").wait_for()
    assert "RUN pip install" in notebook.page.evaluate(focused)
    notebook.page.keyboard.press("Tab")
    notebook.page.keyboard.type("numpy")
    card.get_by_text("1 of 2").wait_for()
    notebook.page.keyboard.press("Enter")
    card.get_by_text("2 of 2").wait_for()
    card.get_by_role("button", name="Cancel").focus()
    notebook.page.keyboard.press("Enter")
    notebook.wait(1, 10)
    assert "cancelled" in text(notebook)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_to_complain_about(opened, dark):
    notebook = opened(
        "run(typical(600))", "run(typical(1))", "run(typical(1, fail=True))", "run(stages(600))",
        "run(training(600), 'run', TRAIN)", "run(training(2), 'run', TRAIN)", "run(many(500))", height=3000,
    )
    notebook.theme(dark)
    try:
        for index in (2, 3, 6):
            notebook.run(index, 30)
            notebook.cell(index).locator(".ma details, .ma-why").first.wait_for()
            assert violations(notebook.page, ".ma") == []
        for index in (1, 4, 5, 7):
            notebook.start(index)
            card = live(notebook, index)
            card.locator(".ma-line").first.wait_for()
            card.locator(".ma-open .ma-row").first.click()
            card.get_by_role("searchbox").fill("e")
            assert violations(notebook.page, ".ma") == []
            notebook.interrupt()
            notebook.wait(index, 10)
    finally:
        notebook.theme(False)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_is_photographed(opened, screenshots, dark, language):
    notebook = opened(
        f"from modelarts_nb import messages; messages.use('{language}')", "run(typical(600))", "run(stages(600))",
        "run(training(600), 'digits:v1 · v2', TRAIN)", "run(typical(1, fail=True))", "run(typical(1))",
        "run(training(3), 'digits:v1 · v2', TRAIN)", "run(many(100_000))", width=1000, height=2400,
    )
    notebook.run(1)
    notebook.theme(dark)
    suffix = f"{'dark' if dark else 'light'}-{language}.png"
    try:
        for index, name in ((2, "running"), (3, "stages"), (4, "training"), (8, "log")):
            notebook.start(index)
            card = live(notebook, index)
            card.locator(".ma-line").nth(4).wait_for()
            if name == "training":
                card.locator("svg").wait_for()
            if name == "log":
                card.locator(".ma-row").click()
                card.get_by_role("searchbox").fill("099990")
                card.locator("mark").first.wait_for()
            card.screenshot(path=screenshots / f"{name}-{suffix}")
            if name in ("running", "stages", "training"):
                notebook.page.set_viewport_size({"width": 560, "height": 2400})
                card.screenshot(path=screenshots / f"{name}-narrow-{suffix}")
                notebook.page.set_viewport_size({"width": 1000, "height": 2400})
            notebook.interrupt()
            notebook.wait(index, 10)
        for index, name in ((5, "failed"), (6, "done"), (7, "trained")):
            notebook.run(index, 30)
            notebook.cell(index).locator(".ma").screenshot(path=screenshots / f"{name}-{suffix}")
    finally:
        notebook.theme(False)


def test_what_is_saved_needs_no_kernel_no_widget_no_script_and_no_trust(bare_lab, opened, tmp_path):
    notebook = opened("x = run(typical(1))", "y = run(training(2), 'digits:v1', TRAIN)")
    notebook.run(1, 30)
    notebook.run(2, 30)
    before = text(notebook), text(notebook, 2)
    notebook.save()
    book = nbformat.read(bare_lab.root / notebook.name, as_version=4)
    assert "widgets" not in book.metadata
    assert "widget-view" not in json.dumps(book)
    assert "<script" not in json.dumps(book)
    assert len(json.dumps(book.cells[1])) < 30_000
    again = bare_lab.open(notebook.name)
    assert (text(again), text(again, 2)) == before
    assert again.cell(2).locator("svg[role=img]").is_visible()
    again.page.context.close()
    book.cells[0].source += "\n# not what was trusted"
    book.metadata.pop("signature", None)
    nbformat.write(book, bare_lab.root / "stranger.ipynb")
    (bare_lab.root / "stranger.ipynb").write_text((bare_lab.root / "stranger.ipynb").read_text().replace("digits", "numbers"))
    stranger = bare_lab.open("stranger.ipynb")
    assert "Built" in stranger.cell(1).inner_text()
    assert "RUN pip install -r requirements.txt" in stranger.cell(1).locator(".jp-OutputArea").text_content()
    assert "loss" in stranger.cell(2).locator(".jp-OutputArea").text_content()
    stranger.close()
    subprocess.run(
        [sys.executable, "-m", "nbconvert", "--to", "html", "--output-dir", str(tmp_path), str(bare_lab.root / notebook.name)],
        check=True, capture_output=True, env=bare_lab.environment,
    )
    context = bare_lab.browser.new_context(offline=True)
    page = context.new_page()
    page.goto(f"file://{tmp_path / notebook.name.replace('.ipynb', '.html')}")
    assert page.locator(".ma").first.inner_text().startswith("✓\nBuilt")
    assert page.locator("svg[role=img]").is_visible()
    context.close()


def test_the_same_build_leaves_the_same_output(opened):
    notebook = opened("x = run(typical(0))", "x = run(typical(0))")
    notebook.run(1, 30)
    notebook.run(2, 30)
    first, second = (
        re.sub(r"\d+\.\d s|\d{15,}", "", json.dumps([output["data"] for output in notebook.outputs(index)])) for index in (1, 2)
    )
    assert first == second, "but for the clock and the log's name"
