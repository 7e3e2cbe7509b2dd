"""What completion knows at this moment, gathered without asking anybody who could keep it waiting."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from ... import api
from ...catalog import Catalog
from ...session import session
from ...settings import DEFAULT_REGION
from ..magics import ALL
from . import images
from .words import Known, Option

_KINDS = {
    "--region": "region", "--to": "destination", "--platform": "platform", "--tag": "image", "--cache-from": "image",
    "image": "image", "name": "name", "--base": "base", "--python": "python",
}


def known(shell: Any) -> Known:
    """All of it. Raises SettingsError for a catalogue of one's own that cannot be read."""
    catalog = api.catalog()
    settings = api.current_settings()
    registry, _, organization = settings.push_to.partition("/")
    own = [made.reference for made in (session.image, session.pushed) if made is not None]
    names = tuple(dict.fromkeys(filter(None, (*own, *images.local()))))
    here = [name.partition("/")[0] for name in names if name.startswith("localhost:")]
    return Known(
        catalog=catalog, magics={name: options for magics in ALL for name, options in _magics(magics)},
        dockerfiles=tuple(session.dockerfiles), images=names, registry=registry or _registry(catalog, settings.region),
        destinations=(*([f"{registry}/{organization}/"] if organization else []), *(f"{host}/" for host in here)),
    )


def _registry(catalog: Catalog, region: str) -> str:
    known = {each.id: each.registry for each in catalog.all_regions}
    return known.get(region) or known.get(DEFAULT_REGION, "")


def _magics(magics: Any) -> list[tuple[str, Sequence[Option]]]:
    found: list[tuple[str, Sequence[Option]]] = []
    for names in magics.magics.values():
        for name, method in names.items():
            parser = getattr(getattr(magics, method, None), "parser", None)
            if parser is not None:
                found.append((name, tuple(filter(None, map(_option, parser._actions)))))
    return found


def _option(action: argparse.Action) -> Option | None:
    if isinstance(action, argparse._HelpAction):
        return None
    flags = tuple(action.option_strings)
    kind = next((_KINDS[word] for word in flags or (action.dest,) if word in _KINDS), "")
    choices = tuple(str(choice) for choice in action.choices or () if choice != "")
    return Option(flags, choices, kind, takes_value=action.nargs != 0)
