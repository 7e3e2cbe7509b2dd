import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelarts_nb.text import LineDecoder, Redactor, clean, duration, shorten, size


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("\x9b1mC1", "C1"),
        ("10%\r50%\r100%", "100%"),
        ("100%\r", "100%"),
        ("abc\b\bXY", "aXY"),
        ("bell\x07nul\x00", "bell�nul�"),
        ("\u202egnp.exe", "�gnp.exe"),
        ("tab\tstays", "tab\tstays"),
        ("\ud800", "�"),
        ("\x1b", ""),
        ("中文", "中文"),
    ],
)
def test_a_line_as_a_terminal_would_leave_it(raw, shown):
    assert clean(raw) == shown


@given(st.text())
def test_nothing_unsafe_survives(text):
    shown = clean(text)
    assert not any(character in shown for character in "\x1b\x00\r\x07\u202e\u2066\x9b")
    assert clean(shown) == shown


@given(st.lists(st.binary(max_size=30), max_size=20))
def test_pieces_do_not_matter(pieces):
    whole = LineDecoder()
    expected = [*whole.feed(b"".join(pieces)), *whole.close()]
    decoder = LineDecoder()
    lines = [line for piece in pieces for line in decoder.feed(piece)]
    assert [*lines, *decoder.close()] == expected


def test_a_character_cut_in_two_is_one_character():
    decoder = LineDecoder()
    data = "图像\n".encode()
    assert [*decoder.feed(data[:2]), *decoder.feed(data[2:])] == ["图像"]


def test_a_line_of_megabytes_comes_in_bounded_pieces():
    decoder = LineDecoder(limit=1000)
    lines = [*decoder.feed(b"x" * 2_500), *decoder.feed(b"y\n"), *decoder.close()]
    assert [len(line) for line in lines] == [1000, 1000, 501]


def test_a_progress_bar_shows_before_its_line_ends():
    decoder = LineDecoder()
    assert list(decoder.feed(b"10%\r50%")) == []
    assert decoder.partial == "50%"


def test_secrets_are_replaced_in_lines_and_in_what_is_not_yet_a_line():
    decoder = LineDecoder(Redactor(["s3cret-value", "tiny"]))
    assert list(decoder.feed(b"password=s3cret-value tiny\nand s3cret-value")) == ["password=*** tiny"]
    assert decoder.partial == "and ***"


def test_a_long_line_says_what_is_left_out():
    assert shorten("x" * 20, 10) == "x" * 10 + " … (10 characters more)"


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (13_300_000, "13.3 MB"), (212e6, "212 MB"), (9.5e9, "9.5 GB")],
)
def test_sizes(count, text):
    assert size(count) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.04, "0.0 s"), (31.44, "31.4 s"), (59.97, "1 min 00 s"), (3720, "1 h 02 min")])
def test_durations(seconds, text):
    assert duration(seconds) == text
