"""The rules where people meet them: a ``%%dockerfile`` cell, ``%build``, ``%train``, in a real kernel with a real Engine."""

import json
import os
import re

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from modelarts_nb import api
from modelarts_nb.building.request import DockerfileSource
from modelarts_nb.errors import BuildFailed, ChecksFailed
from modelarts_nb.events import VertexWarning
from modelarts_nb.image import Image
from modelarts_nb.rules.model import Finding, Severity
from modelarts_nb.trace import Trace
from modelarts_nb.training.spec import JobSpec
from modelarts_nb.workflows import checks, train

SEED = """\
FROM swr.cn-north-1.myhuaweicloud.com/eiwizard/custom-gpu-cuda9-inner-moxing-cp36:1.2
ENV BUILD_PATH /root/work

RUN pip install -i https://pypi.tuna.tsinghua.edu.cn/simple pip -U && \\
    pip config set global.index-url https://pypi.tuna.tsinghua.edu.cn/simple && \\
    pip install --upgrade pip && pip --no-cache-dir install numpy==1.15 tensorflow-gpu==1.15 && \\
     echo success
"""


@pytest.fixture(autouse=True)
def environment(monkeypatch, home, engine_base_url):
    monkeypatch.setenv("DOCKER_HOST", engine_base_url)
    monkeypatch.setenv("MODELARTS_NB_HOME", str(home))


def run(folder, *cells, fails=False):
    """The cells' outputs, executed in a real kernel; ``fails``: the last one does."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in ("%load_ext modelarts_nb", *cells)])
    client = NotebookClient(book, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    if fails:
        with pytest.raises(CellExecutionError):
            client.execute()
    else:
        client.execute()
    return [cell.get("outputs", []) for cell in book.cells[1:]]


def fold(workflow, trace):
    """What the workflow returns, its events folded."""
    while True:
        try:
            event = next(workflow)
        except StopIteration as end:
            return end.value
        if event is not None:
            trace.apply(event)


def plain(outputs):
    texts = [o.get("text", "") or o.get("data", {}).get("text/plain", "") or "\n".join(o.get("traceback", [])) for o in outputs]
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(texts))


def html(outputs):
    return "\n".join(output.get("data", {}).get("text/html", "") for output in outputs)


def test_the_tutorials_example_is_told_its_mistakes_by_the_cells_lines_and_is_not_built(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")  # nothing is sent: nobody is there to take it
    cell, build = run(tmp_path, f"%%dockerfile seed\n{SEED}", "%build seed -t seed:1", fails=True)
    for code, words in (("MA031", "needs CUDA 10.0"), ("MA032", "cannot use numpy 1.15")):
        assert re.search(rf"✕ error +line 7 +{code} .*{words}", plain(cell))
        assert re.search(rf"line 7</td>.*{code}", html(cell))
        assert re.search(rf"line 7 +{code} .*{words}", plain(build))
    assert "ChecksFailed: cell: nothing was built" in plain(build)
    assert "# modelarts: ignore=MA031 REASON" in plain(build)
    assert "Connection" not in plain(build)


def test_a_finding_stops_the_build_until_told_otherwise(tmp_path, base_image):
    dockerfile = f"FROM {base_image}\nRUN touch /opt/tool && chmod u+s /opt/tool\n"
    cells = [f"%%dockerfile bits\n{dockerfile}", "image = %build bits --no-check",
        "import json; print(json.dumps([image.checks, "
             "len(image.findings)]))"]
    *_, built, told = run(tmp_path, *cells)
    assert json.loads(plain(told)) == ["skipped (--no-check)", 0]
    assert "skipped (--no-check)" in plain(built)
    assert "MA020" in plain(run(tmp_path, cells[0], "%build bits", fails=True)[1])


def test_an_ignored_error_and_warnings_do_not_stop_and_come_with_the_image(base_image):
    lines = "# modelarts: ignore=MA020 the test wants it\nRUN touch /opt/x && chmod u+s /opt/x\nUSER nobody\n"
    text = f"FROM {base_image}\n{lines}"
    image = api.build(DockerfileSource(text, "warned"), progress="quiet")
    assert image.checks == "1 warning, 1 ignored"
    assert [(each.code, each.line, each.ignored) for each in image.findings] == [
        ("MA020", 3, "the test wants it"), ("MA010", 4, ""),
    ]


def test_files_instead_of_an_image_are_not_judged(tmp_path):
    (tmp_path / "a").write_text("a")
    source = DockerfileSource("FROM scratch\nCOPY a /a\n", "files", context=tmp_path)
    assert (api.build(source, output=tmp_path / "out", progress="quiet").path / "a").read_text() == "a"
    with pytest.raises(ChecksFailed) as caught:
        api.build(DockerfileSource("FROM ubuntu:22.04\nCOPY a /a\n", "files", context=tmp_path), progress="quiet")
    assert [each.code for each in caught.value.findings] == ["MA001"]


def test_a_warning_stands_in_the_card_of_a_build(tmp_path, base_image):
    _, build = run(tmp_path, f"%%dockerfile w\nFROM {base_image}\nUSER nobody\n", "%build w")
    assert "1 warning" in plain(build)
    assert re.search(r"line 3 +MA010 +The image ends as user nobody", html(build))


def test_hadolint_is_used_where_it_is_installed(tmp_path, monkeypatch, base_image):
    """hadolint is in no Debian package: a script of its name answers as its documentation says, or fails."""
    program = tmp_path / "hadolint"
    answer = [{"code": "DL3020", "column": 1, "file": "-", "level": "error", "line": 2, "message": "Use COPY instead of ADD"}]
    program.write_text(f"#!/bin/sh\ngrep -q '^FROM' && echo '{json.dumps(answer)}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    kept = api.keep(DockerfileSource(f"FROM {base_image}\nADD a /a\n", "h"))
    assert [(each.code, each.line, each.severity) for each in kept.findings] == [("DL3020", 2, Severity.WARNING)]
    program.write_text("#!/bin/sh\nexit 3\n")
    [failed] = api.keep(DockerfileSource(f"FROM {base_image}\nADD a /a\n", "h")).findings
    assert failed.severity is Severity.NOTE
    assert "could not be used" in failed.message


def test_the_engines_own_warnings_join_the_findings():
    said = VertexWarning("", "JSON arguments recommended", (),
        "https://docs.docker.com/go/dockerfile/rule/json-args-recommended/", 1,
                         ((4, 4),))

    def building():
        yield said
        return Image("x:1", "sha256:1", 1)

    trace = Trace()
    image = fold(checks.checked((), DockerfileSource(""), trace, building), trace)
    assert image.findings == (Finding("json-args-recommended", Severity.WARNING, "JSON arguments recommended", "", 4, 4),)
    assert image.checks == "1 warning"


def test_a_run_is_told_what_its_command_and_its_code_will_meet(connected, base_image, tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text("import os\nprint(os.environ.get('MA_JOB_DIR'))\n")
    command = "bash /home/work/run_train.sh python /home/work/user-job-dir/code/train.py > /tmp/log"
    trace = Trace()
    fold(train(connected, JobSpec(base_image, command, code=tmp_path / "code"), "told", trace), trace)
    codes = {line for warning in trace.warnings for line in warning.detail if line.startswith("MA")}
    assert codes == {"MA072", "MA081"}
    assert any("(train.py, 2)" in warning.short for warning in trace.warnings)


def test_a_failing_build_still_says_what_the_engine_said(base_image):
    with pytest.raises(BuildFailed, match="exit code 3"):
        api.build(DockerfileSource(f"FROM {base_image}\nRUN exit 3\nUSER nobody\n", "f"), progress="quiet")
