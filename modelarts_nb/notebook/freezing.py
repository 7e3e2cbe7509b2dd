"""``%freeze``: finds what to freeze and the base that fits it, and brings the cell into the notebook."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .. import api
from ..form.choice import DEFAULT_TARGET, Choice, fitted
from ..form.freeze import Frozen, freeze
from ..form.packages import Installed, imported_modules
from ..messages import t
from . import installed
from .form import surroundings
from .view.card import Fact, facts

SHOWN = 12  # remarks that a card holds; the cell has all


@facts.register
def _(result: Frozen) -> Sequence[Fact]:
    count = len(result.pinned)
    rows = [Fact(t("Base image"), result.base, code=True),
            Fact(t("Pinned"), t("1 package") if count == 1 else t("{count} packages", count=count))]
    return [*rows, *(Fact(t("Note"), said) for said in result.told[:SHOWN])]


def frozen(shell: Any, *, name: str, base: str, python: str, everything: bool) -> Frozen:
    """What ``%freeze`` answers. Raises DockerfileSyntaxError for a base that is none."""
    here = installed.everything() if everything else installed.of(imported_modules(installed.cells(shell)))
    catalog = api.catalog()
    places = surroundings.places(catalog)
    start = surroundings.defaults(places, catalog)
    offered = next((place.offered for place in places if place.registry == start.registry), ())
    choice = fitting(start, here.packages, python or installed.python(), catalog, offered)
    if base:
        known = catalog.find_base(base)
        there = known.base.python if known is not None else ""
    else:
        there = next((each.python for each in catalog.all_bases if each.name == choice.base), "")
    return freeze(
        here.packages, choice, catalog, name=name, base=base, here=installed.python(), there=there or python, own=here.own,
        unknown=here.unknown,
    )


def fitting(
    start: Choice, packages: Sequence[Installed], python: str, catalog: Any, offered: tuple[str, ...] = ()
) -> Choice:
    """The choice with the base image that is nearest: of this Python, and for the CUDA that builds of packages name."""
    cuda = next((each.local for each in packages if re.fullmatch(r"cu\d{2,3}", each.local)), "")
    wanted = replace(start, target=start.target or DEFAULT_TARGET, python=python, base="", tag="")
    if cuda:
        version = f"{cuda[2:-1]}.{cuda[-1]}"
        gpu = fitted(replace(wanted, processor="gpu", version=version), catalog, offered)
        if gpu.base:
            return gpu
    found = fitted(wanted, catalog, offered)
    return found if found.base else fitted(replace(start, base="", tag="", python=""), catalog, offered)


def deliver(shell: Any, result: Frozen, *, attended: bool) -> None:
    """The cell below this one where somebody sits before a notebook; else as text, to copy."""
    if attended:
        shell.set_next_input(result.cell, replace=False)
    else:
        print(result.cell)  # noqa: T201  # it is the output
