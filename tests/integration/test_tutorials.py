"""Every tutorial, in both languages, in a real kernel against the Engine and the sandbox: it runs to its end, shows what its
text promises, and leaves nothing behind. The second language is nearly all cached."""

import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from modelarts_nb import api
from modelarts_nb.building.request import DockerfileSource
from modelarts_nb.errors import BuildFailed

from .test_notebook import texts

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
TUTORIALS = sorted(path.name for path in NOTEBOOKS.glob("*.ipynb"))
LANGUAGE = {False: "en", True: "zh-CN"}
MAY_STAY = {"01": {"output/metrics.json", "output/model.joblib"}}  # the model that was trained


@pytest.fixture(scope="module")
def folder(tmp_path_factory, sandbox):
    """The tutorials as a user has them; the tests' sandbox has a port of its own."""
    place = tmp_path_factory.mktemp("tutorials") / "notebooks"
    shutil.copytree(NOTEBOOKS, place, ignore=shutil.ignore_patterns("output", ".ipynb_checkpoints"))
    for path in place.rglob("*.ipynb"):
        path.write_text(path.read_text().replace("localhost:5005", sandbox.registry))
    return place


@pytest.mark.parametrize("name", TUTORIALS)
def test_a_tutorial_runs_from_top_to_bottom_and_cleans_up(name, folder, home, engine_base_url, engine, monkeypatch):
    for variable, value in {
        "DOCKER_HOST": engine_base_url, "MODELARTS_NB_HOME": str(home), "JUPYTER_PLATFORM_DIRS": "1",
        "MODELARTS_NB_LANGUAGE": LANGUAGE[".zh-CN" in name],
    }.items():
        monkeypatch.setenv(variable, value)
    book = nbformat.read(folder / name, as_version=4)
    number = name[:2]
    book.cells.append(nbformat.v4.new_code_cell(f"import json; print(json.dumps({ASKED[number]}))"))
    files, tags = left(folder), {tag for image in engine.images() for tag in image["RepoTags"] or ()}

    NotebookClient(book, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()

    for cell in book.cells:
        failed = any(output.output_type == "error" for output in cell.get("outputs", ()))
        assert failed == ("raises-exception" in cell.metadata.get("tags", ())), cell.source
    answers = json.loads(texts(book.cells.pop()))
    SEEN[number](answers, "\n".join(texts(cell) for cell in book.cells if cell.cell_type == "code"))
    assert left(folder) - files - {"output"} <= MAY_STAY.get(number, set())
    assert {tag for image in engine.images() for tag in image["RepoTags"] or () if not tag.startswith("localhost")} <= tags
    assert len(nbformat.writes(book)) < 250_000


def test_the_official_tutorial_s_own_base_does_not_build(base_image, engine_base_url, home, monkeypatch):
    """Quoted in docs/from-the-official-tutorial.md."""
    monkeypatch.setenv("DOCKER_HOST", engine_base_url)
    line = (
        "RUN groupadd -g 1100 Misplaced &username -m -u 1100 -g 1100 -s /bin/bash $username && "
        "groupadd -g 1101 Misplaced &workname -m -u 1101 -g 1101 -s /bin/bash $workname"
    )
    with pytest.raises(BuildFailed) as failed:
        api.build(DockerfileSource(f"FROM {base_image}\nARG username\nARG workname\n{line}\n", name="official"),
                  check=False, progress="none")
    assert "workname: not found" in str(failed.value)
    assert "exit code 127" in str(failed.value)


def catalogue():
    files = (NOTEBOOKS.parent / "modelarts_nb" / "messages" / "zh_CN").glob("*.json")
    return {key: value for file in files for key, value in json.loads(file.read_text()).items()}


def left(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if "__pycache__" not in path.parts}


def first(answers, shown):
    image, digest, media_type, exit_code, accuracy, saved = answers
    assert image.startswith("sha256:")
    assert digest.startswith("sha256:")
    assert media_type == "application/vnd.docker.distribution.manifest.v2+json"
    assert (exit_code, saved) == (0, ["metrics.json", "model.joblib"])
    assert accuracy > 0.9


def second(answers, shown):
    phase, result, exit_code, reference = answers
    assert (phase, exit_code, result["nodes"]) == ("Completed", 0, 2)
    assert 3.0 < result["pi"] < 3.3
    assert reference.endswith("/my-team/pair:v1")
    assert "worker-0: pi is about" in shown
    assert "worker-1: node 1: 100 %" in shown
    assert re.search(r"^=  .*python /home/ma-user", shown, re.MULTILINE), "the parity report: the same command"


def third(answers, shown):
    since = re.findall(r"(?:Since last|与上次相比)  +(.+)", shown)
    *before, better, mount, package, checkpoint, ignored, nothing = since  # ``before``: with or without an earlier run's
    [slow] = [each for each in before if "train.py" in each and "requirements.txt" not in each]
    after = re.compile(r"1 step after|其后 1 个步骤")
    assert after.search(slow)
    assert "train.py" in better
    assert not after.search(better)
    assert "pip install" in mount or "RUN --mount" in mount
    assert "requirements.txt" in package
    assert "checkpoint.bin" in checkpoint
    assert "20.0 MB" in checkpoint
    assert "20.0 MB" in ignored
    assert nothing in ("nothing changed", catalogue()["nothing changed"])


def fourth(answers, shown):
    assert not {"MA030", "MA031", "MA032", "MA126"} - set(re.findall(r"MA\d{3}", shown))
    assert "libcudart.so.12: cannot open shared object file" in shown
    assert answers[0].endswith("CUDA runtime 12.9, 0 GPUs")
    assert re.search(r"modelarts\.vm\.gpu\.p100 .* 0$", shown, re.MULTILINE)


def fifth(answers, shown):
    here, there, phase = answers
    assert (here, phase) == (there, "Completed")
    assert here["nodes"] == 2
    assert abs(here["slope"] - 3) < 0.02
    assert abs(here["offset"] - 2) < 0.02
    assert "node 1: 2 processes, 2 devices, 1 of them here" in shown


def sixth(answers, shown):
    assert answers == ["MA104", "MA106", "MA108"]
    for said in ("MA020", "MA024", "MA050", "MA010", "/usr/local/bin/whoami-really 4755 0:0"):
        assert said in shown
    assert f"{catalogue()['No violations']}" in shown or "No violations: audit:v2" in shown


def seventh(answers, shown):
    passed, failed, told = answers
    assert (passed, failed) == (0, 1)
    assert told["cell"] == 9, "the job's last, behind the one with the parameters"
    assert told["name"] == "AssertionError"
    assert "is below 0.999" in told["value"]
    assert "'epochs': 5" in shown


ASKED = {
    "01": "[image.id, pushed.digest, pushed.media_type, run.exit_code, metrics['accuracy'], "
          "sorted(p.name for p in run.outputs['train_url'].iterdir())]",
    "02": "[job.phase, result, run.exit_code, pushed.reference]",
    "03": "[]",
    "04": "[line for line in open(run.log_path).read().splitlines() if 'CUDA runtime' in line][:1]",
    "05": "[here, there, job.phase]",
    "06": "sorted(finding.code for finding in report.findings)",
    "07": "[done.returncode, failed.returncode, told['failed']]",
}
SEEN = {"01": first, "02": second, "03": third, "04": fourth, "05": fifth, "06": sixth, "07": seventh}
