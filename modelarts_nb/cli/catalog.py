"""``catalog``: regions, base images and limits."""

from __future__ import annotations

from argparse import Namespace

from .. import api
from ..messages import t
from ..notebook.offer import Offer
from . import verbs
from .values import plain, told


def add(groups: verbs.Groups) -> None:
    """The command."""
    text = t("List regions, base images and limits.")
    parser = groups.add_parser("catalog", help=text, description=text, allow_abbrev=False)
    parser.add_argument("region", nargs="?", default="", help=t("Only this region."))
    parser.add_argument("--json", action="store_true", help=t("Print the result as JSON."))
    parser.set_defaults(command=_catalog)


def _catalog(options: Namespace) -> int:
    import json

    catalog = api.catalog()
    offer = Offer(catalog, options.region)
    text = told(offer)  # also where JSON is wanted: it knows a region that there is not
    if options.json:
        regions = [catalog.region(options.region)] if options.region else catalog.regions(modelarts=True)
        text = json.dumps({
            "regions": [{"id": each.id, "name": each.en, "registry": each.registry} for each in regions],
            "bases": plain(tuple(catalog.bases(region=options.region))), "limits": plain(tuple(catalog.all_limits)),
        }, ensure_ascii=False)
    print(text)
    return 0
