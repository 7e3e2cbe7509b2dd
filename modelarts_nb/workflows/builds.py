"""A Dockerfile becomes an image, or files; a failure is told with its instruction and its line."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from dataclasses import replace

from ..building.failure import hint_for, meaningful
from ..building.request import BuildRequest, DockerfileSource
from ..dockerfile import Dockerfile, locate, parse_dockerfile
from ..engine import build as engine_build
from ..engine import context as build_context
from ..engine import images
from ..engine.discovery import Engine
from ..errors import BuildFailed, EngineAPIError, SettingsError
from ..events import Event
from ..image import Export, Image, PushedImage
from ..messages import t
from ..reference import parse_reference
from ..registry import client as registry
from ..trace import Trace
from .pushes import read_back


def parse(source: DockerfileSource) -> Dockerfile:
    """The Dockerfile as a value. Raises DockerfileSyntaxError with the line where the user sees it."""
    return parse_dockerfile(source.text, origin=source.origin, first_line=source.first_line)


def build(engine: Engine, request: BuildRequest, trace: Trace) -> Generator[Event | None, None, Image | Export]:
    """Build on the Engine; returns the Image, or the Export where the request has an output.

    Raises DockerfileSyntaxError before anything is sent, BuildFailed naming the instruction and its line.
    """
    dockerfile = parse(request.source)
    yield from build_context.guard(dockerfile, request.source.context)
    with _explained(dockerfile, request, trace):
        image_id = yield from engine_build.build(engine, request)
    if request.output is not None:
        return Export(request.output.path, request.output.tar, dockerfile=request.source.name)
    image = images.inspect(engine, image_id)
    return replace(image, reference=request.tags[0] if request.tags else "", dockerfile=request.source.name)


def build_elsewhere(
    request: BuildRequest, credentials: registry.Credentials, trace: Trace
) -> Generator[Event | None, None, PushedImage | Export]:
    """Build on a stand-alone BuildKit, which pushes; returns what its registry holds then, or the Export.

    Raises as ``build`` and ``push``.
    """
    dockerfile = parse(request.source)
    if request.output is None and not request.tags:
        raise SettingsError(
            t("A builder keeps no images."), t("Say where it goes: -t HOST/ORGANIZATION/NAME:TAG, or --output DIR.")
        )
    yield from build_context.guard(dockerfile, request.source.context)
    with _explained(dockerfile, request, trace):
        yield from engine_build.build_elsewhere(request)
    if request.output is not None:
        return Export(request.output.path, request.output.tar, dockerfile=request.source.name)
    return read_back(parse_reference(request.tags[0]), "", credentials)


@contextlib.contextmanager
def _explained(dockerfile: Dockerfile, request: BuildRequest, trace: Trace) -> Iterator[None]:
    try:
        yield
    except BuildFailed as error:
        raise explain(error, trace, dockerfile, request) from error
    except EngineAPIError as error:
        raise type(error)(error.message, error.hint or hint_for([error.message]), status=error.status) from error


def explain(error: BuildFailed, trace: Trace, dockerfile: Dockerfile, request: BuildRequest) -> BuildFailed:
    """The failure with its instruction, its line in the cell or file, and the lines of the log that say why."""
    step = trace.failed
    if step is None:
        return BuildFailed(error.message, error.hint or hint_for([error.message]), origin=request.source.origin)
    lines = list(step.tail)
    instruction = locate(dockerfile, step.vertex.name, request.target)
    line = instruction.line if instruction is not None else error.line  # which newer Engines know by themselves
    line = line + request.source.first_line - 1 if line else 0
    text = step.name.partition("] ")[2] or step.name
    exit_code = error.exit_code
    why = t("exit code {code}", code=exit_code) if exit_code is not None else error.message
    message = f"{text}: {why}"
    return BuildFailed(
        message, error.hint or hint_for([*lines, step.error]), instruction=text, origin=request.source.origin, line=line,
        exit_code=exit_code, log_tail=meaningful(lines), log_path=error.log_path,
    )
