"""The command line: the magics' options, completion, and what is wrong usage."""

import json
import subprocess

import pytest

from modelarts_nb import api, cli
from modelarts_nb.cli import parser, values, verbs
from modelarts_nb.image import Image, PushedImage
from modelarts_nb.notebook.magics import BuildMagics, CheckMagics, JobMagics, LoginMagics, PushMagics, SubmitMagics, TrainMagics
from modelarts_nb.settings import Secret
from modelarts_nb.table import table

MAGICS = [
    (BuildMagics, "build"), (CheckMagics, "check"), (PushMagics, "push"), (TrainMagics, "train"), (SubmitMagics, "submit"),
    (LoginMagics, "login"), *((JobMagics, name) for name in (
        "jobs", "job", "logs", "stop", "flavors", "engines", "images", "obs", "swr")),
]


@pytest.fixture
def calls(monkeypatch):
    """What reaches the functions that Python users call."""
    made = {}

    def record(name, result):
        monkeypatch.setattr(api, name, lambda *args, **options: (made.update({name: (args, options)}), result)[1])

    record("build", Image("digits:v1", "sha256:" + "0" * 64, 1))
    record("push", PushedImage("host/org/digits:v1", "sha256:" + "1" * 64, "type"))
    record("train", None)
    record("submit", None)
    record("jobs", table("Jobs", ("Name",), [("one",)], [{"id": "1"}]))
    return made


def commands():
    [groups] = [action for action in parser.build()._actions if action.dest == "==SUPPRESS=="]
    return groups.choices


@pytest.mark.parametrize(("magics", "name"), MAGICS, ids=[name for _, name in MAGICS])
def test_a_command_has_its_magics_options_and_no_second_set(magics, name):
    def shape(action):
        return (tuple(action.option_strings), action.nargs, action.default, action.choices, action.type)

    magic = {action.dest: shape(action) for action in getattr(magics, name).parser._actions}
    ours = {action.dest: shape(action) for action in commands()[name]._actions}
    assert {dest: ours[dest] for dest in magic if dest not in verbs.LEFT_OUT} == {
        dest: found for dest, found in magic.items() if dest not in verbs.LEFT_OUT
    }
    assert set(ours) - set(magic) <= {"json", "cell", "help"}


def test_every_command_helps(capsys):
    for name in commands():
        with pytest.raises(SystemExit) as caught:
            cli.main([name, "--help"])
        assert caught.value.code == 0
        shown = capsys.readouterr().out
        assert f"modelarts-nb {name}" in shown
        assert "%build" not in shown
        assert "%%%" not in shown


def test_a_line_and_words_mean_the_same(calls, capsys, tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    assert cli.main(["build", "-f", str(tmp_path / "Dockerfile"), "-t", "a:1", "--build-arg", "A=b c", "--no-cache"]) == 0
    _, options = calls["build"]
    assert (options["tag"], options["build_args"], options["no_cache"]) == (["a:1"], {"A": "b c"}, True)
    assert capsys.readouterr().out == "digits:v1\n"


def test_a_folder_is_a_dockerfile_and_its_context(calls, tmp_path):
    cli.main(["build", str(tmp_path)])
    (path,), options = calls["build"]
    assert (path, options["context"]) == (tmp_path / "Dockerfile", str(tmp_path))


@pytest.mark.parametrize(("behind", "command"), [
    (["python", "a b.py", "--x", "$HOME"], "python 'a b.py' --x '$HOME'"), (["cd x && python a.py"], "cd x && python a.py"),
    (["python", "a.py", "--", "--more"], "python a.py -- --more"),
])
def test_what_stands_behind_the_dashes_is_the_command(calls, behind, command):
    assert cli.main(["train", "digits:v1", "--env", "A= -- ", "--", *behind]) == 0
    assert calls["train"][1]["command"] == command
    assert calls["train"][1]["env"] == {"A": " -- "}
    assert cli.main(["submit", "digits:v1", "--", *behind]) == 0
    assert calls["submit"][0][1] == command


def test_json_is_one_line_and_says_all(calls, capsys):
    cli.main(["push", "digits:v1", "--json"])
    pushed = json.loads(capsys.readouterr().out)
    assert pushed["pinned"] == "host/org/digits@sha256:" + "1" * 64
    cli.main(["jobs", "--json"])
    assert json.loads(capsys.readouterr().out)["items"] == [{"id": "1"}]


def test_a_secret_is_not_told():
    assert values.plain({"key": Secret("not-this"), "keys": [Secret("nor-this")]}) == {"key": "***", "keys": ["***"]}


@pytest.mark.parametrize("words", [
    [], ["sideways"], ["build", "--nope"], ["build", "--no-c"], ["stop"], ["train", "--nodes", "x", "--", "true"],
])
def test_words_that_are_no_command_end_with_2(words, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(words)
    assert caught.value.code == cli.USAGE
    assert "usage: modelarts-nb" in capsys.readouterr().err


@pytest.mark.parametrize("words", [
    ["train", "a:1"], ["build", "a", "-f", "b"], ["build", ".", "--cell", "1"], ["check", "a:1", "--cell", "1"],
    ["push", "a:1", "--to", "b", "--org", "c"], ["images", "unregister"],
])
def test_what_the_magic_refuses_ends_with_2_and_speaks_of_commands(words, capsys):
    assert cli.main(words) == cli.USAGE
    told = capsys.readouterr()
    assert not told.out
    assert told.err.startswith("modelarts-nb: ")
    assert "%" not in told.err


def test_a_failure_is_told_and_is_json_where_that_is_asked(capsys, monkeypatch):
    monkeypatch.delenv("MODELARTS_NB_REGION", raising=False)
    assert cli.main(["jobs", "--json"]) == cli.FAILED
    told = capsys.readouterr()
    error = json.loads(told.out)["error"]
    assert error["type"] == "SettingsError"
    assert error["hint"].startswith("modelarts-nb login --region REGION")
    assert error["message"] in told.err


def test_magics_are_named_as_commands_and_nothing_else_is():
    assert verbs.in_terminal("%build -f FILE; %check? or %login.") == (
        "modelarts-nb build -f FILE; modelarts-nb check --help or modelarts-nb login."
    )
    for other in ("%%dockerfile NAME", "%pip install x", "100 %", "%builds", "%modelarts status"):
        assert verbs.in_terminal(other) == other


def test_bash_completes_commands_options_and_choices(tmp_path, capsys):
    assert cli.main(["completion", "bash"]) == 0
    (tmp_path / "script").write_text(capsys.readouterr().out)
    ask = f"""
        source {tmp_path}/script
        complete -p modelarts-nb
        try() {{
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
            $(complete -p modelarts-nb | sed 's/.*-F \\([^ ]*\\).*/\\1/') modelarts-nb "${{COMP_WORDS[COMP_CWORD]}}"
            echo "${{COMPREPLY[@]}}"
        }}
        try modelarts-nb bui
        try modelarts-nb build --no-
        try modelarts-nb train --network iso
        try modelarts-nb sandbox s
    """
    ran = subprocess.run(["bash", "--norc", "-c", ask], capture_output=True, text=True, check=True)
    assert ran.stderr == ""
    _, command, options, choice, verb = ran.stdout.splitlines()
    assert command.split() == ["build"]
    assert {"--no-cache", "--no-check"} <= set(options.split())
    assert choice.split() == ["isolated"]
    assert verb.split() == ["status"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_their_scripts(shell, capsys):
    assert cli.main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for word in ("build", "no-cache", "sandbox"):
        assert word in script
