"""A Dockerfile cell back to a choice: what the form knows of it; the text itself goes along, so that nothing is lost."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from ..catalog import Catalog
from ..dockerfile import parse_dockerfile
from ..errors import DockerfileSyntaxError, InvalidReference
from ..reference import parse_reference
from .cells import find_install
from .choice import Choice


def reopen(name: str, text: str, catalog: Catalog, defaults: Choice) -> Choice:
    """The choice that a Dockerfile shows. What it does not show is as in ``defaults``; ``kept`` is the text."""
    choice = replace(defaults, kept=text, base="", tag="", version="", python="", target=_target(name, defaults))
    try:
        stage = parse_dockerfile(text).stage("")
    except DockerfileSyntaxError:
        return choice  # the form says what is wrong with it
    assert stage is not None  # a parsed Dockerfile has a stage
    with contextlib.suppress(InvalidReference):  # with variables in it, for example: the form leaves it as it is written
        image = parse_reference(stage.base)
        official = catalog.find_base(image)
        if official is not None:
            choice = replace(choice, registry=image.host, contract=official.base.contract, processor=official.base.processor,
                             base=official.base.name, tag=image.tagged().tag)
    found = find_install(stage.instructions)
    if found is None:
        return replace(choice, source="none", requirements=())
    install = found[1]
    source = "requirements" if install.file else "listed"
    return replace(choice, source=source, requirements=install.requirements, mirror=install.mirror)


def _target(name: str, defaults: Choice) -> str:
    """What the image is called: after the Dockerfile, in the organization that was there."""
    try:
        before = parse_reference(defaults.target)
    except InvalidReference:
        return f"{name}:v1"
    organization = f"{before.organization}/" if before.organization else ""
    return f"{organization}{name}:{before.tag or 'v1'}"
