import tracemalloc

from modelarts_nb.events import Vertex, VertexLog, VertexStatus, VertexWarning
from modelarts_nb.text import Redactor
from modelarts_nb.trace import TAIL, State, Trace

PIP = "sha256:pip"


def trace_of(*events):
    trace = Trace()
    for event in events:
        trace.apply(event)
    return trace


def test_a_vertex_goes_from_waiting_to_done():
    trace = trace_of(Vertex(PIP, "[2/2] RUN pip"))
    step = trace.steps[PIP]
    assert step.state is State.WAITING
    trace.apply(Vertex(PIP, "[2/2] RUN pip", started=10.0))
    assert step.state is State.RUNNING
    assert step.seconds(now=12.5) == 2.5
    trace.apply(Vertex(PIP, "[2/2] RUN pip", started=10.0, completed=14.0))
    assert step.state is State.DONE
    assert step.seconds(now=99) == 4.0
    assert trace.done == 1


def test_cached_failed_and_cancelled_are_told_apart():
    trace = trace_of(
        Vertex("a", "a", started=1, completed=1, cached=True),
        Vertex("b", "b", started=1, completed=2, error="exit code: 1"),
        Vertex("c", "c", started=1, completed=2, error="rpc error: code = Canceled desc = context canceled"),
    )
    assert [step.state for step in trace.steps.values()] == [State.CACHED, State.FAILED, State.CANCELLED]
    assert trace.failed is trace.steps["b"]


def test_a_vertex_that_starts_again_adds_up():
    trace = trace_of(
        Vertex(PIP, "pull", started=1, completed=3),
        Vertex(PIP, "pull", started=5),
        Vertex(PIP, "pull", started=5, completed=6),
    )
    assert trace.steps[PIP].seconds(now=10) == 3


def test_lines_are_counted_and_only_the_last_are_kept():
    trace = trace_of(Vertex(PIP, "run", started=1))
    for number in range(1000):
        trace.apply(VertexLog(PIP, f"line {number}\n".encode()))
    step = trace.steps[PIP]
    assert step.lines == 1000
    assert len(step.tail) == TAIL
    assert step.tail[-1] == "line 999"


def test_an_unfinished_line_is_a_line_when_the_vertex_completes():
    trace = trace_of(Vertex(PIP, "run", started=1), VertexLog(PIP, b"no newline"))
    assert trace.steps[PIP].partial == "no newline"
    trace.apply(Vertex(PIP, "run", started=1, completed=2))
    assert trace.steps[PIP].tail == ["no newline"]


def test_cancelling_marks_what_has_not_completed():
    trace = trace_of(Vertex("a", "a", started=1, completed=2), Vertex("b", "b", started=2), Vertex("c", "c"))
    trace.cancel()
    assert [step.state for step in trace.steps.values()] == [State.DONE, State.CANCELLED, State.CANCELLED]


def test_a_status_may_come_before_its_vertex():
    trace = trace_of(VertexStatus("transferring", PIP, current=5, total=9), Vertex(PIP, "context"))
    assert trace.steps[PIP].statuses["transferring"].total == 9
    assert trace.steps[PIP].name == "context"


def test_the_same_warning_counts_once():
    warning = VertexWarning("", "StageNameCasing")
    assert trace_of(warning, warning).warnings == [warning]


def test_names_errors_and_lines_hide_secrets():
    trace = Trace(Redactor(["hunter2hunter2"]))
    trace.apply(Vertex(PIP, "RUN echo hunter2hunter2", started=1))
    trace.apply(VertexLog(PIP, b"hunter2hunter2\n"))
    trace.apply(Vertex(PIP, "RUN echo hunter2hunter2", started=1, completed=2, error="hunter2hunter2 failed"))
    step = trace.steps[PIP]
    assert "hunter2" not in f"{step.name} {step.error} {list(step.tail)}"


def test_a_hundred_thousand_lines_take_little_memory():
    trace = trace_of(Vertex(PIP, "run", started=1))
    data = b"".join(b"%06d %s\n" % (number, b"x" * 70) for number in range(1000))
    tracemalloc.start()
    for _ in range(100):
        trace.apply(VertexLog(PIP, data))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert trace.lines == 100_000
    assert peak < 5_000_000


def test_colours_are_in_the_styled_lines_and_not_in_the_tail():
    step = trace_of(Vertex(PIP, "run", started=1), VertexLog(PIP, b"\x1b[31mred\x1b[0m\n")).steps[PIP]
    assert step.tail == ["red"]
    assert list(step.styled) == ["\x1b[31mred\x1b[0m"]


def test_a_view_that_wants_every_line_gets_every_line_once():
    trace = Trace()
    trace.keep_unread()
    for number in range(1000):
        trace.apply(VertexLog(PIP, f"line {number}\n".encode()))
    assert trace.steps[PIP].unread == [f"line {number}" for number in range(1000)]
    assert Trace().steps == {}
    assert trace_of(VertexLog(PIP, b"x\n")).steps[PIP].unread is None, "nobody takes them: they are not kept"


def test_a_waiting_step_knows_what_it_waits_for():
    trace = trace_of(Vertex("a", "a", started=1), Vertex("b", "b", inputs=("a",)))
    assert trace.waiting_for(trace.steps["b"]) is trace.steps["a"]
    trace.apply(Vertex("a", "a", started=1, completed=2))
    assert trace.waiting_for(trace.steps["b"]) is None


def test_what_is_left_goes_by_what_each_step_took_before():
    trace = trace_of(Vertex("a", "a", started=1, completed=2), Vertex("b", "b", started=2), Vertex("c", "c"))
    assert trace.remaining(4.0) is None
    trace.expected = {"a": 5, "b": 10, "c": 3, "d": 1}
    assert trace.remaining(4.0) == 8 + 3 + 1
    assert trace.remaining(40.0) == 3 + 1
