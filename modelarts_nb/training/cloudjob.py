"""A training job in the cloud: the request that makes one, and what the API says of one. Values in, values out.

The request: huaweicloudsdkmodelarts 3.1.219 (``CreateTrainingJob``, POST /v2/{project_id}/training-jobs), merged with the
example of a custom image in the API reference (OTC, creating_a_training_job). The SDK's models judge it in tests.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import SettingsError
from ..messages import t
from .obspath import ObsPath
from .spec import JobSpec

TERMINAL = ("Completed", "Failed", "Terminated", "Abnormal")
MOUNT = "/home/ma-user/modelarts"
MAX_NODES = 1024  # a mistake beyond
_NAME = re.compile(r"[0-9A-Za-z_-]{1,64}\Z")


@dataclass(frozen=True)
class Target:
    """Where a job runs, and where its folders are by then.

    ``image`` is ``organization/repository:tag`` in the region's registry. ``code`` is the folder whose last part is kept below
    ``user-job-dir``. ``auto_stop`` in seconds (0: never). ``flavor`` may be "" where ``pool`` is given.
    Raises SettingsError for what can make no job.
    """

    name: str
    image: str
    flavor: str = ""
    pool: str = ""
    nodes: int = 1
    workspace: str = "0"
    code: ObsPath | None = None
    inputs: Mapping[str, ObsPath] = field(default_factory=dict)
    outputs: Mapping[str, ObsPath] = field(default_factory=dict)
    log: ObsPath | None = None
    auto_stop: float = 0.0
    description: str = ""

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise SettingsError(
                t("“{name}” cannot name a training job.", name=self.name),
                t("A name has 1 to 64 letters, digits, “_” and “-”."),
            )
        if not self.flavor and not self.pool:
            raise SettingsError(
                t("Where shall the job run?"), t("Give --flavor F; %flavors lists them. In a pool of your own: --pool P.")
            )
        if not 1 <= self.nodes <= MAX_NODES:
            raise SettingsError(t("{nodes} nodes cannot be asked for.", nodes=self.nodes))
        if len(self.description) > 256:
            raise SettingsError(t("A job's description has at most 256 characters."))
        for name, path in self.outputs.items():
            if any(path == other or (path.prefix.startswith(other.prefix) and path.bucket == other.bucket)
                   for key, other in self.outputs.items() if key != name):
                raise SettingsError(t("The output {name} lies in another output.", name=name))


def body(spec: JobSpec, target: Target) -> dict[str, Any]:
    """The request that creates the job."""
    algorithm: dict[str, Any] = {
        "engine": {"image_url": target.image},
        "command": spec.command,
        "parameters": [],
        "inputs": [_place(name, path, "inputs", spec) for name, path in target.inputs.items()],
        "outputs": [_place(name, path, "outputs", spec) for name, path in target.outputs.items()],
        "environments": dict(spec.env),
    }
    if target.code is not None:
        algorithm["code_dir"] = target.code.folder
    places = {"local_code_dir": spec.local_code_dir, "working_dir": spec.working_dir}
    algorithm.update({name: place for name, place in places.items() if place})
    resource: dict[str, Any] = {"node_count": target.nodes}
    if target.flavor:
        resource["flavor_id"] = target.flavor
    if target.pool:
        resource["pool_id"] = target.pool
    where: dict[str, Any] = {"resource": resource}
    if target.log is not None:
        where["log_export_path"] = {"obs_url": target.log.folder}
    if target.auto_stop:
        where["auto_stop"] = {"time_unit": "HOURS", "duration": max(1, math.ceil(target.auto_stop / 3600))}
    return {
        "kind": "job",
        "metadata": {"name": target.name, "description": target.description, "workspace_id": target.workspace},
        "algorithm": algorithm,
        "spec": where,
    }


def _place(name: str, path: ObsPath, kind: str, spec: JobSpec) -> dict[str, Any]:
    # local_dir of outputs: by analogy with the documented one of inputs, unverified
    return {
        "name": name, "access_method": spec.access_method, "local_dir": f"{MOUNT}/{kind}/{name}_0",
        "remote": {"obs": {"obs_url": path.folder}},
    }


@dataclass(frozen=True)
class TaskEnd:
    """How one task ended."""

    task: str
    exit_code: int | None
    message: str = ""


@dataclass(frozen=True)
class Job:
    """A job as the API shows it: what ``%submit`` and ``%job`` return.

    Times are seconds since the epoch, ``duration`` in seconds; ``raw`` is the whole answer. ``log_path``: the file with
    what was followed here.
    """

    id: str
    name: str
    phase: str
    created: float = 0.0
    started: float = 0.0
    duration: float = 0.0
    nodes: int = 0
    tasks: tuple[str, ...] = ()
    ends: tuple[TaskEnd, ...] = ()
    image: str = ""
    flavor: str = ""
    command: str = field(default="", repr=False)
    region: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict, hash=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)
    log_path: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing will happen any more."""
        return self.phase in TERMINAL

    @property
    def succeeded(self) -> bool:
        """Whether it completed."""
        return self.phase == "Completed"

    @property
    def exit_code(self) -> int | None:
        """The first exit code that is not 0, else 0; None where the API says none."""
        codes = [end.exit_code for end in self.ends if end.exit_code is not None]
        return next((code for code in codes if code), 0 if codes else None)

    def __str__(self) -> str:
        return f"{self.name}  {self.phase}  {self.id}"


def parse_job(found: Mapping[str, Any], region: str = "") -> Job:
    """The job that an answer describes; members that are missing leave their fields empty."""
    metadata, status = _member(found, "metadata"), _member(found, "status")
    algorithm, where = _member(found, "algorithm"), _member(found, "spec")
    resource = _member(where, "resource")
    ends = tuple(
        TaskEnd(str(each.get("task", "")), _code(each.get("exit_code")), str(each.get("message") or ""))
        for each in status.get("task_statuses") or () if isinstance(each, Mapping)
    )
    return Job(
        id=str(metadata.get("id", "")), name=str(metadata.get("name", "")), phase=str(status.get("phase", "")),
        created=_number(metadata.get("create_time")) / 1000, started=_number(status.get("start_time")) / 1000,
        duration=_number(status.get("duration")) / 1000, nodes=int(_number(resource.get("node_count"))),
        tasks=tuple(str(task) for task in status.get("tasks") or ()), ends=ends,
        image=str(_member(algorithm, "engine").get("image_url") or ""), flavor=str(resource.get("flavor_id") or ""),
        command=str(algorithm.get("command") or ""), region=region, outputs=_outputs(algorithm),
        environment={str(k): str(v) for k, v in _member(algorithm, "environments").items()}, raw=found,
    )


def _outputs(algorithm: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for each in algorithm.get("outputs") or ():
        if isinstance(each, Mapping):
            url = str(_member(_member(each, "remote"), "obs").get("obs_url") or "")
            found[str(each.get("name", ""))] = f"obs:/{url}".rstrip("/") if url.startswith("/") else url
    return found


def _member(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = found.get(name)
    return value if isinstance(value, Mapping) else {}


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return 0.0


def _code(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
