from pathlib import Path

import pytest
from IPython.core.error import UsageError

from modelarts_nb import api
from modelarts_nb.building.request import EnvVariable, Output
from modelarts_nb.errors import DockerfileSyntaxError, ModelArtsError, SettingsError
from modelarts_nb.image import Image


@pytest.fixture
def calls(monkeypatch):
    """What the magics pass on to the functions that Python users call."""
    made = {}

    def record(name, result):
        def call(*args, **options):
            made[name] = (args, options)
            return result

        monkeypatch.setattr(api, name, call)

    record("build", Image("digits:v1", "sha256:" + "0" * 64, 1))
    record("push", "pushed")
    record("train", "run")
    return made


def test_a_dockerfile_cell_is_kept_under_its_name(shell, capsys):
    shell.run_cell_magic("dockerfile", "digits -C .", "FROM scratch\nENV A=1\n")
    kept = shell.test_session.dockerfile("digits")
    assert kept.text == "FROM scratch\nENV A=1\n"
    assert kept.first_line == 2
    assert shell.test_session.current == "digits"


def test_running_the_cell_again_replaces_it(shell):
    shell.run_cell_magic("dockerfile", "digits", "FROM scratch\n")
    shell.run_cell_magic("dockerfile", "digits", "FROM scratch\nENV B=2\n")
    assert "B=2" in shell.test_session.dockerfile("digits").text


def test_dollar_and_braces_in_the_cell_are_dockers_not_pythons(shell):
    shell.user_ns["HOME"] = "python's"
    shell.run_cell_magic("dockerfile", "digits", "FROM scratch\nENV A=$HOME B={HOME}\n")
    assert "$HOME B={HOME}" in shell.test_session.dockerfile("digits").text


def test_a_syntax_error_names_the_line_of_the_cell(shell):
    with pytest.raises(DockerfileSyntaxError) as caught:
        shell.run_cell_magic("dockerfile", "digits", "FROM scratch\nRUM pip install x\n")
    shown = "\n".join(caught.value._render_traceback_())
    assert "line 3" in shown
    assert "RUM pip install x" in shown
    assert "^" in shown
    assert not shell.test_session.dockerfiles


def test_build_passes_its_options_on(shell, calls):
    shell.run_line_magic(
        "build",
        "digits -t a:1 --tag b:2 -C ctx --build-arg 'A=b c' --build-arg E= --target s --platform linux/arm64 "
        "--network none --no-cache --pull --log /l -q --secret id=t,env=T --ssh default --cache-from c:3 --label 'l=m n' "
        "--add-host h:10.0.0.7 -o type=tar,dest=o.tar --builder tcp://b:1234 --background",
    )
    args, options = calls["build"]
    assert args == ("digits",)
    assert options == {
        "tag": ["a:1", "b:2"], "context": "ctx", "build_args": {"A": "b c", "E": ""}, "target": "s", "platform": "linux/arm64",
        "network": "none", "no_cache": True, "check": True, "pull": True, "log": "/l", "progress": "quiet",
        "secrets": {"t": EnvVariable("T")}, "ssh": {"default": EnvVariable("SSH_AUTH_SOCK")}, "cache_from": ["c:3"],
        "labels": {"l": "m n"}, "add_hosts": {"h": "10.0.0.7"}, "output": Output(Path("o.tar"), tar=True), "provenance": None,
        "builder": "tcp://b:1234", "background": True,
    }


def test_build_takes_a_file(shell, calls):
    shell.run_line_magic("build", "-f Dockerfile.gpu")
    assert calls["build"][0] == (Path("Dockerfile.gpu"),)


@pytest.mark.parametrize(
    "line",
    ["build --nope", "build --no-ca", "build a -f b", "build --build-arg A", "build 'open", "push --to", "train image",
     "train --nodes x -- python a.py", "train --env A -- python a.py", "modelarts nonsense"],
)
def test_wrong_usage_is_a_usage_error(shell, calls, line):
    name, _, rest = line.partition(" ")
    with pytest.raises((UsageError, SettingsError)):
        shell.run_line_magic(name, rest)


def test_train_takes_everything_behind_the_dashes_as_the_command(shell, calls):
    shell.run_line_magic(
        "train", "digits:v1 --code digits --data data_url=d --output train_url=out --env A=1 --nodes 2 --contract v2 "
        "--memory 1g --timeout 10m -- cd x && python train.py --lr 0.1 -- y",
    )
    (image,), options = calls["train"]
    assert image == "digits:v1"
    assert options["command"] == "cd x && python train.py --lr 0.1 -- y"
    assert options["code"] == Path("digits")
    assert options["nodes"] == 2
    assert options["contract"] == "v2"
    assert options["memory"] == 1024**3
    assert options["timeout"] == 600


def test_push_passes_its_options_on(shell, calls):
    shell.run_line_magic("push", "digits:v1 --to localhost:5005/t/d:1")
    assert calls["push"][0] == ("digits:v1",)
    assert calls["push"][1]["to"] == "localhost:5005/t/d:1"


def test_config_is_a_layer_of_the_settings(shell):
    shell.run_line_magic("config", "ModelArtsMagics.contract = 'v2'")
    assert api.current_settings().contract == "v2"
    assert api.current_settings(contract="v1").contract == "v1"


def test_help_shows_options_and_examples(shell):
    text = shell.find_line_magic("build").__doc__
    assert "--build-arg" in text
    assert "%build -t digits:v1" in text


def test_building_without_a_dockerfile_says_what_to_type(shell):
    with pytest.raises(SettingsError) as caught:
        shell.run_line_magic("build", "")
    assert "%%dockerfile" in caught.value.hint


def test_an_expected_failure_is_short_and_fails_its_cell(shell):
    result = shell.run_cell("%build of-nobody")
    assert isinstance(result.error_in_exec, ModelArtsError)
    assert result.error_in_exec._render_traceback_()[0].startswith("SettingsError: There is no Dockerfile")
