"""``push``: an image to its registry."""

from __future__ import annotations

from pathlib import Path

from ..errors import SettingsError
from ..image import PushedImage
from ..imports import whole
from ..messages import t
from ..reference import ImageReference, parse_reference
from ..session import session
from ..text import Redactor
from .current import connect, credentials, current_settings
from .following import Following, log_path


def push(image: str = "", *, to: str = "", log: str | Path = "", progress: str = "") -> PushedImage:
    """Push an image and return where it is: reference and digest as the registry says them afterwards.

    ``image``: as in ``train``. ``to``: the reference to push to; "": the image's own where that names a registry, else
    below ``push_to`` of the settings. Raises InvalidReference, RegistryError, EngineUnavailable.
    """
    whole("docker", "modelarts_nb.workflows")
    from .. import workflows
    from ..notebook.view.card import PUSH

    name = session.image_name(image)
    reference = _destination(name, to)
    engine = connect()
    following = Following(PUSH, str(reference), log_path(log, "push"), progress, Redactor())
    session.pushed = following.run(workflows.push(engine, name, reference, credentials(engine)))
    return session.pushed


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
