"""``train``: a run as ModelArts would do it."""

from __future__ import annotations

import uuid
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import RunFailed
from ..events import Event
from ..imports import whole
from ..messages import t
from ..session import session
from ..text import Redactor
from ..training.metrics import Metrics
from ..training.run import TrainingRun
from .background import pending, until
from .current import connect, current_settings
from .following import Following, log_path
from .remote import local


def train(image: str = "", *, log: str | Path = "", progress: str = "", background: bool = False, **options: Any) -> Any:
    """Run a command in an image as ModelArts would, and return the run.

    ``image``: a reference or id; "": the last one built here. ``options`` are the fields of ``training.spec.JobSpec``
    (command, code, inputs, outputs, env, contract, nodes, gpus, memory, timeout, …); code, inputs and outputs may also be
    ``ObsPath``s: they are brought before the run, or sent after it.
    A build of the image that goes on in the background is waited for. ``background``: a Background is returned at once.
    Raises SettingsError for options that make no job, RunFailed (carrying the run) when the command fails.
    """
    whole("docker", "modelarts_nb.workflows")
    from .. import workflows
    from ..notebook.view.card import TRAIN
    from ..training.spec import JobSpec

    options.setdefault("contract", current_settings().contract)
    options, remote = local(options)
    build = pending(image)
    spec = session.spec = JobSpec(image=image or (build.subject if build else session.image_name()), **options)
    engine = connect()
    nodes = t("1 node") if spec.nodes == 1 else t("{count} nodes", count=spec.nodes)
    secrets = remote.who.secrets if remote.who is not None else ()
    path, job_id = log_path(log, "train"), uuid.uuid4().hex[:10]
    subject = f"{spec.image} · {spec.contract} · {nodes}"
    following = Following(TRAIN, subject, path, progress, Redactor(secrets), metrics=Metrics())
    following.next_line = f"%push {spec.image}"

    def workflow() -> Generator[Event | None, None, TrainingRun]:
        yield from until(build)
        yield from remote.bring()
        try:
            run = yield from workflows.train(engine, spec, job_id, following.trace)
        except RunFailed as error:
            if isinstance(error.run, TrainingRun):
                session.run = error.run = replace(error.run, log_path=str(path))
            raise
        session.run = replace(run, log_path=str(path))
        yield from remote.send()
        return session.run

    return following.run(workflow(), background=background)
