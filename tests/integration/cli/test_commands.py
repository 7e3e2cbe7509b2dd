"""``modelarts-nb`` as a program: builds, checks, trains and pushes against a real Engine, registry and region."""

import json
import signal
from pathlib import Path

import pytest

from modelarts_nb import cli

from ...conftest import PATIENCE, wait_until


def dockerfile(base, *lines):
    return "\n".join([f"FROM {base}", *lines, "USER work", ""])


def test_a_notebooks_cells_are_built_as_their_lines_say(program, notebook, base_image, tmp_path, engine):
    (tmp_path / "deep" / "image").mkdir(parents=True)
    (tmp_path / "deep" / "image" / "here.txt").write_text("here")
    book = notebook(
        "deep/two.ipynb", "import nothing_of_that_name",
        f"%%dockerfile cli-one -C image\n{dockerfile(base_image, 'COPY --chown=work here.txt /home/work/')}", "%build cli-one",
        f"%%dockerfile cli-two\n{dockerfile(base_image, 'ENV A=two')}",
    )
    built = program("build", book)
    assert (built.returncode, built.stdout) == (0, "cli-one:latest\ncli-two:latest\n"), built.stderr
    assert "COPY" in built.stderr
    one = program("build", book, "--cell", "cli-one", "-t", "cli-other:1", "--json", "-q")
    value = json.loads(one.stdout)
    assert (value["reference"], one.stderr) == ("cli-other:1", "")
    assert value["id"] == engine.images("cli-one:latest")[0]["Id"]
    for name in ("cli-one:latest", "cli-two:latest", "cli-other:1"):
        engine.remove_image(name, force=True)


def test_a_failing_cell_is_named_with_its_line(program, notebook, base_image):
    book = notebook("broken.ipynb", "1", f"%%dockerfile broken\n{dockerfile(base_image, 'RUN echo said && exit 7')}")
    built = program("build", book, "--json")
    assert built.returncode == 1
    error = json.loads(built.stdout)["error"]
    assert (error["type"], error["line"], error["exit_code"]) == ("BuildFailed", 3, 7)
    assert f"{book}, cell 2, line 3" in built.stderr
    assert "said" in built.stderr


def test_a_notebook_is_checked_by_cell_and_line(program, notebook, base_image, monkeypatch, capsys):
    good = f"%%dockerfile good\n{dockerfile(base_image)}"
    book = notebook("rules.ipynb", good, "\n%%dockerfile bad\nFROM ubuntu:latest\nUSER root\n")
    checked = program("check", book)
    assert checked.returncode == 1, checked.stderr
    assert f"{book}, cell 2 (bad)" in checked.stdout
    monkeypatch.chdir(book.parent)
    assert cli.main(["check", book.name, "--json"]) == 1
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["passed"] for each in told] == [True, False]
    assert all(finding["line"] in (0, 3, 4) for finding in told[1]["findings"])
    assert any(finding["line"] == 3 for finding in told[1]["findings"])
    assert cli.main(["check", book.name, "--cell", "good"]) == 0
    assert cli.main(["check", book.name, "--no-fail"]) == 0
    notebook("syntax.ipynb", "%%dockerfile s\nFROM scratch\nNOTHING x\n")
    assert cli.main(["check", "syntax.ipynb"]) == 1
    assert "syntax.ipynb, cell 1, line 3" in capsys.readouterr().err
    notebook("none.ipynb", "1")
    assert cli.main(["check", "none.ipynb"]) == 1


def test_train_and_push_from_a_shell(program, tmp_path, base_image, registry, engine):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text("print('trained', *__import__('sys').argv[1:])\n")
    engine.tag(base_image, "cli-train", tag="1", force=True)
    ran = program("train", "cli-train:1", "--code", "code", "--json", "--",
                  "bash", "/home/work/run_train.sh", "python", "/home/work/user-job-dir/code/train.py", "two words")
    run = json.loads(ran.stdout)
    assert ran.returncode == 0, ran.stderr
    assert run["exit_code"] == 0
    assert "trained two words" in Path(run["log_path"]).read_text()
    failed = program("train", "cli-train:1", "--json", "--", "exit 9")
    assert failed.returncode == 1
    assert json.loads(failed.stdout)["error"]["run"]["exit_code"] == 9
    pushed = program("push", "cli-train:1", "--to", f"{registry}/cli/train:1", "--no-check")
    assert pushed.stdout.startswith(f"{registry}/cli/train@sha256:"), pushed.stderr
    engine.remove_image("cli-train:1", force=True)


def test_the_region_from_a_shell(program, sandbox):
    who = program("login", "--region", "sandbox", "--json")
    assert json.loads(who.stdout)["region"] == "sandbox", who.stderr
    assert "***" in json.loads(who.stdout)["key"] or "…" in json.loads(who.stdout)["key"]
    jobs = program("jobs", "--json", MODELARTS_NB_REGION="sandbox")
    assert jobs.returncode == 0, jobs.stderr
    assert isinstance(json.loads(jobs.stdout)["items"], list)
    flavors = program("flavors", "CPU", "--region", "sandbox")
    assert "modelarts" in flavors.stdout
    nobody = program("stop", "of-nobody", "--region", "sandbox")
    assert nobody.returncode == 1
    assert nobody.stderr.startswith("modelarts-nb: ")


def test_a_key_is_taken_from_a_variable_and_shown_nowhere(program, sandbox):
    names = ("--ak-env", "MY_AK", "--sk-env", "MY_SK")
    named = program("login", "--region", "sandbox", *names, MY_AK="AKAKAKAK", MY_SK="hf-not-it")
    assert named.returncode == 1
    assert "hf-not-it" not in named.stdout + named.stderr
    asked = program("login", "--region", "cn-north-4", HOME="/nonexistent", MODELARTS_NB_METADATA="http://127.0.0.1:9")
    assert asked.returncode == 1  # nobody is there to be asked
    assert "HUAWEICLOUD_SDK_AK" in asked.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_what_was_started(started, base_image, engine, number, code):
    training = started("train", base_image, "--", "sleep 600")
    containers = lambda: [each for each in engine.containers() if each["Image"] == base_image]  # noqa: E731
    wait_until(lambda: containers() or training.poll() is not None, 60, "the run starts")
    assert training.poll() is None, training.stderr.read()
    training.send_signal(number)
    assert training.wait(PATIENCE * 3) == code
    assert "interrupted" in training.stderr.read()
    wait_until(lambda: not containers(), PATIENCE, "its containers are gone")


def test_who_reads_no_further_ends_it_quietly(started):
    listing = started("catalog")
    listing.stdout.close()
    assert listing.stderr.read() == ""
    assert listing.wait(PATIENCE) == 1
