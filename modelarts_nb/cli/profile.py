"""``enable`` and ``disable``: whether the magics come up by themselves in the user's notebooks.

What is written are names: ``MagicsManager.lazy_magics`` in the profile's ``ipython_config.json`` (IPython, "Configuration
file location"), which terminals and kernels read. The extension is loaded with the first of them that is used, so that a kernel
starts as fast as before.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from argparse import Namespace
from pathlib import Path
from typing import Any

from ..errors import SettingsError
from ..messages import t
from ..notebook.magics import ALL
from . import verbs

MODULE = "modelarts_nb"


def add(groups: verbs.Groups) -> None:
    """The two commands."""
    for name, text, command in (
        ("enable", t("Let the magics come up on first use in every notebook, without %load_ext."), _enable),
        ("disable", t("Take that back."), _disable),
    ):
        parser = groups.add_parser(name, help=verbs.escaped(text), description=text, allow_abbrev=False)
        parser.add_argument("--profile", default="default", metavar="NAME", help=t("IPython's profile (default: default)."))
        parser.add_argument("--json", action="store_true", help=t("Print the result as JSON."))
        parser.set_defaults(command=command)


def names() -> list[str]:
    """Every magic of ours."""
    return sorted({name for magics in ALL for kind in magics.magics.values() for name in kind})


def enabled(text: str) -> tuple[str, list[str]]:
    """(the file's text with our names in it, names that belong to others and stay theirs). ``text`` may be ""."""
    config, write = _parsed(text)
    lazy = config.setdefault("MagicsManager", {}).setdefault("lazy_magics", {})
    taken = [name for name in names() if lazy.get(name, MODULE) != MODULE]
    lazy.update({name: MODULE for name in names() if name not in taken})
    return write(config), taken


def disabled(text: str) -> str:
    """The file's text without our names; "" where nothing else is in it."""
    config, write = _parsed(text)
    section = config.get("MagicsManager", {})
    lazy = section.get("lazy_magics", {})
    for name in [name for name, module in lazy.items() if module == MODULE]:
        del lazy[name]
    if not lazy:
        section.pop("lazy_magics", None)
    if not section:
        config.pop("MagicsManager", None)
    return write(config) if config else ""


def _parsed(text: str) -> tuple[dict[str, Any], Any]:
    """(the values, what writes them as they were written). Raises ValueError."""
    config = json.loads(text) if text.strip() else {}
    if not isinstance(config, dict):
        raise ValueError(t("it holds no JSON object"))
    for indent, end, ascii_only in itertools.product((2, 4, None, 1, 3, "\t"), ("\n", ""), (False, True)):
        if json.dumps(config, indent=indent, ensure_ascii=ascii_only) + end == text:
            break
    else:
        indent, end, ascii_only = 2, "\n", False
    return config, lambda values: json.dumps(values, indent=indent, ensure_ascii=ascii_only) + end


def _enable(options: Namespace) -> int:
    path = _config_file(options.profile)
    python = path.with_suffix(".py")
    if python.exists() and re.search(r"^[^#\n]*\blazy_magics\b", python.read_text(encoding="utf-8", errors="replace"), re.M):
        raise SettingsError(
            t("{path} sets lazy_magics itself, and one of the two would be lost.", path=python),
            t("Write there: {line}", line=f"c.MagicsManager.lazy_magics.update(dict.fromkeys({names()}, {MODULE!r}))"),
        )
    text, taken = _changed(path, enabled)
    _write(path, text)
    return _tell(options, path, on=True, taken=taken)


def _disable(options: Namespace) -> int:
    path = _config_file(options.profile)
    if path.exists():
        text = _changed(path, disabled)
        if text:
            _write(path, text)
        else:
            path.unlink()
    return _tell(options, path, on=False, taken=[])


def _config_file(profile: str) -> Path:
    from IPython.paths import get_ipython_dir

    if not re.fullmatch(r"[\w.-]+", profile):
        raise SettingsError(t("“{name}” cannot name a profile.", name=profile))
    return Path(get_ipython_dir()) / f"profile_{profile}" / "ipython_config.json"


def _changed(path: Path, change: Any) -> Any:
    try:
        return change(path.read_text(encoding="utf-8") if path.exists() else "")
    except (ValueError, AttributeError, TypeError) as error:
        raise SettingsError(
            t("{path} is not what IPython writes, and was left as it is: {error}", path=path, error=error)
        ) from error


def _write(path: Path, text: str) -> None:
    """Replace the file as a whole, or not at all. A link stays a link."""
    path = path.resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        other = path.with_name(f".{path.name}.{os.getpid()}")
        other.write_text(text, encoding="utf-8")
        if path.exists():
            other.chmod(path.stat().st_mode & 0o777)
        other.replace(path)
    except OSError as error:
        raise SettingsError(t("{path} cannot be written: {error}", path=path, error=error.strerror)) from error


def _tell(options: Namespace, path: Path, *, on: bool, taken: list[str]) -> int:
    if options.json:
        print(json.dumps({"enabled": on, "file": str(path), "taken": taken}))
        return 0
    if on:
        print(t("The magics come up on first use: {path}", path=path))
        if taken:
            print(t("These names belong to other extensions and stay theirs: {names}", names=", ".join(taken)))
    else:
        print(t("The magics want %load_ext modelarts_nb again."))
    return 0
