"""``enable`` and ``disable``: the magics come up by themselves, and what others wrote stays as it was."""

import json
import os
import subprocess
import sys

import pytest

from modelarts_nb import cli
from modelarts_nb.cli import profile


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    return tmp_path / "profile_default" / "ipython_config.json"


def ipython(folder, code):
    """What a fresh IPython prints."""
    command = [sys.executable, "-m", "IPython", "--no-banner", "--simple-prompt", "--colors=NoColor", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "IPYTHONDIR": str(folder)}, timeout=60)


USE = """
import sys
print("before", any(name.startswith("modelarts_nb") for name in sys.modules))
get_ipython().run_cell_magic("dockerfile", "lazy", "FROM scratch")
print("after", "modelarts_nb" in sys.modules)
"""


def test_the_magics_come_up_on_first_use_and_not_before(file, tmp_path, capsys):
    assert cli.main(["enable"]) == 0
    assert str(file) in capsys.readouterr().out
    ran = ipython(tmp_path, USE)
    assert "before False" in ran.stdout
    assert "after True" in ran.stdout
    assert "Dockerfile lazy" in ran.stdout
    assert cli.main(["disable"]) == 0
    assert not file.exists()
    assert "after" not in ipython(tmp_path, USE).stdout


@pytest.mark.parametrize("before", [
    json.dumps({"A": {"b": 1}}, indent=2) + "\n", json.dumps({"A": {}}),
    json.dumps({"MagicsManager": {"auto_magic": False}}, indent=4),
    json.dumps({"MagicsManager": {"lazy_magics": {"build": "others", "é": "x"}}}, indent=2, ensure_ascii=False) + "\n",
])
def test_disabling_restores_the_file_byte_for_byte(file, before):
    file.parent.mkdir()
    file.write_text(before)
    file.chmod(0o600)
    assert cli.main(["enable"]) == 0
    assert cli.main(["enable"]) == 0
    assert json.loads(file.read_text())["MagicsManager"]["lazy_magics"]["dockerfile"] == "modelarts_nb"
    assert file.stat().st_mode & 0o777 == 0o600
    assert cli.main(["disable"]) == 0
    assert file.read_text() == before
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_a_name_that_another_extension_has_stays_its(file, capsys):
    file.parent.mkdir()
    file.write_text('{"MagicsManager": {"lazy_magics": {"check": "others"}}}')
    assert cli.main(["enable", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["taken"] == ["check"]
    assert json.loads(file.read_text())["MagicsManager"]["lazy_magics"]["check"] == "others"


@pytest.mark.parametrize("broken", ["[]", "{", '{"MagicsManager": []}', '{"MagicsManager": {"lazy_magics": 3}}'])
def test_a_file_that_is_something_else_is_left_as_it_is(file, broken, capsys):
    file.parent.mkdir()
    file.write_text(broken)
    assert cli.main(["enable"]) == cli.FAILED
    assert file.read_text() == broken
    assert str(file) in capsys.readouterr().err


def test_a_configuration_in_python_that_would_be_lost_is_named(file, capsys):
    file.parent.mkdir()
    file.with_suffix(".py").write_text("c.MagicsManager.lazy_magics = {'mine': 'mine'}\n")
    assert cli.main(["enable"]) == cli.FAILED
    assert "c.MagicsManager.lazy_magics.update(" in capsys.readouterr().err
    assert not file.exists()


def test_a_profile_has_a_name(file, capsys):
    assert cli.main(["enable", "--profile", "../elsewhere"]) == cli.FAILED
    assert cli.main(["disable", "--profile", "never-made"]) == 0


def test_disabling_what_was_never_enabled_changes_nothing():
    assert profile.disabled('{"A": {"b": [1]}}\n') == '{"A": {"b": [1]}}\n'
    assert profile.disabled("") == ""
