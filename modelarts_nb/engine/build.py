"""One build on an Engine: BuildKit through a session, or the classic builder where there is none (podman)."""

from __future__ import annotations

from collections.abc import Generator

from ..building.request import BuildRequest
from ..events import Event
from .discovery import Engine


def build(engine: Engine, request: BuildRequest) -> Generator[Event | None, None, str]:
    """Events as they come; returns the image's id.

    Raises BuildFailed when an instruction fails, EngineAPIError and EngineUnavailable. Closing the generator cancels.
    """
    if engine.podman:
        from .classic import build as classic_build

        return (yield from classic_build(engine, request))
    from . import buildkit

    result = yield from buildkit.build(
        engine.client,
        buildkit.SessionBuild(
            context=request.source.context,
            dockerfile=request.source.text.encode(),
            tags=request.tags,
            build_args=request.build_args,
            target=request.target,
            platform=request.platform,
            network=request.network or engine.build_network,
            no_cache=request.no_cache,
            pull=request.pull,
            secrets=request.secrets,
            labels=request.labels,
        ),
    )
    return result.image_id
