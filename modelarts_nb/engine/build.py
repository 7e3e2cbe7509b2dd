"""One build on an Engine: BuildKit through a session, or the classic builder where there is none (podman)."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import TypeVar

from ..building.request import BuildRequest
from ..events import Event, VertexLog, VertexWarning
from .discovery import Engine

T = TypeVar("T")
CLIPPED = b"[output clipped, log limit"  # BuildKit's own words (util/progress/logs)


def build(engine: Engine, request: BuildRequest) -> Generator[Event | None, None, str]:
    """Events as they come; returns the image's id.

    Raises BuildFailed when an instruction fails, EngineAPIError and EngineUnavailable. Closing the generator cancels.
    """
    if engine.podman:
        from .classic import build as classic_build

        return (yield from classic_build(engine, request))
    from . import buildkit

    building = buildkit.build(
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
    result = yield from _noticing_clips(building)
    return result.image_id


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
                    event.vertex, "The Engine dropped a part of a step's output, so that the log has a gap.",
                    ("Start it with BUILDKIT_STEP_LOG_MAX_SIZE and BUILDKIT_STEP_LOG_MAX_SPEED set to more bytes.",),
                )
