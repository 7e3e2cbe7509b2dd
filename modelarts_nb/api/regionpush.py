"""``push`` to a region's registry."""

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
from ..session import session
from ..text import Redactor
from .background import pending, until
from .current import connect, current_settings
from .following import Following, log_path
from .logins import account
from .pushes import checked


def push_to_region(
    image: str = "", *, region: str = "", organization: str = "", name: str = "", tag: str = "", log: str | Path = "",
    progress: str = "", background: bool = False, check: bool = True,
) -> Any:
    """Push an image to a region's registry and return where it is, as the registry says it afterwards.

    ``image``, ``background`` and ``check``: as in ``push``. ``organization``: SWR's ("": the setting's). ``name``, ``tag``: ""
    for the image's own. Raises InvalidReference before anything is sent, CloudError, RegistryError, EngineUnavailable.
    """
    whole("docker", "modelarts_nb.workflows")
    from .. import workflows
    from ..notebook.view.card import PUSH

    build = pending(image)
    local = image or (build.subject if build else session.image_name())
    who = account(region)
    reference = region_reference(who, local, organization, name, tag)
    engine = connect()
    who.registry_login()  # so that its password is among what is hidden
    following = Following(PUSH, str(reference), log_path(log, "push"), progress, Redactor(who.secrets))
    following.next_line = "%submit --flavor FLAVOR --code DIR -- COMMAND"

    def workflow() -> Generator[Event | None, None, PushedImage]:
        yield from until(build)
        said = t("skipped (--no-check)")
        if check:
            said = t("passed: {title}", title=(yield from checked(engine, local)).title)
        pushed = yield from workflows.push_to_region(engine, who, local, reference)
        return replace(pushed, checks=said)

    def done(pushed: PushedImage) -> PushedImage:
        session.pushed = pushed
        return pushed

    return following.run(workflow(), done, background=background)


def region_reference(who: Any, local: str, organization: str, name: str, tag: str) -> ImageReference:
    """Where an image goes in the account's region, checked against SWR's rules. Raises InvalidReference, SettingsError."""
    organization = organization or current_settings().organization
    if not organization:
        raise SettingsError(
            t("Which organization of SWR?"),
            t("%push --org NAME: one of yours (%swr orgs), or a free name. Once: MODELARTS_NB_ORGANIZATION=NAME."),
        )
    own = parse_reference(local).tagged() if not local.startswith("sha256:") else None
    path = name or (own.path.rpartition("/")[2] if own is not None else "")
    if not path:
        raise SettingsError(t("This image has no name."), t("Say what it is to be called: %push --name NAME --tag TAG."))
    tag = tag or (own.tag if own is not None else "") or "latest"
    return parse_reference(f"{who.client.region.registry}/{organization}/{path}:{tag}", swr=True)
