"""What the rules on images look at: the image, its layers, its base, what was found in its files, how it ran."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ...catalog import Limits
from ...layers import places
from ...layers.fold import Changes, Folded, Found, Ref
from ...layers.index import LayerIndex, Owner
from ...text import clean, shorten

_PACKAGE = re.compile(r"/?(?P<name>[^/]+?)-(?P<version>\d[^/-]*)[^/]*\.(?:dist-info|egg-info)$")


@dataclass(frozen=True)
class LayerFacts:
    """One layer, from 1. ``size``: bytes of its files. ``instruction`` made it, on ``line`` to ``end_line`` of the Dockerfile
    (0: not known). ``wasted``: bytes of it that later layers hide. ``problem``: why it could not be read ("": it was)."""

    number: int
    size: int
    files: int = 0
    instruction: str = ""
    line: int = 0
    end_line: int = 0
    base: bool = False
    wasted: int = 0
    problem: str = ""


@dataclass(frozen=True)
class HistoryFacts:
    """One entry of the history: the instruction, its lines in the Dockerfile (0: not known), the layer it made (0: none)."""

    text: str
    line: int = 0
    end_line: int = 0
    layer: int = 0


@dataclass(frozen=True)
class BaseFacts:
    """The base. ``layers``: how many of the image's are its (0: the image is not derived from it).

    ``official``: the catalogue knows it, or it is the sandbox's stand-in for one. ``compared``: the image's files were
    compared with its. ``changed`` and ``removed`` count its files where the image is not derived from it. ``env``: of its
    configuration. ``looked_at``: the official bases that this Engine has.
    """

    reference: str = ""
    layers: int = 0
    official: bool = False
    compared: bool = False
    given: bool = False
    changed: int = 0
    removed: int = 0
    env: Mapping[str, str] = field(default_factory=dict)
    looked_at: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trial:
    """A start of the image as the contract's user, without a network. ``denied``: folders that could not be written to.

    ``imports``: (package, the error's last line) of those that could not be imported. ``skipped``: why it was not tried.
    """

    skipped: str = ""
    failed: str = ""
    python: str = ""
    tried: tuple[str, ...] = ()
    imports: tuple[tuple[str, str], ...] = ()
    denied: tuple[str, ...] = ()


@dataclass(frozen=True)
class Package:
    """A Python package in the image. ``asked``: it was asked for by name, not brought by another."""

    name: str
    version: str
    folder: str
    layer: int
    asked: bool = False


@dataclass(frozen=True)
class ImageFacts:
    """All of it. ``config``: the image's configuration, as OCI names its fields (``Env``, ``User``, …)."""

    reference: str
    limits: Limits
    size: int
    platform: str
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)
    layers: tuple[LayerFacts, ...] = ()
    base: BaseFacts = field(default_factory=BaseFacts)
    history: tuple[HistoryFacts, ...] = field(default=(), repr=False)
    indexes: Sequence[LayerIndex | None] = field(default=(), repr=False)
    folded: Folded = field(default_factory=Folded, repr=False)
    problems: tuple[str, ...] = ()
    media_type: str = ""
    media_from: str = ""
    trial: Trial = field(default_factory=Trial)

    @property
    def contract(self) -> str:
        """The generation: v1 or v2."""
        return self.limits.contract

    def layer(self, number: int) -> LayerFacts:
        """A layer by its number, from 0 as in ``layers/``."""
        return self.layers[number] if number < len(self.layers) else LayerFacts(number + 1, 0)

    @cached_property
    def env(self) -> dict[str, str]:
        """The environment that the image sets."""
        return env_of(self.config)

    @property
    def user(self) -> str:
        """``USER`` as the image says it, without a group; "" for root."""
        return str(self.config.get("User") or "").partition(":")[0]

    def command(self, name: str) -> tuple[str, ...]:
        """``Entrypoint`` or ``Cmd``."""
        words = self.config.get(name)
        return tuple(map(str, words)) if isinstance(words, list) else (str(words),) if words else ()

    def made_by(self, keyword: str, part: str = "") -> HistoryFacts:
        """The last instruction of that keyword with ``part`` in it."""
        found = (each for each in reversed(self.history) if each.text.startswith(f"{keyword} ") and part in each.text)
        return next(found, HistoryFacts(""))

    def marked(self, *what: str, hidden: bool = False) -> Iterator[Found]:
        """Marked files that are there in the end, or were and are hidden now."""
        yield from (found for found in (self.folded.hidden if hidden else self.folded.found) if found.what in what)

    def owner(self, ref: Ref) -> Owner:
        """Kind, mode and owner of an entry."""
        index = self.indexes[ref.layer]
        assert index is not None
        return index.owner(ref.place)

    def text(self, path: str) -> str | None:
        """The text of a small file that was kept (accounts, dpkg's lists, …); None where it is not there."""
        for found in self.folded.found:
            index = self.indexes[found.ref.layer]
            if found.path == path.encode() and index is not None:
                content = index.content(found.ref.place)
                return content.decode("utf-8", "replace") if content is not None else None
        return None

    @cached_property
    def users(self) -> dict[str, tuple[int, int, str]]:
        """Accounts of the image: uid, gid, home by name."""
        found = {}
        for line in (self.text("etc/passwd") or "").splitlines():
            parts = line.split(":")
            if len(parts) >= 6 and parts[2].isdigit() and parts[3].isdigit():
                found[parts[0]] = (int(parts[2]), int(parts[3]), parts[5])
        return found

    @cached_property
    def packages(self) -> tuple[Package, ...]:
        """Python packages that are there in the end."""
        asked = {shown(found.path).rpartition("/")[0] for found in self.marked(places.REQUESTED)}
        packages = {}
        for found in self.marked(places.METADATA_FILE):
            folder = shown(found.path).rpartition("/")[0]
            match = _PACKAGE.search(folder)
            if match:
                name = re.sub(r"[-_.]+", "-", match["name"]).lower()
                packages[folder] = Package(name, match["version"], folder, found.ref.layer, folder in asked)
        return tuple(packages[folder] for folder in sorted(packages))

    def debian_package(self, path: str) -> str:
        """The Debian package, not the base's, that brought a marked file; "" where dpkg's lists in the image do not say so."""
        return self._brought.get(path, "")

    @cached_property
    def _brought(self) -> dict[str, str]:
        """Debian packages by the marked files that they brought: each list is read once."""
        wanted = {f"/{shown(found.path)}": shown(found.path) for found in self.marked("setuid", "capability", places.DRIVER)}
        # with a merged /usr, lists may name /bin for /usr/bin
        wanted |= {f"/{path.removeprefix('usr/')}": path for path in wanted.values()}
        brought: dict[str, str] = {}
        for found in self.marked(places.DPKG_LIST) if wanted else ():
            index = self.indexes[found.ref.layer]
            content = index.content(found.ref.place) if index is not None and found.ref.layer >= self.base.layers else None
            name = shown(found.path).rpartition("/")[2].removesuffix(".list").partition(":")[0]
            for line in (content or b"").decode("utf-8", "replace").splitlines():
                if line in wanted:
                    brought[wanted[line]] = name
        return brought

    def changes(self, wanted: int, *what: str) -> Iterator[Changes]:
        """Groups of changed base files in such places."""
        yield from (group for group in self.folded.changes if group.place & wanted and (not what or group.what in what))


def env_of(config: Mapping[str, Any]) -> dict[str, str]:
    """``Env`` of a configuration as a mapping."""
    env = config.get("Env")
    return dict(str(each).partition("=")[::2] for each in env) if isinstance(env, list) else {}


def shown(path: bytes) -> str:
    """A path as text that is safe to show: what is no UTF-8 is written with backslashes."""
    return shorten(clean(path.decode("utf-8", "backslashreplace")), 300)
