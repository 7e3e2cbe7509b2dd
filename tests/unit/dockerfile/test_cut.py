import pytest

from modelarts_nb.dockerfile import parse_dockerfile
from modelarts_nb.dockerfile.cut import before


def cut(text, line, **arguments):
    parsed = parse_dockerfile(text)
    found = [made for stage in parsed.stages for made in (stage.origin, *stage.instructions) if made.line == line]
    return before(parsed, found[0], arguments)


def test_everything_before_the_instruction_stays_and_its_stage_is_the_last():
    text = "# syntax=docker/dockerfile:1\nARG B=x\nFROM $B AS one\nRUN one\n# why\nRUN two \\\n  && three\nFROM one\nRUN four\n"
    found = cut(text, 6)
    assert found.text == "# syntax=docker/dockerfile:1\nARG B=x\nFROM $B AS one\nRUN one\n# why\n"
    assert found.script == "two \\\n  && three"
    assert [stage.name for stage in parse_dockerfile(cut(text, 9).text).stages] == ["one", ""]


def test_arguments_are_those_that_hold_there_and_env_is_the_images_own():
    text = "ARG TOP=t\nFROM x\nARG TOP\nARG A=1\nARG NONE\nENV E=e\nARG E=no\nSHELL ['/bin/bash', '-c']\nRUN a\nARG LATER=2\n"
    text = text.replace("'", '"')
    found = cut(text, 9, A="given")
    assert dict(found.arguments) == {"TOP": "t", "A": "given"}
    assert found.shell == ("/bin/bash", "-c")


@pytest.mark.parametrize(
    ("run", "script"),
    [
        ("RUN a && b", "a && b"), ('RUN ["a", "b c"]', "a 'b c'"), ("RUN --mount=type=cache,target=/c a", "a"),
        ("RUN <<EOF\na\nb\nEOF", "a\nb"),
        ("RUN a && \\\n# why\n b", "a &&  b"), ("RUN python <<EOF\nprint(1)\nEOF", "python <<EOF\nprint(1)\nEOF"),
        ("COPY a b", ""),
    ],
)
def test_the_script_is_what_run_gives_to_its_shell(run, script):
    assert cut(f"FROM x\n{run}\n", 2).script == script


def test_a_stage_from_scratch_is_empty_until_something_is_in_it():
    text = "FROM scratch\nENV A=1\nCOPY a /a\nRUN x\n"
    assert cut(text, 3).empty
    assert not cut(text, 4).empty
    assert cut(text, 1) is None
