"""A training job in the cloud: checked before anything is created, its folders uploaded, then created."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from .. import manifests
from ..cloud import training
from ..cloud.account import Account
from ..engine import delivery, images
from ..engine.discovery import Engine
from ..engine.streaming import call
from ..errors import ChecksFailed, ModelArtsError, RegistryError, SettingsError
from ..events import Event, Vertex
from ..messages import t
from ..reference import ImageReference
from ..registry import client as registry
from ..training import cloudjob, preflight
from ..training.cloudjob import Job, Target
from ..training.obspath import ObsPath
from ..training.spec import JobSpec
from .checks import findings_of_job
from .jobs import follow_job
from .regionpush import push_to_region
from .transfers import bring, send

T = TypeVar("T")


@dataclass(frozen=True)
class Preflight:
    """What was checked, and the exact request that creates the job: what ``%submit --dry-run`` returns."""

    lines: tuple[preflight.Line, ...]
    request: Mapping[str, Any] = field(repr=False, hash=False)
    path: str = ""
    region: str = ""

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return not preflight.failed(self.lines)


@dataclass(frozen=True)
class Submission:
    """One job to be: ``local`` is the image's name in ``engine`` where it is to be pushed first ("": it is in the registry).

    ``bring``: outputs that come back to a folder here when the job has completed.
    """

    account: Account
    spec: JobSpec
    target: Target
    image: ImageReference
    local: str = ""
    engine: Engine | None = None
    bring: Mapping[str, Path] = field(default_factory=dict)
    follow: bool = True


def check_before(what: Submission) -> Generator[Event | None, None, Preflight]:
    """Look at everything that can be looked at. Creates nothing (a probe object is written and deleted again)."""
    began, account = time.time(), what.account
    yield Vertex("preflight", t("preflight"), started=began)
    facts = yield from call(lambda: _gather(what))
    lines = preflight.judge(what.spec, what.target, facts, account.region)
    for number, line in enumerate(lines):
        bad = line.outcome is preflight.Outcome.FAILED
        text = f"{line.name}: {t(line.outcome.value)} · {line.text}"
        yield Vertex(
            f"preflight:{number}", text, started=began, completed=time.time(), error=f"{line.text}. {line.hint}" if bad else ""
        )
    yield Vertex("preflight", t("preflight"), started=began, completed=time.time())
    path = f"/v2/{account.project.id}/training-jobs"
    return Preflight(tuple(lines), cloudjob.body(what.spec, what.target), path, account.region)


def submit(what: Submission, created: Callable[[Job], None]) -> Generator[Event | None, None, Job]:
    """Check, push, upload, create, follow; returns the job as it stands at the end. ``created`` is told the job at once.

    Raises ChecksFailed, SettingsError, CloudError, RegistryError; RunFailed, which carries the job, when it fails.
    """
    found = yield from check_before(what)
    bad = preflight.failed(found.lines)
    if bad:
        raise ChecksFailed(
            t("The job would not run. {what}", what="; ".join(f"{line.name}: {line.text}" for line in bad)),
            "\n".join(line.hint for line in bad if line.hint), found.lines,
        )
    if what.local and what.engine is not None:
        yield from push_to_region(what.engine, what.account, what.local, what.image)
    for option, folder, place in _uploads(what.spec, what.target):
        yield from send(what.account, folder, place, option)
    began, vertex, name = time.time(), "create", what.target.name
    yield Vertex(vertex, t("create the job {name}", name=name), started=began)
    job = yield from call(lambda: training.create(what.account.client, found.request))
    created(job)
    yield Vertex(vertex, t("created the job {name}: {id}", name=name, id=job.id), started=began, completed=time.time())
    if not what.follow:
        return job
    job = yield from follow_job(what.account, job)
    for output, folder in what.bring.items():
        yield from bring(what.account, what.target.outputs[output], folder)
    return job


def _uploads(spec: JobSpec, target: Target) -> list[tuple[str, Path, ObsPath]]:
    found = []
    if spec.code is not None and target.code is not None:
        found.append(("--code", spec.code, target.code))
    return found + [(f"--data {name}", folder, target.inputs[name]) for name, folder in spec.inputs.items()]


def _gather(what: Submission) -> preflight.Facts:
    """All facts, asked for at the same time. What cannot be had is a problem that is told, not an error."""
    account, spec, target, client = what.account, what.spec, what.target, what.account.client
    problems: dict[str, str] = {}
    written = {path.bucket: path.prefix for path in (*target.outputs.values(), *((target.log,) if target.log else ()))}
    buckets = {path.bucket: path.prefix for path in (*target.inputs.values(), *((target.code,) if target.code else ()))}

    def ask(about: str, question: Callable[[], T]) -> Callable[[], T | None]:
        def safe() -> T | None:
            try:
                return question()
            except ModelArtsError as error:
                problems[about] = error.message
                return None

        return safe

    with ThreadPoolExecutor(6, thread_name_prefix="modelarts_nb-preflight") as pool:
        flavors = pool.submit(ask("flavors", lambda: training.flavors(client)))
        held = pool.submit(ask("image", lambda: _image(what)))
        running = pool.submit(ask("running", lambda: training.running_outputs(client))) if target.outputs else None
        quotas = pool.submit(ask("quotas", lambda: training.quotas(client)))
        looked: dict[str, Future[preflight.Bucket | None]] = {
            name: pool.submit(ask(name, _bucket(account, name, prefix, name in written)))
            for name, prefix in {**buckets, **written}.items()
        }
        findings = findings_of_job(spec, None)
        code = _folder(spec.code) if spec.code is not None else None
        return preflight.Facts(
            flavors=flavors.result(),
            image=held.result() or None,
            image_missing=held.result() == (),
            image_new=bool(what.local),
            code=code,
            running=running.result() if running is not None else None,
            quotas=quotas.result(),
            findings=findings,
            problems=problems,
            buckets={
                name: found.result() or preflight.Bucket(problem=problems.get(name, "")) for name, found in looked.items()
            },
        )


def _bucket(account: Account, name: str, prefix: str, write: bool) -> Callable[[], preflight.Bucket]:
    return lambda: account.store().bucket(name, prefix, write=write)


def _image(what: Submission) -> Any:
    """(media type, architecture, names of variables); () where the registry has none of that name."""
    if what.local and what.engine is not None:
        kind = manifests.OCI_INDEX if images.is_index(what.engine, what.local) else manifests.DOCKER_MANIFEST
        found = images.inspect(what.engine, what.local)
        return (
            kind,
            found.platform.partition("/")[2].partition("/")[0],
            tuple(images.environment(what.engine, what.local) or ()),
        )
    try:
        manifest = registry.read_manifest(what.image, what.account.credentials_for)
        config = registry.read_config(what.image, what.account.credentials_for)
    except RegistryError as error:
        if error.status == 404:
            return ()
        raise
    variables = tuple(str(each).partition("=")[0] for each in (config.get("config") or {}).get("Env") or ())
    return manifest.media_type, str(config.get("architecture") or ""), variables


def _folder(path: Path) -> preflight.Folder:
    try:
        listing = delivery.listing(path, "--code")
    except SettingsError:
        return preflight.Folder(0, 0, missing=True)
    largest = sorted(listing.items, key=lambda item: -item.size)[:3]
    return preflight.Folder(listing.size, len(listing.items), tuple((item.name, item.size) for item in largest))
