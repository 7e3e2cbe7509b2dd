"""Our encoding against Google's, with BuildKit's public field numbers declared here."""

import contextlib

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given
from hypothesis import strategies as st

from modelarts_nb.engine.buildkit import progress, protobuf
from modelarts_nb.engine.buildkit.protobuf import Message, WireError
from modelarts_nb.events import Vertex, VertexLog, VertexStatus, VertexWarning

KINDS = {"string": 9, "bytes": 12, "int64": 3, "int32": 5, "uint32": 13, "bool": 8, "enum": 5}
MESSAGES = {  # name: {field: (number, type or message, repeated)}
    "Timestamp": {"seconds": (1, "int64"), "nanos": (2, "int32")},
    "Vertex": {
        "digest": (1, "string"), "inputs": (2, "string", "*"), "name": (3, "string"), "cached": (4, "bool"),
        "started": (5, "Timestamp"), "completed": (6, "Timestamp"), "error": (7, "string"),
    },
    "VertexStatus": {
        "ID": (1, "string"), "vertex": (2, "string"), "name": (3, "string"), "current": (4, "int64"), "total": (5, "int64"),
        "timestamp": (6, "Timestamp"), "started": (7, "Timestamp"), "completed": (8, "Timestamp"),
    },
    "VertexLog": {"vertex": (1, "string"), "timestamp": (2, "Timestamp"), "stream": (3, "int64"), "msg": (4, "bytes")},
    "Position": {"line": (1, "int32"), "character": (2, "int32")},
    "Range": {"start": (1, "Position"), "end": (2, "Position")},
    "SourceInfo": {"filename": (1, "string"), "data": (2, "bytes")},
    "VertexWarning": {
        "vertex": (1, "string"), "level": (2, "int64"), "short": (3, "bytes"), "detail": (4, "bytes", "*"),
        "url": (5, "string"), "info": (6, "SourceInfo"), "ranges": (7, "Range", "*"),
    },
    "StatusResponse": {
        "vertexes": (1, "Vertex", "*"), "statuses": (2, "VertexStatus", "*"), "logs": (3, "VertexLog", "*"),
        "warnings": (4, "VertexWarning", "*"),
    },
    "Entry": {"key": (1, "string"), "value": (2, "bytes")},
    "Stat": {
        "path": (1, "bytes"), "mode": (2, "uint32"), "uid": (3, "uint32"), "gid": (4, "uint32"), "size": (5, "int64"),
        "modTime": (6, "int64"), "linkname": (7, "bytes"), "devmajor": (8, "int64"), "devminor": (9, "int64"),
        "xattrs": (10, "Entry", "*"),
    },
    "Packet": {"type": (1, "enum"), "stat": (2, "Stat"), "ID": (3, "uint32"), "data": (4, "bytes")},
    "Exporter": {"Type": (1, "string"), "Attrs": (2, "Entry", "*")},
    "SolveRequest": {
        "Ref": (1, "string"), "ExporterDeprecated": (3, "string"), "ExporterAttrsDeprecated": (4, "Entry", "*"),
        "Session": (5, "string"), "Frontend": (6, "string"), "FrontendAttrs": (7, "Entry", "*"),
        "Entitlements": (9, "string", "*"), "Exporters": (13, "Exporter", "*"),
    },
}


def google():
    """Classes of Google's protobuf for MESSAGES; proto3 in all but name, so that values of 0 are told from missing ones."""
    file = descriptor_pb2.FileDescriptorProto(name="judge.proto", package="judge", syntax="proto3")
    for name, declared in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind, *repeated) in declared.items():
            added = message.field.add(name=field, number=number, label=3 if repeated else 1)
            if kind in KINDS:
                added.type = KINDS[kind]
            else:
                added.type, added.type_name = 11, f".judge.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"judge.{name}")) for name in MESSAGES}


GOOGLE = google()
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
