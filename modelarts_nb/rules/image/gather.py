"""What was read of an image, put together for the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...catalog import Limits
from ...dockerfile import Dockerfile
from ...dockerfile.history import instruction, lines
from ...layers.archive import ImageParts
from ...layers.fold import Fold, Folded
from ...layers.index import LayerIndex, Names
from ...messages import mark
from .facts import BaseFacts, HistoryFacts, ImageFacts, LayerFacts, Trial

MISSING = mark("it is not in the Engine's export")


@dataclass(frozen=True)
class Subject:
    """What is checked and against what. ``dockerfile``: what the image was built from, where that is known."""

    reference: str
    limits: Limits
    size: int
    platform: str
    base: BaseFacts
    dockerfile: Dockerfile | None = None
    target: str = ""
    media_type: str = ""
    media_from: str = ""


def gather(subject: Subject, parts: ImageParts, trial: Trial, folded: Folded | None = None) -> ImageFacts:
    """The facts of an image whose layers were read. ``folded``: its layers, where that was done."""
    folded = folded or fold(parts.layers, subject.base.layers)
    config = parts.config.get("config")
    history = _history(subject, parts.config, len(parts.layers))
    return ImageFacts(
        reference=subject.reference,
        limits=subject.limits,
        size=subject.size,
        platform=subject.platform,
        config=config if isinstance(config, Mapping) else {},
        layers=_layers(subject, parts, folded, history),
        base=subject.base,
        history=history,
        indexes=parts.layers,
        folded=folded,
        problems=parts.problems,
        media_type=subject.media_type or parts.media_type,
        media_from=subject.media_from,
        trial=trial,
    )


def fold(layers: Sequence[LayerIndex | None], base: int) -> Folded:
    """The layers one above the other; one that was not there is an empty one, and told as unread."""
    names = next((layer.names for layer in layers if layer is not None), Names())
    return Fold([layer if layer is not None else LayerIndex(names) for layer in layers], base).run()


def differences(base: ImageParts, image: ImageParts) -> Folded:
    """How the image's files differ from those of a base that it is not made from: as if it were laid over the emptied base."""
    names = next((layer.names for layer in (*base.layers, *image.layers) if layer is not None), Names())
    emptied = LayerIndex(names)
    emptied.opaque[0] = 0
    stack = [*base.layers, emptied, *image.layers]
    return fold(stack, len(base.layers))


def _history(subject: Subject, config: Mapping[str, Any], layers: int) -> tuple[HistoryFacts, ...]:
    """The history from the base up, each entry with its layer and its lines."""
    entries = config.get("history")
    given = [each for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []
    texts = [str(each.get("created_by") or "") for each in given]
    places = lines(subject.dockerfile, texts, subject.target) if subject.dockerfile else [None] * len(texts)
    filled = [not each.get("empty_layer") for each in given]
    fits = sum(filled) == layers
    found, layer = [], 0
    for text, place, makes in zip(texts, places, filled, strict=True):
        layer += makes
        own = place if layer > subject.base.layers or not makes else None
        found.append(
            HistoryFacts(instruction(text), own.line if own else 0, own.end_line if own else 0, layer if makes and fits else 0)
        )
    return tuple(found)


def _layers(subject: Subject, parts: ImageParts, folded: Folded, history: tuple[HistoryFacts, ...]) -> tuple[LayerFacts, ...]:
    made = {each.layer: each for each in history if each.layer}
    found = []
    for number, index in enumerate(parts.layers, 1):
        by = made.get(number, HistoryFacts(""))
        found.append(
            LayerFacts(
                number,
                index.size if index is not None else 0,
                len(index) if index is not None else 0,
                by.text,
                by.line,
                by.end_line,
                number <= subject.base.layers,
                folded.wasted[number - 1] if number <= len(folded.wasted) else 0,
                index.problem if index is not None else MISSING,
            )
        )
    return tuple(found)
