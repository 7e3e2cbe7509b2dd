"""What is said of everyday lines (no error, save where they bring setuid files), of the tutorial's own example, and of each
documented first-run failure that a Dockerfile, a command line or a code folder can show."""

from pathlib import Path

import pytest

from modelarts_nb.dockerfile import parse_dockerfile
from modelarts_nb.rules.lint import errors, lint
from modelarts_nb.rules.written import Target
from modelarts_nb.training.spec import JobSpec
from modelarts_nb.workflows.checks import findings_of_job

from .planted import (
    BASE,
    CLEAN,
    DOCKERFILE_ROWS,
    EVERYDAY,
    GOOD_CODE,
    JOB_ROWS,
    SEED,
    SETUID,
    TWINS,
    V1,
    V2,
    VARIANTS,
    codes,
    row_base,
)


def stopping(line, target=None):
    return [each.code for each in errors(lint(parse_dockerfile(f"{BASE}RUN {line}\n"), target))]


@pytest.mark.parametrize("line", EVERYDAY)
@pytest.mark.parametrize("contract", ["v1", "v2"])
def test_an_everyday_line_is_no_error(line, contract):
    assert stopping(line, Target(contract=contract)) == []


@pytest.mark.parametrize(("code", "lines"), VARIANTS)
def test_what_is_planted_is_found(code, lines):
    assert code in codes(lines)


@pytest.mark.parametrize(("code", "lines"), TWINS)
def test_its_twin_is_not(code, lines):
    assert code not in codes(lines)


@pytest.mark.parametrize("line", SETUID)
def test_a_line_that_brings_setuid_files_is_one(line):
    assert stopping(line)
    assert set(stopping(line)) <= {"MA020", "MA021"}


@pytest.mark.parametrize("line", CLEAN)
def test_its_clean_twin_is_none(line):
    assert stopping(line) == []


def test_the_tutorials_own_example_has_both_of_its_mistakes_found():
    found = errors(lint(parse_dockerfile(SEED)))
    assert [(each.code, each.line) for each in found] == [("MA031", 6), ("MA032", 6)]
    cuda, numpy = found
    assert "tensorflow-gpu==1.15 needs CUDA 10.0, the base image has CUDA 9.0" in cuda.message
    assert "numpy >=1.16.0,<2.0" in numpy.message
    repaired = SEED.replace("numpy==1.15", "numpy==1.16.4").replace(
        "eiwizard/custom-gpu-cuda9-inner-moxing-cp36:1.2", cuda.fix.partition("com/")[2])
    assert errors(lint(parse_dockerfile(repaired))) == ()


def test_the_tutorials_base_image_itself_is_judged_too():
    """Its RUN lines set setuid bits on the platform's own tools; a user's image must not."""
    line = "wget x/dls-decryptor && chown root:root dls-decryptor && chmod 4755 dls-decryptor && mv dls-decryptor /usr/bin/"
    text = f"{BASE}RUN {line}\n"
    assert [each.code for each in errors(lint(parse_dockerfile(text)))] == ["MA020", "MA025"]


@pytest.mark.parametrize("row", DOCKERFILE_ROWS)
def test_a_first_run_failure_is_seen_in_the_dockerfile(row):
    lines, contract, code = DOCKERFILE_ROWS[row]
    assert code in {each.code for each in lint(parse_dockerfile(f"{row_base(row)}{lines}\n"), Target(contract=contract))}


@pytest.mark.parametrize(("row", "contract", "command", "files", "code"), JOB_ROWS)
def test_a_first_run_failure_is_seen_in_the_command_or_the_code(tmp_path, row, contract, command, files, code):
    spec = job(tmp_path, contract, command, files)
    assert code in {each.code for each in findings_of_job(spec, {})}


def job(tmp_path, contract, command, files):
    folder = tmp_path / "code"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        if isinstance(content, int):
            with Path(folder, name).open("wb") as file:
                file.truncate(content)
        else:
            (folder / name).write_text(content)
    return JobSpec("i", command, contract=contract, code=folder, outputs={"train_url": tmp_path})


@pytest.mark.parametrize(("contract", "command"), [
    ("v1", f"bash /home/work/run_train.sh python {V1}/code/train.py"),
    ("v2", f"python -u {V2}/code/train.py"), ("v2", f"cd {V2}/code && python -u train.py"),
    ("v2", "PYTHONUNBUFFERED=1 python ${MA_JOB_DIR}/code/train.py"), ("v2", f"bash {V2}/code/run.sh"),
])
def test_a_good_job_is_told_nothing(tmp_path, contract, command):
    files = {"train.py": GOOD_CODE, "run.sh": 'set -e\npython -u "$(dirname "$0")/train.py" "$@"\n'}
    assert findings_of_job(job(tmp_path, contract, command, files), {}) == ()
