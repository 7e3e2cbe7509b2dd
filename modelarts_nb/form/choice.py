"""What a person chose, as one frozen value, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from ..catalog import Base, Catalog
from ..errors import DockerfileSyntaxError, InvalidReference
from ..messages import mark, t
from ..reference import ImageReference, parse_reference
from ..text import size

SOURCES = ("none", "imports", "requirements", "environment", "listed")
REQUIREMENTS = "requirements.txt"
ENVIRONMENT = "environment.yml"
DEFAULT_TARGET = "my-image:v1"

_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
# PEP 508, without URLs: name, extras, version comparisons, marker
_REQUIREMENT = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:\s*\[[A-Za-z0-9._,\s-]*\])?"
    r"\s*(?:(?:===|==|~=|!=|<=|>=|<|>)\s*[A-Za-z0-9.*+!_-]+(?:\s*,\s*(?:===|==|~=|!=|<=|>=|<|>)\s*[A-Za-z0-9.*+!_-]+)*)?"
    r"\s*(?:;(?!.*<<)[A-Za-z0-9_.\"'<>=!~ (),-]*)?\Z"  # nothing that a shell or a heredoc would take up
)


@dataclass(frozen=True)
class Choice:
    """The form's content. ``registry`` is the host of the region's registry. ``version``: of CUDA or CANN ("": any), and
    ``python`` ("": any) narrow the choice of ``base``, the name of a base image of the catalogue.

    ``source`` is one of ``SOURCES``: where the packages come from; ``requirements`` are their lines. ``code`` is the folder
    with the training code ("": no training), ``boot`` the script in it that starts. ``target`` is what the image is called,
    ORGANIZATION/REPOSITORY:TAG (without an organization nothing is pushed). ``kept``: the Dockerfile that the form was
    opened from, of which everything stays that the form does not know.
    """

    registry: str = ""
    contract: str = "v1"
    processor: str = "cpu"
    version: str = ""
    python: str = ""
    base: str = ""
    tag: str = ""
    source: str = "none"
    requirements: tuple[str, ...] = ()
    mirror: str = ""
    code: str = ""
    boot: str = "train.py"
    target: str = DEFAULT_TARGET
    kept: str = ""

    @property
    def image(self) -> ImageReference:
        """What the image is called here, without registry and organization. Raises InvalidReference."""
        parsed = parse_reference(self.target)
        return replace(parsed, host="", path=parsed.repository).tagged()

    @property
    def name(self) -> str:
        """The name that the Dockerfile is kept under: the repository's."""
        return self.image.path.rpartition("/")[2]

    @property
    def destination(self) -> str:
        """Where the image is pushed to; "" where no organization is named."""
        parsed = parse_reference(self.target)
        return str(replace(parsed, host=self.registry).tagged()) if parsed.organization and self.registry else ""


@dataclass(frozen=True)
class Folder:
    """What is known of the code folder, and of the files that packages come from; asked at the edge.

    ``scripts`` are its Python files; ``bytes`` its size; ``files`` which of ``REQUIREMENTS`` and ``ENVIRONMENT`` are here;
    ``python`` is the version of this kernel.
    """

    exists: bool = True
    scripts: tuple[str, ...] = ()
    bytes: int = 0
    files: tuple[str, ...] = (REQUIREMENTS, ENVIRONMENT)
    python: str = ""


@dataclass(frozen=True)
class Problem:
    """What is wrong with one field. An error keeps the form from writing; a note informs."""

    field: str
    message: str
    error: bool = True


def bases(choice: Choice, catalog: Catalog, offered: tuple[str, ...] = ()) -> tuple[Base, ...]:
    """The base images that fit the choice, of those named in ``offered`` (empty: of all)."""
    region = next((region.id for region in catalog.all_regions if region.registry == choice.registry), "")
    found = catalog.bases(
        region=region, contract=choice.contract, processor=choice.processor, python=choice.python,
        cuda=choice.version if choice.processor == "gpu" else "", cann=choice.version if choice.processor == "ascend" else "",
    )
    return tuple(base for base in found if not offered or base.name in offered)


def fitted(choice: Choice, catalog: Catalog, offered: tuple[str, ...] = ()) -> Choice:
    """The choice with what no longer fits replaced by the nearest that does: version, Python, base and tag, in this order."""
    if choice.version not in versions(choice, catalog, offered):
        choice = replace(choice, version="")
    if choice.python not in pythons(choice, catalog, offered):
        choice = replace(choice, python="")
    if choice.kept and not choice.base:
        return choice  # the image that is written there stays until another is chosen
    found = bases(choice, catalog, offered)
    base = next((base for base in found if base.name == choice.base), found[0] if found else None)
    if base is None:
        return replace(choice, base="", tag="")
    kept = choice.base == base.name and choice.tag and (choice.tag in base.tags or choice.kept)
    return replace(choice, base=base.name, tag=choice.tag if kept else base.recommended)


def versions(choice: Choice, catalog: Catalog, offered: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The versions of CUDA or CANN to choose from, newest first."""
    field = {"gpu": "cuda", "ascend": "cann"}.get(choice.processor, "")
    found = {getattr(base, field) for base in bases(replace(choice, version="", python=""), catalog, offered)} if field else ()
    return _newest(found)


def pythons(choice: Choice, catalog: Catalog, offered: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The versions of Python to choose from, newest first."""
    return _newest({base.python for base in bases(replace(choice, python=""), catalog, offered)})


def _newest(found: Iterable[str]) -> tuple[str, ...]:
    def key(version: str) -> list[tuple[int, str]]:
        return [(int(part), "") if part.isdigit() else (0, part) for part in version.split(".")]

    return tuple(sorted(filter(None, found), key=key, reverse=True))


_PROBLEM_NO_BASE = mark("The catalogue has no base image for this choice.")


def check(choice: Choice, catalog: Catalog, folder: Folder) -> tuple[Problem, ...]:
    """What is wrong with the choice, in the order of the form's fields."""
    return (*_base(choice, catalog), *_packages(choice, folder), *_mirror(choice), *_code(choice, catalog, folder),
            *_target(choice, catalog))


def _base(choice: Choice, catalog: Catalog) -> list[Problem]:
    if choice.kept:
        from ..dockerfile import parse_dockerfile

        try:
            parse_dockerfile(choice.kept, origin="cell", first_line=2)
        except DockerfileSyntaxError as error:
            return [Problem("base", str(error).partition("\n")[0])]
    if not choice.base:
        return [] if choice.kept else [Problem("base", t(_PROBLEM_NO_BASE))]
    base = next((base for base in catalog.all_bases if base.name == choice.base), None)
    is_region = any(region.registry == choice.registry for region in catalog.all_regions)
    if base is not None and not base.verified and is_region:
        told = t("From public documents; whether it can be pulled today shows at the first build.")
        return [Problem("base", told, error=False)]
    return []


def _packages(choice: Choice, folder: Folder) -> list[Problem]:
    found = []
    needed = {"requirements": REQUIREMENTS, "environment": ENVIRONMENT}.get(choice.source)
    if needed and needed not in folder.files:
        found.append(Problem("source", t("There is no {file} beside this notebook.", file=needed)))
    for line in choice.requirements:
        if not _REQUIREMENT.match(line):
            found.append(Problem("requirements", t("“{line}” is not a package: write name==version.", line=line[:60])))
    if choice.source == "imports" and choice.python and folder.python and choice.python != folder.python:
        found.append(Problem("requirements", t(
            "This kernel runs Python {here}, the image Python {there}: not every version exists for both.",
            here=folder.python, there=choice.python), error=False))
    return found


def _mirror(choice: Choice) -> list[Problem]:
    if not choice.mirror:
        return []
    try:
        url = urlsplit(choice.mirror)
        fits = url.scheme in ("http", "https") and bool(url.hostname) and not re.search(r"[\s\"'\\`$]", choice.mirror)
    except ValueError:
        return [Problem("mirror", t("This is not the address of a package index: write https://HOST/simple."))]
    if not fits:
        return [Problem("mirror", t("This is not the address of a package index: write https://HOST/simple."))]
    if url.username or url.password:
        told = t("A password in the address would be readable in the image. Leave it to pip's configuration.")
        return [Problem("mirror", told)]
    return []


def _code(choice: Choice, catalog: Catalog, folder: Folder) -> list[Problem]:
    if not choice.code:
        return []
    if _CONTROLS.search(choice.code + choice.boot) or not folder.exists:
        return [Problem("code", t("There is no folder {path} here.", path=choice.code))]
    limit = catalog.limits(choice.contract).code_bytes
    if folder.bytes > limit:
        return [Problem("code", t("The folder has {size}; ModelArts advises {limit} at the most.", size=size(folder.bytes),
                                  limit=size(limit)), error=False)]
    if choice.boot not in folder.scripts:
        return [Problem("boot", t("There is no {file} in the folder.", file=choice.boot or "*.py"), error=False)]
    return []


def _target(choice: Choice, catalog: Catalog) -> list[Problem]:
    is_swr = any(region.registry == choice.registry for region in catalog.all_regions)
    try:
        parsed = parse_reference(choice.target)
        if parsed.host or parsed.digest:
            return [Problem("target", t("Write ORGANIZATION/NAME:TAG; the region says which registry."))]
        parse_reference(choice.target, swr=is_swr and bool(parsed.organization))
    except InvalidReference as error:
        return [Problem("target", " ".join(filter(None, (error.message, error.hint))))]
    if not parsed.tag:
        return [Problem("target", t("Give it a tag, for example {name}:v1.", name=parsed.path))]
    if not parsed.organization:
        return [Problem("target", t("Without an organization the image stays here; write ORGANIZATION/{name} to push it.",
                                    name=choice.target), error=False)]
    return []
