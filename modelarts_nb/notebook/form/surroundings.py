"""What the form finds here: regions to choose from, this notebook's imports, files and folders. The form's only I/O."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ... import api
from ...catalog import Catalog
from ...errors import InvalidReference
from ...form import Choice, Folder
from ...form.choice import DEFAULT_TARGET, ENVIRONMENT, REQUIREMENTS, fitted
from ...form.packages import environment_lines, imported_modules, pinned
from ...messages import language, t
from ...reference import parse_reference
from ...sandbox import note
from ...settings import DEFAULT_REGION

MOST_FILES = 2_000  # of a folder that is measured while one types
_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages"})


@dataclass(frozen=True)
class Place:
    """Where images come from and go to: a region, or the sandbox on this machine. ``offered``: the bases that it has
    (empty: all of the catalogue's)."""

    registry: str
    en: str
    zh: str
    id: str
    offered: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Its name in the language spoken now, and its id."""
        return f"{self.zh if language() == 'zh-CN' else self.en} · {self.id}"


def places(catalog: Catalog) -> tuple[Place, ...]:
    """The sandbox where it runs, then the regions that have ModelArts or a documented base image."""
    found = [
        Place(region.registry, region.en, region.zh, region.id) for region in catalog.all_regions
        if region.has_modelarts or any(region.id in base.regions for base in catalog.all_bases)
    ]
    here = note.here()
    official = catalog.find_base(here.base_image) if here is not None else None
    if here is not None and official is not None:
        found.insert(0, Place(here.registry, "Sandbox on this machine", "本机沙箱", here.registry, (official.base.name,)))
    return tuple(found)


def defaults(found: tuple[Place, ...], catalog: Catalog) -> Choice:
    """The choice that the form opens with: the settings' contract, registry and organization, and files that are here."""
    settings = api.current_settings()
    wanted, organization = _push_to(settings.push_to)
    place = next((place for place in found if settings.region in (place.id, "sandbox" if place.offered else place.id)), None)
    place = place or next((place for place in found if place.registry == wanted), None)
    place = place or (found[0] if found[0].offered else next(place for place in found if place.id == DEFAULT_REGION))
    code = next(iter(code_folders()), "")
    choice = Choice(
        registry=place.registry, contract=settings.contract, code=code, boot=boot_script(code),
        target="/".join(filter(None, (organization, DEFAULT_TARGET))),
        source="requirements" if Path(REQUIREMENTS).is_file() else "none",
    )
    choice = fitted(choice, catalog, place.offered)
    if not choice.base:  # a sandbox whose base is of the other generation
        choice = fitted(Choice(registry=choice.registry), catalog, place.offered)
    return choice


def _push_to(text: str) -> tuple[str, str]:
    try:
        parsed = parse_reference(f"{text}/x") if text else None
    except InvalidReference:
        parsed = None
    return (parsed.host, parsed.path.rpartition("/")[0]) if parsed is not None else ("", "")


def imports_here(shell: Any) -> tuple[str, ...]:
    """The packages that the cells run so far import, with the versions of this kernel."""
    return pinned(imported_modules(getattr(shell.history_manager, "input_hist_parsed", ())), _distribution)


def _distribution(module: str) -> tuple[str, str] | None:
    if Path(f"{module}.py").exists() or Path(module, "__init__.py").exists():
        return None  # a file of one's own
    try:
        found = importlib.metadata.distribution(module)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        names = _by_module(tuple(sys.path)).get(module)
        if not names:
            return None
        found = importlib.metadata.distribution(names[0])
    return str(found.metadata["Name"]), found.version


@functools.lru_cache(maxsize=1)
def _by_module(path: tuple[str, ...]) -> Any:
    """Which packages hold a module. Reading all of them takes a while, and the answer is kept as long as the path is."""
    return importlib.metadata.packages_distributions()


def environment_here() -> tuple[str, ...]:
    """The packages of ``environment.yml``; none where it cannot be read."""
    try:
        return environment_lines(Path(ENVIRONMENT).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return ()


def folder(choice: Choice) -> Folder:
    """What is known of the code folder and the files that packages come from."""
    path = Path(choice.code) if choice.code else None
    files = tuple(name for name in (REQUIREMENTS, ENVIRONMENT) if Path(name).is_file())
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    try:
        if path is None or not path.is_dir():
            return Folder(exists=path is None, files=files, python=python)
        return Folder(scripts=scripts(choice.code), bytes=_size(path), files=files, python=python)
    except (OSError, ValueError):  # a name that no folder can have, or one that must not be read
        return Folder(exists=False, files=files, python=python)


def scripts(code: str) -> tuple[str, ...]:
    """The Python files right in a folder, those that usually start a training first."""
    try:
        found = [path.name for path in Path(code).glob("*.py")] if code else []
    except (OSError, ValueError):
        return ()
    return tuple(sorted(found, key=lambda name: (name not in ("train.py", "main.py"), name != "train.py", name)))


def boot_script(code: str) -> str:
    """The script that starts: ``train.py``, ``main.py``, or the first there is."""
    return next(iter(scripts(code)), "train.py")


def code_folders() -> tuple[str, ...]:
    """The folders here that hold Python files."""
    try:
        entries = [entry for entry in os.scandir() if entry.is_dir() and entry.name[0] not in "._"][:200]
        return tuple(sorted(entry.name for entry in entries if scripts(entry.name) and entry.name not in _SKIPPED))
    except OSError:
        return ()


def _size(path: Path) -> int:
    """Bytes of the first ``MOST_FILES`` files below a folder: what is over the limit is told, and typing stays quick."""
    return sum(size for size, _ in zip(_sizes(path), range(MOST_FILES), strict=False))


def _sizes(path: Path) -> Iterable[int]:
    for top, below, names in os.walk(path):
        below[:] = [name for name in below if name not in _SKIPPED and name[0] != "."]
        for name in names:
            yield os.lstat(os.path.join(top, name)).st_size  # noqa: PTH118  # thrice as quick as Path, over thousands of files


def sources(here: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """The origins of packages to choose from: (label, value); ``here``: what this notebook imports."""
    found = [(t("None"), "none")]
    if here:
        found.append((t("What this notebook imports ({count})", count=len(here)), "imports"))
    files = ((REQUIREMENTS, "requirements"), (ENVIRONMENT, "environment"))
    return (*found, *((name, value) for name, value in files if Path(name).is_file()), (t("Listed here"), "listed"))
