"""``%freeze``: what a kernel has imported as a ``%%dockerfile`` cell. Values in, text out.

What an index has is pinned and installed. What no index has is not guessed at: it stands there as a comment that says why,
with the line that would bring it, and is told beside the cell.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..catalog import Catalog
from ..messages import t
from ..text import clean
from .cells import dockerfile_text
from .choice import Choice
from .packages import Installed, pinned


@dataclass(frozen=True)
class Frozen:
    """The cell, its base image, how many packages it pins, and what a person must know of it, the weightiest first."""

    name: str
    cell: str
    base: str
    pinned: tuple[str, ...]
    told: tuple[str, ...] = ()


def freeze(
    packages: Sequence[Installed], choice: Choice, catalog: Catalog, *, name: str, base: str = "", here: str = "",
    there: str = "", own: Sequence[str] = (), unknown: Sequence[str] = (),
) -> Frozen:
    """The cell for these packages. ``base``: the image to start from; "": that of ``choice``. ``here`` and ``there`` are the
    versions of Python of the kernel and, where it is known, of the base; ``own`` are modules beside the notebook, ``unknown``
    those that no package holds. Raises DockerfileSyntaxError for a ``base`` that is none.
    """
    lines = pinned(packages)
    chosen = replace(choice, source="listed" if lines else "none", requirements=lines)
    if base:
        chosen = replace(chosen, base="", kept=f"FROM {base}\nUSER {catalog.limits(choice.contract).user}\n")
    *body, user = dockerfile_text(chosen, catalog).rstrip().split("\n")
    told: list[str] = []
    comments: list[str] = []
    for said, *mend in (*_python(here, there), *_packages(packages), *_own(own), *_unknown(unknown)):
        told.append(clean(" ".join(said.split())))  # names are whatever a package's metadata say
        comments += [f"# {told[-1]}", *(f"#   {clean(' '.join(line.split()))}" for line in mend)]
    text = "\n".join((f"%%dockerfile {shlex.quote(name)}", *body, *comments, user))
    return Frozen(name, text, body[0].split()[-1], lines, tuple(told))


Remark = tuple[str, ...]  # what is said, and the lines that would mend it


def _python(here: str, there: str) -> Iterator[Remark]:
    if here and there and here != there:
        yield t("This kernel runs Python {here}, the image Python {there}: not every version exists for both.",
                here=here, there=there),
    elif here and not there:
        yield t("This kernel runs Python {here}; which one the base image has is not known here.", here=here),


def _packages(packages: Sequence[Installed]) -> Iterator[Remark]:
    for package in sorted(packages, key=lambda each: each.name.lower()):
        label = f"{package.name} {package.version}"
        if package.origin == "vcs":
            yield (t("{package} is from a repository, at one commit; the image needs git and a way to it.", package=label),
                   f"RUN pip install --no-cache-dir {_word(package.source)}")
        elif package.origin == "url":
            yield (t("{package} is from an address, not from an index.", package=label),
                   f"RUN pip install --no-cache-dir {_word(package.source)}")
        elif package.elsewhere and package.place:
            yield (t("{package} is from {place} on this machine; no index has it.", package=label, place=package.place),
                   *_copied(package.place))
        elif package.elsewhere:
            yield (t("{package} is from a folder of this machine; no index has it. Copy it beside this notebook.",
                     package=label),
                   *_copied(re.sub(r"[^\w.-]", "-", package.name)))
        elif package.local:
            yield _local(package)
        elif package.origin:
            yield t("{package} was installed by {program}: the index may not have this version.", package=label,
                    program=package.origin),


def _local(package: Installed) -> Remark:
    """A local version: of PyTorch and those built beside it an index of its own has it (pytorch.org, "Previous versions")."""
    known = re.fullmatch(r"cu\d{2,3}|cpu|rocm[\d.]+", package.local)
    said = t("{package} is a build that the usual index does not have; it gives {public}, which may be another build.",
             package=f"{package.name} {package.version}", public=package.public)
    wanted = _word(f"{package.name}=={package.version}")
    index = f"https://download.pytorch.org/whl/{package.local}"
    return (said, f"RUN pip install --no-cache-dir --extra-index-url {index} {wanted}") if known else (said,)


def _own(places: Sequence[str]) -> Iterator[Remark]:
    for place in places:
        name = re.sub(r"\s", "?", place)  # COPY's own sign for any one character
        target = f"/home/work/{name}" + ("" if place.endswith(".py") else "/")
        yield (t("{place} is a module of your own: give it with %train --code, or copy it into the image.", place=place),
               f"COPY {name} {target}")


def _unknown(modules: Sequence[str]) -> Iterator[Remark]:
    for module in modules:
        yield t("No package here holds the module {module}.", module=module),


def _copied(place: str) -> Remark:
    name = re.sub(r"\s", "?", place)
    inside = f"/tmp/{re.sub(r'[^A-Za-z0-9._-]', '-', place.rstrip('/').rpartition('/')[2])}"  # noqa: S108  # in the image
    return f"COPY {name} {inside}", f"RUN pip install --no-cache-dir {inside}"


def _word(text: str) -> str:
    return shlex.quote(" ".join(text.split()))
