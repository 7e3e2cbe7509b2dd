"""``%shell`` where a build failed and in an image, on a real Engine."""

import os
import sys
import time
from pathlib import Path

import pexpect
import pytest

from modelarts_nb import api
from modelarts_nb.building.request import DockerfileSource
from modelarts_nb.engine import marks
from modelarts_nb.errors import BuildFailed, EngineAPIError, RunFailed, SettingsError
from modelarts_nb.session import Session, session

from ..conftest import PATIENCE, wait_until
from .kernel import LOAD
from .test_notebook import processes


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path, home, engine_base_url, engine):
    monkeypatch.setenv("DOCKER_HOST", engine_base_url)
    monkeypatch.chdir(tmp_path)
    for name, value in vars(Session()).items():
        monkeypatch.setattr(session, name, value)
    yield
    api.stop_shell()
    assert left(engine) == []


def left(engine):
    """What bears our labels."""
    marked = {"label": marks.LABEL}
    return [*engine.containers(all=True, filters=marked), *engine.images(all=True, filters=marked)]


def fail(text, tmp_path, **options):
    """The error of a build that fails, its context a folder with a file."""
    (tmp_path / "there.txt").write_text("of the context\n")
    source = DockerfileSource(text, name="broken", first_line=2, context=tmp_path)
    with pytest.raises(BuildFailed) as caught:
        api.build(source, tag="broken:1", check=False, progress="quiet", **options)
    return caught.value


@pytest.fixture
def run(capsys):
    def said(script, **options):
        opened = api.shell(progress="quiet", **options)
        capsys.readouterr()
        api.run_in_shell(script, opened)
        return capsys.readouterr().out.splitlines()

    return said


def test_it_stands_right_before_the_step_that_failed_with_its_files_user_folder_and_variables_and_no_secret(
    base_image, tmp_path, run
):
    error = fail(
        f"ARG BASE={base_image}\nFROM $BASE AS tools\nRUN echo made > /made\nFROM $BASE\nARG WHAT=default\nARG PLAIN\n"
        "ENV E=$WHAT-env\nCOPY --from=tools /made /\nCOPY there.txt /there/\nWORKDIR /there\n"
        "RUN --mount=type=secret,id=token cat /run/secrets/token | wc -c\nUSER work\n"
        "RUN --mount=type=secret,id=token echo before && \\\n    false\nRUN touch /after\n",
        tmp_path, build_args={"WHAT": "given", "PLAIN": "x y"}, secrets={"token": "correct-horse"},
    )
    assert "%shell opens a shell right before this step." in error.hint
    opened = api.shell(progress="quiet")
    assert opened.subject == "before line 14 of broken"
    assert opened.script == "echo before && \\\n    false"
    assert opened.failed.startswith("RUN --mount=type=secret")
    assert opened.notes == ("Without the step's own mounts (secret).",)
    assert opened.user == "work"
    script = 'id -un; pwd; echo "$WHAT|$PLAIN|$E"; cat /made there.txt; ls /after /run/secrets/* 2>/dev/null || echo none'
    assert run(script) == [
        "work", "/there", "given|x y|given-env", "made", "of the context", "none",
    ]
    assert "correct-horse" not in "\n".join(run("env; tr '\\0' '\\n' < /proc/1/environ"))
    assert not session.failed.request.secrets


def test_files_exported_variables_and_the_folder_stay_and_a_script_that_fails_says_its_code(base_image, tmp_path, run):
    fail(f"FROM {base_image}\nRUN exit 9\n", tmp_path)
    run("cd /var/tmp; export NOTE='a  b'; echo 1 > kept; lost=1")
    first = session.shell
    assert run('pwd; echo "$NOTE$lost"; cat kept') == ["/var/tmp", "a  b", "1"]
    assert session.shell is first
    with pytest.raises(RunFailed, match="exit code 3") as caught:
        api.run_in_shell("echo said; exit 3", first)
    assert "said" in Path(caught.value.log_path).read_text()
    api.stop_shell()
    assert run('echo "$NOTE"; ls /var/tmp/kept 2>/dev/null || echo anew') == ["", "anew"]


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("FROM {base}\nCOPY nowhere.txt /x\n", ""),
        ("FROM {base} AS one\nRUN false\nFROM {base}\nCOPY --from=one /x /x\n", "false"),
        ('FROM {base}\nRUN true\nRUN ["/bin/sh", "-c", "exit 4"]\n', "/bin/sh -c 'exit 4'"),
    ],
)
def test_every_kind_of_step_can_fail_also_the_first(base_image, tmp_path, run, text, script):
    fail(text.replace("{base}", base_image), tmp_path)
    assert api.shell(progress="quiet").script == script
    assert run("echo here") == ["here"]


def test_where_there_is_nothing_before_the_step_that_is_said(base_image, tmp_path):
    fail("FROM scratch\nCOPY nowhere.txt /x\n", tmp_path)
    with pytest.raises(SettingsError, match="no file yet"):
        api.shell(progress="quiet")
    error = fail("FROM localhost:9/of-nobody/x:1\nRUN true\n", tmp_path)
    assert "%shell" not in error.hint
    assert session.failed is None


def test_the_next_good_build_is_what_the_shell_opens_then(base_image, tmp_path, run):
    fail(f"FROM {base_image}\nRUN false\n", tmp_path)
    run("true")
    before = session.shell.container
    source = DockerfileSource(f"FROM {base_image}\nRUN touch /mended\nUSER work\n", name="broken")
    api.build(source, tag="mended:1", progress="quiet")
    assert run("ls /mended") == ["/mended"]
    assert session.shell.container != before


def test_in_an_image_it_is_as_training_starts_it(base_image, tmp_path, run):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "a.py").write_text("print('from the code')")
    place = "/home/ma-user/modelarts/user-job-dir/train/a.py"
    script = f"id -u; pwd; echo $MA_JOB_DIR; python3 {place}; ls /sys/class/net"
    said = run(script, image=base_image, contract="v2", code="train")
    assert said == ["1000", "/home/ma-user", "/home/ma-user/modelarts/user-job-dir", "from the code", "lo"]
    assert run("id -u") == ["1000"], "the shell that is open"
    assert run("id -u", image=base_image, contract="v1") == ["1101"]


def test_an_image_without_a_shell_and_one_that_is_not_there(tmp_path, engine):
    (tmp_path / "there.txt").write_text("x")
    source = DockerfileSource("FROM scratch\nCOPY there.txt /\n", name="bare", context=tmp_path)
    api.build(source, tag="bare:1", check=False, progress="quiet")
    with pytest.raises(EngineAPIError, match="no /bin/sh"):
        api.shell("bare:1", progress="quiet")
    with pytest.raises(EngineAPIError, match="of-nobody"):
        api.shell("of-nobody:1", progress="quiet")
    assert left(engine) == []


def test_in_a_notebook_scripts_print_as_they_run_and_the_step_that_failed_is_the_next_cell(kernel, base_image):
    kernel.run(f"%%dockerfile d\nFROM {base_image}\nRUN echo one && \\\n    exit 5\n")
    assert kernel.run("%build d")[0] == "BuildFailed"
    kernel.client.execute("%shell", allow_stdin=True)
    reply = kernel.client.get_shell_msg(timeout=60)
    while reply["msg_type"] != "execute_reply" or not reply["content"].get("payload"):
        reply = kernel.client.get_shell_msg(timeout=60)
    [payload] = [each for each in reply["content"]["payload"] if each["source"] == "set_next_input"]
    assert payload["text"].startswith("%%shell\necho one && ")
    assert payload["text"].endswith("exit 5")
    status, printed = kernel.run(payload["text"])
    assert (status, printed) == ("RunFailed", "one\n")
    assert kernel.run("%%shell\necho \"<b>$HOME\" $((1 + 1)); printf '\\033[31mred\\033[0m\\n'") == ("ok", "<b>/root 2\nred\n")
    assert kernel.run("%%shell\nseq 1 1500")[1].splitlines()[-2:] != ["1499", "1500"], "the log has them"
    assert kernel.run("%shell --stop") == ("ok", "The shell has ended.\n")
    assert kernel.run("%shell --stop") == ("ok", "No shell was open.\n")


def test_an_interrupt_ends_what_a_script_started_and_a_restart_leaves_nothing(kernel, base_image, engine, connected):
    marker = f"sleep {300 + int(time.time() * 1000) % 1000}"
    kernel.run(f"%shell -q {base_image}")
    waiting = kernel.start(f"%%shell\necho started\n{marker} & {marker}")
    wait_until(lambda: processes(marker), PATIENCE, "the script did not start")
    kernel.manager.interrupt_kernel()
    assert kernel.finish(waiting)[0] == "KeyboardInterrupt"
    wait_until(lambda: not processes(marker), PATIENCE, "the script's process is still there")
    assert kernel.run("%%shell\necho still here") == ("ok", "still here\n")
    kernel.manager.restart_kernel()
    kernel.client.wait_for_ready(60)
    assert left(engine) == []
    kernel.run(LOAD)
    kernel.run(f"%%dockerfile d\nFROM {base_image}\nRUN false\n")
    kernel.run("%build d")
    kernel.run("%shell -q")
    assert len(left(engine)) == 2, "a container and its image"
    kernel.manager.shutdown_kernel(now=True)
    marks.sweep(connected)
    assert left(engine) == [], "what a killed kernel left is removed by the next one"


def test_in_a_terminal_it_is_interactive(base_image, tmp_path, engine_base_url, engine):
    lines = f"%load_ext modelarts_nb\n%shell {base_image}\n"
    code = f"from IPython.terminal.ipapp import launch_new_instance as go; go(argv=['--no-banner', '-c', {lines!r}])"
    environment = {**os.environ, "IPYTHONDIR": str(tmp_path), "TERM": "dumb", "COLUMNS": "80", "LINES": "24"}
    sitting = pexpect.spawn(sys.executable, ["-c", code], env=environment, timeout=60, dimensions=(33, 101), encoding="utf-8")
    sitting.expect(r"\$ $")
    sitting.sendline("tty; stty size; id -u")
    sitting.expect(r"/dev/pts/\d+\s+33 101\s+1101\s")
    sitting.sendline("exit")
    sitting.expect(pexpect.EOF)
    sitting.close()
    wait_until(lambda: left(engine) == [], PATIENCE, "the terminal's end left something")
