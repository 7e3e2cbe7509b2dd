"""The build context, sent to a receiver that checks what fsutil checks and reads it with Google's protobuf."""

import contextlib
import os
import stat
import tempfile
import threading
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelarts_nb.engine.buildkit import filesync, grpc
from modelarts_nb.engine.buildkit.filesync import Folder, Memory
from modelarts_nb.engine.buildkit.grpc import Server
from modelarts_nb.engine.buildkit.receive import Order

from .peers import EnginePeer
from .wire import GOOGLE

DIFF_COPY = "/moby.filesync.v1.FileSync/DiffCopy"
GO_DIR, GO_LINK = 1 << 31, 1 << 27


class Receiver:
    """One DiffCopy call from the Engine's side. ``stats`` in order, ``files`` by path, ``error`` from an ERR packet."""

    def __init__(self, source, *, metadata=(), step=0, grant=True, name="context"):
        self.problems = []
        self.server = Server(filesync.methods({name: source}, self.problems.append))
        self.peer = EnginePeer(self.server, step=step, grant=grant)
        self.stats, self.files, self.error, self.fin, self.complete = [], {}, "", False, False
        self._read = 0
        self._order, self._seen = Order(), set()
        self.stream = self.peer.call(DIFF_COPY, metadata=[("dir-name", name), *metadata], end=False)
        self.read()

    @property
    def answer(self):
        return self.peer.answers[self.stream]

    def read(self):
        self.peer.pump()
        messages = self.answer.messages
        for message in messages[self._read :]:
            self._take(GOOGLE["Packet"].FromString(message))
        self._read = len(messages)

    def _take(self, packet):
        if packet.type == 0 and not packet.HasField("stat"):
            self.complete = True
        elif packet.type == 0:
            assert not self.complete, "an entry after the end of the list"
            found = packet.stat
            self._order.check(found.path, is_folder=bool(found.mode & GO_DIR))
            if found.linkname and not found.mode & GO_LINK:
                assert found.linkname in self._seen, "a hard link to nothing"
            self._seen.add(found.path)
            self.stats.append(found)
        elif packet.type == 2:
            content, done = self.files.setdefault(packet.ID, [b"", False])
            assert not done, "data after a file's end"
            self.files[packet.ID] = [content + packet.data, not packet.data]
        elif packet.type == 3:
            self.fin = True
        else:
            self.error = packet.data.decode()

    def ask(self, file_id):
        self.peer.say(self.stream, GOOGLE["Packet"](type=1, ID=file_id).SerializeToString())

    def ask_all(self):
        for file_id, found in enumerate(self.stats):
            if not found.mode & ~0o777 & ~(0b1101 << 20) and not found.linkname:
                self.ask(file_id)
        self.read()
        return self

    def finish(self):
        self.peer.say(self.stream, GOOGLE["Packet"](type=3).SerializeToString())
        self.read()
        return self

    def contents(self):
        """Contents by path, of files that came to their end."""
        return {self.stats[i].path: content for i, (content, done) in self.files.items() if done}

    @property
    def paths(self):
        return [found.path for found in self.stats]


def receive(source, **options):
    receiver = Receiver(source, **options).ask_all().finish()
    assert receiver.complete
    assert receiver.fin
    assert receiver.answer.status == grpc.OK
    assert receiver.answer.ended
    return receiver


@pytest.fixture
def tree(tmp_path):
    """Every kind of entry."""
    for folder in ("a", "a/deep/er", "empty", "sticky"):
        (tmp_path / folder).mkdir(parents=True)
    sizes = {"a-b": 3, "a.d": 0, "a/z": 131072, "a/deep/er/f": 131073, "big": 3_000_001, "zz": 5}
    for name, size in sizes.items():
        (tmp_path / name).write_bytes(os.urandom(size))
    with open(os.fsencode(tmp_path) + b"/\xff\xfe", "wb") as file:  # noqa: PTH123 - a name that is no text
        file.write(b"no UTF-8")
    (tmp_path / "link").symlink_to("a/z")
    (tmp_path / "dangling").symlink_to("/no/where")
    (tmp_path / "loop").symlink_to("loop")
    os.link(tmp_path / "a/z", tmp_path / "hard")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "zz").chmod(0o6755)
    (tmp_path / "sticky").chmod(0o1777)
    return tmp_path


def test_a_tree_arrives_as_it_is(tree):
    os.setxattr(tree / "zz", "user.colour", b"blue\0")
    receiver = receive(Folder(tree))
    expected = {
        os.fsencode(p.relative_to(tree)): p.read_bytes()
        for p in tree.rglob("*") if p.is_file() and not p.is_symlink() and p.name != "hard"
    }
    assert receiver.contents() == expected
    found = {s.path: s for s in receiver.stats}
    assert len(found) == len(list(tree.rglob("*")))
    assert found[b"a"].mode == GO_DIR | 0o755
    assert found[b"sticky"].mode == GO_DIR | 1 << 20 | 0o777
    assert found[b"zz"].mode == 1 << 23 | 1 << 22 | 0o755
    assert found[b"fifo"].mode & 1 << 25
    assert (found[b"link"].mode & GO_LINK, found[b"link"].linkname) == (GO_LINK, b"a/z")
    assert (found[b"hard"].linkname, found[b"hard"].size) == (b"a/z", 0)
    assert found[b"big"].size == 3_000_001
    assert found[b"big"].modTime == (tree / "big").stat().st_mtime_ns
    assert [(x.key, x.value) for x in found[b"zz"].xattrs] == [("user.colour", b"blue\0")]
    assert {(s.uid, s.gid) for s in receiver.stats} == {(0, 0)}
    assert receiver.problems == []


def test_names_are_ordered_as_bytes_folder_by_folder(tree):
    paths = Receiver(Folder(tree)).paths
    assert paths[:7] == [b"a", b"a/deep", b"a/deep/er", b"a/deep/er/f", b"a/z", b"a-b", b"a.d"]
    assert paths[-1] == b"\xff\xfe"


@pytest.mark.parametrize("step", [1, 7, 16393])
def test_the_pieces_in_which_bytes_come_do_not_matter(tmp_path, step):
    (tmp_path / "file").write_bytes(os.urandom(40_000))
    (tmp_path / "empty").write_bytes(b"")
    receiver = receive(Folder(tmp_path), step=step)
    assert receiver.contents() == {b"file": (tmp_path / "file").read_bytes(), b"empty": b""}


def test_files_are_sent_in_whatever_order_they_are_asked_for(tmp_path):
    for number in range(300):
        (tmp_path / f"f{number:03}").write_bytes(b"%d" % number * number)
    receiver = Receiver(Folder(tmp_path))
    for file_id in reversed(range(300)):
        receiver.ask(file_id)
    receiver.read()
    assert receiver.contents() == {b"f%03d" % n: b"%d" % n * n for n in range(300)}


def test_devices_have_their_numbers(tmp_path):
    os.mknod(tmp_path / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    os.mknod(tmp_path / "disk", 0o660 | stat.S_IFBLK, os.makedev(259, 70000))
    found = {s.path: s for s in receive(Folder(tmp_path)).stats}
    assert (found[b"null"].mode >> 20, found[b"null"].devmajor, found[b"null"].devminor) == (1 << 6 | 1 << 1, 1, 3)
    assert (found[b"disk"].mode >> 20, found[b"disk"].devmajor, found[b"disk"].devminor) == (1 << 6, 259, 70000)


def test_a_socket_counts_as_an_empty_file(tmp_path):
    import socket

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        receiver = Receiver(Folder(tmp_path))
        assert receiver.stats[0].mode & ~0o777 == 0
        receiver.ask_all()
    assert "s" in receiver.error, "it cannot be read, and that is said"


# -- what of it is wanted ---------------------------------------------------------------------------------------------


def wanted(folder, **metadata):
    pairs = [(name.replace("_", "-"), value) for name, values in metadata.items() for value in values]
    return [p.decode() for p in receive(Folder(folder), metadata=pairs).paths]


@pytest.fixture
def project(tmp_path):
    for path in (
        "src/app/main.py", "src/app/main.pyc", "src/lib/x.py", "node_modules/a/b.js", ".git/HEAD", "keep.log", "drop.log",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    return tmp_path


def test_excluded_paths_stay_here(project):
    assert wanted(project, exclude_patterns=["node_modules", ".git", "*.log", "!keep.log", "**/*.pyc"]) == [
        "keep.log", "src", "src/app", "src/app/main.py", "src/lib", "src/lib/x.py",
    ]


def test_a_folder_comes_along_only_for_what_is_wanted_in_it(project):
    assert wanted(project, exclude_patterns=["*", "!src/lib"]) == ["src", "src/lib", "src/lib/x.py"]
    assert wanted(project, exclude_patterns=["src", "!src/none", "node_modules", ".git"]) == ["drop.log", "keep.log"]
    assert wanted(project, include_patterns=["src/lib/*.py"]) == ["src", "src/lib", "src/lib/x.py"]
    assert wanted(project, include_patterns=["src"], exclude_patterns=["src/app"]) == ["src", "src/lib", "src/lib/x.py"]
    assert wanted(project, include_patterns=["nothing"]) == []


def test_a_folder_that_nobody_can_want_is_not_opened(project, monkeypatch):
    opened = []
    real = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: opened.append(os.path.basename(path)) or real(path))  # noqa: PTH119
    wanted(project, exclude_patterns=["node_modules", ".git", "src/app"])
    assert set(opened) == {os.fsencode(project.name), b"src", b"lib"}
    opened.clear()
    wanted(project, include_patterns=["src/lib"])
    assert set(opened) == {os.fsencode(project.name), b"src", b"lib"}


def test_links_in_a_path_that_is_named_come_along_with_what_they_lead_to(project):
    (project / "current").symlink_to("src")
    (project / "chain").symlink_to("current/app")
    (project / "outside").symlink_to("/etc/../node_modules")
    (project / "loop").symlink_to("loop2")
    (project / "loop2").symlink_to("loop")
    assert wanted(project, followpaths=["chain/main.py"]) == ["chain", "current", "src", "src/app", "src/app/main.py"]
    assert wanted(project, followpaths=["outside"]) == ["node_modules", "node_modules/a", "node_modules/a/b.js", "outside"]
    assert wanted(project, followpaths=["loop/x", "keep.log"]) == ["keep.log", "loop", "loop2"]
    assert wanted(project, followpaths=["c*/lib"]) == ["chain", "current", "src", "src/lib", "src/lib/x.py"]
    assert wanted(project, followpaths=["missing"]) == []
    assert len(wanted(project, followpaths=["."])) == len(list(project.rglob("*")))
    assert wanted(project, followpaths=["../../keep.log", "a["[:1]]) == ["keep.log"]


def test_a_link_that_is_filtered_out_leaves_the_next_name_as_the_file(tmp_path):
    (tmp_path / "a").write_text("content")
    os.link(tmp_path / "a", tmp_path / "b")
    os.link(tmp_path / "a", tmp_path / "c")
    receiver = receive(Folder(tmp_path), metadata=[("exclude-patterns", "a")])
    assert [(s.path, s.linkname) for s in receiver.stats] == [(b"b", b""), (b"c", b"b")]
    assert receiver.contents() == {b"b": b"content"}


def test_a_pattern_that_cannot_be_read_is_an_error(tmp_path):
    receiver = Receiver(Folder(tmp_path), metadata=[("exclude-patterns", "[")])
    assert receiver.answer.status == grpc.INVALID_ARGUMENT
    assert "syntax error in pattern: [" in receiver.answer.message


def test_names_in_patterns_need_not_be_ascii(tmp_path):
    (tmp_path / "schlüssel").write_text("x")
    (tmp_path / "b").write_text("x")
    assert wanted(tmp_path, exclude_patterns=["schl%C3%BCssel"], exclude_patterns_encoded=["1"]) == ["b"]
    assert wanted(tmp_path, exclude_patterns=["schlüssel"]) == ["b"]


def test_another_folders_name_is_refused(tmp_path):
    receiver = Receiver(Folder(tmp_path), name="context")
    stream = receiver.peer.call(DIFF_COPY, metadata=[("dir-name", "/etc")])
    assert receiver.peer.answers[stream].status == grpc.NOT_FOUND


# -- files in memory --------------------------------------------------------------------------------------------------


def test_files_in_memory_are_sent_like_others():
    receiver = receive(Memory({"Dockerfile": b"FROM x", "Dockerfile.dockerignore": b"*"}), name="dockerfile")
    assert receiver.contents() == {b"Dockerfile": b"FROM x", b"Dockerfile.dockerignore": b"*"}
    assert receiver.paths == [b"Dockerfile", b"Dockerfile.dockerignore"]


def test_files_in_memory_differ_in_time_when_they_differ_in_content():
    times = [Receiver(Memory({"Dockerfile": text})).stats[0].modTime for text in (b"RUN 1", b"RUN 2", b"RUN 1")]
    assert times[0] == times[2] != times[1]


def test_an_empty_context_is_an_empty_list():
    assert receive(Memory({})).stats == []


# -- what changes or cannot be read meanwhile ---------------------------------------------------------------------------


def test_a_file_that_vanished_is_an_error_and_not_an_empty_file(tmp_path):
    (tmp_path / "notebook").write_text("x")
    receiver = Receiver(Folder(tmp_path))
    (tmp_path / "notebook").unlink()
    receiver.ask(0)
    receiver.read()
    assert receiver.error == "cannot read notebook: it vanished while it was being sent"
    assert receiver.problems == [receiver.error]
    assert receiver.contents() == {}
    assert receiver.answer.ended


@pytest.mark.parametrize("kind", ["folder", "fifo", "symlink"])
def test_a_file_that_became_something_else_is_an_error(tmp_path, kind):
    (tmp_path / "f").write_text("x")
    receiver = Receiver(Folder(tmp_path))
    (tmp_path / "f").unlink()
    {"folder": (tmp_path / "f").mkdir, "fifo": lambda: os.mkfifo(tmp_path / "f"),
     "symlink": lambda: (tmp_path / "f").symlink_to("/etc/passwd")}[kind]()
    receiver.ask(0)
    receiver.read()
    assert receiver.error.startswith("cannot read f: ")
    assert receiver.files == {}


@pytest.mark.parametrize("sizes", [(3_000_000, 1_500_000), (3_000_000, 0), (10, 3_000_000), (100, 7), (0, 5)])
def test_a_file_is_sent_as_long_as_it_is_when_it_is_opened(tmp_path, sizes):
    (tmp_path / "f").write_bytes(b"a" * sizes[0])
    receiver = Receiver(Folder(tmp_path))
    (tmp_path / "f").write_bytes(b"b" * sizes[1])
    receiver.ask_all().finish()
    assert receiver.contents() == {b"f": b"b" * sizes[1]}


@pytest.mark.parametrize("size", [0, 100_000, 1_500_000, 2_500_000, 9_000_000])
def test_a_file_that_changes_its_size_in_the_middle_comes_to_an_end(tmp_path, size):
    (tmp_path / "f").write_bytes(b"a" * 5_000_000)
    receiver = Receiver(Folder(tmp_path), grant=False)
    receiver.ask(0)
    receiver.peer.allow(receiver.stream, 2_000_000)
    os.truncate(tmp_path / "f", size)
    receiver.peer.allow(receiver.stream, 50_000_000)
    receiver.read()
    receiver.finish()
    content = receiver.contents()[b"f"]
    assert len(content) <= 5_000_000
    assert content.strip(b"\0a") == b""
    assert receiver.answer.status == grpc.OK


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user's rights")
def test_what_may_not_be_read_is_named(tmp_path):
    (tmp_path / "secret").write_text("x")
    (tmp_path / "secret").chmod(0)
    (tmp_path / "closed").mkdir(0o700)
    (tmp_path / "closed" / "f").write_text("x")
    os.chown(tmp_path / "closed", 12345, 12345)

    def as_nobody():
        pid = os.fork()
        if not pid:
            with contextlib.suppress(BaseException):
                for parent in tmp_path.parents[:2]:
                    parent.chmod(0o755)
                tmp_path.chmod(0o755)
                os.setresuid(65534, 65534, 65534)
                first = Receiver(Folder(tmp_path))
                second = Receiver(Folder(tmp_path), metadata=[("exclude-patterns", "closed")])
                second.ask_all()
                os.write(write, f"{first.error}|{second.error}".encode())
            os._exit(0)
        os.waitpid(pid, 0)

    read, write = os.pipe()
    as_nobody()
    os.close(write)
    errors = os.read(read, 1000).decode().split("|")
    os.close(read)
    assert errors == ["cannot read the folder closed: Permission denied", "cannot read secret: Permission denied"]


def test_folders_and_files_that_vanish_while_they_are_listed_are_left_out(tmp_path, monkeypatch):
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f").write_text("x")
    real = os.scandir

    def scandir(path):
        if path.endswith(b"/b"):
            (tmp_path / "b" / "f").unlink()
            (tmp_path / "b").rmdir()
            (tmp_path / "c" / "f").unlink()
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert receive(Folder(tmp_path)).paths == [b"a", b"a/f", b"b", b"c"]


def test_a_folder_that_is_gone_altogether_is_an_error(tmp_path):
    receiver = Receiver(Folder(tmp_path / "gone"))
    assert receiver.answer.status != grpc.OK or receiver.error
    assert "cannot read the folder" in receiver.problems[0]


# -- an Engine that misbehaves ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file_id", [0, 1, 99, 2**31])
def test_a_request_for_what_is_no_file_is_an_error(tmp_path, file_id):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("x")
    receiver = Receiver(Folder(tmp_path))
    receiver.ask(file_id)
    receiver.read()
    assert "invalid file id" in receiver.error
    assert receiver.answer.ended


def test_a_packet_that_is_none_is_an_error(tmp_path):
    receiver = Receiver(Folder(tmp_path))
    receiver.peer.say(receiver.stream, b"\xff\xff\xff")
    receiver.read()
    assert "cannot be read" in receiver.error


def test_an_error_of_the_engine_ends_the_call(tmp_path):
    receiver = Receiver(Folder(tmp_path))
    receiver.peer.say(receiver.stream, GOOGLE["Packet"](type=4, data=b"disk full").SerializeToString())
    receiver.read()
    assert (receiver.answer.status, receiver.answer.message) == (grpc.UNKNOWN, "disk full")


def open_files(folder):
    count = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            count += str(descriptor.readlink()).startswith(str(folder))
    return count


@pytest.mark.parametrize("how", ["reset", "lost", "end", "fin"])
def test_no_file_stays_open_however_it_ends(tmp_path, how):
    (tmp_path / "f").write_bytes(bytes(5_000_000))
    receiver = Receiver(Folder(tmp_path), grant=False)
    receiver.ask(0)
    receiver.peer.allow(receiver.stream, 100_000)
    assert open_files(tmp_path) == 1
    if how == "reset":
        receiver.peer.reset(receiver.stream)
    elif how == "lost":
        receiver.server.lost()
    elif how == "end":
        receiver.peer.end(receiver.stream)
        receiver.peer.pump()
    else:
        receiver.finish()
    assert open_files(tmp_path) == 0


def test_a_window_that_never_opens_costs_no_memory(tmp_path):
    for number in range(50):
        (tmp_path / f"f{number}").write_bytes(bytes(1_000_000))
    receiver = Receiver(Folder(tmp_path), grant=False)
    tracemalloc.start()
    for number in range(50):
        receiver.ask(number)
    receiver.peer.pump()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 3 << 20


@given(st.integers(0, 10_000), st.lists(st.integers(1, 400_000), max_size=4))
@settings(max_examples=30, deadline=None)
def test_a_connection_lost_at_any_byte_leaves_nothing_open(cut, grants):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "a").write_bytes(bytes(300_000))
        (folder / "b").write_bytes(bytes(10))
        receiver = Receiver(Folder(folder), grant=False)
        receiver.ask(0)
        receiver.ask(1)
        for size in grants:
            receiver.peer.allow(receiver.stream, size)
        said = bytes(receiver.peer.sent)
        server = Server(filesync.methods({"context": Folder(folder)}, [].append))
        server.feed(said[: cut % (len(said) + 1)])
        while server.pull():
            pass
        server.lost()
        receiver.server.lost()
        assert open_files(folder) == 0


def test_a_large_tree_is_listed_in_little_memory(tmp_path):
    for number in range(60):
        folder = tmp_path / f"{number:03}"
        folder.mkdir()
        for file in range(500):
            os.close(os.open(folder / f"a rather long name of a file {file:06}", os.O_CREAT | os.O_WRONLY))
    sender = filesync.Sender(Folder(tmp_path), grpc.Metadata(), [].append)
    count = 0
    tracemalloc.start()
    while batch := sender.batch():
        count += sum(map(len, batch))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count > 60 * 500 * 60
    assert peak < 4 << 20
    assert threading.active_count() == 1
