import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelarts_nb.building.history import Ran, Record, loads, own_bytes, own_instructions, record, since, slowest
from modelarts_nb.dockerfile import parse_dockerfile
from modelarts_nb.events import Vertex
from modelarts_nb.image import Image, Layer
from modelarts_nb.trace import Trace

COPY, PIP = Ran("", "COPY requirements.txt .", False), Ran("", "RUN pip install -r requirements.txt", False)
OLD = Record(1_000_000, (Ran("", "FROM base", True), COPY, PIP), {}, {COPY.text: {"requirements.txt": "10 1"}})


def now(*steps, size=1_000_000, files=None):
    return Record(size, steps, {}, OLD.files if files is None else files)


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (now(Ran("", COPY.text, True), Ran("", PIP.text, True)), "nothing changed"),
        (
            now(COPY, PIP, size=113_000_000, files={COPY.text: {"requirements.txt": "12 2"}}),
            "COPY requirements.txt . ran again: requirements.txt changed · 1 step after it · 112 MB more",
        ),
        (
            now(Ran("", COPY.text, True), Ran("", "RUN pip install other", False), size=400_000),
            "RUN pip install other ran again: the instruction is new or changed · 600 kB less",
        ),
        (now(Ran("", COPY.text, True), PIP), "RUN pip install -r requirements.txt ran again: the base, or what it stands on, "
                                             "changed, or the builder no longer had it"),
        (now(COPY, files={COPY.text: {f"f{n}": "1 1" for n in range(9)}}), "COPY requirements.txt . ran again: f0, f1, f2 and "
                                                                           "7 more changed"),
    ],
)
def test_what_ran_again_is_told_with_its_reason(after, told):
    assert since(OLD, after) == told


def test_each_stage_tells_its_first():
    old = Record(1, (Ran("a", "RUN x", True), Ran("b", "COPY --from=a /x /", True)))
    new = Record(1, (Ran("a", "RUN y", False), Ran("b", "COPY --from=a /x /", False)))
    assert since(old, new) == (
        "RUN y ran again: the instruction is new or changed · "
        "COPY --from=a /x / ran again: the stage that it copies from changed"
    )


def test_what_is_written_is_read_again():
    assert loads(OLD.dumps()) == OLD


@given(st.text() | st.sampled_from(["{}", "[]", "null", '{"size": 1, "steps": [1], "seconds": {}, "files": {}}',
                                    '{"size": "x", "steps": [], "seconds": {}, "files": {}}', OLD.dumps()[:-5]]))
def test_a_history_that_is_broken_is_none(text):
    assert loads(text) is None


def test_what_a_step_took_is_kept_while_it_is_cached():
    trace = Trace()
    trace.apply(Vertex("a", "[1/1] RUN a", started=1.0, completed=9.0))
    first = record(trace, 1, {}, None)
    again = Trace()
    again.apply(Vertex("a", "[1/1] RUN a", started=20.0, completed=20.0, cached=True))
    second = record(again, 1, {}, first)
    assert second.seconds == {"[1/1] RUN a": 8.0}
    assert [step.cached for step in second.steps] == [True]
    assert slowest(trace) == [("RUN a", 8.0)]
    assert slowest(again) == []


def test_own_bytes_are_those_of_the_dockerfiles_own_instructions():
    dockerfile = parse_dockerfile("FROM x AS a\nENV A=1\nRUN a\nFROM y\nRUN z\nFROM a\nCOPY b .\nCMD c\n")
    assert own_instructions(dockerfile) == 4
    assert own_instructions(dockerfile, "a") == 2
    history = tuple(Layer(f"layer {n}", 10**n) for n in range(6))
    assert own_bytes(Image("x", "sha256:1", 111_111, history=history), 4) == 111_100
    assert own_bytes(Image("x", "sha256:1", 5, history=()), 1) is None
