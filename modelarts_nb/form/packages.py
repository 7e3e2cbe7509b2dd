"""Where packages come from: the imports of executed cells, ``requirements.txt``, ``environment.yml``. Text in, lines out."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass

OURS = frozenset({"modelarts_nb", "IPython", "ipywidgets"})  # the notebook's own
_NO_PIP = frozenset({"python", "pip", "setuptools", "wheel", "cudatoolkit", "cudnn", "nodejs"})  # of an environment.yml
_CONDA = re.compile(r"(?:[\w-]+::)?(?P<name>[A-Za-z0-9._-]+)\s*(?P<rest>[=<>!~].*)?\Z")


def imported_modules(cells: Iterable[str]) -> tuple[str, ...]:
    """The top-level modules that these cells import, in the order of their first import; the standard library's are left
    out. A cell that is no Python is skipped."""
    found: dict[str, None] = {}
    for cell in cells:
        try:
            tree = ast.parse(cell)
        except (SyntaxError, ValueError, RecursionError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found.update((alias.name.partition(".")[0], None) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found[node.module.partition(".")[0]] = None
    return tuple(name for name in found if name not in sys.stdlib_module_names and name not in OURS)


@dataclass(frozen=True)
class Installed:
    """A package of this environment. ``origin``: where it is from, if not from an index: ``editable``, ``folder``, ``file``,
    ``vcs``, ``url``, or the program that installed it (``conda``). ``source`` is what pip would name to get it again ("":
    it is on this machine alone); ``place``: its folder, relative to here, where it lies below."""

    name: str
    version: str
    origin: str = ""
    source: str = ""
    place: str = ""

    @property
    def public(self) -> str:
        """The version without a local part, which no public index has: 2.1.0 of ``2.1.0+cu118``."""
        return self.version.partition("+")[0]

    @property
    def local(self) -> str:
        """The local part: ``cu118``."""
        return self.version.partition("+")[2]

    @property
    def elsewhere(self) -> bool:
        """Whether an index cannot be asked for it."""
        return self.origin in ("editable", "folder", "file", "vcs", "url")


def pinned(packages: Iterable[Installed]) -> tuple[str, ...]:
    """The packages that an index has, as ``name==version``, by name."""
    found = {package.name: package.public for package in packages if not package.elsewhere}
    return tuple(f"{name}=={version}" for name, version in sorted(found.items(), key=lambda item: item[0].lower()))


def environment_lines(text: str) -> tuple[str, ...]:
    """The packages of an ``environment.yml`` as pip would name them; Python, pip and what no index has are left out.

    Read line by line, as conda writes it: ``dependencies``, below it ``- name=version=build`` and a ``- pip:`` of its own.
    """
    found: list[str] = []
    inside = in_pip = False
    for raw in text.splitlines():
        line = raw.partition(" #")[0].rstrip()
        if line and not line[0].isspace() and not line.startswith("-"):
            inside, in_pip = line.startswith("dependencies:"), False
            continue
        item = line.strip()
        if not inside or not item.startswith("- "):
            continue
        item = item[2:].strip().strip("\"'")
        if item == "pip:":
            in_pip, pip_indent = True, len(line) - len(line.lstrip())
            continue
        if in_pip and len(line) - len(line.lstrip()) <= pip_indent:
            in_pip = False
        found.append(item) if in_pip else found.extend(_from_conda(item))
    return tuple(found)


def _from_conda(item: str) -> list[str]:
    read = _CONDA.match(item)
    if not read or read["name"].lower() in _NO_PIP:
        return []
    rest = (read["rest"] or "").replace(" ", "")
    if rest.startswith("=") and not rest.startswith("=="):  # name=version=build; a version of conda's is a prefix
        version = rest[1:].partition("=")[0]
        return [f"{read['name']}=={version}" + ("" if version.count(".") >= 2 or "*" in version else ".*")]
    return [read["name"] + rest]
