"""Where things stand: what ``%modelarts status`` shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .. import api
from ..errors import ModelArtsError
from ..messages import t
from ..session import session
from ..text import duration, ljust, size
from .view.card import Fact, facts


@dataclass(frozen=True)
class Status:
    """The rows of ``%modelarts status``: label and text."""

    rows: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return "\n".join(ljust(label, 12) + text for label, text in self.rows)


@facts.register
def _(result: Status) -> Sequence[Fact]:
    return [Fact(label, text, code=text.startswith("%")) for label, text in result.rows]


def by_line() -> str:
    """How to choose an image where no form is shown."""
    return t("%modelarts catalog lists regions and base images; a cell that starts with %%dockerfile NAME takes your choice.")


def status(*, instead_of_form: bool = False) -> Status:
    """The Engine found, what this notebook has made so far, and the next line to type."""
    rows = [(t("Engine"), _engine())]
    image, run, pushed = session.image, session.run, session.pushed
    source = session.dockerfiles.get(session.current)
    kept = t("{name}, context {path}", name=source.name, path=source.context) if source else t("none yet")
    rows.append((t("Dockerfile"), kept))
    built = t(", ").join((image.reference or image.short_id, size(image.size))) if image else t("none yet")
    rows.append((t("Image"), built))
    if run is not None:
        outcome = t("succeeded") if run.succeeded else t("failed, exit code {code}", code=run.exit_code)
        told = t("{image}: {outcome}, {time}", image=run.image, outcome=outcome, time=duration(run.seconds))
        rows.append((t("Last run"), told))
    else:
        rows.append((t("Last run"), t("none yet")))
    if pushed is not None:
        rows.append((t("Pushed"), f"{pushed.reference} {pushed.digest}"))
    rows.append((t("Contract"), api.current_settings().contract))
    rows.append((t("Next"), _next()))
    if instead_of_form:
        rows.append((t("No form"), t("This front end shows no widgets.") + " " + by_line()))
    return Status(tuple(rows))


def _engine() -> str:
    try:
        engine = api.connect()
    except ModelArtsError as error:
        return " ".join(f"{error.message} {error.hint}".split())
    if engine.podman:
        return t("{name}; classic builder only, no BuildKit, {url}", name=engine.name, url=engine.url)
    return t("{name}, BuildKit, {url}", name=engine.name, url=engine.url)


def _next() -> str:
    if not session.dockerfiles:
        return "%%dockerfile NAME"
    if session.image is None:
        return f"%build {session.current} -t {session.current}:v1"
    if session.run is None:
        return f"%train {session.image.reference} --code DIR -- python DIR/train.py"
    if not session.run.succeeded:
        return t("%train {image} …   (mend the last run first)", image=session.image.reference)
    return f"%push {session.image.reference} --to HOST/ORGANIZATION/{session.image.reference or 'NAME:TAG'}"
