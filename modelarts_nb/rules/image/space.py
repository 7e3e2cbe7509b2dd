"""Rules on size: of the image, of a layer, of what is in it for nothing."""

from __future__ import annotations

from collections.abc import Iterator

from ...layers import places
from ...messages import mark, t
from ...text import size
from ..making import Seen, rule
from ..model import Severity
from .facts import ImageFacts, shown
from .files import seen

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
LAYERS = 125  # an Engine makes no more (moby, layer/layer_store.go, maxLayerDepth)
LAYERS_ADVISED = 100
CACHE_NOTE, CACHE_WARNING = 1_000_000, 10_000_000  # bytes
WASTE_NOTE, WASTE_WARNING = 10_000_000, 100_000_000
CACHES = {
    places.PIP_CACHE: ("pip", "pip install --no-cache-dir"),
    places.APT_CACHE: ("apt", "rm -rf /var/lib/apt/lists/* /var/cache/apt/*"),
    places.CONDA_CACHE: ("conda", "conda clean -afy"),
    places.GIT: (".git", "rm -rf .git"),
    places.BYTECODE: ("__pycache__", ""),
}


@rule("MA110", ERROR, mark("Image too large"), "custom images 2.1.1 (9.5 GB); develop-modelarts-0079 (30 GB, best 15 GB)")
def image(facts: ImageFacts) -> Iterator[Seen]:
    limits, total = facts.limits, max(facts.size, sum(layer.size for layer in facts.layers))
    largest = max(facts.layers, key=lambda layer: layer.size, default=None)
    biggest = f"{largest.instruction[:80]} {size(largest.size)}" if largest else ""
    if total > limits.image_bytes:
        yield Seen(
            t("The image has {size}; jobs of this generation take {limit}.", size=size(total), limit=size(limits.image_bytes)),
            t("Take out what training does not need; the largest layer is: {layer}", layer=biggest),
            evidence=size(total),
            layer=largest.number if largest else 0,
        )
    elif total > limits.advised_bytes:
        yield Seen(
            t("The image has {size}; up to {limit} is advised.", size=size(total), limit=size(limits.advised_bytes)),
            t("Take out what training does not need; the largest layer is: {layer}", layer=biggest),
            evidence=size(total),
            severity=WARNING,
        )


@rule("MA111", ERROR, mark("Layer too large"), "SWR user guide (each layer up to 10 GB)")
def layer(facts: ImageFacts) -> Iterator[Seen]:
    for each in facts.layers:
        if each.size > facts.limits.layer_bytes:
            yield seen(
                facts,
                each.number - 1,
                t(
                    "Layer {number} has {size}; SWR takes layers up to {limit}.",
                    number=each.number,
                    size=size(each.size),
                    limit=size(facts.limits.layer_bytes),
                ),
                t("Split the instruction into several."),
                evidence=size(each.size),
            )


@rule("MA112", WARNING, mark("Many layers"), "moby, layer/layer_store.go: an Engine makes at most 125")
def layers(facts: ImageFacts) -> Iterator[Seen]:
    if len(facts.layers) > LAYERS_ADVISED:
        yield Seen(
            t("The image has {count} layers; Engines stop at {limit}.", count=len(facts.layers), limit=LAYERS),
            t("Join instructions: RUN one && two"),
            evidence=str(len(facts.layers)),
        )


@rule(
    "MA127",
    WARNING,
    mark("Space wasted by hidden files"),
    "this project: files that later layers replace or remove stay in the image",
)
def wasted(facts: ImageFacts) -> Iterator[Seen]:
    by_layer: dict[int, int] = {}
    for number, lost in enumerate(facts.folded.wasted):
        by_layer[number] = lost
    total = sum(by_layer.values())
    if total < WASTE_NOTE:
        return
    worst = facts.folded.largest_wasted[0] if facts.folded.largest_wasted else None
    by = worst.by if worst else 0
    yield seen(
        facts,
        by,
        t("{size} of the image are files that a later layer hides: they are stored and pulled for nothing.", size=size(total)),
        t("Remove files in the RUN that made them; change permissions of single files (COPY --chmod, --chown)."),
        evidence=size(total)
        + (t(", the largest: {path} {size}", path=f"/{shown(worst.path)}", size=size(worst.size)) if worst else ""),
        severity=WARNING if total >= WASTE_WARNING else NOTE,
    )


@rule("MA128", NOTE, mark("Cache left in a layer"), "this project: nothing in a job reads it")
def caches(facts: ImageFacts) -> Iterator[Seen]:
    for (number, bit), bytes_ in sorted(facts.folded.caches.items()):
        if bytes_ < CACHE_NOTE or number < facts.base.layers or bit == places.BYTECODE:  # bytecode lets jobs start faster
            continue
        name, fix = CACHES[bit]
        yield seen(
            facts,
            number,
            t("A cache stays in the layer: {name}.", name=name),
            fix,
            evidence=f"{name} {size(bytes_)}",
            severity=WARNING if bytes_ >= CACHE_WARNING else NOTE,
        )


RULES = (image, layer, layers, wasted, caches)
