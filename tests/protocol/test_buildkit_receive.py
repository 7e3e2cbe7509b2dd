"""Exports: what an honest Engine sends arrives, what a hostile one sends reaches nothing outside the folder."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelarts_nb.engine.buildkit import grpc, receive
from modelarts_nb.engine.buildkit.filesync import Folder, go_mode
from modelarts_nb.engine.buildkit.grpc import Server
from modelarts_nb.engine.buildkit.receive import Order, Refused
from modelarts_nb.engine.buildkit.request import LocalFolder, TarFile

from .peers import EnginePeer
from .test_buildkit_filesync import Receiver, open_files
from .wire import GOOGLE

SEND = "/moby.filesync.v1.FileSend/DiffCopy"
GO_DIR, GO_LINK = 1 << 31, 1 << 27
TIME = 1_700_000_000_123_456_789


class Sender:
    """The Engine's side of an export: it lists entries, then sends the files that are asked for."""

    def __init__(self, output):
        self.problems = []
        self.server = Server(receive.methods(output, self.problems.append))
        self.peer = EnginePeer(self.server)
        self.stream = self.peer.call(SEND, end=False)
        self.asked, self._read, self.fin = [], 0, False

    @property
    def answer(self):
        return self.peer.answers[self.stream]

    def packet(self, **fields):
        if not self.answer.ended:
            self.peer.say(self.stream, GOOGLE["Packet"](**fields).SerializeToString())
            self.peer.pump()
        for message in self.answer.messages[self._read :]:
            found = GOOGLE["Packet"].FromString(message)
            if found.type == 1:
                self.asked.append(found.ID)
            self.fin |= found.type == 3
            self._read += 1

    def entry(self, path, mode=0o644, **fields):
        self.packet(stat=GOOGLE["Stat"](path=path, mode=mode, modTime=TIME, **fields))

    def complete(self, contents=None):
        """End the list, send what is asked for, say goodbye."""
        self.packet()
        sent = 0
        while sent < len(self.asked):
            file_id = self.asked[sent]
            if (contents or {}).get(file_id):
                self.packet(type=2, ID=file_id, data=contents[file_id])
            self.packet(type=2, ID=file_id)
            sent += 1
        if self.fin:
            self.packet(type=3)
        return self


def test_an_export_arrives_as_it_was(tmp_path):
    sender = Sender(LocalFolder(tmp_path / "new" / "out"))
    sender.entry(b"d", GO_DIR | 0o555)
    sender.entry(b"d/f", 0o640)
    sender.entry(b"d/hard", 0o640, linkname=b"d/f")
    sender.entry(b"d/suid", 0o755 | 1 << 23)
    sender.entry(b"link", GO_LINK | 0o777, linkname=b"/etc/passwd")
    sender.entry(b"null", 0o666 | 1 << 26 | 1 << 21, devmajor=1, devminor=3)
    sender.entry(b"\xff", 0o600)
    sender.complete({1: b"content", 6: b"x" * 3_000_000})
    out = tmp_path / "new" / "out"
    assert sender.answer.status == grpc.OK, sender.problems
    assert (out / "d/f").read_bytes() == b"content"
    assert (out / "d/hard").samefile(out / "d/f")
    assert (out / "link").readlink() == Path("/etc/passwd")
    assert Path(os.fsdecode(os.fsencode(out) + b"/\xff")).stat().st_size == 3_000_000
    assert stat.S_IMODE((out / "d").stat().st_mode) == 0o555
    assert stat.S_IMODE((out / "d/suid").stat().st_mode) == 0o4755
    assert (out / "d").stat().st_mtime_ns == (out / "d/f").stat().st_mtime_ns == TIME
    assert not (out / "null").exists()
    assert "null" in sender.problems[0]
    assert open_files(tmp_path) == 0
    assert len(list(out.rglob("*"))) == 6, "a temporary file was left"


def test_what_was_there_stays_or_is_replaced(tmp_path):
    (tmp_path / "other").write_text("stays")
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "inside").write_text("goes")
    (tmp_path / "d").symlink_to("other")
    (tmp_path / "l").write_text("goes")
    sender = Sender(LocalFolder(tmp_path))
    sender.entry(b"d", GO_DIR | 0o755)
    sender.entry(b"d/x")
    sender.entry(b"f")
    sender.entry(b"l", GO_LINK | 0o777, linkname=b"f")
    sender.complete({1: b"1", 2: b"2"})
    assert sender.answer.status == grpc.OK
    assert (tmp_path / "other").read_text() == "stays"
    assert (tmp_path / "f").read_text() == (tmp_path / "l").read_text() == "2"
    assert not (tmp_path / "d").is_symlink()
    assert (tmp_path / "d/x").read_text() == "1"


def test_many_files_are_asked_for_a_few_at_a_time(tmp_path):
    sender = Sender(LocalFolder(tmp_path))
    for number in range(200):
        sender.entry(b"f%03d" % number)
    assert len(sender.asked) == receive.AT_ONCE
    assert open_files(tmp_path) == receive.AT_ONCE + 1
    sender.complete({n: b"%d" % n for n in range(200)})
    assert sorted(p.read_bytes() for p in tmp_path.iterdir()) == sorted(b"%d" % n for n in range(200))


HOSTILE = {
    "parent": [(b"..", GO_DIR)], "above": [(b"../x", 0o644)], "absolute": [(b"/etc/x", 0o644)],
    "inner": [(b"a", GO_DIR), (b"a/../../x", 0o644)],
    "dot": [(b"./x", 0o644)], "double": [(b"a", GO_DIR), (b"a//x", 0o644)], "empty": [(b"", 0o644)], "nul": [(b"x\0y", 0o644)],
    "through a link": [(b"a", GO_LINK, b"../outside"), (b"a/x", 0o644)],
    "through a file": [(b"a", 0o644), (b"a/x", 0o644)],
    "without its folder": [(b"a/x", 0o644)], "twice": [(b"a", 0o644), (b"a", GO_LINK, b"../outside")],
    "backwards": [(b"b", 0o644), (b"a", 0o644)],
    "back into a folder": [(b"a", GO_DIR), (b"a/x", 0o644), (b"b", 0o644), (b"a/y", 0o644)],
    "a link to what was not sent": [(b"a", 0o644, b"../outside/secret")],
    "a link to a link": [(b"a", GO_LINK, b"../outside/secret"), (b"b", 0o644, b"a")],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_list_that_breaks_the_rules_is_refused_and_nothing_outside_is_touched(tmp_path, name):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    sender = Sender(LocalFolder(tmp_path / "out"))
    for path, mode, *linkname in HOSTILE[name]:
        sender.entry(path, mode | 0o644, **({"linkname": linkname[0]} if linkname else {}))
    sender.complete(dict.fromkeys(range(5), b"evil"))
    assert sender.answer.status == grpc.INTERNAL
    assert "refused" in sender.problems[0]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "outside"]
    assert [p.name for p in (tmp_path / "outside").iterdir()] == ["secret"]
    assert (tmp_path / "outside" / "secret").read_text() == "secret"
    assert open_files(tmp_path) == 0


@pytest.mark.parametrize("link", ["out/d", "out/d/e"])
def test_a_link_that_was_there_before_is_not_followed(tmp_path, link):
    (tmp_path / "outside").mkdir()
    (tmp_path / link).parent.mkdir(parents=True)
    (tmp_path / link).symlink_to(tmp_path / "outside")
    sender = Sender(LocalFolder(tmp_path / "out"))
    sender.entry(b"d", GO_DIR | 0o755)
    sender.entry(b"d/e", GO_DIR | 0o755)
    sender.entry(b"d/e/x")
    sender.complete({2: b"here"})
    assert list((tmp_path / "outside").iterdir()) == []
    assert (tmp_path / "out/d/e/x").read_text() == "here"


def test_a_folder_swapped_for_a_link_in_the_middle_is_not_followed(tmp_path):
    (tmp_path / "outside").mkdir()
    sender = Sender(LocalFolder(tmp_path / "out"))
    sender.entry(b"d", GO_DIR | 0o755)
    for number in range(40):
        sender.entry(b"d/%02d" % number)
    (tmp_path / "out" / "d").rename(tmp_path / "out" / "moved")
    (tmp_path / "out" / "d").symlink_to(tmp_path / "outside")
    sender.complete(dict.fromkeys(range(50), b"x"))
    assert sender.answer.status == grpc.INTERNAL
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.mark.parametrize("packet", [{"type": 2, "ID": 5, "data": b"x"}, {"type": 4, "data": b"the Engine's disk is full"}])
def test_unasked_data_and_errors_end_the_export(tmp_path, packet):
    sender = Sender(LocalFolder(tmp_path))
    sender.entry(b"f")
    sender.packet(**packet)
    assert sender.answer.status == grpc.INTERNAL
    assert list(tmp_path.iterdir()) == []
    assert open_files(tmp_path) == 0


@pytest.mark.parametrize("how", ["reset", "end", "lost"])
def test_an_export_that_is_cut_off_leaves_no_temporary_file_and_nothing_open(tmp_path, how):
    sender = Sender(LocalFolder(tmp_path))
    sender.entry(b"f")
    sender.packet(type=2, ID=0, data=b"half")
    if how == "reset":
        sender.peer.reset(sender.stream)
    elif how == "end":
        sender.peer.end(sender.stream)
        sender.peer.pump()
        assert sender.answer.status == grpc.INTERNAL
    else:
        sender.server.lost()
    assert list(tmp_path.iterdir()) == []
    assert open_files(tmp_path) == 0


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("x")
    for output in (LocalFolder(tmp_path / "file" / "sub"), TarFile(tmp_path / "none" / "x.tar")):
        sender = Sender(output)
        assert sender.answer.status == grpc.INTERNAL
        assert "cannot be written" in sender.problems[0]


def test_a_tar_file_is_there_whole_or_not_at_all(tmp_path):
    target = tmp_path / "x.tar"
    sender = Sender(TarFile(target))
    sender.peer.say(sender.stream, GOOGLE["VertexLog"](msg=b"").SerializeToString())
    for piece in (b"one", b"two" * 100_000):
        sender.peer.say(sender.stream, b"\x0a" + GOOGLE["Packet"](data=piece).SerializeToString()[1:])
    sender.peer.pump()
    assert not target.exists()
    sender.peer.end(sender.stream)
    sender.peer.pump()
    assert sender.answer.status == grpc.OK
    assert target.read_bytes() == b"one" + b"two" * 100_000
    again = Sender(TarFile(target))
    again.peer.say(again.stream, b"\x0a\x03abc")
    again.peer.pump()
    again.server.lost()
    assert [p.name for p in tmp_path.iterdir()] == ["x.tar"]
    assert target.stat().st_size == 300_003


def test_without_an_output_nothing_is_taken():
    assert receive.methods(None, print) == {}


names = st.binary(min_size=1, max_size=3).filter(lambda n: b"/" not in n and b"\0" not in n and n not in (b".", b".."))


@given(st.recursive(st.none(), lambda inner: st.dictionaries(names, inner, max_size=4), max_leaves=12))
@settings(max_examples=100)
def test_every_tree_in_its_order_is_accepted(tree):
    order = Order()

    def visit(folder, prefix):
        for name in sorted(folder or {}):
            order.check(prefix + name, is_folder=folder[name] is not None)
            visit(folder[name], prefix + name + b"/")

    visit(tree, b"")


@given(st.lists(st.sampled_from([b"a", b"a/b", b"a/b/c", b"a-", b"b", b"b/a", b"../a", b"a/..", b"/a"]), max_size=6))
def test_whatever_order_is_accepted_has_every_folder_before_its_content(paths):
    order, seen = Order(), []
    for path in paths:
        try:
            order.check(path, is_folder=True)
        except Refused:
            break
        parent = path.rpartition(b"/")[0]
        assert not parent or parent in seen
        assert path not in seen
        assert b".." not in path
        seen.append(path)


def test_what_was_sent_as_a_context_comes_back_the_same_as_an_export(tmp_path):
    """Our sender against our receiver: the same bytes both ways."""
    source = tmp_path / "source"
    (source / "d" / "e").mkdir(parents=True)
    (source / "d/e/f").write_bytes(os.urandom(2_000_000))
    (source / "d/g").write_bytes(b"")
    (source / "d/l").symlink_to("e/f")
    os.link(source / "d/e/f", source / "z")
    listed = Receiver(Folder(source)).ask_all()
    sender = Sender(LocalFolder(tmp_path / "copy"))
    for found in listed.stats:
        sender.packet(stat=found)
    sender.complete({n: content for n, (content, _) in listed.files.items()})
    assert sender.answer.status == grpc.OK

    def described(folder):
        return {
            str(p.relative_to(folder)): (go_mode(p.lstat().st_mode), p.lstat().st_mtime_ns if p.is_file() else 0,
                                         p.read_bytes() if p.is_file() else b"")
            for p in folder.rglob("*")
        }

    assert described(tmp_path / "copy") == described(source)
