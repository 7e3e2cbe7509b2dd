"""Labels that say what made an image, and that the same inputs give the same image, on a real Engine."""

import json
import os
import shutil
import subprocess

import pytest

from modelarts_nb import api
from modelarts_nb.building.provenance import DOCKERFILE, MODIFIED, NOTEBOOK, REVISION
from modelarts_nb.building.request import DockerfileSource

from .test_notebook import execute, notebook, texts


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path, home, engine_base_url):
    monkeypatch.setenv("DOCKER_HOST", engine_base_url)
    monkeypatch.setenv("MODELARTS_NB_HOME", str(home))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "train.ipynb"))
    monkeypatch.chdir(tmp_path)


def git(folder, *words):
    options = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *options, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def saved(folder, text, outputs=()):
    """The notebook on disk, with that cell."""
    cell = {"cell_type": "code", "source": f"%%dockerfile d\n{text}".splitlines(keepends=True), "outputs": list(outputs)}
    (folder / "train.ipynb").write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))


def build(folder, text, notebook=None, **options):
    source = DockerfileSource(text, name="d", context=folder, notebook=notebook)
    return api.build(source, tag="made:1", check=False, progress="quiet", **options)


def test_labels_name_notebook_commit_and_dockerfile_and_no_person_and_no_place(tmp_path, base_image, monkeypatch):
    text = f"FROM {base_image}\nCOPY a.txt /\n"
    (tmp_path / "a.txt").write_text("a")
    own = build(tmp_path, text)
    assert set(own.labels) >= {NOTEBOOK, DOCKERFILE}
    assert not {REVISION, MODIFIED} & set(own.labels), "there is no repository"
    saved(tmp_path, text)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    first = build(tmp_path, text)
    assert first.labels[NOTEBOOK] == "train.ipynb"
    assert first.labels[REVISION] == git(tmp_path, "rev-parse", "HEAD")
    assert first.labels[MODIFIED] == "false"
    shown = json.dumps({name: first.labels[name] for name in (NOTEBOOK, REVISION, MODIFIED, DOCKERFILE)})
    assert str(tmp_path) not in shown
    assert "obody" not in shown
    saved(tmp_path, text, outputs=[{"output_type": "stream", "name": "stdout", "text": "new"}])
    assert build(tmp_path, text).id == first.id, "outputs that were saved change nothing"
    monkeypatch.delenv("JPY_SESSION_NAME")
    assert build(tmp_path, text, notebook=tmp_path / "train.ipynb").id == first.id, "as the command line builds it"
    assert build(tmp_path, text).labels[MODIFIED] == "true", "nobody says which notebook it is"
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "train.ipynb"))
    (tmp_path / "a.txt").write_text("b")
    assert build(tmp_path, text).labels[MODIFIED] == "true"
    (tmp_path / "a.txt").write_text("a")
    assert build(tmp_path, text + "ENV A=1\n").labels[MODIFIED] == "true"


def test_a_persons_own_label_stands_and_all_can_be_off(tmp_path, base_image, monkeypatch):
    made = build(tmp_path, f"FROM {base_image}\nLABEL {DOCKERFILE}=mine\n", labels={NOTEBOOK: "other"})
    assert made.labels[DOCKERFILE] == "mine"
    assert made.labels[NOTEBOOK] == "other"
    assert NOTEBOOK not in build(tmp_path, f"FROM {base_image}\n", provenance=False).labels
    monkeypatch.setenv("MODELARTS_NB_PROVENANCE", "off")
    assert NOTEBOOK not in build(tmp_path, f"FROM {base_image}\n").labels


def test_the_same_notebook_gives_the_same_digest_twice_and_in_another_kernel(tmp_path, base_image, registry):
    (tmp_path / "a.txt").write_text("a")
    cells = (
        f"%%dockerfile same\nFROM {base_image}\nCOPY a.txt /\nRUN date +%N > /now\nENV A=1\n", "image = %build -q -t same:1",
        f"pushed = %push -q same:1 --to {registry}/team/same:1", "print(image.id, pushed.digest)",
    )
    first = texts(execute(notebook(*cells), tmp_path).cells[-1]).strip()
    shutil.copytree(tmp_path, tmp_path / "copy", copy_function=shutil.copy)  # other times of change
    os.utime(tmp_path / "copy" / "a.txt", (1, 1))
    assert texts(execute(notebook(*cells), tmp_path / "copy").cells[-1]).strip() == first, "a file is its content, not its time"


def test_without_the_cache_it_is_as_the_guide_says(tmp_path, base_image, connected):
    """docs/guides/reproducible.md: another digest, as steps run at another time."""
    text = f"FROM {base_image}\nRUN echo {tmp_path.name} > /made\n"
    one, two = (build(tmp_path, text, no_cache=True) for _ in range(2))
    assert one.id != two.id
    assert build(tmp_path, text).id == two.id, "the cache keeps the last"
