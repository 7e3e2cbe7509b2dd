"""A job's log: lines by number, whatever pieces they are written in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelarts_nb.sandbox.joblog import FULL, JobLog


@pytest.fixture
def log(tmp_path):
    return JobLog(tmp_path / "logs" / "a.log")


def test_a_line_counts_once_it_has_ended(log):
    log.write(b"one\ntw")
    assert log.after(0, 10) == (1, 1, "one\n")
    log.write(b"o\n")
    assert log.after(1, 10) == (2, 2, "two\n")


def test_the_end_of_the_log_ends_its_last_line(log):
    log.write(b"no end")
    assert log.after(0, 10) == (0, 0, "")
    log.close()
    assert log.after(0, 10) == (1, 1, "no end")


def test_nothing_behind_the_last_line(log):
    log.write(b"a\nb\n")
    assert log.after(2, 10) == (2, 2, "")
    assert log.after(99, 10) == (2, 2, "")


def test_the_newest_lines_and_those_before_a_number(log):
    log.write(b"".join(b"%d\n" % number for number in range(1, 11)))
    assert log.before(None, 3) == (8, 10, "8\n9\n10\n")
    assert log.before(8, 3) == (5, 7, "5\n6\n7\n")
    assert log.before(2, 3) == (1, 1, "1\n")
    assert log.before(1, 3)[2] == ""


def test_a_log_is_read_again_from_its_file(log):
    log.write(b"one\ntwo")
    again = JobLog(log.path)
    assert (again.after(0, 10), again.size) == ((1, 1, "one\n"), 7)
    assert again.preview() == ("one\ntwo", 7, 7)
    again.write(b" and a half\n")
    assert again.after(1, 10) == (2, 2, "two and a half\n")


def test_a_log_that_was_full_is_still_full_when_it_is_read_again(log):
    log.path.write_bytes(b"one\n" + FULL)
    again = JobLog(log.path)
    again.write(b"two\n")
    assert again.after(0, 10)[2] == f"one\n{FULL.decode()}"


@given(st.lists(st.text(alphabet="ab\r\n", max_size=20), max_size=20), st.integers(1, 5))
def test_whoever_follows_gets_everything_once(tmp_path_factory, pieces, count):
    log = JobLog(tmp_path_factory.mktemp("log") / "a.log")
    found, line = "", 0
    for piece in [*pieces, None]:
        if piece is None:
            log.close()
        else:
            log.write(piece.encode())
        while (answer := log.after(line, count))[1] > line:
            found, line = found + answer[2], answer[1]
    assert found == "".join(pieces)
