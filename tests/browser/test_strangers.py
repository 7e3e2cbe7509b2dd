"""A notebook from a stranger, opened in a real JupyterLab with our extension: nothing in it runs."""

import nbformat

from modelarts_nb.notebook.form.preview import cells_html

from .lab import CELL

BAD = "window.bad = (window.bad || 0) + 1; fetch('/stranger-was-here')"
HTML = (
    f"<script>{BAD}</script><img src=x onerror=\"{BAD}\"><svg onload=\"{BAD}\"></svg>"
    "<iframe srcdoc=\"<script>parent.bad=1</script>\"></iframe><a href=\"javascript:window.bad=1\">look</a>"
    "<div class=\"ma ma-live\"><p class=\"ma-beside\">Built digits:v1</p></div>"
)
DOCKERFILE = f"%%dockerfile x\nFROM a\nRUN echo '<img src=x onerror=\"{BAD}\">'"


def test_opening_a_strangers_notebook_runs_nothing(bare_lab):
    output = nbformat.v4.new_output("display_data", {"text/html": HTML, "text/plain": "Built"})
    script = nbformat.v4.new_output("display_data", {"application/javascript": BAD, "text/plain": "script"})
    view = nbformat.v4.new_output("display_data", {
        "application/vnd.jupyter.widget-view+json": {"model_id": "0" * 32, "version_major": 2, "version_minor": 0},
        "text/html": HTML, "text/plain": "a widget",
    })
    form = nbformat.v4.new_output("display_data", {"text/html": cells_html([DOCKERFILE]), "text/plain": "form"})
    book = nbformat.v4.new_notebook(cells=[
        nbformat.v4.new_code_cell(DOCKERFILE, outputs=[output, script, view, form], execution_count=7),
        nbformat.v4.new_code_cell("%load_ext modelarts_nb\n%modelarts", outputs=[output]),
        nbformat.v4.new_markdown_cell(HTML),
    ])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "python3", "language": "python"}
    nbformat.write(book, bare_lab.root / "from-a-stranger.ipynb")
    notebook = bare_lab.open("from-a-stranger.ipynb")
    notebook.cell(0).locator(".jp-OutputArea").get_by_text("Built digits:v1").first.wait_for()
    notebook.page.wait_for_function("document.querySelectorAll('.jp-Cell').length === 3")
    assert notebook.page.evaluate("window.bad") is None
    asked = notebook.page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
    assert asked
    assert not [url for url in asked if "stranger-was-here" in url]
    assert notebook.page.locator(".jp-OutputArea script, .jp-Notebook [onerror], .jp-Notebook [onload]").count() == 0
    copy = notebook.page.locator(".jp-Notebook .jp-OutputArea [onclick]")
    assert copy.count() == 0, "a button of a page that nobody trusts does nothing"
    counts = notebook.page.evaluate(f"{CELL}.widgets.map(cell => cell.model.executionCount ?? null)")
    assert counts == [7, None, None], "no cell was run"
    ran = notebook.page.evaluate(
        "jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestHistory("
        "{hist_access_type: 'range', session: 0, start: 0, raw: true, output: false})"
        ".then(reply => JSON.stringify(reply.content.history))"
    )
    assert "modelarts" not in ran, ran
    assert "dockerfile" not in ran, ran
    assert notebook.problems == []
    notebook.close()
