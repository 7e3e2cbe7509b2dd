"""The form in a real JupyterLab, in a real browser: chosen, typed, written, run, and opened again; what a person sees of it."""

from pathlib import Path

import nbformat
import pytest

from .axe import violations
from .lab import CELL, Lab

PICTURES = Path(__file__).parents[2] / "build" / "screenshots"
LOAD, FORM = 0, 1
OWN = "FROM {base}\n# my own words\nENV OWN=1\nRUN echo first && \\\n    echo second\nUSER work\n"


def book(path, *cells):
    made = nbformat.v4.new_notebook(metadata={
        "kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}, "language_info": {"name": "python"},
    })
    made.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(made, path)
    return path.name


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("form") / "notebooks"
    (folder / "digits").mkdir(parents=True)
    (folder / "digits" / "train.py").write_text('print("trained")\n')
    (folder / "digits" / "other.py").write_text("")
    (folder / "mine.py").write_text("")
    PICTURES.mkdir(parents=True, exist_ok=True)
    return folder


def started(root, tmp_path_factory, **options):
    state = tmp_path_factory.mktemp("state")
    return Lab(root, state, **options)


@pytest.fixture(scope="module")
def lab(root, tmp_path_factory, base_image):
    with started(root, tmp_path_factory) as running:
        yield running


@pytest.fixture
def opened(lab, root, request):
    """A notebook with the form open in its second cell."""
    imports = "import docker, nbformat, json, mine"
    name = book(root / f"{request.node.name[:40]}.ipynb", f"%load_ext modelarts_nb\n{imports}", "%modelarts")
    notebook = open_form(lab, name)
    yield notebook
    assert notebook.problems == []
    notebook.close()


def open_form(lab, name, **size):
    notebook = lab.open(name, **size)
    notebook.problems = []
    notebook.page.on("pageerror", lambda error: notebook.problems.append(str(error)))
    notebook.run(LOAD)
    notebook.run(FORM)
    notebook.form = notebook.cell(FORM).locator(".ma-form")
    notebook.form.locator(".ma-cell").first.wait_for()
    return notebook


def preview(notebook):
    return notebook.form.locator(".ma-cell code").all_inner_texts()


def sources(notebook):
    return notebook.page.evaluate(f"{CELL}.widgets.map(cell => cell.model.sharedModel.getSource())")


def field(notebook, label):
    return notebook.form.get_by_label(label, exact=True)


def pick(notebook, label):
    notebook.form.locator(".widget-radio-box label", has_text=label).click()


def wait_for_preview(notebook, text, present=True):
    notebook.page.wait_for_function(
        "([text, present]) => [...document.querySelectorAll('.ma-form .ma-cell code')].some(e => e.textContent.includes(text))"
        " === present", arg=[text, present], timeout=10_000,
    )


def test_the_form_opens_on_the_sandbox_and_shows_the_cells_it_stands_for(opened, registry):
    assert field(opened, "Region").input_value()
    region = field(opened, "Region").locator("option:checked").inner_text().replace("\xa0", " ")
    assert region == f"Sandbox on this machine · {registry}"
    assert preview(opened) == [
        f"%%dockerfile my-image\nFROM {registry}/modelarts-job-dev-image/custom-cpu-base:1.3\nUSER work",
        "%build my-image -t my-image:v1",
        "%train my-image:v1 --contract v1 --code digits -- bash /home/work/run_train.sh python "
        "/home/work/user-job-dir/digits/train.py",
    ]
    assert violations(opened.page, ".ma-form") == []
    opened.form.screenshot(path=PICTURES / "form-open-light-en.png")
    assert opened.form.evaluate("form => form.scrollWidth <= form.clientWidth"), "nothing sticks out"


def test_choices_follow_each_other_and_the_dockerfile_follows_them(opened):
    field(opened, "Region").select_option(label="CN North-Beijing4 · cn-north-4")
    pick(opened, "GPU")
    wait_for_preview(opened, "custom-gpu-")
    pick(opened, "v2 · ma-user")
    wait_for_preview(opened, "USER ma-user")
    field(opened, "CUDA").select_option("11.1")
    wait_for_preview(opened, "atelier/pytorch_1_8:pytorch_1.8.2-cuda_11.1-py_3.7-ubuntu_18.04-x86_64-20220926104358-041ba2e")
    field(opened, "CUDA").select_option("10.2")
    wait_for_preview(opened, "cuda_10.2")
    tags = field(opened, "Tag").locator("option").all_inner_texts()
    assert tags == sorted(tags, reverse=True)
    assert len(tags) == 2
    pick(opened, "Ascend")
    wait_for_preview(opened, "cuda_10.2", present=False)
    opened.form.get_by_text("The catalogue has no base image for this choice.").wait_for()
    assert opened.form.locator(".ma-write").is_disabled()
    field(opened, "Region").select_option(label="CN Southwest-Guiyang1 · cn-southwest-2")
    wait_for_preview(opened, "cann_8.2.rc1")
    assert field(opened, "CANN").locator("option").all_inner_texts() == ["any", "8.2.rc1", "8.0.rc2", "8.0.rc1"]
    assert violations(opened.page, ".ma-form") == []
    opened.form.screenshot(path=PICTURES / "form-ascend-light-en.png")


def test_a_mistake_is_told_while_one_types_and_keeps_the_form_from_writing(opened):
    target = field(opened, "Push to")
    target.fill("My Team/digits")
    opened.form.get_by_role("alert").wait_for()
    assert "Push to" in opened.form.get_by_role("alert").inner_text()
    opened.page.wait_for_function("document.querySelector('.ma-bad input')?.getAttribute('aria-invalid') === 'true'")
    assert opened.form.locator(".ma-write").is_disabled()
    assert violations(opened.page, ".ma-form") == []
    opened.form.screenshot(path=PICTURES / "form-mistake-light-en.png")
    target.fill("my-team/")
    target.press_sequentially("digits:v1")
    wait_for_preview(opened, "/my-team/digits:v1")
    assert target.input_value() == "my-team/digits:v1", "what one types is never overwritten"
    opened.form.get_by_role("alert").wait_for(state="detached")
    assert opened.form.locator(".ma-write").is_enabled()


def test_packages_come_from_the_imports_with_this_kernels_versions_and_can_be_edited(opened):
    import docker
    import nbformat as installed

    field(opened, "Packages").select_option("What this notebook imports (2)")
    wait_for_preview(opened, f"docker=={docker.__version__}")
    versions = field(opened, "Versions")
    assert versions.input_value() == f"docker=={docker.__version__}\nnbformat=={installed.__version__}"
    versions.fill("nbformat\nrm -rf /")
    opened.form.get_by_role("alert").filter(has_text="rm -rf /").wait_for()
    versions.fill("nbformat==5.10.4\n")
    wait_for_preview(opened, "RUN pip install --no-cache-dir nbformat==5.10.4")
    assert versions.input_value() == "nbformat==5.10.4\n", "the line being written stays"
    field(opened, "pip mirror").fill("https://mirror.example/simple")
    wait_for_preview(opened, "-i https://mirror.example/simple nbformat==5.10.4")
    assert violations(opened.page, ".ma-form") == []
    opened.form.screenshot(path=PICTURES / "form-packages-light-en.png")


def test_a_requirements_file_beside_the_notebook_is_offered_first(lab, root):
    (root / "requirements.txt").write_text("nbformat\n")
    try:
        notebook = open_form(lab, book(root / "requirements.ipynb", "%load_ext modelarts_nb", "%modelarts"))
        assert "COPY requirements.txt /tmp/requirements.txt" in preview(notebook)[0]
        notebook.close()
    finally:
        (root / "requirements.txt").unlink()


def test_the_cells_are_written_below_and_run_to_the_push(opened, registry):
    field(opened, "Push to").fill("form-team/digits:v1")
    wait_for_preview(opened, "form-team/digits:v1")
    wanted = preview(opened)
    assert len(wanted) == 4
    opened.form.locator(".ma-write").click()
    opened.form.get_by_text("4 cells written below").wait_for()
    assert sources(opened)[2:] == wanted
    for index in range(2, 6):
        opened.run(index, 180)
        assert not [output for output in opened.outputs(index) if output["output_type"] == "error"], opened.outputs(index)
    assert f"{registry}/form-team/digits:v1" in str(opened.outputs(5))
    opened.page.locator(".jp-Notebook").first.screenshot(path=PICTURES / "form-written-light-en.png")


def test_it_opens_again_from_a_dockerfile_cell_and_keeps_what_it_does_not_understand(lab, root, base_image):
    text = OWN.format(base=base_image)
    cells = ("%load_ext modelarts_nb", "%modelarts form own", f"%%dockerfile own\n{text}")
    notebook = lab.open(book(root / "again.ipynb", *cells))
    notebook.run(LOAD)
    notebook.run(2)
    notebook.run(FORM)
    notebook.form = notebook.cell(FORM).locator(".ma-form")
    wait_for_preview(notebook, "# my own words")
    assert preview(notebook)[0] == f"%%dockerfile own\n{text}".rstrip()
    field(notebook, "Packages").select_option("Listed here")
    field(notebook, "Versions").fill("nbformat==5.10.4")
    wait_for_preview(notebook, "nbformat==5.10.4")
    changed = preview(notebook)[0].split("\n")
    added = "RUN pip install --no-cache-dir nbformat==5.10.4"
    assert added in changed
    assert [line for line in changed if line != added] == f"%%dockerfile own\n{text}".rstrip().split("\n")
    notebook.form.get_by_role("button", name="Check only").click()
    notebook.form.locator(".ma-good").wait_for()
    notebook.form.screenshot(path=PICTURES / "form-again-light-en.png")
    notebook.close()


def test_it_speaks_chinese_at_a_click_and_back(opened):
    pick(opened, "中文")
    opened.form.get_by_text("自定义镜像").wait_for()
    assert field(opened, "区域").is_visible()
    assert field(opened, "推送到").is_visible()
    assert opened.form.get_by_role("button", name="写入笔记本").is_visible()
    assert violations(opened.page, ".ma-form") == []
    opened.form.screenshot(path=PICTURES / "form-open-light-zh.png")
    pick(opened, "English")
    opened.form.get_by_text("Custom image").wait_for()


def test_everything_can_be_done_from_the_keyboard(opened):
    press = opened.page.keyboard.press
    opened.form.get_by_role("radio", name="English").focus()
    press("Tab")
    assert opened.page.evaluate("document.activeElement.tagName") == "SELECT"
    press("Tab")
    press("ArrowRight")  # the contract: radio buttons of one group
    wait_for_preview(opened, "USER ma-user")
    press("ArrowLeft")
    wait_for_preview(opened, "USER work")
    order = [opened.page.evaluate("document.activeElement.closest('.ma-field')?.textContent.slice(0, 8)")]
    for _ in range(12):
        press("Tab")
        order.append(opened.page.evaluate("document.activeElement.className.includes('ma-write') ? 'write' : "
                                          "document.activeElement.closest('.ma-field')?.querySelector('.widget-label').textContent"))
        if order[-1] == "write":
            break
        if order[-1] == "Push to":
            press("Control+a")
            opened.page.keyboard.type("keys/digits:v2")
            wait_for_preview(opened, "keys/digits:v2")
    assert order[1:] == ["Processor", "Base image", "Tag", "Packages", "Code folder", "Start script", "Push to", "write"]
    outline = opened.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid", "where one is can be seen"
    press("Enter")
    opened.form.get_by_text("4 cells written below").wait_for()
    assert sources(opened)[3] == "%build digits -t digits:v2"


def test_groups_and_fields_have_names_for_a_screen_reader(opened):
    assert opened.form.get_attribute("role") == "form"
    for name in ("Contract", "Processor"):
        group = opened.form.get_by_role("radiogroup", name=name)
        assert group.get_by_role("radio", checked=True).count() == 1
    for name in ("Region", "Base image", "Tag", "Packages", "Start script"):
        assert opened.form.get_by_role("combobox", name=name).count() == 1
    assert opened.form.get_by_role("textbox", name="Push to").count() == 1


def test_it_fits_a_narrow_page(lab, root):
    notebook = open_form(lab, book(root / "narrow.ipynb", "%load_ext modelarts_nb", "%modelarts"), width=820, height=1300)
    notebook.page.wait_for_function(  # the page's panels are still being laid out: one column below the other
        "() => document.querySelector('.ma-right').getBoundingClientRect().top >= "
        "document.querySelector('.ma-left').getBoundingClientRect().bottom - 1", timeout=10_000)
    cut = "parts => parts.filter(part => part.scrollWidth > part.clientWidth + 1).map(part => part.className)"
    assert notebook.form.locator(".ma-left, .ma-right, .widget-radio-box").evaluate_all(cut) == []
    notebook.form.screenshot(path=PICTURES / "form-narrow-light-en.png")
    notebook.close()


def test_dark_and_chinese_as_jupyterlab_is_set(lab, root, tmp_path_factory):
    with started(root, tmp_path_factory, dark=True, language="zh_CN", browser=lab.browser) as other:
        notebook = open_form(other, book(root / "dark.ipynb", "%load_ext modelarts_nb\nimport docker", "%modelarts"))
        assert field(notebook, "区域").is_visible()
        field(notebook, "软件包").select_option("此笔记本导入的 1 个")
        wait_for_preview(notebook, "docker==")
        assert violations(notebook.page, ".ma-form") == []
        notebook.form.screenshot(path=PICTURES / "form-packages-dark-zh.png")
        field(notebook, "推送到").fill("Team/x")
        notebook.form.get_by_role("alert").wait_for()
        assert violations(notebook.page, ".ma-form") == []
        notebook.form.screenshot(path=PICTURES / "form-mistake-dark-zh.png")
        field(notebook, "推送到").fill("team/x:v1")
        pick(notebook, "English")
        notebook.form.get_by_text("Custom image").wait_for()
        notebook.form.get_by_role("alert").wait_for(state="detached")
        notebook.form.screenshot(path=PICTURES / "form-packages-dark-en.png")
        assert "ModelArts 自定义镜像" in notebook.page.evaluate("jupyterapp.commands.label('modelarts-nb:new')")
        notebook.close()


def test_the_launcher_opens_the_form_in_a_new_notebook(lab, root):
    page = lab.browser.new_context(viewport={"width": 1280, "height": 1000}).new_page()
    page.goto(f"http://127.0.0.1:{lab.port}/lab?token={lab.token}&reset")
    card = page.locator(".jp-LauncherCard", has_text="Custom image for ModelArts")
    card.wait_for(timeout=60_000)
    assert card.locator("img").get_attribute("src").startswith("data:image/svg+xml")
    page.screenshot(path=PICTURES / "form-launcher-light-en.png")
    card.click()
    page.locator(".ma-form .ma-cell").first.wait_for(timeout=60_000)
    assert page.evaluate(f"{CELL}.widgets[0].model.sharedModel.getSource()") == "%load_ext modelarts_nb\n%modelarts"
    page.evaluate("jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.context.close()


def test_dockerfile_cells_are_in_colour_and_python_ones_stay_pythons(lab, root):
    cells = ("%load_ext modelarts_nb", "import os", "%%dockerfile digits\nFROM scratch\nRUN echo a  # b\nENV A=1")
    notebook = lab.open(book(root / "colour.ipynb", *cells))
    mime = "index => " + CELL + ".widgets[index].model.mimeType"
    assert notebook.page.evaluate(mime, 2) == "text/x-dockerfile"
    assert "python" in notebook.page.evaluate(mime, 1)
    words = notebook.cell(2).locator(".cm-line span")
    words.first.wait_for()
    colours = notebook.page.evaluate(
        "[...document.querySelectorAll('.jp-Cell')[2].querySelectorAll('.cm-line')].slice(1)"
        ".map(line => line.querySelector('span') && getComputedStyle(line.querySelector('span')).color)")
    plain = notebook.cell(2).locator(".cm-content").evaluate("content => getComputedStyle(content).color")
    assert all(colour and colour != plain for colour in colours), (colours, plain)
    notebook.cell(2).screenshot(path=PICTURES / "form-colour-light-en.png")
    notebook.page.evaluate(f"{CELL}.widgets[2].model.sharedModel.setSource('import sys')")
    notebook.page.wait_for_function(f"{CELL}.widgets[2].model.mimeType.includes('python')")
    notebook.page.evaluate(f"{CELL}.widgets[1].model.sharedModel.setSource('%%dockerfile x\\nFROM y')")
    notebook.page.wait_for_function(f"{CELL}.widgets[1].model.mimeType === 'text/x-dockerfile'")
    notebook.close()


def test_a_dockerfile_cell_opens_the_form_by_its_menu(lab, root, base_image):
    notebook = lab.open(book(root / "menu.ipynb", "%load_ext modelarts_nb", f"%%dockerfile own\n{OWN.format(base=base_image)}"))
    notebook.run(LOAD)
    notebook.page.evaluate(f"{CELL}.activeCellIndex = 1")
    notebook.page.evaluate("jupyterapp.commands.execute('modelarts-nb:edit')")
    notebook.form = notebook.page.locator(".ma-form")
    wait_for_preview(notebook, "# my own words")
    assert sources(notebook)[2] == "%modelarts form own"
    notebook.close()


def test_options_and_instructions_are_completed_in_the_page(lab, root):
    cells = ("%load_ext modelarts_nb", "%build --no-ca", "%%dockerfile x\nFROM y\nHEALTHC")
    notebook = lab.open(book(root / "complete.ipynb", *cells))
    notebook.run(LOAD)
    for index, end, expected in ((1, "%build --no-cache", "--no-cache"), (2, "HEALTHCHECK", "HEALTHCHECK")):
        notebook.cell(index).locator(".cm-line").last.click()
        notebook.page.keyboard.press("Control+End")
        notebook.page.keyboard.press("Tab")
        offered = notebook.page.locator(".jp-Completer-item").filter(has_text=expected)
        notebook.page.wait_for_function(
            f"([index, text]) => {CELL}.widgets[index].model.sharedModel.getSource().includes(text) || "
            "document.querySelector('.jp-Completer-item')?.textContent.includes(text)", arg=[index, expected], timeout=15_000)
        if offered.count():  # the page offers words of its own too; ours stands first
            notebook.page.keyboard.press("Enter")
        notebook.page.wait_for_function(
            f"([index, text]) => {CELL}.widgets[index].model.sharedModel.getSource().includes(text)", arg=[index, expected])
        assert sources(notebook)[index].endswith(end)
    notebook.close()


def test_without_the_extension_the_cells_can_be_copied(lab, root, tmp_path_factory):
    with started(root, tmp_path_factory, extension=False, browser=lab.browser) as other:
        notebook = open_form(other, book(root / "without.ipynb", "%load_ext modelarts_nb", "%modelarts"))
        copy = notebook.form.locator(".ma-copy")
        assert copy.first.is_visible()
        notebook.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        copy.nth(1).click()
        assert notebook.page.evaluate("navigator.clipboard.readText()") == "%build my-image -t my-image:v1"
        notebook.form.locator(".ma-write").click()
        notebook.form.get_by_text("Cells cannot be inserted here").wait_for()
        assert violations(notebook.page, ".ma-form") == []
        notebook.form.screenshot(path=PICTURES / "form-copy-light-en.png")
        assert len(sources(notebook)) == 2
        notebook.close()


def test_of_two_pages_only_the_one_whose_button_was_pressed_writes(lab, root):
    name = book(root / "twice.ipynb", "%load_ext modelarts_nb", "%modelarts")
    first = open_form(lab, name)
    first.page.evaluate("jupyterapp.commands.execute('docmanager:save')")
    second = lab.open(name)
    first.form.locator(".ma-write").click()
    first.form.get_by_text("3 cells written below").wait_for()
    assert len(sources(first)) == 5
    assert len(sources(second)) == 2
    second.page.context.close()
    first.close()


