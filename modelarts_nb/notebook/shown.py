"""How values show themselves in a notebook: as a card (HTML) and as text, and never twice in one cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ..api import Background
from ..image import Export, Image, PushedImage
from ..messages import t
from ..rules.report import CheckReport
from ..session import Kept
from ..text import clean, duration, size
from ..training.run import TrainingRun
from .offer import Offer
from .status import Status
from .view import findings, html, plain
from .view.card import Fact, facts, short_instruction, short_path, whole


@dataclass(frozen=True)
class Started:
    """What ``%builds`` lists."""

    works: tuple[Background, ...]


@facts.register
def _(result: Background) -> Sequence[Fact]:
    rows = [Fact(t("State"), f"{t(result.state)} · {duration(result.seconds)}")]
    return [*rows, Fact(t("Full log"), short_path(result.log_path), code=True)]


@facts.register
def _(result: Started) -> Sequence[Fact]:
    if not result.works:
        return [Fact(t("Next"), "%build --background", code=True)]
    return [Fact(f"{work.kind} {number}", str(work)) for number, work in enumerate(result.works, 1)]


T = TypeVar("T")
_TYPES = (Background, Started, CheckReport, Image, Export, PushedImage, TrainingRun, Kept, Status, Offer)
# Values of the cloud: their cards are imported with the first of them, not when the extension is loaded
_LATE = {
    "Account": "modelarts_nb.cloud.account", "Preflight": "modelarts_nb.workflows.submits", "Table": "modelarts_nb.table",
    "Job": "modelarts_nb.training.cloudjob",
}
_shown: tuple[int, int] = (-1, 0)  # the cell whose view has just shown a value, and that value's id


def bundle(value: Any) -> dict[str, str]:
    """The value as a MIME bundle."""
    if type(value).__name__ in _LATE:
        return _late_bundle(value)
    own = whole(value, getattr(value, "log_path", ""))
    if own is not None:
        return own
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


def _late_bundle(value: Any) -> dict[str, str]:
    from ..table import Table
    from .view import cloudcards, table

    if isinstance(value, Table):
        return {"text/plain": str(value), "text/html": table.render(value)}
    title, subject = cloudcards.head(value)
    rows = facts(value)
    return {
        "text/plain": "\n".join([f"{title} {subject}".strip(), *plain.fact_lines(rows)]),
        "text/html": html.facts_card(title, subject, rows),
    }


def show_text(text: str) -> None:
    """Print what a job has printed, made safe to show."""
    print("\n".join(clean(line) for line in text.split("\n")), end="")  # noqa: T201  # it is the output


def show(value: Any) -> None:
    """Display the value here and now."""
    from IPython.display import display

    display(bundle(value), raw=True)  # type: ignore[no-untyped-call]  # IPython's


def printed(text: str) -> None:
    """Print a report in a format for programs."""
    print(text)  # noqa: T201  # what --format asks for


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

    formatter = shell.display_formatter.ipython_display_formatter
    for kind in _TYPES:
        formatter.for_type(kind, display_once)
    for name, module in _LATE.items():
        formatter.for_type_by_name(module, name, display_once)


def unregister(shell: Any) -> None:
    """Undo ``register``."""
    for kind in _TYPES:
        shell.display_formatter.ipython_display_formatter.pop(kind, None)
    for name, module in _LATE.items():
        shell.display_formatter.ipython_display_formatter.pop(f"{module}.{name}", None)


def _describe(value: Any) -> tuple[str, str, list[tuple[str, str]]]:
    if isinstance(value, Image):
        history = [(short_instruction(layer.created_by, 90), size(layer.size)) for layer in value.history if layer.size]
        return t("Image"), value.reference or value.short_id, history
    if isinstance(value, PushedImage):
        return t("Pushed"), value.reference, []
    if isinstance(value, Export):
        return t("Exported"), value.dockerfile, []
    if isinstance(value, TrainingRun):
        return t("Training run"), value.image, []
    if isinstance(value, Kept):
        return t("Dockerfile"), value.source.name, []
    if isinstance(value, Background):
        return t("In the background"), f"{value.kind} {value.subject}", []
    if isinstance(value, Started):
        return t("In the background"), "", []
    if isinstance(value, Offer):
        return t("Catalogue"), value.region, []
    return t("Custom image"), "", []
