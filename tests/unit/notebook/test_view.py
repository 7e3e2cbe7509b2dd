import html.parser
import io

import pytest

from modelarts_nb import messages
from modelarts_nb.errors import BuildFailed
from modelarts_nb.events import Vertex, VertexLog, VertexStatus, VertexWarning
from modelarts_nb.image import Image, Layer, PushedImage
from modelarts_nb.notebook.view import html as view
from modelarts_nb.notebook.view import plain
from modelarts_nb.notebook.view.card import BUILD, PUSH, TRAIN, Fact, facts, merged, short_instruction, short_path
from modelarts_nb.notebook.view.live import PlainView, QuietView, choose
from modelarts_nb.notebook.view.steps import full_name
from modelarts_nb.trace import Step, Trace

HOSTILE = b"<script>alert(1)</script>\x1b[31m<img src=x onerror=alert(2)>\x1b[0m \x00\xff \xe2\x80\xae &amp;\n"


class Reader(html.parser.HTMLParser):
    """Collects tags, attributes and text, and sees that every element is closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.text = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def a_trace(*, failed=False, lines=3, vertexes=4):
    trace = Trace()
    for number in range(vertexes):
        trace.apply(Vertex(str(number), f"[{number + 1}/{vertexes}] RUN step {number}", started=1.0, completed=2.0))
    last = str(vertexes)
    trace.apply(Vertex(last, "[9/9] RUN echo '<b>' \"x\"", started=2.0))
    trace.apply(VertexLog(last, HOSTILE * lines))
    trace.apply(VertexStatus("layer", last, "layer", 5_000_000, 10_000_000))
    if failed:
        trace.apply(Vertex(last, "[9/9] RUN echo '<b>' \"x\"", started=2.0, completed=3.0, error="exit code: 1"))
    return trace


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("work", [BUILD, PUSH, TRAIN])
def test_output_is_data_whatever_it_holds(work, ended):
    error = BuildFailed("<script>x</script>", "<i>hint</i>", line=4, origin="cell") if ended else None
    trace = a_trace(failed=ended)
    trace.apply(VertexWarning("", "<script>w</script>", detail=("<b>",)))
    page = Reader(view.render(work, "<script>s</script>", trace, now=9, seconds=9, ended=ended, error=error))
    assert {tag for tag, _ in page.tags} <= {
        "style", "div", "span", "b", "code", "table", "tr", "td", "pre", "i", "details", "summary",
    }
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    text = "".join(page.text)
    assert "<script>alert(1)</script>" in text
    assert not set("\x1b\x00\u202e") & set(text)


def test_the_saved_output_is_bounded_whatever_was_printed():
    trace = Trace()
    for number in range(300):
        trace.apply(Vertex(str(number), f"[1/1] RUN {'x' * 5000}", started=1.0))
        trace.apply(VertexLog(str(number), (b"<" * 10_000 + b"\n") * 30))
    trace.apply(Vertex("bad", "[1/1] RUN bad", started=1.0))
    trace.apply(VertexLog("bad", b"&" * 9_000_000))
    trace.apply(Vertex("bad", "[1/1] RUN bad", started=1.0, completed=2.0, error="e" * 100_000))
    failure = BuildFailed("m" * 100_000, "h" * 100_000)
    assert len(view.render(BUILD, "x", trace, now=3, seconds=3, ended=True, error=failure)) < 100_000


def test_states_are_told_by_word_and_sign_not_by_colour_alone():
    page = view.render(BUILD, "digits:v1", a_trace(failed=True), now=3, seconds=3, ended=True, error=BuildFailed("no"))
    assert "failed" in page
    assert "✕" in page


def test_a_failed_build_shows_line_hint_log_and_where_the_rest_is():
    error = BuildFailed("RUN x: exit code 1", "do y", line=4, origin="cell")
    card = view.render(BUILD, "d", a_trace(failed=True), now=3, seconds=3, ended=True, error=error, log_path="/l/b.log")
    page = "".join(Reader(card).text)
    for part in ("cell, line 4: RUN x: exit code 1", "do y", "<script>alert(1)</script>", "/l/b.log"):
        assert part in page


def test_progress_is_shown_in_bytes():
    page = "".join(Reader(view.render(BUILD, "d", a_trace(), now=3, seconds=3)).text)
    assert "5.0 MB of 10.0 MB" in page
    assert "4 of 5 steps" in page


@pytest.mark.parametrize(
    ("vertex", "shown"),
    [
        ("[internal] load build definition from Dockerfile", "load build definition from Dockerfile"),
        ("[2/3] RUN pip install x", "RUN pip install x"),
        ("[builder 2/3] RUN make", "builder: RUN make"),
        ("[stage-1 1/2] FROM x", "FROM x"),
        ("exporting to image", "exporting to image"),
    ],
)
def test_a_step_is_named_as_it_is_written(vertex, shown):
    assert full_name(Step(Vertex("d", vertex))) == shown


@pytest.mark.parametrize(
    ("created_by", "shown"),
    [
        ("RUN /bin/sh -c pip install x # buildkit", "RUN pip install x"),
        ("/bin/sh -c #(nop) ADD file:ab in / ", "ADD file:ab in /"),
        ("/bin/sh -c apt-get update", "RUN apt-get update"),
        ("COPY a b # buildkit", "COPY a b"),
        ("|1 V=2 /bin/sh -c make", "RUN make"),
    ],
)
def test_a_history_entry_is_named_as_it_is_written(created_by, shown):
    assert short_instruction(created_by) == shown


def test_an_image_says_what_it_is_and_what_is_large():
    image = Image("d:1", "sha256:" + "ab" * 32, 3_000_000, ("x",), (Layer("COPY big /", 2_000_000),), platform="linux/amd64")
    text = "\n".join(plain.fact_lines(facts(image)))
    assert "abababababab · linux/amd64 · user root" in text
    assert "3.0 MB" in text
    assert "COPY big / 2.0 MB" in text


def test_a_pushed_image_is_pinned_by_its_digest():
    pushed = PushedImage("localhost:5005/team/d:v1", "sha256:ab", "application/vnd.docker.distribution.manifest.v2+json")
    assert pushed.pinned == "localhost:5005/team/d@sha256:ab"
    assert "Docker v2 schema 2" in "\n".join(plain.fact_lines(facts(pushed)))


def test_a_path_is_written_as_short_as_a_person_would(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/someone")
    assert short_path(tmp_path / "out") == "./out"
    assert short_path("/home/someone/x.log") == "~/x.log"
    assert short_path("/etc/x") == "/etc/x"


def test_in_a_terminal_each_step_is_one_line_and_a_failure_shows_its_end():
    stream = io.StringIO()
    shown = PlainView(BUILD, "digits:v1", "", lambda: stream)
    trace = a_trace(failed=True)
    shown.paint(trace)
    shown.paint(trace)
    shown.finish(trace, BuildFailed("exit code 1"), None)
    lines = stream.getvalue().splitlines()
    assert sum("RUN step 0" in line for line in lines) == 1
    assert any("<script>alert(1)</script>" in line for line in lines)
    assert lines[-1].startswith("Build failed digits:v1")
    assert "\x1b" not in stream.getvalue()


def test_the_view_follows_the_place():
    assert isinstance(choose("quiet", BUILD, "x", ""), QuietView)
    assert isinstance(choose("auto", BUILD, "x", ""), PlainView)


def test_a_share_is_drawn_and_too_much_is_seen():
    card = view.facts_card("Image", "d", [Fact("Size", "2.9 GB of 9.5 GB", share=(0.21, 0.09))])
    assert '<i style="width:21.0%"></i><i style="width:9.0%"></i>' in card
    assert "ma-over" in view.facts_card("Image", "d", [Fact("Size", "12 GB of 9.5 GB", share=(0.5, 0.76))]).split("</style>")[1]


def test_colours_of_a_log_are_classes_in_the_static_card():
    trace = Trace()
    trace.apply(Vertex("a", "[1/1] RUN a", started=1.0))
    trace.apply(VertexLog("a", b"\x1b[1;31m<b>\x1b[0m plain\n"))
    card = view.render(BUILD, "d", trace, now=3, seconds=3)
    assert '<span class="a1 a31">&lt;b&gt;</span> plain' in card


def test_after_a_failure_the_steps_before_are_one_row():
    page = Reader(view.render(BUILD, "d", a_trace(failed=True), now=3, seconds=3, ended=True, error=BuildFailed("no")))
    text = "".join(page.text)
    assert "4 steps before it" in text
    assert "RUN step 0" not in text
    assert "exit 1" in text


def test_more_rows_take_the_place_of_those_with_their_label():
    rows = merged([Fact("Image", "a"), Fact("Size", "1")], [Fact("Size", "2"), Fact("Slowest", "b")])
    assert [(row.label, row.text) for row in rows] == [("Image", "a"), ("Size", "2"), ("Slowest", "b")]


def test_an_estimate_is_in_the_summary_while_there_is_one():
    trace = a_trace()
    trace.expected = {"[9/9] RUN echo '<b>' \"x\"": 22.0}
    assert "about 20 s left" in view.render(BUILD, "d", trace, now=3, seconds=3)
    assert "left" not in view.render(BUILD, "d", trace, now=3, seconds=3, ended=True).split("</style>")[1]


def test_the_card_speaks_chinese():
    messages.use("zh")
    try:
        page = "".join(Reader(view.render(BUILD, "d", a_trace(), now=3, seconds=3)).text)
    finally:
        messages.use("en")
    for words in ("正在构建", "5 个步骤已完成 4 个", "运行中", "5.0 MB / 10.0 MB"):
        assert words in page
