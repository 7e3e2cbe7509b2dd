"""A log is read with nothing twice and nothing lost, whichever way the service counts."""

from hypothesis import given
from hypothesis import strategies as st

from modelarts_nb.cloud.tasklog import Lines, Preview


def page(log, base, count, *, inclusive):
    first = max(base if inclusive else base + 1, 1)
    lines = log[first - 1 : first - 1 + count]
    if not lines:
        return {"start_line": 0, "end_line": 0, "lines": 0, "content": ""}
    return {
        "start_line": first,
        "end_line": first + len(lines) - 1,
        "lines": len(lines),
        "content": "".join(f"{x}\n" for x in lines),
    }


@given(st.lists(st.text(st.characters(exclude_characters="\n\r", codec="utf-8"), max_size=5), max_size=60),
       st.integers(2, 7), st.booleans(), st.lists(st.integers(0, 9), min_size=40, max_size=40))
def test_by_line_number(log, count, inclusive, growth):
    reader, shown, there = Lines(), [], 0
    for step in [*growth, *[len(log)] * (len(log) + 1)]:
        there = min(len(log), there + step)
        shown += reader.take(page(log[:there], reader.last, count, inclusive=inclusive))
    assert shown == log


@given(st.text(st.characters(codec="utf-8"), max_size=200), st.lists(st.integers(0, 30), max_size=20))
def test_by_the_newest_part_of_the_whole(text, growth):
    whole, reader, shown, there = text.encode(), Preview(), [], 0
    for step in [*growth, len(whole)]:
        there = min(len(whole), there + step)
        part = whole[:there].decode("utf-8", "ignore")  # the service cuts between characters
        shown += reader.take({"content": part, "full_size": len(part.encode())}, ended=False)
    shown += reader.take({"content": text, "full_size": len(whole)}, ended=True)
    expected = text.split("\n")
    assert shown == (expected[:-1] if expected[-1] == "" else expected)
    assert reader.missed == 0


def test_what_fell_out_of_the_preview_is_counted():
    reader = Preview()
    assert reader.take({"content": "a\nb\n", "full_size": 4}, ended=False) == ["a", "b"]
    assert reader.take({"content": "y\nz\n", "full_size": 104}, ended=False) == ["y", "z"]
    assert reader.missed == 96


def test_a_page_that_is_not_as_documented_gives_lines_that_a_file_can_hold():
    assert Lines().take({"content": True, "start_line": "1e999"}) == ["True"]
    assert Lines().take({"content": "half \ud800"}) == ["half ?"]
    assert Preview().take({"content": "half \ud800", "full_size": "1e999"}, ended=True) == ["half ?"]
