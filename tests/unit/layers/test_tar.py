"""The walker against tarfile's writing, and against streams that nobody honest writes."""

import io
import tarfile

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from modelarts_nb.layers.tar import TarWalker

from .making import END, file, header, layer, padded, pax, records


class Collect:
    def __init__(self):
        self.entries, self.contents, self._open = [], {}, None

    def begin(self, entry):
        self.entries.append(entry)
        self._open = entry.name
        self.contents[entry.name] = b""
        return True

    def data(self, piece):
        self.contents[self._open] += bytes(piece)

    def end(self):
        self.contents[self._open] += b"|"


def walk(stream, step=None):
    sink = Collect()
    walker = TarWalker(sink)
    for start in range(0, len(stream), step or len(stream) or 1):
        walker.feed(stream[start : start + (step or len(stream))])
    walker.close()
    return walker, sink


@pytest.mark.parametrize("fmt", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("step", [None, 1, 7, 511, 512, 513, 4096])
def test_what_tarfile_writes_is_read_whatever_the_pieces(fmt, step):
    long = "folder/" * (11 if fmt == tarfile.USTAR_FORMAT else 40) + "name"
    stream = layer(
        ("a", None),
        ("a/b", b"x" * 1000),
        (long, b"long"),
        ("a/link", {"type": tarfile.SYMTYPE, "linkname": "b"}),
        ("a/hard", {"type": tarfile.LNKTYPE, "linkname": "a/b"}),
        ("a/empty", b""),
        ("a/own", {"data": b"1", "uid": 1101, "gid": 1100, "mode": 0o4755}),
        fmt=fmt,
    )
    walker, sink = walk(stream, step)
    assert walker.problem == ""
    assert walker.finished
    assert [entry.name.rstrip(b"/").decode() for entry in sink.entries] == [
        "a",
        "a/b",
        long,
        "a/link",
        "a/hard",
        "a/empty",
        "a/own",
    ]
    assert sink.contents[b"a/b"] == b"x" * 1000 + b"|"
    assert sink.contents[long.encode()] == b"long|"
    own = sink.entries[-1]
    assert (own.uid, own.gid, own.mode) == (1101, 1100, 0o4755)
    assert sink.entries[3].link == b"b"
    assert sink.entries[4].link == b"a/b"


def test_names_that_are_no_utf8_stay_bytes():
    _, sink = walk(file(b"caf\xe9", b"1") + END)
    assert sink.entries[0].name == b"caf\xe9"


def test_pax_gives_names_links_sizes_owners_and_attributes():
    stream = (
        pax(
            path=b"n" * 300,
            linkpath=b"l" * 200,
            uid=b"123456789",
            gid=b"987654321",
            SCHILY__xattr__security__capability=b"\1\0\0\2\0\x20\0\0",
        )
        + file(b"short", b"data")
        + END
    )
    _, sink = walk(stream)
    [entry] = sink.entries
    assert entry.name == b"n" * 300
    assert entry.link == b"l" * 200
    assert (entry.uid, entry.gid) == (123456789, 987654321)
    assert entry.xattrs[b"security.capability"] == b"\1\0\0\2\0\x20\0\0"


def test_pax_size_counts_and_not_the_headers():
    stream = pax(size=b"1000") + header(b"big", size=0) + padded(b"y" * 1000) + file(b"next", b"z") + END
    walker, sink = walk(stream)
    assert walker.problem == ""
    assert [entry.name for entry in sink.entries] == [b"big", b"next"]
    assert sink.entries[0].size == 1000


def test_numbers_in_base_256():
    field = b"\x80" + (3_000_000_000).to_bytes(7, "big")
    _, sink = walk(header(b"a", extra=[(108, field)]) + END)
    assert sink.entries[0].uid == 3_000_000_000


def test_a_sparse_file_has_its_real_size_and_its_map_is_passed():
    old = header(b"sparse", kind=b"S", size=512, magic=b"ustar  \0", extra=[(482, b"\1"), (483, b"%011o\0" % 10_000_000)])
    more = bytearray(512)
    stream = old + bytes(more) + bytes(512) + file(b"next", b"1") + END
    walker, sink = walk(stream)
    assert walker.problem == ""
    assert [(entry.name, entry.size, entry.sparse) for entry in sink.entries] == [
        (b"sparse", 10_000_000, True),
        (b"next", 1, False),
    ]
    pax_form = pax(GNU__sparse__major=b"1", GNU__sparse__minor=b"0", GNU__sparse__name=b"real", GNU__sparse__realsize=b"5000")
    _, sink = walk(pax_form + file(b"GNUSparseFile.1/real", b"0\n" + bytes(510)) + END)
    assert (sink.entries[0].name, sink.entries[0].size, sink.entries[0].sparse) == (b"real", 5000, True)


@pytest.mark.parametrize(
    ("stream", "says"),
    [
        (file(b"a", b"x" * 100)[:-300], "ends in the middle"),
        (header(b"a", size=10_000) + b"x" * 512, "ends in the middle"),
        (pax(path=b"x"), "ends in the middle"),
        (b"\x01" * 1024, "number"),
        (file(b"a")[:100] + b"\x07" + file(b"a")[101:] + END, "no tar"),
        (file(b"a") + file(b"b")[:10] + b"c" + file(b"b")[11:] + END, "checksum"),
        (file(b"a") + bytes(512) + file(b"b") + END, "empty block"),
        (file(b"a") + END + file(b"hidden"), "behind its end"),
        (header(b"a", kind=b"Z") + END, "unknown kind"),
        (header(b"a", kind=b"1", link=b"b", size=512) + bytes(512) + END, "with data"),
        (header(b"") + END, "a name"),
        (header(b"x", kind=b"x", size=1 << 30) + END, "too large"),
        (header(b"x", kind=b"x", size=5) + padded(b"junk\n") + file(b"a") + END, "records"),
        (pax(size=b"-1") + file(b"a") + END, "number"),
        (pax(path=b"a\0b") + file(b"a") + END, "a name"),
        (pax(path=b"a" * 5000) + file(b"a") + END, "a name"),
        (header(b"a", extra=[(108, b"\xff" * 8)]) + END, "negative"),
        (header(b"a", extra=[(124, b"1_0\0")]) + END, "number"),
        (header(b"a", magic=b"ustar  \0", prefix=b"usr/bin") + END, "number"),
        (header(b"g", kind=b"g", size=len(records(path=b"evil"))) + padded(records(path=b"evil")) + file(b"a") + END, "global"),
    ],
)
def test_what_is_broken_or_ambiguous_is_a_problem_and_never_passes(stream, says):
    for step in (None, 100):
        walker, _ = walk(stream, step)
        assert says in walker.problem


def test_a_global_header_with_a_comment_is_nothing():
    content = records(comment=b"0123")
    walker, sink = walk(header(b"g", kind=b"g", size=len(content)) + padded(content) + file(b"a") + END)
    assert walker.problem == ""
    assert len(sink.entries) == 1


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=3000), st.integers(1, 1000))
def test_any_bytes_end_in_entries_or_a_problem(stream, step):
    walker, _ = walk(stream, step)
    assert walker.problem or not stream.strip(b"\0")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_stream_with_a_byte_changed_is_read_as_tarfile_reads_it_or_is_a_problem(data):
    whole = layer(("a", None), ("a/b", b"x" * 700), ("c" * 120, b"1"), ("l", {"type": tarfile.SYMTYPE, "linkname": "a"}))
    place = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[place] = data.draw(st.integers(0, 255))
    assume(place % 512 != 148 or changed[place])  # a number behind a zero byte: Go's reader takes it, tarfile does not
    walker, sink = walk(bytes(changed), data.draw(st.sampled_from([None, 1, 512])))
    if walker.problem:
        return
    with tarfile.open(fileobj=io.BytesIO(bytes(changed))) as archive:
        theirs = [(m.name.encode(errors="surrogateescape"), m.mode, m.uid, m.size) for m in archive.getmembers()]
    assert [(e.name.rstrip(b"/"), e.mode, e.uid, e.size) for e in sink.entries] == theirs


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.text("abc/é", min_size=1, max_size=150).filter(lambda t: t.strip("/")), st.binary(max_size=1500)),
        max_size=8,
    ),
    st.integers(1, 2000),
    st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
)
def test_all_that_tarfile_writes_is_read_back(entries, step, fmt):
    walker, sink = walk(layer(*entries, fmt=fmt), step)
    assert walker.problem == ""
    assert [entry.name.decode() for entry in sink.entries] == [name for name, _ in entries]
    assert [entry.size for entry in sink.entries] == [len(content) for _, content in entries]
