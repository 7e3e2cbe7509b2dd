"""What is remembered: on disk before it counts, for its owner only, and never by halves."""

import json
import stat

import pytest

from modelarts_nb.sandbox.state import Document


def test_a_change_is_on_disk_and_for_its_owner_only(tmp_path):
    document = Document(tmp_path / "a" / "state.json")
    with document.change() as state:
        state["name"] = "value"
    assert json.loads(document.path.read_text()) == {"name": "value"}
    assert stat.S_IMODE(document.path.stat().st_mode) == 0o600
    assert Document(document.path).get("name") == "value"


def test_an_exception_undoes_a_change(tmp_path):
    document = Document(tmp_path / "state.json", {"list": [1]})
    def change():
        with document.change() as state:
            state["list"].append(state["no such thing"])

    with pytest.raises(KeyError):
        change()
    assert document.read() == {"list": [1]}


def test_what_cannot_be_written_does_not_count(tmp_path, monkeypatch):
    document = Document(tmp_path / "state.json")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"), document.change() as state:
        state["name"] = "value"
    assert document.read() == {}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ['{"half', "[]", "", "\x00"])
def test_a_file_that_is_not_ours_is_set_aside(tmp_path, content):
    path = tmp_path / "state.json"
    path.write_text(content)
    assert Document(path, {"a": 1}).read() == {"a": 1}
    assert (tmp_path / "state.json.bad").read_text() == content


def test_what_is_read_is_a_copy(tmp_path):
    document = Document(tmp_path / "state.json", {"list": [1]})
    document.read()["list"].append(2)
    document.get("list").append(3)
    assert document.get("list") == [1]
