"""``%modelarts`` and completion in a real kernel, spoken to as front ends do."""

import nbformat
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(tmp_path_factory.mktemp("kernel")))
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    client.run = lambda code, **options: run(client, code, **options)
    assert client.run("%load_ext modelarts_nb")[0] == "ok"
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def run(client, code, **options):
    outputs = []
    reply = client.execute_interactive(code, timeout=60, output_hook=outputs.append, **options)
    return reply["content"]["status"], [message["content"] for message in outputs if message["msg_type"] == "display_data"]


def completed(kernel, text):
    kernel.complete(text, len(text))
    content = kernel.get_shell_msg(timeout=30)["content"]
    return content["matches"], text[content["cursor_start"] : content["cursor_end"]]


def test_completion_of_options_names_regions_and_instructions(kernel):
    matches, replaced = completed(kernel, "%build --no-ca")
    assert (matches, replaced) == (["--no-cache"], "--no-ca")
    assert completed(kernel, "%train --contract ")[0] == ["v1", "v2"]
    assert kernel.run("%%dockerfile digits\nFROM scratch")[0] == "ok"
    assert completed(kernel, "%build d") == (["digits"], "d")
    assert completed(kernel, "%%dockerfile x\nFROM y\nWORK") == (["WORKDIR"], "WORK")
    cpu = "swr.cn-north-4.myhuaweicloud.com/modelarts-job-dev-image/custom-cpu-base:"
    matches, replaced = completed(kernel, f"%%dockerfile x\nFROM {cpu}")
    assert matches == [f"{cpu}{tag}" for tag in ("1.3", "1.2", "1.1", "1.0")]
    assert replaced == cpu


def test_completion_of_python_is_pythons(kernel):
    kernel.run("some_long_name = 1")
    assert completed(kernel, "some_long")[0] == ["some_long_name"]


def test_the_form_is_shown_to_a_person_and_a_status_to_a_program(kernel):
    status, [shown] = kernel.run("%modelarts", allow_stdin=True)
    assert status == "ok"
    assert "application/vnd.jupyter.widget-view+json" in shown["data"]
    assert "%modelarts catalog" in shown["data"]["text/plain"]
    status, [shown] = kernel.run("%modelarts", allow_stdin=False)
    assert status == "ok"
    assert "application/vnd.jupyter.widget-view+json" not in shown["data"]
    assert "This front end shows no widgets." in shown["data"]["text/plain"]


def test_nbclient_sees_where_things_stand_and_how_to_choose_by_line(tmp_path):
    cells = ("%load_ext modelarts_nb", "%modelarts", "%modelarts catalog cn-south-1")
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(book, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert "%modelarts catalog lists" in book.cells[1].outputs[0]["data"]["text/plain"]
    assert "widgets" not in book.metadata or not book.metadata["widgets"]
    listed = book.cells[2].outputs[0]["data"]["text/plain"]
    assert "swr.cn-south-1.myhuaweicloud.com/modelarts-job-dev-image/custom-cpu-base:1.3" in listed
    assert "CANN 8.3.rc1" in listed


def test_a_dockerfile_that_is_not_kept_cannot_be_opened(kernel):
    reply = kernel.execute_interactive("%modelarts form nobody", timeout=60, allow_stdin=True, output_hook=lambda message: None)
    assert reply["content"]["ename"] == "SettingsError"
