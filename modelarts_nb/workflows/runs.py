"""A training run in containers; a failure is told as the documented one that it is."""

from __future__ import annotations

from collections.abc import Generator

from ..engine import images, jobs
from ..engine.discovery import Engine
from ..errors import RunFailed
from ..events import Event
from ..messages import t
from ..trace import Trace
from ..training.diagnosis import Evidence, diagnose
from ..training.run import TrainingRun
from ..training.spec import JobSpec
from .checks import told_of_job


def train(
    engine: Engine, spec: JobSpec, job_id: str, trace: Trace
) -> Generator[Event | None, None, TrainingRun]:
    """Run a job as the platform would; returns the TrainingRun.

    Raises RunFailed, which carries the run, when a node's command fails; the message says which documented first-run
    failure it is.
    """
    yield from told_of_job(spec, images.environment(engine, spec.image))
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
    if found is None:
        message, hint = t("the command ended with exit code {code}.", code=node.exit_code), t("Its last lines say why.")
    else:
        message, hint = t("{message} (exit code {code})", message=found.message, code=node.exit_code), found.fix
    if len(run.nodes) > 1:
        message = t("{node}: {message}", node=node.name, message=message)
    return RunFailed(message, hint, run=run)
