"""What the platform offers, as values: regions and their addresses, base images, and the limits of each contract.

The facts are in ``catalog.json`` beside this module, each entry with its ``source``. Base images change faster than
releases do, so a person can correct all of it: a file of the same form is merged over ours, entry by entry (``load``).
Whether a base image can be pulled today was tried for none of them: ``verified`` says so, and is for a person's own file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from .errors import SettingsError
from .messages import t
from .reference import ImageReference, parse_reference

PROCESSORS = ("cpu", "gpu", "ascend")
GENERATIONS = ("v1", "v2")
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True)
class Region:
    """A region of Huawei Cloud. ``en`` and ``zh`` are its names; ``endpoints`` holds the addresses that do not follow the
    common form; ``has_modelarts`` whether ModelArts is there."""

    id: str
    en: str
    zh: str
    source: str
    has_modelarts: bool = False
    verified: bool = True
    endpoints: Mapping[str, str] = field(default_factory=dict)

    @property
    def registry(self) -> str:
        """The host that images are pushed to and pulled from."""
        return self.endpoints.get("registry", f"swr.{self.id}.myhuaweicloud.com")

    @property
    def swr_api(self) -> str:
        """URL of SWR's API, which manages organizations, repositories and logins."""
        return self._endpoint("swr_api", "swr-api")

    @property
    def modelarts(self) -> str:
        """URL of ModelArts' API; "" where the region has none."""
        return self._endpoint("modelarts") if self.has_modelarts else ""

    @property
    def iam(self) -> str:
        """URL of IAM's API."""
        return self._endpoint("iam")

    @property
    def obs(self) -> str:
        """URL of object storage; a bucket's own is ``https://BUCKET.HOST``."""
        return self._endpoint("obs")

    def _endpoint(self, service: str, host: str = "") -> str:
        return self.endpoints.get(service, f"https://{host or service}.{self.id}.myhuaweicloud.com")


@dataclass(frozen=True)
class Base:
    """An official base image. ``name`` tells it from the others; ``tags`` are newest first.

    ``processor`` is one of ``PROCESSORS``. Versions that are not documented are "". ``regions`` are those that its source
    names; empty: the source names none.
    """

    name: str
    repository: str
    contract: str
    processor: str
    tags: tuple[str, ...]
    source: str
    cuda: str = ""
    cann: str = ""
    python: str = ""
    framework: str = ""
    os: str = ""
    arch: str = ""
    regions: tuple[str, ...] = ()
    verified: bool = False

    @property
    def recommended(self) -> str:
        """The tag to take: the newest."""
        return self.tags[0]

    def reference(self, region: Region, tag: str = "") -> ImageReference:
        """The image in a region's registry."""
        return ImageReference(region.registry, self.repository, tag or self.recommended)


@dataclass(frozen=True)
class Limits:
    """What a generation of the container contract allows, in bytes, and the user that its containers run as."""

    contract: str
    uid: int
    gid: int
    user: str
    home: str
    image_bytes: int
    advised_bytes: int
    layer_bytes: int
    code_bytes: int
    source: str


@dataclass(frozen=True)
class OfficialBase:
    """What an image reference was found to be: which base, in which region (None: a local copy), and whether its tag is one
    that the catalogue knows."""

    base: Base
    region: Region | None
    tag_known: bool


@dataclass(frozen=True)
class Catalog:
    """All of it. ``regions``, ``bases`` and ``limits`` are asked, not read."""

    all_regions: tuple[Region, ...]
    all_bases: tuple[Base, ...]
    all_limits: tuple[Limits, ...]

    def regions(self, *, modelarts: bool = False) -> tuple[Region, ...]:
        """The regions, those with ModelArts only if asked so."""
        return tuple(region for region in self.all_regions if region.has_modelarts or not modelarts)

    def region(self, name: str) -> Region:
        """The region of that id. Raises SettingsError naming what there is."""
        for region in self.all_regions:
            if region.id == name:
                return region
        known = ", ".join(region.id for region in self.all_regions)
        raise SettingsError(t("“{name}” is not a region.", name=name), t("There are: {known}.", known=known))

    def bases(
        self, *, region: str = "", contract: str = "", processor: str = "", cuda: str = "", cann: str = "", python: str = "",
    ) -> tuple[Base, ...]:
        """The base images that fit; "" leaves a property open. One whose regions are not documented fits every region."""
        wanted = {"contract": contract, "processor": processor, "cuda": cuda, "cann": cann, "python": python}
        return tuple(
            base for base in self.all_bases
            if all(getattr(base, name) == value for name, value in wanted.items() if value)
            and (not region or not base.regions or region in base.regions)
        )

    def limits(self, contract: str) -> Limits:
        """The limits of a generation. Raises SettingsError for one that is none."""
        for limits in self.all_limits:
            if limits.contract == contract:
                return limits
        known = ", ".join(GENERATIONS)
        raise SettingsError(t("“{name}” is not a contract.", name=contract), t("There are: {known}.", known=known))

    def find_base(self, reference: ImageReference | str) -> OfficialBase | None:
        """Which official base a reference names, in any region's registry or on this machine (the sandbox's); None: none.

        Raises InvalidReference for a text that is no reference.
        """
        image = parse_reference(reference) if isinstance(reference, str) else reference
        region = next((region for region in self.all_regions if region.registry == image.host), None)
        if region is None and image.host.rpartition(":")[0] not in LOOPBACK and image.host not in LOOPBACK:
            return None
        same = [base for base in self.all_bases if base.repository == image.path]
        for base in same:
            if image.tag in base.tags:
                return OfficialBase(base, region, tag_known=True)
        for base in same:  # one repository may hold several bases, whose tags start with their names
            if len(same) == 1 or image.tag.startswith(f"{base.name}-"):
                return OfficialBase(base, region, tag_known=False)
        return OfficialBase(same[0], region, tag_known=False) if same else None


Entry = TypeVar("Entry", Region, Base, Limits)
_PARTS: dict[str, tuple[type, str]] = {"regions": (Region, "id"), "bases": (Base, "name"), "limits": (Limits, "contract")}
_CHOICES = {"processor": PROCESSORS, "contract": GENERATIONS}


@cache
def builtin() -> Catalog:
    """The catalogue that comes with the product."""
    return load({})


def load(own: Mapping[str, Any], origin: str = "catalog.json") -> Catalog:
    """The catalogue with a person's own entries merged over it.

    ``own`` has the form of ``catalog.json``. An entry of a known ``id`` (regions), ``name`` (bases) or ``contract``
    (limits) changes the fields that it gives, ``"remove": true`` takes it out, and any other is added, before ours.
    Raises SettingsError naming file, entry and field.
    """
    ours = json.loads((Path(__file__).parent / "catalog.json").read_text(encoding="utf-8"))
    if not isinstance(own, Mapping) or set(own) - set(_PARTS):
        raise SettingsError(
            t("{origin} is not a catalogue.", origin=origin), t("It is a JSON object with: {known}.", known=", ".join(_PARTS))
        )
    return Catalog(
        tuple(_entries(Region, "regions", ours, own, origin)), tuple(_entries(Base, "bases", ours, own, origin)),
        tuple(_entries(Limits, "limits", ours, own, origin)),
    )


def _entries(
    kind: type[Entry], part: str, ours: Mapping[str, Any], own: Mapping[str, Any], origin: str
) -> Iterator[Entry]:
    key = _PARTS[part][1]
    changes = own.get(part, [])
    named = isinstance(changes, list) and all(isinstance(each, dict) and isinstance(each.get(key), str) for each in changes)
    if not named:
        raise SettingsError(t("{origin}: each of “{part}” needs “{key}”.", origin=origin, part=part, key=key))
    known = {entry[key]: entry for entry in ours[part]}
    mine = {change[key]: {**known.get(change[key], {}), **change} for change in changes}
    for name, entry in {**{n: e for n, e in mine.items() if n not in known}, **known, **mine}.items():
        if not entry.get("remove"):
            given = {field: value for field, value in entry.items() if field != "remove"}
            if name in mine:
                given.setdefault("source", origin)  # a person's own needs none: it is theirs
            yield _entry(kind, given, f"{origin}: {part}: {name}")


def _entry(kind: type[Entry], given: dict[str, Any], where: str) -> Entry:
    """One entry, checked field by field."""
    known: dict[str, Field[Any]] = {field.name: field for field in fields(kind)}
    for name in given:
        if name not in known:
            raise SettingsError(
                t("{where}: “{name}” is not a field.", where=where, name=name), t("There are: {known}.", known=", ".join(known))
            )
    for name, wanted in known.items():
        if name in given:
            given[name] = _value(name, str(wanted.type), given[name], where)
        elif wanted.default is MISSING and wanted.default_factory is MISSING:
            raise SettingsError(t("{where}: “{name}” is missing.", where=where, name=name))
    return kind(**given)


def _value(name: str, wanted: str, value: Any, where: str) -> Any:
    fits = {
        "str": lambda: isinstance(value, str),
        "bool": lambda: isinstance(value, bool),
        "int": lambda: isinstance(value, int) and not isinstance(value, bool) and value >= 0,
        "tuple[str, ...]": lambda: _texts(value) and (name != "tags" or bool(value)),
        "Mapping[str, str]": lambda: isinstance(value, dict) and _texts(list(value.values())),
    }[wanted]()
    if not fits or (name in _CHOICES and value not in _CHOICES[name]):
        known = ", ".join(_CHOICES.get(name, ()))
        raise SettingsError(
            t("{where}: “{name}” cannot be {value}.", where=where, name=name, value=repr(value)),
            t("There are: {known}.", known=known) if known else "",
        )
    return tuple(value) if wanted.startswith("tuple") else value


def _texts(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(item, str) for item in value)
