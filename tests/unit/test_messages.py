"""The catalogue is complete, holds nothing else, and keeps every placeholder."""

import ast
import string
from pathlib import Path

import modelarts_nb
from modelarts_nb import messages

PACKAGE = Path(modelarts_nb.__file__).parent


def spoken():
    """Every text in ``t(…)`` and ``mark(…)``, with the place of its first use."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("t", "mark"):
                [text] = node.args
                if isinstance(text, ast.Constant):
                    found.setdefault(text.value, f"{path.relative_to(PACKAGE)}:{node.lineno}")
                else:
                    assert not isinstance(text, ast.JoinedStr), f"{path}:{node.lineno}: write {{names}}, not an f-string"
                    assert node.func.id == "t", f"{path}:{node.lineno}: mark wants a text"
    return found


def names(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_every_text_has_its_chinese():
    missing = {text: place for text, place in spoken().items() if text not in messages.catalogue()}
    assert not missing


def test_the_catalogue_holds_nothing_that_is_not_said():
    assert not set(messages.catalogue()) - set(spoken())


def test_placeholders_are_kept():
    for text, chinese in messages.catalogue().items():
        assert names(text) == names(chinese), text


def test_the_language_is_chosen_by_a_locales_name():
    for name, expected in (("zh_CN.UTF-8", "zh-CN"), ("zh", "zh-CN"), ("de_DE", "en"), ("", "en")):
        messages.use(name)
        assert messages.language() == expected
    messages.use("en")
