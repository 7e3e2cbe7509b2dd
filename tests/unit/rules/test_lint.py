"""Findings as a whole: their lines, ignoring them, what they never show, and that no text breaks them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelarts_nb.dockerfile import parse_dockerfile
from modelarts_nb.errors import DockerfileSyntaxError
from modelarts_nb.rules import hadolint
from modelarts_nb.rules.command import Job, last_command
from modelarts_nb.rules.folder import Code, CodeFile
from modelarts_nb.rules.frameworks import satisfies, table
from modelarts_nb.rules.lint import RULES, errors, lint, lint_job
from modelarts_nb.rules.model import Severity
from modelarts_nb.rules.written import Target

BASE = "FROM swr.cn-north-4.myhuaweicloud.com/modelarts-job-dev-image/custom-cpu-base:1.3\n"


def codes(text, **target):
    return [each.code for each in lint(parse_dockerfile(text), Target(**target)) if not each.ignored]


def test_a_finding_has_the_line_of_the_command_that_did_it():
    text = f"{BASE}RUN apt-get update \\\n # a comment\n && apt-get install -y \\\n    vim \\\n    sudo \\\n && rm -rf /x\n"
    [found] = errors(lint(parse_dockerfile(text)))
    assert (found.code, found.line, found.end_line) == ("MA021", 4, 6)
    heredoc = f"# syntax=docker/dockerfile:1\n{BASE}RUN <<EOF\nset -e\nchmod u+s /opt/x\nEOF\n"
    [found] = errors(lint(parse_dockerfile(heredoc)))
    assert (found.code, found.line) == ("MA020", 5)


def test_a_comment_with_a_reason_ignores_and_the_reason_stays():
    text = f"{BASE}# modelarts: ignore=MA021, MA061 - the audit knows this one\nRUN apt-get install -y sudo\n"
    [found] = lint(parse_dockerfile(text))
    assert (found.code, found.ignored, found.severity) == ("MA021", "the audit knows this one", Severity.ERROR)
    assert errors([found]) == ()


@pytest.mark.parametrize(("comment", "expected"), [
    ("# modelarts: ignore=MA021", ["MA021", "MA099"]), ("# modelarts: ignore=MA500 because", ["MA021", "MA099"]),
    ("# modelarts: ignore=MA022 because", ["MA021"]), ("#modelarts:ignore=ma021 because", []),
    ("# modelarts: ignore=MA021 because\n# another comment\n", []), ("# modelarts: ignore=MA021,MA101 because", []),
])
def test_a_comment_that_ignores_nothing_is_told(comment, expected):
    assert sorted(codes(f"{BASE}{comment}\nRUN apt-get install -y sudo\n")) == expected


def test_a_comment_counts_for_its_own_instruction_only():
    text = f"{BASE}# modelarts: ignore=MA021 because\nRUN true\nRUN apt-get install -y sudo\n"
    assert codes(text) == ["MA021"]
    within = f"{BASE}RUN apt-get update && \\\n# modelarts: ignore=MA021 because\n  apt-get install -y sudo\n"
    assert codes(within) == []


@pytest.mark.parametrize("line", [
    "ENV API_TOKEN=hunter2hunter2", "ARG PASSWORD=hunter2hunter2", "RUN curl -u me --password hunter2hunter2 https://x",
    "RUN HUB_TOKEN=hunter2hunter2 python get.py", "ENV PIP_INDEX_URL=https://me:hunter2hunter2@mirror/simple",
    "LABEL key=ghp_hunter2hunter2hunter2hunter2", "RUN git clone https://me:hunter2hunter2@host/x.git",
    "ENV DB_PASSWORD hunter2hunter2",
])
def test_a_secret_is_found_and_never_repeated(line):
    [found] = [each for each in lint(parse_dockerfile(f"{BASE}{line}\n")) if each.code == "MA050"]
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize("line", [
    "ENV TOKENIZERS_PARALLELISM=false", "ENV TOKEN_FILE=/run/secrets/t", "ARG MAX_TOKEN=512", "ENV KEYBOARD=us",
    "ENV AUTHOR=me", "ENV SECRET_NAME=x", "ENV API_KEY=$KEY", "RUN git clone https://github.com/a/b", "ENV A=b@c",
    "RUN --mount=type=secret,id=t pip install --no-cache-dir x", "ENV NUM_TOKENS=1024",
])
def test_what_only_sounds_like_a_secret_is_none(line):
    assert "MA050" not in codes(f"{BASE}{line}\n")


def test_only_the_stages_that_make_the_image_count():
    text = f"FROM ubuntu:22.04 AS made\nRUN apt-get install -y sudo && chmod u+s /x\n{BASE}COPY --from=made /x /opt/x\n"
    assert codes(text) == []
    assert "MA021" in codes(text, stage="made")


def test_arguments_of_the_build_are_taken_into_account():
    text = "ARG BASE=custom-cpu-base:1.3\nFROM swr.cn-north-4.myhuaweicloud.com/modelarts-job-dev-image/$BASE\nRUN true\n"
    assert codes(text) == []
    assert codes(text, build_args={"BASE": "custom-cpu-base:1.0"}) == ["MA004"]
    unknown = "ARG BASE\nFROM $BASE\nRUN true\n"
    assert codes(unknown) == [], "what the build will say is not known yet"
    with pytest.raises(DockerfileSyntaxError, match="empty"):
        codes(unknown, build_args={})


@pytest.mark.parametrize(("text", "pushed", "expected"), [
    (BASE, "swr.cn-north-4.myhuaweicloud.com/me", []), (BASE, "swr.cn-north-1.myhuaweicloud.com/me", ["MA003"]),
    (BASE, "registry.example.com/me", []),
        ("FROM localhost:5005/modelarts-job-dev-image/custom-cpu-base:1.3\n", "localhost:5005", []),
    ("FROM my-own:1\n", "", ["MA001"]), (BASE.replace(":1.3", "@sha256:" + "0" * 64), "", []),
])
def test_regions_and_bases_of_ones_own(text, pushed, expected):
    assert codes(text, push_to=pushed) == expected


def test_a_severity_says_how_sure_a_base_is():
    def severity(text, contract):
        return [each.severity.value for each in lint(parse_dockerfile(text), Target(contract=contract))]

    assert severity("FROM ubuntu:18.04\nENV PYTHONUNBUFFERED=1\n", "v1") == ["error"]
    assert severity("FROM ubuntu:18.04\nENV PYTHONUNBUFFERED=1\n", "v2") == ["note"]
    assert severity("FROM my-own:1\n", "v1") == ["warning"]
    assert severity("FROM my-own:1\n", "v2") == []


@pytest.mark.parametrize(("version", "wanted", "fits"), [
    ("1.15", ">=1.16.0,<2.0", False), ("1.16", ">=1.16.0,<2.0", True), ("1.16.4", ">=1.16.0,<2.0", True),
        ("2.0", "<2.0", False),
    ("1.24.3", "<=1.24.3", True), ("1.24.4", "<=1.24.3", False), ("1.19.5", ">=1.19.2,<1.20", True),
])
def test_versions_are_compared_by_their_numbers(version, wanted, fits):
    assert satisfies(version, wanted) is fits


def test_every_entry_of_the_data_has_a_source():
    assert all(each.source and (each.cuda or each.cann or each.numpy) for each in table())


def test_every_rule_has_a_title_and_a_source():
    assert all(rule.title and rule.source for rule in RULES)


@pytest.mark.parametrize(("command", "last"), [
    ("python train.py", ["python", "train.py"]), ("cd x && python t.py --a 'b c'", ["python", "t.py", "--a", "b c"]),
    ("python t.py; ls", ["ls"]), ("python t.py | tee log", ["tee", "log"]), ("echo 'a;b'", ["echo", "a;b"]), ("", []),
])
def test_the_last_command_is_where_arguments_land(command, last):
    assert last_command(command) == last


@pytest.mark.parametrize("command", ["python t.py", "python t.py 2>&1 | tee log", "python t.py --n $DLS_TASK_NUMBER"])
def test_a_good_command_has_no_findings(command):
    assert lint_job(Job(command)) == ()


RECORDED = (  # hadolint 2.12, as its JSON format is documented
    '[{"code":"DL3008","column":1,"file":"-","level":"warning","line":2,"message":"Pin versions in apt get install."},'
    '{"code":"SC2086","column":1,"file":"-","level":"info","line":3,"message":"Double quote to prevent globbing."}]'
)


def test_hadolints_findings_are_notes_or_warnings_with_their_lines():
    found = hadolint.findings(RECORDED)
    assert [(each.code, each.line, each.severity.value) for each in found] == [("DL3008", 2, "note"), ("SC2086", 3, "note")]
    assert hadolint.findings("[]") == hadolint.findings("") == ()
    for wrong in ("{}", "[1]", "no json"):
        with pytest.raises(ValueError):
            hadolint.findings(wrong)


PIECES = st.sampled_from([
    "RUN ", "ENV A=", "COPY ", "CMD ", "USER ", "WORKDIR /", "ARG X", "apt-get install ", "sudo", "chmod ", "u+s ", "4755 ",
    "-m",
    "pip install ", "numpy==1.15", "tensorflow-gpu==1.15", "$(", ")", "`", "'", '"', "\\", "\n", " ", "&&", "|", ">", "<<E",
    "E",
    "{", "}", "$X", "${X:-", "useradd -u ", "1101", "--chmod=", "--chown=", "[", "]", ",", "#", "bash -c ", "conda activate",
    "# modelarts: ignore=MA021 x\n", "/usr/bin/", "rm ", "..", "作", "=", ";",
])


@settings(max_examples=300)
@given(st.lists(PIECES, max_size=40).map("".join))
def test_no_dockerfile_breaks_the_rules(text):
    try:
        found = lint(parse_dockerfile(f"FROM x\n{text}"))
    except DockerfileSyntaxError:
        return
    assert all(1 <= each.line <= text.count("\n") + 2 for each in found)


@settings(max_examples=200)
@given(st.lists(PIECES, max_size=30).map("".join), st.text(max_size=60), st.sampled_from(["v1", "v2"]))
def test_no_command_and_no_code_breaks_the_rules(command, text, contract):
    files = (CodeFile("a.py", 1, text), CodeFile("b.sh", 1, command), CodeFile("c.py", 1, "import x\nx(" + repr(text) + ")\n"))
    lint_job(Job(command, contract, "code", Code(files, contract, ("d",), ("a.py",)), ("d",), image_environment={}))
