"""Variables: what the Engine's newest frontends make of them. Those that Engine 20.10 knows too are judged by it, in
tests/integration/test_dockerfile.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelarts_nb.dockerfile import parse_dockerfile, resolve
from modelarts_nb.dockerfile.expand import ExpansionError, expand
from modelarts_nb.errors import DockerfileSyntaxError

VALUES = {"x": "value", "empty": "", "path": "a/b/a/c.tar.gz", "y": "x"}


@pytest.mark.parametrize(("text", "expected"), [
    ("$x", "value"), ("${x}", "value"), ("a${x}b", "avalueb"), ("$xy", ""), ("$none", ""), ("$", "$"), ("a$ b", "a$ b"),
    (r"\$x", "$x"), ("'$x'", "$x"), ('"$x"', "value"), (r'"\$x"', "$x"), (r'"a\b"', r"a\b"), ("'a'\"b\"c", "abc"),
    ("${none:-d}", "d"), ("${empty:-d}", "d"), ("${x:-d}", "value"), ("${none-d}", "d"), ("${empty-d}", ""),
    ("${x:+d}", "d"), ("${empty:+d}", ""), ("${empty+d}", "d"), ("${none+d}", ""), ("${x:?no}", "value"), ("${empty?no}", ""),
    ("${none:-${x}}", "value"), ("${none:-'a b'}", "a b"), ("${path#*/}", "b/a/c.tar.gz"), ("${path##*/}", "c.tar.gz"),
    ("${path%.*}", "a/b/a/c.tar"), ("${path%%.*}", "a/b/a/c"), ("${path/a/X}", "X/b/a/c.tar.gz"),
    ("${path//a/X}", "X/b/X/c.tX" "r.gz"), ("${x#no}", "value"), ("${x%?}", "valu"),
])
def test_a_word_is_expanded_as_the_engine_does(text, expected):
    assert expand(text, VALUES) == expected


@pytest.mark.parametrize(("text", "offset"), [
    ("${x", 2), ("a'b", 2), ('"b', 1), ("${}", 2), ("${x!y}", 4), ("${none:?must be}", 15), ("${none?}", 7), ("${empty:?}", 9),
    ("${x:#a}", 5), ("${x/a}", 5),
])
def test_what_the_engine_refuses_is_refused_with_its_place(text, offset):
    with pytest.raises(ExpansionError) as caught:
        expand(text, VALUES)
    assert caught.value.offset == offset


@given(st.text(alphabet="${}:-+?#%/\\'\"ax ", max_size=20))
def test_any_text_is_a_word_or_a_mistake(text):
    offset = 0
    try:
        expand(text, VALUES)
    except ExpansionError as error:
        offset = error.offset
    assert 0 <= offset <= len(text)


TEXT = """\
ARG TAG=1.3
ARG BASE=base:${TAG}
FROM ${BASE} AS one
ARG TAG
ENV A=${TAG} B="b c"
WORKDIR /one
USER me
FROM one
ARG OTHER=$A
ENV C=$OTHER$B
WORKDIR two
RUN true
"""


def test_each_stage_has_its_own_variables_and_inherits_those_it_stands_on():
    found = resolve(parse_dockerfile(TEXT), build_args={})
    assert (found.base, found.origin.line) == ("base:1.3", 3)
    assert found.end.environment == {"A": "1.3", "B": "b c", "C": "1.3b c"}
    assert (found.end.user, found.end.directory) == ("me", "/one/two")
    assert [step.instruction.line for step in found.steps] == [4, 5, 6, 7, 9, 10, 11, 12]
    assert resolve(parse_dockerfile(TEXT), build_args={"TAG": "2"}).base == "base:2"
    assert resolve(parse_dockerfile(TEXT), target="one").end.directory == "/one"


def test_a_mistake_in_a_variable_has_its_line_and_column():
    with pytest.raises(DockerfileSyntaxError) as caught:
        resolve(parse_dockerfile("FROM x\nENV A=b \\\n  C=${d\n", origin="cell", first_line=2))
    assert (caught.value.line, caught.value.column) == (3, 7)
    assert "cell, line 4" in str(caught.value)
    resolve(parse_dockerfile("FROM x AS unused\nENV A=${d\nFROM y\n"))  # the Engine does not look there either


def test_every_word_has_its_place():
    text = "FROM x\nRUN --mount=type=cache,target=/c pip install \\\n   numpy  scipy\nENV A=b C='d e'\nCMD [\"a\", \"b c\"]\n"
    run, env, cmd = parse_dockerfile(text).stages[0].instructions
    lines = text.split("\n")
    for made in (run, env):
        for word, span in zip(made.words, made.word_spans, strict=True):
            assert lines[span.line - 1][span.column - 1 : span.end_column - 1] == word
    assert [lines[span.line - 1][span.column - 1 : span.end_column - 1] for span in cmd.word_spans] == ['"a"', '"b c"']
    assert (run.flags[0].span.line, run.flags[0].span.column, run.flags[0].span.end_column) == (2, 5, 33)
    assert (run.keyword_span.column, run.keyword_span.end_column) == (1, 4)
