"""The catalogue is complete, holds nothing else, and keeps every placeholder; what users read is said through it."""

import ast
import json
import re
import string
from pathlib import Path

import pytest

import modelarts_nb
from modelarts_nb import errors, messages
from modelarts_nb.messages import t

PACKAGE = Path(modelarts_nb.__file__).parent
CATALOGUES = sorted((PACKAGE / "messages" / "zh_CN").glob("*.json"))

# The servers of the sandbox answer as the platform does, in its words and in English, whoever asks: programs read them.
# What the person who starts it reads (sandbox.region, sandbox.processes, sandbox.base_image) is translated.
THE_PLATFORM = tuple(f"sandbox.{name}" for name in (
    "admin", "audit", "backend", "faults", "flavors", "front", "gate", "iam", "images_api", "joblog", "jobs", "jobs_api",
    "kept", "obs", "obs_auth", "preflight", "runner", "server", "state", "swr", "swr_api", "swr_policies", "web", "image",
))
# A line to paste, which is the same in every language; a sentence that begins so ends with a full stop
CODE = re.compile(r"(?:%|modelarts-nb )(?!.*\.$)")
ERRORS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.ModelArtsError)}
# What takes texts for people: the places of its arguments that are shown, the names of those that may be given by name
SHOWN = dict.fromkeys(ERRORS, ((0, 1), ("message", "hint"))) | {
    "VertexWarning": ((1, 2), ("short", "detail")),
    "Diagnosis": ((1, 2), ("message", "fix")),
    "Seen": ((0, 1), ("message", "fix")),  # a fix that is a line to paste goes through paste()
    "mapped": ((0,), ("doing",)),
    "say": ((0,), ()),
    "fail": ((0,), ("message", "hint")),
    "UsageError": ((0,), ()),
    "Fact": ((0,), ("label",)),
}


def sources():
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def calls(tree, *names):
    return [
        node for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _called(node) in names
    ]


def _called(node):
    """The name that is called, or the last one of ``a.b(…)``."""
    return getattr(node.func, "id", getattr(node.func, "attr", ""))


def spoken():
    """Every text in ``t(…)`` and ``mark(…)``, with the place of its first use."""
    found = {}
    for path, tree in sources():
        for node in calls(tree, "t", "mark"):
            [text] = node.args
            if isinstance(text, ast.Constant):
                found.setdefault(text.value, f"{path.relative_to(PACKAGE)}:{node.lineno}")
            else:
                assert not isinstance(text, ast.JoinedStr), f"{path}:{node.lineno}: write {{names}}, not an f-string"
                assert _called(node) == "t", f"{path}:{node.lineno}: mark wants a text"
    return found


def fields(text):
    """The placeholders with their formats."""
    return sorted({(name, form, how) for _, name, form, how in string.Formatter().parse(text) if name is not None})


def untranslated(tree):
    """(line, text) of what is shown to people and does not pass through ``t``: as it stands there, or kept in a variable."""
    found = []
    for function in [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))]:
        kept = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign):
                targets = [target.id for target in node.targets if isinstance(target, ast.Name)]
                kept.update({target: [*kept.get(target, []), node.value] for target in targets})
        for node in calls(function, *SHOWN):
            places, names = SHOWN[_called(node)]
            shown = [argument for place, argument in enumerate(node.args) if place in places]
            shown += [keyword.value for keyword in node.keywords if keyword.arg in names]
            for argument in shown:
                for value in kept.get(argument.id, []) if isinstance(argument, ast.Name) else [argument]:
                    found += _texts(value)
    return sorted(set(found))


def _texts(node):
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("t", "mark", "paste"):
        return
    if isinstance(node, ast.JoinedStr):
        text = "".join(part.value for part in node.values if isinstance(part, ast.Constant))
    else:
        text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
    if " " in text and re.search("[A-Za-z]{2}", text) and not CODE.match(text):
        yield node.lineno, text
    for child in [] if isinstance(node, ast.JoinedStr) else ast.iter_child_nodes(node):
        yield from _texts(child)


def of_the_platform(path):
    name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    return any(name == module or name.startswith(f"{module}.") for module in THE_PLATFORM)


def test_every_text_has_its_chinese():
    missing = {text: place for text, place in spoken().items() if text not in messages.catalogue()}
    assert not missing


def test_the_catalogue_holds_nothing_that_is_not_said():
    assert not set(messages.catalogue()) - set(spoken())


def test_placeholders_are_kept():
    for text, chinese in messages.catalogue().items():
        assert fields(text) == fields(chinese), text


def test_every_text_is_given_the_values_that_it_names():
    for path, tree in sources():
        for node in calls(tree, "t"):
            if isinstance(node.args[0], ast.Constant) and all(keyword.arg for keyword in node.keywords):  # no **values
                text, given = node.args[0].value, {keyword.arg for keyword in node.keywords}
                named = {name for name, _, _ in fields(text) if given or name.isidentifier()}
                if None in given:  # ``**values``: what is in it cannot be read here
                    named, given = named & given, given - {None}
                assert named == given, f"{path.relative_to(PACKAGE)}:{node.lineno}"


def test_one_text_has_one_chinese():
    found = {}
    for path in CATALOGUES:
        for text, chinese in json.loads(path.read_text(encoding="utf-8")).items():
            assert found.setdefault(text, chinese) == chinese, f"{path.name}: {text}"


TYPOGRAPHY = {
    "full-width punctuation behind a Chinese character": r"[\u4e00-\u9fff][,:;?!.](?:\s|$)",
    "a space between Chinese and Latin characters": r"[\u4e00-\u9fff][A-Za-z0-9`]|[A-Za-z0-9`][\u4e00-\u9fff]",
    "no space beside full-width punctuation": r" [，。：；（）、？]|[，。：；（）、？] [^%{]",
    "the words of Huawei Cloud's own pages: 镜像, 登录, 账号, 默认": "映像|登陆|帐|缺省",
}


def test_the_chinese_is_set_as_chinese():
    wrong = {
        text: rule for text, chinese in messages.catalogue().items() for rule, pattern in TYPOGRAPHY.items()
        if re.search(pattern, chinese)
    }
    assert not wrong


def test_what_people_read_goes_through_the_catalogue():
    found = {
        f"{path.relative_to(PACKAGE)}:{line}": text
        for path, tree in sources() if not of_the_platform(path) for line, text in untranslated(tree)
    }
    assert not found


def test_an_untranslated_text_is_found():
    told = 'def f(path):\n    hint = "Look there." if path else ""\n    raise SettingsError(f"No file {path}.", hint)\n'
    assert untranslated(ast.parse(told)) == [(2, "Look there."), (3, "No file .")]
    for fine in (
        'raise SettingsError(t("No file {path}.", path=f"a b {x}"), t(HINT))', 'RegistryError("", code="not a text")',
        'VertexWarning("a vertex", t("short"), (t("a detail"),))', 'mapped(t("Asking it"))', 'EngineError(f"{a} {b}")',
        'SettingsError(t("It is not there."), "%pip install it")', 'SettingsError(t("It is down."), "modelarts-nb sandbox up")',
    ):
        assert not untranslated(ast.parse(fine)), fine
    for wrong in (
        'SettingsError(message="no file", hint=t("Look."))', 'VertexWarning("", t("short"), ("a detail",))',
        'mapped("Asking it")', 'SettingsError("No file " + path)',
        'SettingsError(t("No"), "%build makes it first.")', 'self.fail(t("no end"), hint="Close it.")',
        'UsageError("Give one.")',
    ):
        assert untranslated(ast.parse(wrong)), wrong


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_values_may_hold_anything(language):
    messages.use(language)
    try:
        for value in ("{", "}", "{name}", "{0!r}", "%s", "{path.__class__}"):
            assert value in t("{path} cannot be read: {error}", path="a", error=value)
        assert '{"contract": "v2"}' in t('Write, for example, {"contract": "v2"}.')
    finally:
        messages.use("en")


def test_the_language_is_chosen_by_a_locales_name():
    for name, expected in (("zh_CN.UTF-8", "zh-CN"), ("zh", "zh-CN"), ("de_DE", "en"), ("", "en")):
        messages.use(name)
        assert messages.language() == expected
    messages.use("en")
