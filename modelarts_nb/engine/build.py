"""One build on an Engine: BuildKit through a session, or the classic builder where there is none (podman)."""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

from ..building.request import BuildRequest
from ..errors import SettingsError
from ..events import Event, VertexLog, VertexWarning
from ..messages import t
from . import buildkit
from .discovery import Engine

T = TypeVar("T")
CLIPPED = b"[output clipped, log limit"  # BuildKit's own words (util/progress/logs)


def build(engine: Engine, request: BuildRequest) -> Generator[Event | None, None, str]:
    """Events as they come; returns the image's id, "" where the result went to ``request.output``.

    Raises BuildFailed when an instruction fails, EngineAPIError and EngineUnavailable. Closing the generator cancels.
    """
    if engine.podman:
        from .classic import build as classic_build

        return (yield from classic_build(engine, request))
    network = request.network or engine.build_network
    result = yield from _noticing_clips(buildkit.build(engine.client, _session_build(request, network)))
    return result.image_id


def build_elsewhere(request: BuildRequest) -> Generator[Event | None, None, None]:
    """Build on the stand-alone BuildKit ``request.builder``, which pushes the image, or sends the output.

    Raises as ``build``, and SettingsError for an address that is none and certificates that cannot be read.
    """
    builder = buildkit.Builder(request.builder, _certificates())
    yield from _noticing_clips(buildkit.build(builder, _session_build(request, request.network)))


def _session_build(request: BuildRequest, network: str) -> buildkit.SessionBuild:
    output: buildkit.LocalFolder | buildkit.TarFile | None = None
    if request.output is not None:
        output = (buildkit.TarFile if request.output.tar else buildkit.LocalFolder)(request.output.path)
    return buildkit.SessionBuild(
        context=request.source.context, dockerfile=request.source.text.encode(), tags=request.tags,
        build_args=request.build_args, target=request.target, platform=request.platform, network=network,
        no_cache=request.no_cache, pull=request.pull, secrets=request.secrets, labels=request.labels, ssh=request.ssh,
        cache_from=request.cache_from, add_hosts=request.add_hosts, output=output,
        push=bool(request.builder) and output is None,
    )


def _certificates() -> ssl.SSLContext | None:
    """What is in the folder ``MODELARTS_NB_BUILDER_CERTS``, as in an Engine's DOCKER_CERT_PATH: ca.pem, cert.pem, key.pem."""
    folder = os.environ.get("MODELARTS_NB_BUILDER_CERTS")
    if not folder:
        return None
    try:
        context = ssl.create_default_context(cafile=str(Path(folder, "ca.pem")))
        if Path(folder, "cert.pem").exists():
            context.load_cert_chain(Path(folder, "cert.pem"), Path(folder, "key.pem"))
    except OSError as error:  # an SSLError is one, too
        raise SettingsError(
            t(
                "The builder's certificates in {folder} cannot be read: {reason}.",
                folder=folder, reason=error.strerror or error,
            ),
            t("MODELARTS_NB_BUILDER_CERTS names a folder with ca.pem and, if the builder asks for them, cert.pem and key.pem."),
        ) from error
    return context


def _noticing_clips(building: Generator[Event | None, None, T]) -> Generator[Event | None, None, T]:
    """The same, with a warning once where the Engine says that it dropped output."""
    told = False
    with contextlib.closing(building):
        while True:
            try:
                event = next(building)
            except StopIteration as end:
                result: T = end.value
                return result
            yield event
            if not told and isinstance(event, VertexLog) and CLIPPED in event.data:
                told = True
                yield VertexWarning(
                    event.vertex, t("The Engine dropped a part of a step's output, so that the log has a gap."),
                    (t("Start it with BUILDKIT_STEP_LOG_MAX_SIZE and BUILDKIT_STEP_LOG_MAX_SPEED set to more bytes."),),
                )
