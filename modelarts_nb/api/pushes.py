"""``push``: an image to its registry."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from ..errors import SettingsError
from ..events import Event
from ..image import PushedImage
from ..imports import whole
from ..reference import ImageReference, parse_reference
from ..session import session
from ..text import Redactor
from .background import pending, until
from .current import connect, credentials, current_settings
from .following import Following, log_path


def push(image: str = "", *, to: str = "", log: str | Path = "", progress: str = "", background: bool = False) -> Any:
    """Push an image and return where it is: reference and digest as the registry says them afterwards.

    ``image``: as in ``train``. ``to``: the reference to push to; "": the image's own where that names a registry, else
    below ``push_to`` of the settings. A build of it that goes on in the background is waited for. ``background``: a
    Background is returned at once. Raises InvalidReference, RegistryError, EngineUnavailable.
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
        return (yield from workflows.push(engine, name, reference, credentials(engine)))

    def done(pushed: PushedImage) -> PushedImage:
        session.pushed = pushed
        return pushed

    return following.run(workflow(), done, background=background)


def _destination(name: str, to: str) -> ImageReference:
    if to:
        return parse_reference(to).tagged()
    if name.startswith("sha256:"):
        raise SettingsError("This image has no name.", "Say where it goes: %push --to HOST/ORGANIZATION/NAME:TAG.")
    reference = parse_reference(name).tagged()
    if reference.host:
        return reference
    prefix = current_settings().push_to
    if not prefix:
        raise SettingsError(
            f"Where shall {reference} go?",
            "%push --to HOST/ORGANIZATION/NAME:TAG, or set MODELARTS_NB_PUSH_TO=HOST/ORGANIZATION once.",
        )
    return parse_reference(f"{prefix.rstrip('/')}/{reference}")
