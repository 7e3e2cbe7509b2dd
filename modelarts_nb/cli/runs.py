"""``run``: a notebook executed from top to bottom, without anybody before it."""

from __future__ import annotations

import json
import keyword
import sys
import time
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import SettingsError
from ..messages import t
from . import notebooks, verbs

if TYPE_CHECKING:
    from .headless import Ended

TAG, INJECTED = "parameters", "injected-parameters"  # papermill's, "Parameterize"
FAILED = 1


def add(groups: verbs.Groups) -> None:
    """The command."""
    text = t("Execute a notebook from top to bottom and print what it prints; the first cell that fails ends it.")
    parser = groups.add_parser("run", help=text, description=text, allow_abbrev=False)
    parser.add_argument("notebook", metavar="NOTEBOOK", help=t("The notebook; it runs in its own folder."))
    parser.add_argument("--parameters", default="", metavar="FILE", help=t(
        "JSON or YAML with values for the names that the cell tagged “parameters” sets, in a cell behind it."))
    parser.add_argument("-o", "--output", default="", metavar="OUT", help=t(
        "Write the executed notebook here, also when a cell fails or it is interrupted: as far as it went."))
    parser.add_argument("--kernel", default="", metavar="NAME", help=t("The kernel (default: the notebook's)."))
    parser.add_argument("--json", action="store_true", help=t(
        "Print how it ended as JSON; what the notebook prints goes to standard error."))
    parser.set_defaults(command=_run)


def _run(options: Namespace) -> int:
    path = Path(options.notebook)
    notebook = notebooks.read(path)
    if options.parameters:
        inject(notebook, parameters(Path(options.parameters)))
    try:
        from .headless import execute
    except ImportError as error:
        raise SettingsError(
            t("Notebooks are executed by nbclient, which is not installed."), t("Install it: pip install 'modelarts_nb[run]'.")
        ) from error
    began = time.monotonic()
    try:
        ended = execute(notebook, path.parent, options.kernel, sys.stderr if options.json else sys.stdout)
    finally:
        _save(notebook, options.output)
    return _tell(options, ended, time.monotonic() - began)


def parameters(path: Path) -> dict[str, Any]:
    """What a parameter file holds. Raises SettingsError for what is no mapping of names to plain values."""
    try:
        text = path.read_text(encoding="utf-8")
        values = json.loads(text) if path.suffix == ".json" else _yaml(text)
    except OSError as error:
        raise SettingsError(t("{path} cannot be read: {error}", path=path, error=error.strerror)) from error
    except ValueError as error:
        raise SettingsError(t("{path} cannot be read: {error}", path=path, error=error)) from error
    if not isinstance(values, dict):
        raise SettingsError(t("{path} holds no parameters.", path=path), t('Write, for example, {"epochs": 3}.'))
    for name, value in values.items():
        if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
            raise SettingsError(t("“{name}” in {path} cannot be a variable.", name=name, path=path))
        if not _is_plain(value):
            raise SettingsError(
                t("The value of “{name}” in {path} is none that JSON knows.", name=name, path=path), t("Quote it.")
            )
    return values


def _yaml(text: str) -> Any:
    try:
        import yaml  # type: ignore[import-untyped,unused-ignore]
    except ImportError as error:
        raise SettingsError(
            t("YAML is read by PyYAML, which is not installed."), t("Install it: pip install 'modelarts_nb[run]'.")
        ) from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(each) for key, each in value.items())
    return value is None or isinstance(value, str | int | float | bool)


def inject(notebook: Any, values: Mapping[str, Any]) -> None:
    """Put a cell that sets the values behind the one tagged “parameters”, else first; one of an earlier run is replaced."""
    from nbformat.v4 import new_code_cell

    made: Any = new_code_cell  # it has no types

    cells = [cell for cell in notebook.cells if INJECTED not in cell.metadata.get("tags", [])]
    place = next((n for n, cell in enumerate(cells, 1) if TAG in cell.metadata.get("tags", [])), 0)
    lines = ["# Parameters", *(f"{name} = {_literal(value)}" for name, value in values.items())]
    cells.insert(place, made("\n".join(lines), metadata={"tags": [INJECTED]}))
    notebook.cells = cells


def _literal(value: Any) -> str:
    """A value as Python writes it."""
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {_literal(each)}" for key, each in value.items()) + "}"
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return f'float("{value}")'
    return repr(value)


def _save(notebook: Any, output: str) -> None:
    if not output:
        return
    import nbformat

    try:
        Path(output).parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, output)  # type: ignore[no-untyped-call]
    except OSError as error:
        raise SettingsError(t("{path} cannot be written: {error}", path=output, error=error.strerror)) from error


def _tell(options: Namespace, ended: Ended, seconds: float) -> int:
    """How it ended; a stop by a signal goes on as one."""
    if options.json:
        print(json.dumps({
            "notebook": options.notebook, "output": options.output, "cells": ended.cells, "seconds": round(seconds, 3),
            "failed": {"cell": ended.failed, "name": ended.name, "value": ended.value} if ended.failed else None,
            "interrupted": ended.stopped is not None,
        }, ensure_ascii=False))
    if ended.stopped is not None:
        raise ended.stopped
    if not ended.failed:
        return 0
    where = t("{notebook}, cell {number}", notebook=options.notebook, number=ended.failed)
    first = ended.value.split("\n")[0]
    print(f"modelarts-nb: {where}{t(': ')}{ended.name}{t(': ') if first else ''}{first}", file=sys.stderr)
    return FAILED


