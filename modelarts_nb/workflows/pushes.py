"""An image goes to a registry, and what the registry then holds is read back."""

from __future__ import annotations

from collections.abc import Generator

from .. import manifests
from ..engine import images
from ..engine.discovery import Engine
from ..errors import RegistryError
from ..events import Event
from ..image import PushedImage
from ..messages import t
from ..reference import ImageReference
from ..registry import client as registry


def push(
    engine: Engine, image: str, reference: ImageReference, credentials: registry.Credentials
) -> Generator[Event | None, None, PushedImage]:
    """Tag and push; returns reference, digest and kind as the registry says them afterwards.

    Raises RegistryError when it refuses, and when what it then holds is not what was sent or not what SWR accepts.
    """
    images.tag(engine, image, reference)
    reported = yield from images.push(engine, reference)
    return read_back(reference, reported, credentials)


def read_back(reference: ImageReference, reported: str, credentials: registry.Credentials) -> PushedImage:
    """What the registry holds, compared with the digest that was ``reported`` ("": none)."""
    manifest = registry.read_manifest(reference, credentials)
    if reported and manifest.digest and manifest.digest != reported:
        raise RegistryError(
            t(
                "{reference}: the registry holds {held}, but {pushed} was pushed.",
                reference=reference, held=manifest.digest, pushed=reported,
            ),
            t("Somebody else may have pushed that tag at the same time: push again, or use a tag of your own."),
        )
    if manifest.media_type not in manifests.TAKEN:
        raise RegistryError(
            t(
                "{reference}: the registry holds a manifest of the kind {kind}, which SWR refuses.",
                reference=reference, kind=manifest.media_type,
            ),
            t("Build the image with %build, which makes Docker's own kind."),
        )
    return PushedImage(str(reference), manifest.digest or reported, manifest.media_type, manifest.size)
