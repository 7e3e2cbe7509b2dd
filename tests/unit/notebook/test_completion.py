"""Which words stand at the cursor; and the matcher in a real IPython shell."""

import pytest
from IPython.core.completer import provisionalcompleter

from modelarts_nb import catalog
from modelarts_nb.building.request import DockerfileSource
from modelarts_nb.notebook.completion.words import Known, Option, complete
from modelarts_nb.session import session

HOST = "swr.cn-north-4.myhuaweicloud.com"
BUILD = (
    Option((), (), "name"), Option(("-t", "--tag"), (), "image"), Option(("--no-cache",), takes_value=False),
    Option(("--network",), ("bridge", "host")), Option(("--to",), (), "destination"), Option(("--region",), (), "region"),
    Option(("--platform",), (), "platform"),
)
FREEZE = (Option(("--base",), (), "base"), Option(("--python",), (), "python"))
KNOWN = Known(
    catalog.builtin(), {"build": BUILD, "freeze": FREEZE}, ("digits", "doodles"),
    ("digits:v1", "localhost:5005/a/b:1"), HOST, (f"{HOST}/team/",)
)


def words(text, known=KNOWN):
    found = complete(text.split("\n"), known)
    assert text.endswith(found.fragment)
    return found.words


@pytest.mark.parametrize(("text", "expected"), [
    ("%build ", ("digits", "doodles")),
    ("%build do", ("doodles",)),
    ("image = %build di", ("digits",)),
    ("%build digits ", ()),
    ("%build --n", ("--network", "--no-cache")),
    ("%build --network ", ("bridge", "host")),
    ("%build --network=h", ("host",)),
    ("%build --no-cache ", ("digits", "doodles")),
    ("%build --network host d", ("digits", "doodles")),
    ("%build --network host --n", ("--no-cache",)),
    ("%build -t d", ("digits:v1",)),
    ("%build --platform linux/ar", ("linux/arm64",)),
    ("%build --region cn-south", ("cn-south-1", "cn-southwest-2", "cn-southwest-3")),
    ("%build --to swr.cn-north-4.myhuaweicloud.com/t", (f"{HOST}/team/",)),
    ("%freeze --base digits", ("digits:v1",)),
    ("%freeze --base swr.cn-north-4", (f"{HOST}/",)),
    ("%freeze --python 3.1", ("3.11",)),
    ("%build digits -- pyth", ()),
    ("%unknown --", ()),
    ("x = 5 % bui", ()),
    ("print('%build ", ()),
])
def test_a_magics_line(text, expected):
    assert words(text) == expected


def test_all_options_are_offered_long_ones_first():
    assert words("%build -") == ("--network", "--no-cache", "--platform", "--region", "--tag", "--to", "-t")


@pytest.mark.parametrize(("body", "expected"), [
    ("", {"FROM", "RUN", "COPY"}), ("FR", {"FROM"}), ("wor", {"workdir"}), ("FROM x\nEN", {"ENV", "ENTRYPOINT"}),
    ("FROM --pl", {"--platform="}), ("FROM --platform=linux/a", {"linux/amd64", "linux/arm64"}),
    ("FROM dig", {"digits:v1"}), ("FROM x ", {"AS"}), ("FROM x AS ", set()),
    ("FROM a AS tools\nFROM b\nCOPY --from=", {"tools", "digits:v1"}), ("FROM x\nCOPY --ch", {"--chmod=", "--chown="}),
    ("FROM x\nRUN --mount=type=s", {"type=secret", "type=ssh"}), ("FROM x\nRUN --network=", {"default", "host", "none"}),
    ("FROM x\nUSER ", {"root", "work", "ma-user"}), ("FROM x\nONBUILD CO", {"COPY"}),
    ("FROM x\nRUN a && \\\n", set()), ("FROM x\nRUN a && \\\n  EN", set()), ("FROM x\nRUN a \\\n b\nEN", {"ENV", "ENTRYPOINT"}),
    ("FROM x\nRUN <<EOF\nEN", set()), ("FROM x\nRUN <<EOF\nsome\nEOF\nEN", {"ENV", "ENTRYPOINT"}), ("# EN", set()),
    ("FROM x\nRUN echo --mou", set()),
])
def test_a_dockerfiles_line(body, expected):
    found = set(words(f"%%dockerfile digits\n{body}"))
    assert found >= expected if expected else not found


def test_an_images_name_is_completed_step_by_step_tags_newest_first():
    assert f"{HOST}/" in words("%%dockerfile\nFROM sw")
    assert f"{HOST}/modelarts-job-dev-image/custom-cpu-base:" in words(f"%%dockerfile\nFROM {HOST}/modelarts")
    cpu = f"{HOST}/modelarts-job-dev-image/custom-cpu-base:"
    assert words(f"%%dockerfile\nFROM {cpu}") == (f"{cpu}1.3", f"{cpu}1.2", f"{cpu}1.1", f"{cpu}1.0")
    assert words(f"%%dockerfile\nFROM {cpu}1.2 A") == ("AS",)


def test_a_base_is_found_by_its_own_name_too():
    assert words("%%dockerfile\nFROM cuda92") == (f"{HOST}/modelarts-job-dev-image/custom-gpu-cuda92-base:1.3",)


def completed(shell, text):
    with provisionalcompleter():
        return [found.text for found in shell.Completer.completions(text, len(text))]


def test_the_shell_offers_our_words_and_nothing_of_its_own(shell):
    assert completed(shell, "%build --") == sorted(completed(shell, "%build --"))
    assert "--build-arg" in completed(shell, "%build --")
    assert not [text for text in completed(shell, "%build --") if not text.startswith("--")]
    assert completed(shell, "%train --contract ") == ["v1", "v2"]
    assert completed(shell, "%modelarts st") == ["status"]
    assert completed(shell, "%%dockerfile x\nFROM y\nHEALTH") == ["HEALTHCHECK"]
    session.keep(DockerfileSource("FROM scratch\n", name="digits"))
    assert completed(shell, "%build di") == ["digits"]


def test_every_magic_offers_its_options(shell):
    for name in ("build", "push", "train", "modelarts", "dockerfile"):
        magic = shell.find_line_magic(name) or shell.find_cell_magic(name)
        flags = [flag for action in magic.parser._actions for flag in action.option_strings if flag not in ("-h", "--help")]
        line = f"%%{name} -" if name == "dockerfile" else f"%{name} -"
        assert set(completed(shell, line)) >= set(flags), name


def test_pythons_own_completion_is_left_alone(shell):
    shell.user_ns["some_number"] = 1
    assert "some_number" in completed(shell, "x = some_num")
    assert "some_number" in completed(shell, "5 % some_num")


def test_loading_twice_adds_it_once_and_unloading_takes_it_away(shell):
    shell.run_line_magic("reload_ext", "modelarts_nb")
    ours = [m for m in shell.Completer.custom_matchers if getattr(m, "matcher_identifier", "") == "modelarts_nb"]
    assert len(ours) == 1
    shell.run_line_magic("unload_ext", "modelarts_nb")
    assert not shell.Completer.custom_matchers
    shell.run_line_magic("load_ext", "modelarts_nb")


def test_a_broken_catalogue_of_ones_own_breaks_no_completion(shell, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MODELARTS_NB_CATALOG", str(tmp_path / "none.json"))
    assert not [text for text in completed(shell, "%build --no-c") if text == "--no-cache"]
    assert capsys.readouterr() == ("", "")
