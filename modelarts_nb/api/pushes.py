"""``push``: an image to its registry."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import SettingsError
from ..events import Event
from ..image import PushedImage
from ..imports import whole
from ..messages import t
from ..reference import ImageReference, parse_reference
from ..rules.report import CheckReport
from ..session import session
from ..text import Redactor
from .background import pending, until
from .checks import failed, source_of
from .current import catalog, connect, credentials, current_settings
from .following import Following, log_path


def push(
    image: str = "", *, to: str = "", log: str | Path = "", progress: str = "", background: bool = False, check: bool = True
) -> Any:
    """Push an image and return where it is: reference and digest as the registry says them afterwards.

    ``image``: as in ``train``. ``to``: the reference to push to; "": the image's own where that names a registry, else
    below ``push_to`` of the settings. ``check``: the image is checked first (see ``check``), and an error stops the push
    with ChecksFailed; the result says what came out, or that it was skipped. A build of it that goes on in the background
    is waited for. ``background``: a Background is returned at once.
    Raises InvalidReference, ChecksFailed, RegistryError, EngineUnavailable.
    """
    whole("docker", "modelarts_nb.workflows")
    from .. import workflows
    from ..notebook.view.card import PUSH

    build = pending(image)
    name = image or (build.subject if build else session.image_name())
    reference = _destination(name, to)
    engine = connect()
    following = Following(PUSH, str(reference), log_path(log, "push"), progress, Redactor())

    def workflow() -> Generator[Event | None, None, PushedImage]:
        yield from until(build)
        said = t("skipped (--no-check)")
        if check:
            report = yield from checked(engine, name)
            said = t("passed: {title}", title=report.title)
        pushed = yield from workflows.push(engine, name, reference, credentials(engine))
        return replace(pushed, checks=said)

    def done(pushed: PushedImage) -> PushedImage:
        session.pushed = pushed
        return pushed

    return following.run(workflow(), done, background=background)


def checked(engine: Any, name: str, contract: str = "") -> Generator[Event | None, None, CheckReport]:
    """The report of an image without errors: the last one where it is of the same image. Raises ChecksFailed.

    ``contract``: "" for the setting's.
    """
    from .. import workflows
    from ..engine import images

    contract, report = contract or current_settings().contract, session.checked
    if report is None or (report.image_id, report.contract) != (images.inspect(engine, name).id, contract):
        request = workflows.CheckRequest(name, "", contract, source_of(engine, name))
        report = session.checked = yield from workflows.before_push(engine, request, catalog(), credentials(engine))
    if not report.passed:
        raise failed(report, t("%check {image} shows all of it; %push --no-check pushes it all the same.", image=name))
    return report


def _destination(name: str, to: str) -> ImageReference:
    if to:
        return parse_reference(to).tagged()
    if name.startswith("sha256:"):
        raise SettingsError(t("This image has no name."), t("Say where it goes: %push --to HOST/ORGANIZATION/NAME:TAG."))
    reference = parse_reference(name).tagged()
    if reference.host:
        return reference
    prefix = current_settings().push_to
    if not prefix:
        raise SettingsError(
            t("Where shall {reference} go?", reference=reference),
            t("%push --to HOST/ORGANIZATION/NAME:TAG, or set MODELARTS_NB_PUSH_TO=HOST/ORGANIZATION once."),
        )
    return parse_reference(f"{prefix.rstrip('/')}/{reference}")
