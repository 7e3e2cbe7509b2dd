import json
from pathlib import Path

import pytest

from modelarts_nb.engine.buildkit.patterns import Matcher, PatternError, clean, glob, without_nested

# (patterns, path, whether it is meant), as answered by moby/patternmatcher itself (Go 1.19), for chosen and random patterns
ANSWERS = json.loads(Path(__file__).with_name("patterns.json").read_text(encoding="utf-8"))


def test_every_answer_is_that_of_moby_patternmatcher():
    wrong = [(patterns, path) for patterns, path, meant in ANSWERS if Matcher(patterns).matches(path) is not meant]
    assert not wrong


@pytest.mark.parametrize(("patterns", "meant", "not_meant"), [
    (["*.log"], ["a.log"], ["dir/a.log", "a.log.txt"]),
    (["**/*.log"], ["a.log", "x/y/a.log"], ["a.logs"]),
    (["node_modules"], ["node_modules", "node_modules/x/y"], ["src/node_modules"]),
    (["**/node_modules"], ["a/b/node_modules/c"], ["a/xnode_modules"]),
    (["*", "!keep", "keep/not"], ["other", "keep/not"], ["keep", "keep/this"]),
    (["/absolute/../rooted/"], ["/rooted"], ["rooted"]),  # .dockerignore's own leading slash is taken off by the Engine
    (["a/**"], ["a/b", "a/b/c"], ["a", "ab"]),
    (["**"], ["a", "a/b"], []),
    (["a**b"], ["ab", "ax/b"], ["axb"]),
    ([r"\*"], ["*"], ["a"]),
    (["[a-c]?[^x]"], ["bzz"], ["bzx", "dzz"]),
    (["a.b(c)+{d}$|"], ["a.b(c)+{d}$|"], ["axb(c)+{d}$|"]),
    (["  spaced\t"], ["spaced"], []),
    (["\udcff*"], ["\udcffx"], ["x"]),
    (["?"], ["é", "\udcff"], ["ab", "/"]),
    (["a^b"], ["a^b"], []),
])
def test_what_a_list_means(patterns, meant, not_meant):
    matcher = Matcher(patterns)
    assert [path for path in meant if not matcher.matches(path)] == []
    assert [path for path in not_meant if matcher.matches(path)] == []


@pytest.mark.parametrize("pattern", ["!", "[", "[]", "[^]", "[a", "[a-", "[a-]", "[-a]", "a\\", "[b-a]", "[\\"])
def test_what_the_language_does_not_have_is_an_error(pattern):
    with pytest.raises(PatternError):
        Matcher([pattern])


def test_empty_patterns_are_left_out():
    assert Matcher(["", "  "]).patterns == ()
    assert not Matcher(["", " "]).matches("a")


def test_what_may_match_below_a_folder():
    assert Matcher(["a/b/*"]).may_match_below("a", exceptions=False)
    assert Matcher(["a/b/**"]).may_match_below("a/b", exceptions=False)
    assert not Matcher(["a/b"]).may_match_below("c", exceptions=False)
    assert Matcher(["*/b"]).may_match_below("c", exceptions=False)
    assert not Matcher(["a", "!b/c"]).may_match_below("a", exceptions=True)
    assert Matcher(["a", "!a/c"]).may_match_below("a", exceptions=True)


@pytest.mark.parametrize(("path", "cleaned"), [
    ("", "."), (".", "."), ("./a/", "a"), ("a//b", "a/b"), ("a/../b", "b"), ("../a", "../a"), ("//a", "/a"), ("///a", "/a"),
    ("/..", "/"),
])
def test_paths_are_cleaned_as_go_does(path, cleaned):
    assert clean(path) == cleaned


def test_a_glob_stays_inside_one_name():
    assert glob("a*").match("abc")
    assert not glob("a*").match("a/b")
    assert glob("a[^b]").match("ac")
    assert not glob("a").match("ab")


def test_nested_paths_are_dropped():
    assert without_nested(["a", "a/b", "a-b", "ab/c", "a/z"]) == ["a", "a-b", "ab/c"]
    assert without_nested(["a", "."]) is None
    assert without_nested([]) == []
