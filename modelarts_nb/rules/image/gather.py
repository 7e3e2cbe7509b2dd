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
from .facts import BaseFacts, ImageFacts, LayerFacts, Trial

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


def gather(subject: Subject, parts: ImageParts, trial: Trial) -> ImageFacts:
    """The facts of an image whose layers were read."""
    folded = fold(parts.layers, subject.base.layers)
    config = parts.config.get("config")
    history = _history(parts.config)
    return ImageFacts(
        reference=subject.reference, limits=subject.limits, size=subject.size, platform=subject.platform,
        config=config if isinstance(config, Mapping) else {}, layers=_layers(subject, parts, folded, history),
        base=subject.base, history=tuple(instruction(text) for text, _ in history), indexes=parts.layers, folded=folded,
        problems=parts.problems, media_type=subject.media_type or parts.media_type, media_from=subject.media_from, trial=trial,
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


def _history(config: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """(created by, whether it made a layer), from the base up."""
    entries = config.get("history")
    found = entries if isinstance(entries, list) else []
    return [(str(each.get("created_by") or ""), not each.get("empty_layer")) for each in found if isinstance(each, dict)]


def _layers(
    subject: Subject, parts: ImageParts, folded: Folded, history: list[tuple[str, bool]]
) -> tuple[LayerFacts, ...]:
    made = [text for text, filled in history if filled]
    fits = len(made) == len(parts.layers)
    located = lines(subject.dockerfile, [text for text, _ in history], subject.target) if subject.dockerfile else []
    places = [place for place, (_, filled) in zip(located, history, strict=False) if filled]
    found = []
    for number, index in enumerate(parts.layers):
        place = places[number] if fits and places and number >= subject.base.layers else None
        found.append(LayerFacts(
            number + 1, index.size if index is not None else 0, len(index) if index is not None else 0,
            instruction(made[number]) if fits else "", place.line if place else 0, place.end_line if place else 0,
            number < subject.base.layers, folded.wasted[number] if number < len(folded.wasted) else 0,
            index.problem if index is not None else MISSING,
        ))
    return tuple(found)
