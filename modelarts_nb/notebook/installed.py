"""What is installed in this kernel's environment, and which packages hold the modules that its cells import."""

from __future__ import annotations

import functools
import importlib.metadata
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from ..form.packages import Installed, imported_modules

# Installers whose packages an index has as well; others (conda, the distribution's) may pack what no index has
_FROM_AN_INDEX = frozenset({"", "pip", "uv", "poetry", "pdm"})
_NEVER = frozenset({"modelarts-nb", "modelarts_nb", "pip", "setuptools", "wheel"})  # an image has them, or needs none


@dataclass(frozen=True)
class Here:
    """What some modules are: ``packages``; ``own``: files and folders beside the notebook; ``unknown``: neither."""

    packages: tuple[Installed, ...] = ()
    own: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def cells(shell: Any) -> Sequence[str]:
    """The cells run so far, as Python."""
    return list(getattr(getattr(shell, "history_manager", None), "input_hist_parsed", ()))


def of(modules: Iterable[str]) -> Here:
    """What these top-level modules are. A module of one's own counts with what it imports itself."""
    packages: dict[str, Installed] = {}
    own: dict[str, None] = {}
    unknown: list[str] = []
    waiting, seen = list(modules), set[str]()
    while waiting:
        module = waiting.pop(0)
        if module in seen:
            continue
        seen.add(module)
        place = _own(module)
        if place:
            own[place] = None
            waiting += imported_modules(_texts(Path(place)))
            continue
        found = _distributions(module)
        packages.update((each.name, each) for each in found)
        if not found and module not in sys.builtin_module_names:
            unknown.append(module)
    return Here(tuple(packages.values()), tuple(own), tuple(unknown))


def everything() -> Here:
    """All packages of this environment but this product and pip's own tools."""
    found = {str(each.metadata["Name"]): each for each in importlib.metadata.distributions() if each.metadata["Name"]}
    return Here(tuple(_read(each) for name, each in found.items() if name.lower() not in _NEVER))


def python() -> str:
    """The version of Python here: “3.11”."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def _own(module: str) -> str:
    """The file or folder beside the notebook that this module is; "" where it is none."""
    if Path(f"{module}.py").is_file():
        return f"{module}.py"
    folder = Path(module)
    loaded = getattr(sys.modules.get(module), "__path__", None)
    is_namespace = loaded is not None and str(folder.absolute()) in map(str, loaded)
    return module if (folder / "__init__.py").is_file() or (is_namespace and folder.is_dir()) else ""


def _texts(place: Path) -> Iterator[str]:
    for path in [place] if place.is_file() else sorted(place.rglob("*.py"))[:500]:
        try:
            yield path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue  # what cannot be read cannot be imported either


def _distributions(module: str) -> list[Installed]:
    names = list(dict.fromkeys(_by_module(tuple(sys.path)).get(module, (module,))))
    held = []
    for name in names:
        try:
            held.append(importlib.metadata.distribution(name))
        except (importlib.metadata.PackageNotFoundError, ValueError):
            continue  # a module that came without a package
    if len(held) > 1:  # a namespace, as google: of the packages in it those from which something was imported
        files = _loaded(module)
        held = [each for each in held if any(str(each.locate_file(file)) in files for file in each.files or ())] or held
    return [_read(each) for each in held if str(each.metadata["Name"]).lower() not in _NEVER]


def _loaded(module: str) -> set[str]:
    """The files of the modules in it that are loaded."""
    names = [name for name in list(sys.modules) if name == module or name.startswith(f"{module}.")]
    return {str(file) for name in names if (file := getattr(sys.modules[name], "__file__", None))}


@functools.lru_cache(maxsize=1)
def _by_module(path: tuple[str, ...]) -> Any:
    """Which packages hold a module. Reading all of them takes a while, and the answer is kept as long as the path is."""
    return importlib.metadata.packages_distributions()


def _read(found: importlib.metadata.Distribution) -> Installed:
    """The package with where it came from: PEP 610's ``direct_url.json``, else who installed it (``INSTALLER``)."""
    name, version = str(found.metadata["Name"]), found.version
    try:
        url = json.loads(found.read_text("direct_url.json") or "{}")
        origin, source, place = _origin(name, url) if isinstance(url, dict) and url else ("", "", "")
    except (ValueError, TypeError, AttributeError):
        origin = source = place = ""
    if not origin:
        by = (found.read_text("INSTALLER") or "").strip().lower()
        origin = "" if by in _FROM_AN_INDEX else re.sub(r"[^\w.-]", "", by)[:20]
    return Installed(name, version, origin, source, place)


def _origin(name: str, record: dict[str, Any]) -> tuple[str, str, str]:
    """(origin, source, place) of a ``direct_url.json``. Logins in addresses are left out."""
    url = str(record.get("url", ""))
    parts = urlsplit(url)
    plain = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))
    if parts.scheme == "file":
        kind = "file" if "archive_info" in record else "folder"
        if (record.get("dir_info") or {}).get("editable"):
            kind = "editable"
        path = Path(unquote(parts.path))
        return kind, "", path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else ""
    if "vcs_info" in record:
        info = record["vcs_info"]
        return "vcs", f"{name} @ {info.get('vcs', 'git')}+{plain}@{info.get('commit_id', '')}", ""
    return "url", f"{name} @ {plain}", ""
