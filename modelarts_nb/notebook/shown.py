"""How values show themselves in a notebook: as a card (HTML) and as text, and never twice in one cell."""

from __future__ import annotations

from typing import Any, TypeVar

from ..image import Export, Image, PushedImage
from ..messages import t
from ..session import Kept
from ..text import size
from ..training.run import TrainingRun
from .offer import Offer
from .status import Status
from .view import findings, html, plain
from .view.card import facts, short_instruction

T = TypeVar("T")
_TYPES = (Image, Export, PushedImage, TrainingRun, Kept, Status, Offer)
_shown: tuple[int, int] = (-1, 0)  # the cell whose view has just shown a value, and that value's id


def bundle(value: Any) -> dict[str, str]:
    """The value as a MIME bundle."""
    title, subject, details = _describe(value)
    rows = facts(value)
    lines: list[str] = []
    extra = ""
    if isinstance(value, Kept):
        lines = findings.lines(value.findings, value.source.first_line)
        extra = findings.table(value.findings, value.source.first_line)
    return {
        "text/plain": "\n".join([f"{title} {subject}".strip(), *plain.fact_lines(rows), *lines]),
        "text/html": html.facts_card(title, subject, rows, details, extra),
    }


def show(value: Any) -> None:
    """Display the value here and now."""
    from IPython.display import display

    display(bundle(value), raw=True)  # type: ignore[no-untyped-call]  # IPython's


def already(shell: Any, value: T) -> T:
    """The value, marked as shown by this cell's live view, so that Out[] does not repeat it."""
    global _shown
    _shown = (shell.execution_count, id(value))
    return value


def register(shell: Any) -> None:
    """Let IPython show our values as cards; a value that its own cell's view has shown stays silent."""

    def display_once(value: Any) -> None:
        if _shown != (shell.execution_count, id(value)):
            show(value)

    for kind in _TYPES:
        shell.display_formatter.ipython_display_formatter.for_type(kind, display_once)


def unregister(shell: Any) -> None:
    """Undo ``register``."""
    for kind in _TYPES:
        shell.display_formatter.ipython_display_formatter.pop(kind, None)


def _describe(value: Any) -> tuple[str, str, list[tuple[str, str]]]:
    if isinstance(value, Image):
        history = [(short_instruction(layer.created_by, 90), size(layer.size)) for layer in value.history if layer.size]
        return "Image", value.reference or value.short_id, history
    if isinstance(value, PushedImage):
        return "Pushed", value.reference, []
    if isinstance(value, Export):
        return "Exported", value.dockerfile, []
    if isinstance(value, TrainingRun):
        return "Training run", value.image, []
    if isinstance(value, Kept):
        return "Dockerfile", value.source.name, []
    if isinstance(value, Offer):
        return t("Catalogue"), value.region, []
    return "Custom image", "", []
