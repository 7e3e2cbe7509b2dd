"""Dockerfiles as values, and messages that name line and column. What is right and wrong is judged by a real Engine
in tests/integration/test_dockerfile.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelarts_nb.dockerfile import locate, parse_dockerfile
from modelarts_nb.errors import DockerfileSyntaxError

TEXT = """\
# syntax=docker/dockerfile:1
ARG BASE=python:3.11
FROM ${BASE} AS Builder
COPY --chown=1000:100 --from=0 requirements.txt \\
     /app/
RUN --mount=type=cache,target=/root/.cache pip install \\
    # a comment in between
    -r /app/requirements.txt

FROM --platform=linux/amd64 scratch
COPY --from=builder /app /app
RUN <<EOF
echo one
EOF
CMD ["python", "a b.py"]
"""


def test_a_dockerfile_is_its_stages_and_instructions():
    found = parse_dockerfile(TEXT)
    assert found.directives == {"syntax": "docker/dockerfile:1"}
    assert [made.arguments for made in found.arguments] == ["BASE=python:3.11"]
    first, second = found.stages
    assert (first.name, first.base, first.origin.line) == ("builder", "${BASE}", 3)
    assert (second.name, second.base, second.platform) == ("", "scratch", "linux/amd64")
    copy, run = first.instructions
    assert [str(flag) for flag in copy.flags] == ["--chown=1000:100", "--from=0"]
    assert (copy.line, copy.end_line, copy.words) == (4, 5, ("requirements.txt", "/app/"))
    assert (run.line, run.end_line, run.flag("mount")) == (6, 8, "type=cache,target=/root/.cache")
    assert "comment" not in run.arguments
    _, heredoc, command = second.instructions
    assert (heredoc.heredocs["EOF"].body, heredoc.heredocs["EOF"].line) == ("echo one\n", 13)
    assert (heredoc.line, heredoc.end_line) == (12, 14)
    assert (command.exec_form, command.words) == (True, ("python", "a b.py"))


@pytest.mark.parametrize(("text", "line", "column", "words"), [
    ("FROM x\n  RUM y", 2, 3, "Did you mean RUN?"), ("FROM x\nCOPY --chwon=1 a b", 2, 6, "--chown"),
    ("FROM x\n%build", 2, 1, "cells of their own"), ("", 1, 0, "FROM IMAGE"), ("ARG A=b\n", 1, 1, "FROM"),
    ("FROM x\nRUN <<EOF\necho", 2, 1, "EOF"),
])
def test_a_mistake_has_its_line_its_column_and_what_to_do(text, line, column, words):
    with pytest.raises(DockerfileSyntaxError) as caught:
        parse_dockerfile(text, origin="cell", first_line=2)
    assert (caught.value.line, caught.value.column) == (line, column)
    shown = str(caught.value)
    assert words in shown
    assert f"line {line + 1}" in shown, "counted as the user sees it: the magic's own line is the first"


@pytest.mark.parametrize(("vertex", "line"), [
    ("[builder 2/3] COPY --chown=1000:100 --from=0 requirements.txt      /app/", 4),
    ("[builder 3/3] RUN --mount=type=cache,target=/root/.cache pip install -r /app/requirements.txt", 6),
    ("[builder 1/3] FROM docker.io/library/python:3.11", 3), ("[linux/amd64 stage-1 2/3] COPY --from=builder /app /app", 11),
    ("[stage-1 3/3] RUN <<EOF (echo one...)", 12), ("[internal] load build context", None), ("exporting to image", None),
    ("[nobody 1/1] RUN x", None), ("[builder 9/9] RUN y", None),
])
def test_a_vertex_is_found_in_the_text(vertex, line):
    found = locate(parse_dockerfile(TEXT), vertex)
    assert (found.line if found else None) == line


WORDS = st.sampled_from([
    "FROM", "RUN", "ENV", "COPY", "a", "=", "\\", "\n", " ", "#", "<<EOF", "EOF", '"', "'", "[", "]", "--x=1", "$", "\t",
    "\r\n", "escape=`", "作", "AS", "ONBUILD", ",",
])


@given(st.lists(WORDS, max_size=40).map("".join))
def test_any_text_is_a_dockerfile_or_a_mistake_with_a_line(text):
    try:
        found = parse_dockerfile(text)
        lines = [made.line for stage in found.stages for made in (stage.origin, *stage.instructions)]
    except DockerfileSyntaxError as error:
        lines = [error.line]
    assert lines == sorted(lines)
    assert 1 <= lines[0] <= lines[-1] <= len(text.split("\n"))
