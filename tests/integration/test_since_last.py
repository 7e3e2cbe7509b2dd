"""What a build says of the one before it, on a real Engine."""

import pytest

from modelarts_nb import api
from modelarts_nb.building.request import DockerfileSource
from modelarts_nb.errors import SettingsError


@pytest.fixture
def build(monkeypatch, tmp_path, home, engine_base_url, base_image, capsys):
    monkeypatch.setenv("DOCKER_HOST", engine_base_url)
    monkeypatch.chdir(tmp_path)
    context = tmp_path / "context"
    context.mkdir()
    (context / "a.txt").write_text("a")
    (context / "b.txt").write_text("b")

    def run(*lines, **options):
        text = f"FROM {base_image}\nCOPY a.txt b.txt /there/\n" + "\n".join(lines)
        api.build(DockerfileSource(text, name=f"history-{tmp_path.name}", context=context), progress="plain", **options)
        said = capsys.readouterr().out
        return {line.split("  ")[1]: line.split("  ")[-1].strip() for line in said.splitlines() if line.startswith("  ")}

    run.context = context
    return run


def test_the_first_build_has_nothing_to_compare_and_the_second_tells_what_changed(build):
    first = build("RUN echo one; sleep 0.6")
    assert "Since last" not in first
    assert "RUN echo one" in first["Slowest"]
    assert build("RUN echo one; sleep 0.6")["Since last"] == "nothing changed"
    (build.context / "b.txt").write_text("changed")
    assert build("RUN echo one; sleep 0.6")["Since last"] == (
        "COPY a.txt b.txt /there/ ran again: b.txt changed · 1 step after it"
    )
    changed = build("RUN head -c 3000000 /dev/urandom > /there/big")["Since last"]
    assert changed.startswith("RUN head -c 3000000")
    assert "the instruction is new or changed" in changed
    assert changed.endswith("3.0 MB more")
    again = build("RUN head -c 3000000 /dev/urandom > /there/big", no_cache=True)
    assert again["Since last"] == "everything ran again: --no-cache"


def test_the_size_is_told_against_the_limit_with_what_is_ones_own(build):
    told = build("RUN head -c 5000000 /dev/urandom > /there/big")["Size"]
    assert " of 9.5 GB: base " in told
    assert told.endswith("yours 5.0 MB")


def test_a_broken_history_is_none(build, home):
    build("RUN echo two")
    for path in (home / "history").glob("*.json"):
        path.write_text('{"size": ')
    assert "Since last" not in build("RUN echo two")
    assert build("RUN echo two")["Since last"] == "nothing changed"


def test_a_later_verb_waits_for_the_build_in_the_background(build, base_image, monkeypatch, tmp_path, registry):
    source = DockerfileSource(f"FROM {base_image}\nRUN sleep 2; echo {tmp_path.name} > /mark", name="waited")
    monkeypatch.setattr("modelarts_nb.notebook.view.live.attended", lambda: True)
    handle = api.build(source, tag="waited:1", progress="quiet", background=True)
    assert handle.state == "running"
    pushed = api.push("waited:1", to=f"{registry}/team/waited:1", progress="quiet")
    assert pushed.digest.startswith("sha256:")
    assert handle.state == "done"
    assert handle.wait().reference == "waited:1"
    assert "sleep 2" in handle.log


def test_a_later_verb_says_so_when_the_build_it_waited_for_failed(build, base_image, monkeypatch, registry):
    source = DockerfileSource(f"FROM {base_image}\nRUN sleep 1; exit 3", name="fails")
    monkeypatch.setattr("modelarts_nb.notebook.view.live.attended", lambda: True)
    handle = api.build(source, tag="fails:1", progress="quiet", background=True)
    with pytest.raises(SettingsError) as caught:
        api.push("fails:1", to=f"{registry}/team/fails:1", progress="quiet")
    assert "exit code 3" in str(caught.value)
    assert handle.state == "failed"


def test_cancelling_the_handle_ends_the_build(build, base_image, monkeypatch):
    source = DockerfileSource(f"FROM {base_image}\nRUN sleep 300", name="cancelled")
    monkeypatch.setattr("modelarts_nb.notebook.view.live.attended", lambda: True)
    handle = api.build(source, tag="cancelled:1", progress="quiet", background=True)
    handle.cancel()
    assert handle.state == "cancelled"
