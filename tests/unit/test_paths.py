"""Where files go."""

import stat
from pathlib import Path

import pytest

from modelarts_nb import paths
from modelarts_nb.errors import SettingsError


def test_the_variable_wins_then_the_data_folder_then_the_home(monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.delenv("MODELARTS_NB_HOME", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert paths.home() == Path("/home/someone/.local/share/modelarts_nb")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert paths.home() == Path("/data/modelarts_nb")
    monkeypatch.setenv("MODELARTS_NB_HOME", "~/own")
    assert paths.home() == Path("/home/someone/own")


def test_folders_are_their_owners_all_the_way(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELARTS_NB_HOME", str(tmp_path / "a" / "home"))
    made = paths.folder("sandbox", "work")
    for folder in (made, made.parent, made.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder


def test_a_folder_that_cannot_be_made_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MODELARTS_NB_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(SettingsError, match="cannot be made") as caught:
        paths.logs()
    assert "MODELARTS_NB_HOME" in caught.value.hint


def test_a_socket_below_the_runtime_folder_has_a_short_path_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELARTS_NB_HOME", str(tmp_path / ("x" * 200)))
    first = paths.runtime()
    assert len(str(first / "exec" / "containerd" / "containerd.sock.ttrpc")) < 100
    monkeypatch.setenv("MODELARTS_NB_HOME", str(tmp_path / ("y" * 200)))
    assert paths.runtime() != first
