"""Build, train, push: generators of events, with a value at the end. No display, no parsing of lines.

Each takes the ``trace`` into which its consumer folds what it yields (see follow.py): after a failure it holds the lines
that explain it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from dataclasses import replace

from .building.failure import hint_for, meaningful
from .building.request import BuildRequest, DockerfileSource
from .dockerfile import Dockerfile, locate, parse_dockerfile
from .engine import build as engine_build
from .engine import context as build_context
from .engine import images, jobs
from .engine.discovery import Engine
from .errors import BuildFailed, EngineAPIError, RegistryError, RunFailed, SettingsError
from .events import Event
from .image import Export, Image, PushedImage
from .reference import ImageReference, parse_reference
from .registry import client as registry
from .trace import Trace
from .training import preview
from .training.diagnosis import Evidence, diagnose
from .training.run import TrainingRun
from .training.spec import JobSpec

# What SWR accepts; an OCI index (attestations) it refuses with 400 (vllm-ascend 16117, bkn-foundry 244)
ACCEPTED_MANIFESTS = (registry.DOCKER_MANIFEST, registry.OCI_MANIFEST)


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
        raise SettingsError("A builder keeps no images.", "Say where it goes: -t HOST/ORGANIZATION/NAME:TAG, or --output DIR.")
    yield from build_context.guard(dockerfile, request.source.context)
    with _explained(dockerfile, request, trace):
        yield from engine_build.build_elsewhere(request)
    if request.output is not None:
        return Export(request.output.path, request.output.tar, dockerfile=request.source.name)
    return _read_back(parse_reference(request.tags[0]), "", credentials)


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
    message = f"{text}: " + (f"exit code {exit_code}" if exit_code is not None else error.message)
    return BuildFailed(
        message, error.hint or hint_for([*lines, step.error]), instruction=text, origin=request.source.origin, line=line,
        exit_code=exit_code, log_tail=meaningful(lines), log_path=error.log_path,
    )


def train(
    engine: Engine, spec: JobSpec, job_id: str, trace: Trace
) -> Generator[Event | None, None, TrainingRun]:
    """Run a job as the platform would; returns the TrainingRun.

    Raises RunFailed, which carries the run, when a node's command fails; the message says which documented first-run
    failure it is.
    """
    yield from preview.warnings(spec)
    outcome = yield from jobs.run(engine, spec, job_id)
    run = TrainingRun(
        spec.image, spec.contract, spec.command, tuple(outcome.nodes), outcome.started, outcome.finished, outcome.collected
    )
    if not run.succeeded:
        raise _run_failed(spec, outcome, run, trace)
    return run


def _run_failed(spec: JobSpec, outcome: jobs.Outcome, run: TrainingRun, trace: Trace) -> RunFailed:
    """The failure of the node that failed first by itself, explained."""
    node = next((node for node in run.nodes if node.exit_code and not node.stopped), None) or next(
        node for node in run.nodes if node.exit_code
    )
    step = trace.steps.get(node.name)
    lines = tuple(step.tail) if step is not None else ()
    found = diagnose(
        Evidence(spec, node.exit_code, lines, outcome.files, node.oom_killed, outcome.timed_out, node.peak_memory)
    )
    which = f"{node.name}: " if len(run.nodes) > 1 else ""
    if found is None:
        return RunFailed(f"{which}the command ended with exit code {node.exit_code}.", "Its last lines say why.", run=run)
    return RunFailed(f"{which}{found.message} (exit code {node.exit_code})", found.fix, run=run)


def push(
    engine: Engine, image: str, reference: ImageReference, credentials: registry.Credentials
) -> Generator[Event | None, None, PushedImage]:
    """Tag and push; returns reference, digest and kind as the registry says them afterwards.

    Raises RegistryError when it refuses, and when what it then holds is not what was sent or not what SWR accepts.
    """
    images.tag(engine, image, reference)
    reported = yield from images.push(engine, reference)
    return _read_back(reference, reported, credentials)


def _read_back(reference: ImageReference, reported: str, credentials: registry.Credentials) -> PushedImage:
    """What the registry holds, compared with the digest that was ``reported`` ("": none)."""
    manifest = registry.read_manifest(reference, credentials)
    if reported and manifest.digest and manifest.digest != reported:
        raise RegistryError(
            f"{reference}: the registry holds {manifest.digest}, but {reported} was pushed.",
            "Somebody else may have pushed that tag at the same time: push again, or use a tag of your own.",
        )
    if manifest.media_type not in ACCEPTED_MANIFESTS:
        raise RegistryError(
            f"{reference}: the registry holds a manifest of the kind {manifest.media_type}, which SWR refuses.",
            "Build the image with %build, which never makes an index with attestations.",
        )
    return PushedImage(str(reference), manifest.digest or reported, manifest.media_type, manifest.size)
