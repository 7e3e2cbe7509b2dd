"""``submit``: a training job in the cloud, from the same options as ``train`` and where it runs."""

from __future__ import annotations

import re
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import RunFailed, SettingsError
from ..events import Event
from ..imports import whole
from ..messages import t
from ..reference import ImageReference, parse_reference
from ..session import session
from ..text import Redactor
from ..training.cloudjob import Job, Target
from ..training.obspath import ObsPath, parse_obs
from ..training.spec import JobSpec
from .current import connect, current_settings
from .following import Following, log_path
from .logins import account
from .pushes import checked
from .regionpush import region_reference

OWN = "modelarts-nb"  # our prefix in a bucket
Place = Path | ObsPath


class Detached(KeyboardInterrupt):
    """Following was interrupted; the job goes on. Cells behind this one do not run, as after any interrupt."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job

    def _render_traceback_(self) -> list[str]:
        return [
            t("The job {name} goes on; only following it has ended.", name=self.job.name),
            t("Follow it again: %logs {id} --follow    Stop it: %stop {id}", id=self.job.id),
        ]


@dataclass(frozen=True)
class Options:
    """What ``%submit`` takes besides what makes a JobSpec. ``bucket``: where local folders go (``obs://bucket/prefix``)."""

    flavor: str = ""
    pool: str = ""
    nodes: int = 1
    name: str = ""
    region: str = ""
    organization: str = ""
    bucket: str = ""
    log_to: str = ""
    auto_stop: float = 0.0
    description: str = ""
    dry_run: bool = False
    follow: bool = True
    check: bool = True


def submit(
    image: str = "", command: str = "", *, code: Place | None = None, inputs: Mapping[str, Place] | None = None,
    outputs: Mapping[str, Place] | None = None, env: Mapping[str, str] | None = None, access_method: str = "parameter",
    local_code_dir: str = "", working_dir: str = "", log: str | Path = "", progress: str = "", **options: Any,
) -> Any:
    """Run a command as a training job in the cloud and return the Job; with ``dry_run`` the Preflight.

    Folders may be here or ``ObsPath``s. ``options`` are the fields of ``Options``. An interrupt while it is followed leaves the
    job running and raises Detached. Raises ChecksFailed, SettingsError, CloudError, RegistryError; RunFailed when it fails.
    """
    whole("docker", "modelarts_nb.workflows", "modelarts_nb.notebook.view.cloudcards")
    from .. import workflows
    from ..notebook.view import cloudcards

    chosen = Options(**options)
    who = account(chosen.region)
    local, reference, engine = _image(who, image, chosen)
    name = chosen.name or _job_name(reference)
    inputs, outputs = inputs or {}, outputs or {}
    spec = JobSpec(
        image=str(reference),
        command=command,
        contract="v2",
        code=code if isinstance(code, Path) else None,
        inputs={key: path for key, path in inputs.items() if isinstance(path, Path)},
        env=env or {},
        access_method=access_method,
        local_code_dir=local_code_dir,
        working_dir=working_dir,
    )
    target = _target(who, spec, reference, name, chosen, code, inputs, outputs)
    submission = workflows.Submission(
        who, spec, target, reference, local, engine, follow=chosen.follow,
        bring={key: path for key, path in outputs.items() if isinstance(path, Path)},
    )
    who.registry_login()
    where = f"{name} · {who.region} · {chosen.flavor or chosen.pool}"
    if chosen.dry_run:
        following = Following(cloudcards.PREFLIGHT, where, log_path(log, "preflight"), progress, Redactor(who.secrets))
        return following.run(workflows.check_before(submission))
    following = Following(cloudcards.SUBMIT, where, log_path(log, "submit"), progress, Redactor(who.secrets))
    return _followed(following, _checked_first(chosen, submission))


def follow(job: Job, who: Any, tasks: tuple[str, ...] = (), *, log: str | Path = "", progress: str = "") -> Job:
    """Follow a job that was created before, to its end. Raises as ``submit``."""
    from .. import workflows
    from ..notebook.view import cloudcards

    session.job = job
    subject = f"{job.name} · {who.region}"
    following = Following(cloudcards.FOLLOW, subject, log_path(log, "job"), progress, Redactor(who.secrets))
    return _followed(following, workflows.follow_job(who, job, tasks), job)


def _checked_first(chosen: Options, submission: Any) -> Generator[Event | None, None, Job]:
    """The job of a submission; an image that is still to be pushed is checked first."""
    from .. import workflows

    if submission.local and chosen.check:
        yield from checked(submission.engine, submission.local, "v2")
    return (yield from workflows.submit(submission, _remember))


def _remember(job: Job) -> None:
    session.job = job


def _followed(following: Following, workflow: Any, job: Job | None = None) -> Job:
    """Run it; an interrupt once there is a job (``job``, or the one that the workflow creates) detaches."""
    before, path = session.job, str(following.path)
    try:
        ended: Job = following.run(workflow)
    except KeyboardInterrupt:
        running = job or (session.job if session.job is not before else None)
        if running is None:
            raise
        raise Detached(running) from None
    except RunFailed as error:
        if isinstance(error.run, Job):
            session.job = error.run = replace(error.run, log_path=path)
        raise
    session.job = replace(ended, log_path=path)
    return session.job


def _image(who: Any, image: str, chosen: Options) -> tuple[str, ImageReference, Any]:
    """(name in the Engine, or "" where nothing is to be pushed; reference in the region; the Engine)."""
    given = image or (session.pushed.reference if session.image is None and session.pushed is not None else "")
    if given and not given.startswith("sha256:"):
        reference = parse_reference(given).tagged()
        if reference.host == who.client.region.registry:
            return "", parse_reference(str(reference), swr=True), None
    name = session.image_name(given)
    reference = region_reference(who, name, chosen.organization or _organization_before(who), "", "")
    return name, reference, connect()


def _organization_before(who: Any) -> str:
    """The organization that this kernel has pushed to in the account's region; "" for none."""
    pushed = parse_reference(session.pushed.reference) if session.pushed is not None else None
    return pushed.organization if pushed is not None and pushed.host == who.client.region.registry else ""


def _job_name(reference: ImageReference) -> str:
    base = re.sub(r"[^0-9A-Za-z_-]", "-", reference.path.rpartition("/")[2])[:44]
    return f"{base}-{time.strftime('%Y%m%d-%H%M%S')}"


def _target(
    who: Any, spec: JobSpec, reference: ImageReference, name: str, chosen: Options, code: Place | None,
    inputs: Mapping[str, Place], outputs: Mapping[str, Place],
) -> Target:
    """Where everything goes: places in object storage as given, our own for folders of this machine."""
    log_to = parse_obs(chosen.log_to) if chosen.log_to else None
    given = [place for place in (code, *inputs.values(), *outputs.values(), log_to) if isinstance(place, ObsPath)]
    home = _Home(chosen.bucket or current_settings().bucket, given)
    for key in (*inputs, *outputs):
        JobSpec(spec.image, spec.command, inputs={key: Path()})  # the same rules for names, wherever the folders are
    return Target(
        name=name,
        image=reference.path + (f":{reference.tag}" if reference.tag else ""),
        flavor=chosen.flavor,
        pool=chosen.pool,
        nodes=chosen.nodes,
        workspace=who.workspace,
        auto_stop=chosen.auto_stop,
        description=chosen.description,
        log=log_to,
        code=code if isinstance(code, ObsPath) or code is None else home.code(code),
        inputs={key: path if isinstance(path, ObsPath) else home.data(key, path) for key, path in inputs.items()},
        outputs={key: path if isinstance(path, ObsPath) else home.output(name, key) for key, path in outputs.items()},
    )


class _Home:
    """Our own places in a bucket. Code is filed by its content, so that a job which waits is not given newer code."""

    def __init__(self, bucket: str, given: list[ObsPath]) -> None:
        self._bucket, self._given = bucket, given

    def _root(self) -> ObsPath:
        if self._bucket:
            return parse_obs(self._bucket if "://" in self._bucket else f"obs://{self._bucket}") / OWN
        if self._given:
            return ObsPath(self._given[0].bucket) / OWN
        raise SettingsError(
            t("Which bucket shall the folders of this machine go to?"),
            t("%submit --bucket obs://BUCKET, or once: MODELARTS_NB_BUCKET=obs://BUCKET."),
        )

    def code(self, folder: Path) -> ObsPath:
        from ..workflows.transfers import fingerprint

        return self._root() / "code" / fingerprint(folder) / folder.absolute().name

    def data(self, name: str, folder: Path) -> ObsPath:
        import hashlib

        return self._root() / "data" / hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:12] / name

    def output(self, job: str, name: str) -> ObsPath:
        return self._root() / "output" / job / name

