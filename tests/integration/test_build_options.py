"""The options of %build that the session makes possible, typed in a real kernel or called from Python."""

import json
import subprocess
import tarfile
from base64 import b64encode
from pathlib import Path

import nbformat
import pytest

import modelarts_nb
from modelarts_nb.api import current
from modelarts_nb.building.request import DockerfileSource, EnvVariable, Output
from modelarts_nb.errors import EngineUnavailable, SettingsError
from modelarts_nb.session import session

from .test_notebook import execute, notebook, texts

SENTINEL = "sentinel-8f31c07a"

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def build(base_image, tmp_path):
    def run(lines, **options):
        source = DockerfileSource(f"FROM {base_image}\n{lines}\n", "options", "cell", 2, None)
        return modelarts_nb.build(source, log=tmp_path / "build.log", progress="quiet", **options)

    run.log = tmp_path / "build.log"
    return run


def test_a_secret_reaches_its_step_and_nothing_else(base_image, tmp_path, engine_base_url, home, monkeypatch, engine):
    monkeypatch.setenv("DOCKER_HOST", engine_base_url)
    monkeypatch.setenv("MODELARTS_NB_HOME", str(home))
    monkeypatch.setenv("HUB_TOKEN", SENTINEL)
    (tmp_path / "t.txt").write_text(f"{SENTINEL}-file\n")
    book = notebook(
        f"%%dockerfile secret\nFROM {base_image}\n"
        "RUN --mount=type=secret,id=hub --mount=type=secret,id=file,target=/f "
        "cat /run/secrets/hub /f; md5sum </run/secrets/hub; test ! -s /nothing\n",
        "image = %build --no-cache --secret id=hub,env=HUB_TOKEN --secret id=file,src=t.txt",
        "print(image.id, image.log_path)",
    )
    execute(book, tmp_path)
    image_id, log = texts(book.cells[-1]).split()
    text = Path(log).read_text()
    assert "***" in text, "it was printed by the step"
    archive = tmp_path / "image.tar"
    with archive.open("wb") as file:
        for piece in engine.get_image(image_id):
            file.write(piece)
    everywhere = [text, nbformat.writes(book), json.dumps(engine.history(image_id)), json.dumps(engine.inspect_image(image_id))]
    assert [SENTINEL in place for place in everywhere] == [False] * 4
    assert subprocess.run(["grep", "-q", SENTINEL, archive], check=False).returncode == 1


def test_a_secret_in_an_error_is_hidden(build):
    with pytest.raises(modelarts_nb.ModelArtsError) as caught:
        build("RUN --mount=type=secret,id=s echo \"fatal: $(cat /run/secrets/s) is wrong\" >&2; exit 3", no_cache=True,
              secrets={"s": SENTINEL})
    assert SENTINEL not in f"{caught.value} {caught.value!r} {vars(caught.value)}"
    assert "fatal: *** is wrong" in str(caught.value)


def test_a_secret_that_is_not_there_is_told_by_its_name(build, tmp_path):
    with pytest.raises(SettingsError, match="NO_SUCH"):
        build("RUN true", secrets={"s": EnvVariable("NO_SUCH")})
    with pytest.raises(SettingsError, match=r"nowhere\.txt"):
        build("RUN true", secrets={"s": tmp_path / "nowhere.txt"})


def test_labels_hosts_and_several_names(build, engine):
    image = build("RUN getent hosts mirror.example", tag=["opt:1", "opt:2"], labels={"team": "数据 a=b"},
                  add_hosts={"mirror.example": "10.9.8.7"}, no_cache=True)
    assert "10.9.8.7" in build.log.read_text()
    assert image.labels["team"] == "数据 a=b"
    assert {"opt:1", "opt:2"} <= set(engine.inspect_image(image.id)["RepoTags"])
    assert image.reference == "opt:1"


def test_files_of_a_stage_come_out(build, base_image, tmp_path, engine):
    before = {image["Id"] for image in engine.images()}
    lines = "RUN mkdir /wheels && echo one > /wheels/a.whl\nFROM scratch AS files\nCOPY --from=0 /wheels /wheels"
    found = build(lines, output=tmp_path / "out")
    assert (found.path / "wheels" / "a.whl").read_text() == "one\n"
    found = build(lines, output=Output(tmp_path / "out.tar", tar=True))
    with tarfile.open(found.path) as archive:
        assert "wheels/a.whl" in {name.removeprefix("./") for name in archive.getnames()}
    assert {image["Id"] for image in engine.images()} == before
    assert session.image is None or session.image.dockerfile != "files"


def test_the_steps_of_a_pushed_image_are_used_again(build, registry, engine):
    lines = "RUN echo expensive > /result"
    reference = f"{registry}/cache/one:1"
    first = build(lines, tag=reference, build_args={"BUILDKIT_INLINE_CACHE": "1"}, no_cache=True)
    modelarts_nb.push(reference, progress="quiet")
    engine.remove_image(first.id, force=True)
    engine.prune_builds()
    again = build(lines, tag="again:1", cache_from=[reference])
    assert "CACHED" in build.log.read_text().partition("RUN echo expensive")[2]
    assert again.layers == first.layers


def test_a_built_image_is_pushed_as_one_manifest_that_swr_takes(build, registry):
    image = build("RUN echo new > /new", tag=f"{registry}/kind/of:1", no_cache=True)
    pushed = modelarts_nb.push(image.reference, progress="quiet")
    assert pushed.media_type == "application/vnd.docker.distribution.manifest.v2+json"


def test_a_base_image_behind_a_login(build, base_image, guarded_registry, tmp_path, engine, monkeypatch):
    host, user, password = guarded_registry
    private = f"{host}/team/base:1"
    engine.tag(base_image, f"{host}/team/base", tag="1")
    said = engine.push(private, auth_config={"username": user, "password": password})
    assert "error" not in said
    engine.remove_image(private)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    (tmp_path / "docker").mkdir()
    source = DockerfileSource(f"FROM {private}\nRUN true\n", "guarded")
    with pytest.raises(modelarts_nb.ModelArtsError, match=r"(?i)authorization|auth"):
        modelarts_nb.build(source, progress="quiet", pull=True)
    entry = {"auths": {host: {"auth": b64encode(f"{user}:{password}".encode()).decode()}}}
    (tmp_path / "docker" / "config.json").write_text(json.dumps(entry))
    current._engines.clear()
    assert modelarts_nb.build(source, progress="quiet", pull=True).reference == "guarded:latest"
    current._engines.clear()


def test_no_agent_and_no_builder_are_told(build, tmp_path, monkeypatch):
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with pytest.raises(SettingsError, match="no ssh agent"):
        build("RUN true", ssh={"default": EnvVariable("SSH_AUTH_SOCK")})
    with pytest.raises(SettingsError, match="no builder's address"):
        build("RUN true", builder="http://x", tag="h/o/n:1")
    with pytest.raises(EngineUnavailable, match=r"unix://.*cannot be reached"):
        build("RUN true", builder=f"unix://{tmp_path}/none.sock", tag="h/o/n:1")
    monkeypatch.setenv("MODELARTS_NB_BUILDER_CERTS", str(tmp_path))
    with pytest.raises(SettingsError, match="certificates"):
        build("RUN true", builder="tcp://localhost:1", tag="h/o/n:1")
