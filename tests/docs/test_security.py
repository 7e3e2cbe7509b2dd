"""The tests that the security page names are there."""

import ast
import re

from .blocks import DOCS, ROOT


def named():
    return re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (DOCS / "security.md").read_text(encoding="utf-8"))


def test_every_row_names_a_test_that_is_there():
    assert len(named()) > 30
    for path, name in named():
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, f"{path}::{name}"


def test_every_row_has_a_test():
    rows = [line for line in (DOCS / "security.md").read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    assert [row for row in rows[1:] if "::test_" not in row] == []
