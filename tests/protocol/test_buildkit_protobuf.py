"""Our encoding against Google's."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelarts_nb.engine.buildkit import progress, protobuf
from modelarts_nb.engine.buildkit.protobuf import Message, WireError
from modelarts_nb.events import Vertex, VertexLog, VertexStatus, VertexWarning

from .wire import GOOGLE

texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20)
times = st.none() | st.builds(
    GOOGLE["Timestamp"], seconds=st.integers(0, 2**40), nanos=st.integers(0, 10**9 - 1)
)


def seconds(time):
    return None if time is None else time.seconds + time.nanos / 1e9


@given(texts, st.lists(texts, max_size=3), texts, st.booleans(), times, times, texts)
def test_a_vertex_that_google_wrote_is_read(digest, inputs, name, cached, started, completed, error):
    vertex = GOOGLE["Vertex"](
        digest=digest, inputs=inputs, name=name, cached=cached, started=started, completed=completed, error=error
    )
    raw = GOOGLE["StatusResponse"](vertexes=[vertex]).SerializeToString()
    assert list(progress.decode(raw)) == [
        Vertex(digest, name, tuple(inputs), seconds(started), seconds(completed), cached, error)
    ]


@given(texts, texts, st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**63 - 1), times)
def test_a_status_that_google_wrote_is_read(name, vertex, current, total, time):
    status = GOOGLE["VertexStatus"](ID=name, vertex=vertex, current=current, total=total, started=time)
    raw = GOOGLE["StatusResponse"](statuses=[status]).SerializeToString()
    assert list(progress.decode(raw)) == [
        VertexStatus(id=name, vertex=vertex, current=current, total=total, started=seconds(time))
    ]


@given(texts, st.binary(max_size=50), st.integers(1, 2), times)
def test_a_log_that_google_wrote_is_read(vertex, data, stream, time):
    log = GOOGLE["VertexLog"](vertex=vertex, msg=data, stream=stream, timestamp=time)
    raw = GOOGLE["StatusResponse"](logs=[log]).SerializeToString()
    assert list(progress.decode(raw)) == [VertexLog(vertex, data, stream, seconds(time))]


def test_a_warning_with_its_lines_is_read():
    position = GOOGLE["Position"]
    raw = GOOGLE["StatusResponse"](warnings=[GOOGLE["VertexWarning"](
        vertex="v", level=1, short=b"StageNameCasing", detail=[b"one", b"two"], url="https://x",
        info=GOOGLE["SourceInfo"](filename="Dockerfile", data=b"FROM x AS Y"),
        ranges=[
            GOOGLE["Range"](start=position(line=3, character=1), end=position(line=5)),
            GOOGLE["Range"](start=position(line=7), end=position()),
        ],
    )]).SerializeToString()
    assert list(progress.decode(raw)) == [
        VertexWarning("v", "StageNameCasing", ("one", "two"), "https://x", 1, ((3, 5), (7, 7)))
    ]


@given(st.integers(0, 2**64 - 1))
def test_varints_are_googles(value):
    raw = GOOGLE["Stat"](modTime=value - 2**64 if value >= 2**63 else value).SerializeToString()
    assert protobuf.number(6, value - 2**64 if value >= 2**63 else value) == raw
    assert protobuf.read_varint(protobuf.varint(value), 0)[0] == value


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_but_never_crash(raw):
    with contextlib.suppress(WireError):
        list(progress.decode(raw))
    try:
        message = Message(raw)
    except WireError:
        return
    for field in range(1, 12):
        message.number(field), message.bytes(field), message.texts(field)  # each answers, whatever the wire type was


@pytest.mark.parametrize("raw", [b"\x08", b"\x0a\x05ab", b"\x00\x01", b"\x0b", b"\x08" + b"\xff" * 10, b"\x09\x01\x02"])
def test_what_is_cut_off_or_malformed_is_refused(raw):
    with pytest.raises(WireError):
        Message(raw)


def test_a_repeated_empty_text_is_kept_and_an_empty_single_one_is_left_out():
    assert protobuf.data(1, "") == b""
    assert protobuf.strings(2, ["", "a"]) == GOOGLE["Vertex"](inputs=["", "a"]).SerializeToString()
    assert protobuf.mapping(2, {"k": "v", "empty": ""}) == GOOGLE["Exporter"](
        Attrs=[{"key": "k", "value": b"v"}, {"key": "empty"}]
    ).SerializeToString()
