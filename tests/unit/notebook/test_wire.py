import json
import zlib

import pytest

from modelarts_nb.events import Vertex, VertexLog, VertexStatus
from modelarts_nb.notebook.view import wire
from modelarts_nb.notebook.view.card import BUILD
from modelarts_nb.notebook.view.steps import layout, ordered
from modelarts_nb.notebook.view.wire import Wire
from modelarts_nb.trace import Trace


class Reader:
    """What a browser makes of the messages: rows, and each step's lines."""

    def __init__(self):
        self.rows, self.lines, self.base, self.gaps = {}, {}, {}, 0

    def receive(self, message):
        content, buffers = message
        json.dumps(content)
        for row in content.get("steps", []):
            self.rows[row[0]] = row
        pieces = [(step, first, base, zlib.decompress(data).decode().split("\n"))
                  for (step, first, base, _), data in zip(content.get("packed", []), buffers, strict=True)]
        for step, first, base, lines in [*pieces, *content.get("logs", [])]:
            have = self.lines.setdefault(step, [])
            self.base[step] = max(base, self.base.get(step, 0))
            if first > self.base[step] + len(have) and first != base:
                self.gaps += 1
            elif first + len(lines) > base + len(have):
                have += lines[base + len(have) - first:] if first < base + len(have) else lines


def a_trace(*events):
    trace = Trace()
    trace.keep_unread()
    for event in events:
        trace.apply(event)
    return trace


def test_every_line_comes_once_whether_few_or_many():
    trace, sender, reader = a_trace(Vertex("a", "[1/1] RUN a", started=1.0)), Wire(BUILD, "x"), Reader()
    expected = []
    for count in (1, 3, 200, 5, 9_000, 60, 61, 1, 20_000, 2):
        lines = [f"line {len(expected) + number}" for number in range(count)]
        expected += lines
        trace.apply(VertexLog("a", "".join(f"{line}\n" for line in lines).encode()))
        reader.receive(sender.tick(trace, 1.0))
    assert reader.lines[0] == expected
    late = Reader()
    late.receive(sender.replay())
    assert late.lines[0] == expected, "also for one that comes late"
    reader.receive(sender.replay())
    assert reader.lines[0] == expected, "hearing all again adds nothing"
    assert reader.gaps == late.gaps == 0


def test_only_what_changed_is_told():
    trace = a_trace(Vertex("a", "[1/2] FROM x", started=1.0, completed=2.0), Vertex("b", "[2/2] RUN b", ("a",)))
    sender = Wire(BUILD, "x")
    first, _ = sender.tick(trace, 1.0)
    assert [row[:3] for row in first["steps"]] == [[0, "done", "done"], [1, "waiting", "waits"]]
    assert first["groups"] == [["only", "", [0, 1]]]
    second, buffers = sender.tick(trace, 1.1)
    assert set(second) == {"type", "head"}
    assert buffers == []
    trace.apply(VertexStatus("s", "b", "s", 5_000_000, 10_000_000))
    trace.apply(Vertex("b", "[2/2] RUN b", ("a",), started=2.0))
    third, _ = sender.tick(trace, 1.2)
    [[number, state, _, _, more, share]] = third["steps"]
    assert (number, state, more, share) == (1, "running", "5.0 MB of 10.0 MB", 0.5)


def test_the_line_that_has_not_ended_is_told_and_taken_back():
    trace, sender = a_trace(Vertex("a", "[1/1] RUN a", started=1.0), VertexLog("a", b"10%\r50%")), Wire(BUILD, "x")
    assert sender.tick(trace, 1.0)[0]["partials"] == {0: "50%"}
    trace.apply(VertexLog("a", b"\r100%\n"))
    content, _ = sender.tick(trace, 1.1)
    assert content["partials"] == {0: ""}
    assert content["logs"] == [[0, 0, 0, ["100%"]]]


def test_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(wire, "KEPT", 100_000)
    monkeypatch.setattr(wire, "KEPT_LINES", 50_000)
    trace, sender = a_trace(Vertex("a", "[1/1] RUN a", started=1.0)), Wire(BUILD, "x")
    for start in range(0, 100_000, 5000):
        trace.apply(VertexLog("a", "".join(f"{n * 7919 % 99991}\n" for n in range(start, start + 5000)).encode()))
        sender.tick(trace, 1.0)
    content, buffers = sender.replay()
    assert sum(map(len, buffers)) <= 100_000
    [(_, first, base, _), *_] = content["packed"]
    assert first == base > 0
    late = Reader()
    late.receive((content, buffers))
    assert late.lines[0][-1] == str(99_999 * 7919 % 99991)


def test_a_message_holds_no_secret_and_no_control():
    trace = a_trace(Vertex("a", "[1/1] RUN \x1b[31m\u202ex", started=1.0), VertexLog("a", b"\x1b]0;t\x07\x00\xff\n"))
    content, _ = Wire(BUILD, "x").tick(trace, 1.0)
    assert not set("\x00\u202e\x07") & set(json.loads(json.dumps(content))["names"]["0"][1] + content["logs"][0][3][0])


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (
            ["[internal] load", "[2/2] RUN b", "[1/2] FROM a", "exporting"],
            [("", ["[internal] load"]), ("", ["[1/2] FROM a", "[2/2] RUN b"]), ("", ["exporting"])],
        ),
        (
            ["[a 1/1] FROM x", "[stage-1 1/2] FROM y", "[linux/arm64 b 1/1] FROM z"],
            [("a", ["[a 1/1] FROM x"]), ("stage 2", ["[stage-1 1/2] FROM y"]), ("b", ["[linux/arm64 b 1/1] FROM z"])],
        ),
    ],
)
def test_steps_stand_by_stage_in_the_order_of_the_dockerfile(names, groups):
    trace = a_trace(*(Vertex(str(number), name) for number, name in enumerate(names)))
    assert [(group.title, [trace.steps[digest].name for digest in group.digests]) for group in layout(trace)] == groups
    assert len(ordered(trace)) == len(names)
