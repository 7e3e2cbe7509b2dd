"""Every message of an expected failure, found in the sources: its class, its hint, where it is made."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import modelarts_nb
from modelarts_nb import errors
from modelarts_nb.building import failure

PACKAGE = Path(modelarts_nb.__file__).parent
CLASSES = {
    name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.ModelArtsError)
}
# What makes an error out of texts that it is given
MAKERS = dict.fromkeys(CLASSES, "") | {
    "UsageError": "UsageError", "_attempt": "CloudError", "fail": "DockerfileSyntaxError", "Diagnosis": "RunFailed",
}
# The sandbox's servers answer as the platform does, in its words; what starts and stops them speaks to people
PEOPLE_OF_THE_SANDBOX = {"base_image", "processes", "region", "note"}
WORDS = 2  # a message of fewer words of its own is made of what somebody else said


class Failure(NamedTuple):
    """One message: its class, the text with its placeholders, the hints that come with it, the module that makes it."""

    kind: str
    message: str
    hints: tuple[str, ...]
    module: str


@cache
def failures() -> list[Failure]:
    """All of them, by module and in the order of the sources; a message once, with all its hints."""
    found: dict[str, Failure] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        if module.startswith("sandbox.") and module.split(".")[1] not in PEOPLE_OF_THE_SANDBOX:
            continue
        for each in _of(ast.parse(path.read_text(encoding="utf-8")), module):
            known = found.get(each.message)
            hints = dict.fromkeys([*(known.hints if known else ()), *each.hints])
            found[each.message] = (known or each)._replace(hints=tuple(hints))
    return list(found.values())


def said_by_builds() -> list[tuple[str, str]]:
    """What a build's log says, as a pattern, and the hint that comes with it."""
    return [(pattern.pattern, hint) for pattern, hint in failure._CAUSES]


def own_words(message: str) -> list[str]:
    """The words of a message besides what is filled in."""
    return re.findall(r"[A-Za-z’']{2,}", re.sub(r"\{[^}]*\}", "", message))


def _of(tree: ast.Module, module: str) -> Iterator[Failure]:
    constants = _assigned(tree.body)
    inside = {id(node): function for function in _functions(tree) for node in ast.walk(function)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or (kind := _name(node.func)) not in MAKERS:
            continue
        function = inside.get(id(node))
        known = {**constants, **(_assigned(ast.walk(function)) if function else {})}
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        places = (1, 2) if kind == "Diagnosis" else (0, 1)
        message, hint = (
            node.args[place] if place < len(node.args) else given.get(name)
            for place, name in zip(places, ("message", "hint"), strict=True)
        )
        for text in _texts(message, known):
            if len(own_words(text)) >= WORDS:
                yield Failure(MAKERS[kind] or kind, text, tuple(_texts(hint, known)), module)


def _functions(tree: ast.Module) -> list[ast.FunctionDef]:
    """Outer ones first, so that the innermost is what a node is found in."""
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def _name(function: ast.expr) -> str:
    return str(getattr(function, "id", getattr(function, "attr", "")))


def _assigned(nodes: object) -> dict[str, list[ast.expr]]:
    found: dict[str, list[ast.expr]] = {}
    for node in nodes:  # type: ignore[attr-defined]
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        for target in targets:
            if isinstance(target, ast.Name) and node.value is not None:
                found.setdefault(target.id, []).append(node.value)
    return found


def _texts(node: ast.expr | None, known: Mapping[str, list[ast.expr]], deep: int = 3) -> list[str]:
    """The texts for people in an expression, followed through names."""
    if node is None or not deep:
        return []
    if isinstance(node, ast.Call) and _name(node.func) in ("t", "mark") and node.args:
        first = node.args[0]
        return [first.value] if isinstance(first, ast.Constant) else _texts(first, known, deep)
    if isinstance(node, ast.Name):
        return [text for value in known.get(node.id, []) for text in _texts(value, known, deep - 1)]
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(("%", "modelarts-nb ")):
        return [node.value]
    children = [node.left, node.right] if isinstance(node, ast.BinOp) else \
        [node.body, node.orelse] if isinstance(node, ast.IfExp) else \
        node.values if isinstance(node, (ast.BoolOp, ast.Dict)) else \
        node.elts if isinstance(node, (ast.List, ast.Tuple)) else \
        [value for value in node.args if not isinstance(value, ast.Starred)] if isinstance(node, ast.Call) else \
        [node.value] if isinstance(node, (ast.Subscript, ast.Attribute)) else []
    return [text for child in children if isinstance(child, ast.expr) for text in _texts(child, known, deep)]
