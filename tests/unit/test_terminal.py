import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelarts_nb.terminal import Screen, plain, sgr, spans
from modelarts_nb.text import LineDecoder, Redactor

RED, BOLD_GREEN = ("31",), ("1", "32")


def shown(*pieces, redact=lambda line: line):
    decoder = LineDecoder(redact, styles=True)
    lines = [line for piece in pieces for line in decoder.feed(piece.encode())]
    return [*lines, *decoder.close()]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("plain", [("plain", ())]),
        ("\x1b[31mred\x1b[0m end", [("red", RED), (" end", ())]),
        ("\x1b[1;32mok\x1b[22m x\x1b[39my", [("ok", BOLD_GREEN), (" x", ("32",)), ("y", ())]),
        ("\x1b[38;5;196mx", [("x", RED)]),
        ("\x1b[38;2;10;240;20mx", [("x", ("32",))]),
        ("\x1b[38:5:9mx", [("x", ("91",))]),
        ("\x1b[48;5;196mx", [("x", ())]),
        ("\x1b[?25l\x1b[5mx", [("x", ())]),
        ("\x1b[0031mx", [("x", RED)]),
        ("\x1b[mx", [("x", ())]),
        ("\x1b[1m\x1b[3m\x1b[4mx\x1b[23my", [("x", ("1", "3", "4")), ("y", ("1", "4"))]),
    ],
)
def test_colours_are_kept_as_styles(raw, expected):
    [line] = shown(raw)
    assert list(spans(line)) == expected


def test_a_colour_goes_on_in_the_next_line_as_on_a_terminal():
    first, second = shown("\x1b[31mone\ntwo\x1b[0m\n")
    assert list(spans(first)) == [("one", RED)]
    assert list(spans(second)) == [("two", RED)]


@pytest.mark.parametrize(
    ("raw", "lines"),
    [
        ("10%\r50%\r100%\n", ["100%"]),
        ("   ━━ 1/13 MB\r\x1b[2K   ━━━━ 13/13 MB\n", ["   ━━━━ 13/13 MB"]),
        ("downloading\r\x1b[Kdone\n", ["done"]),
        ("abc\x1b[2DX\n", ["aXc"]),
        ("abc\x1b[2GX\n", ["aXc"]),
        ("a\x1b[3Cb\n", ["a   b"]),
        ("long line\rshort\n", ["shortline"]),
        ("gone   \r       \rkept\n", ["kept"]),
        ("x\r\ny\r\n", ["x", "y"]),
        ("a\x1b[Eb\n", ["a", "b"]),
    ],
)
def test_cursor_movement_is_folded_as_a_terminal_would(raw, lines):
    assert shown(raw) == lines
    assert shown(*raw) == lines, "however it is cut"


def test_a_group_of_progress_bars_becomes_its_last_state():
    bars = "".join(f"\ra {n}%\x1b[K\n\rb {n}%\x1b[K\x1b[A" for n in range(0, 101, 10))
    lines = shown("start\n" + bars + "\n\nend\n")
    assert lines[0] == "start"
    assert lines[-3:] == ["a 100%", "b 100%", "end"]
    assert len(lines) < 6


def test_a_progress_bar_of_ten_megabytes_is_one_line():
    piece = "".join(f"\r{n:07} " + "━" * 60 for n in range(1000)).encode()
    decoder = LineDecoder(styles=True)
    for _ in range(50):
        assert list(decoder.feed(piece)) == []
    assert decoder.partial.startswith("0000999")


ENDLESS = ["\x1b]", "\x1b[", "\x1b[1;", "\x1bP", "\x1b", "\x1b[9999999C", "\x1b[A", "\x1b[60A", "\b", "\x9b"]


@pytest.mark.parametrize("hostile", ENDLESS)
def test_hostile_escapes_take_linear_time(hostile):
    """A quadratic way through would take hours."""
    decoder = LineDecoder(styles=True)
    for _ in decoder.feed((hostile * 300_000).encode()):
        pass
    assert len(decoder.partial) < 100_000


@given(st.lists(st.text(alphabet="ab\x1b[]0;31mKAGJ\r\n\b\x07\u202e \ud800", max_size=20), max_size=10))
def test_no_other_escape_survives_whatever_comes(pieces):
    decoder = LineDecoder(styles=True)
    lines = [line for piece in pieces for line in decoder.feed(piece.encode(errors="surrogatepass"))]
    for line in [*lines, decoder.partial, *decoder.close()]:
        text = "".join(part for part, _ in spans(line))
        assert text == plain(line)
        assert not set("\x1b\r\n\b\x07\u202e\ud800") & set(text)


@given(st.text(alphabet="ab \x1b[31m0;K\r\n", max_size=60), st.integers(0, 60))
def test_where_output_is_cut_does_not_matter(text, place):
    assert shown(text) == shown(text[:place], text[place:])


def test_a_secret_that_colours_run_through_is_hidden():
    [line] = shown("my \x1b[31mhunter\x1b[32mhunter\x1b[0m", redact=Redactor(["hunterhunter"]))
    assert line == "my ***"


def test_a_screen_that_is_left_is_as_new():
    screen = Screen(100)
    assert list(screen.feed("\x1b[31mx\x1b[2A")) == []
    assert [plain(row) for row in screen.close()] == ["x"]
    assert screen.idle


def test_an_endless_list_of_codes_is_cut():
    assert sgr((), "1" + ";1" * 100_000) == ("1",)
