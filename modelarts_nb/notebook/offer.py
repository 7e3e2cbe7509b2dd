"""What there is to choose from: what ``%modelarts catalog`` shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..catalog import Base, Catalog, Limits, Region
from ..messages import language, t
from ..text import size
from .view.card import Fact, facts


@dataclass(frozen=True)
class Offer:
    """The catalogue, of one region ("": of all)."""

    catalog: Catalog = field(repr=False)
    region: str = ""


@facts.register
def _(result: Offer) -> Sequence[Fact]:
    catalog = result.catalog
    chosen = catalog.region(result.region) if result.region else None
    rows = [Fact(region.id, f"{_name(region)} · {region.registry}") for region in (chosen,) if region] or [
        Fact(region.id, f"{_name(region)} · {region.registry}") for region in catalog.regions(modelarts=True)
    ]
    if chosen is not None:
        apis = (("ModelArts", chosen.modelarts), ("SWR", chosen.swr_api), ("OBS", chosen.obs), ("IAM", chosen.iam))
        rows += [Fact(label, url or t("not in this region"), code=bool(url)) for label, url in apis]
    rows += [Fact(f"{base.contract} {base.processor}", _base(base, chosen)) for base in catalog.bases(region=result.region)]
    return [*rows, *(Fact(limits.contract, _limits(limits)) for limits in catalog.all_limits)]


def _name(region: Region) -> str:
    return region.zh if language() == "zh-CN" else region.en


def _base(base: Base, region: Region | None) -> str:
    name = str(base.reference(region)) if region is not None else f"{base.repository}:{base.recommended}"
    versions = (("CUDA", base.cuda), ("CANN", base.cann), ("Python", base.python), ("", base.framework), ("", base.os))
    told = " · ".join(f"{label} {version}".strip() for label, version in versions if version)
    return " — ".join(filter(None, (name, told)))


def _limits(limits: Limits) -> str:
    return t(
        "image up to {image}, advised {advised}; code folder up to {code}; user {user} ({uid})", image=size(limits.image_bytes),
        advised=size(limits.advised_bytes), code=size(limits.code_bytes), user=limits.user, uid=limits.uid,
    )
