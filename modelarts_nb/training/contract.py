"""The platform's container contract: what a training container finds when its command starts, for both generations.

Sources. v1: ModelArts-Lab ``docs/custom_image`` (guide 2.3.1, base image Dockerfiles, run_train.sh). v2: support pages
develop-modelarts-0104 (variables), -1416 (start command), docker-modelarts_0029 (user), the training-job API
(``local_dir`` of inputs). What no page states is marked *unverified* here and in docs/fidelity.md.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from .spec import JobSpec

BUCKET = "modelarts-nb"  # the bucket of local runs
OBS = "/run/modelarts_nb/obs"  # where a local run puts object storage for the stand-in's downloader
PORT = 6666  # of host:port pairs in v1; the platform's own choice is unverified
V2_TASK = "worker"


@dataclass(frozen=True)
class Delivery:
    """A local folder that is brought into the container before the start, as object storage would deliver it."""

    source: Path
    target: str


@dataclass(frozen=True)
class NodePlan:
    """One node: everything its container is made of, besides the image.

    ``name`` is what users see (worker-0). ``folders`` are made. ``links`` (place, target) are symbolic links of the
    runner's own. What is delivered and made belongs to ``uid`` and ``gid``. ``outputs``: place in the container by name.
    ``aliases`` are names that other nodes resolve.
    """

    name: str
    hostname: str
    aliases: tuple[str, ...]
    uid: int
    gid: int
    working_dir: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    deliveries: tuple[Delivery, ...] = ()
    folders: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    outputs: Mapping[str, str] = field(default_factory=dict)


def code_name(spec: JobSpec) -> str:
    """The last folder of the code directory: the platform keeps it below ``user-job-dir``."""
    return spec.code.absolute().name if spec.code is not None else ""


def plan(spec: JobSpec, job_id: str, index: int, addresses: tuple[str, ...] = ()) -> NodePlan:
    """The plan of node ``index`` of the job. ``addresses``: the nodes' IP addresses, in order ("": not known)."""
    make = _v1 if spec.contract == "v1" else _v2
    return make(spec, job_id, index, addresses or ("",) * spec.nodes)


def host_name(spec: JobSpec, job_id: str, index: int) -> str:
    """The name by which other nodes reach node ``index``."""
    if spec.contract == "v1":
        return f"{_v1_job(job_id)}-custom-{index}"
    return f"{_v2_job(job_id)}-{V2_TASK}-{index}.{_v2_job(job_id)}"


def _v1_job(job_id: str) -> str:
    return f"job{job_id}"


def _v2_job(job_id: str) -> str:
    return f"modelarts-job-{job_id}"


def _v1(spec: JobSpec, job_id: str, index: int, addresses: tuple[str, ...]) -> NodePlan:
    """v1: the code stays in object storage and ``run_train.sh`` fetches it; uid 1101; ``DLS_*`` and ``BATCH_*``.

    Where inputs and outputs of a local run lie (below ``/home/work/modelarts``) is our choice: v1 gives their addresses
    in object storage, which the training code opens itself, and a local run offers both.
    """
    home, prefix = "/home/work", f"{BUCKET}/{_v1_job(job_id)}"
    inputs = {name: f"{home}/modelarts/inputs/{name}_0" for name in spec.inputs}
    outputs = {name: f"{home}/modelarts/outputs/{name}_0" for name in spec.outputs}
    hosts = [f"{host_name(spec, job_id, node)}:{PORT}" for node in range(spec.nodes)]
    environment = {
        "DLS_TASK_INDEX": str(index),
        "DLS_TASK_NUMBER": str(spec.nodes),
        "DLS_JOB_ID": _v1_job(job_id),
        "DLS_USE_UPLOADER": "0",
        "BATCH_JOB_ID": _v1_job(job_id),
        "BATCH_TASK_CURRENT_HOST_IP": addresses[index],
        "BATCH_TASK_CURRENT_INSTANCE": host_name(spec, job_id, index),
        "BATCH_CURRENT_HOST": host_name(spec, job_id, index),
        "BATCH_CURRENT_PORT": str(PORT),
    }
    if spec.nodes == 1:
        environment[f"BATCH_{_v1_job(job_id)}.0_HOSTS"] = hosts[0]
    environment.update({f"BATCH_CUSTOM{node}_HOSTS": host for node, host in enumerate(hosts)} if spec.nodes > 1 else {})
    deliveries = [Delivery(path, inputs[name]) for name, path in spec.inputs.items()]
    links = [(f"{OBS}/{prefix}/inputs/{name}", place) for name, place in inputs.items()]
    links += [(f"{OBS}/{prefix}/outputs/{name}", place) for name, place in outputs.items()]
    if spec.code is not None:
        deliveries.append(Delivery(spec.code, f"{OBS}/{prefix}/code/{code_name(spec)}"))
        environment["DLS_APP_URL"] = f"s3://{prefix}/code/{code_name(spec)}/"
    if inputs:
        environment["DLS_DATA_URL"] = f"s3://{prefix}/inputs/{next(iter(inputs))}/"
    if outputs:
        environment["DLS_TRAIN_URL"] = f"s3://{prefix}/outputs/{next(iter(outputs))}/"
    return NodePlan(
        name=f"{V2_TASK}-{index}", hostname=host_name(spec, job_id, index), aliases=(host_name(spec, job_id, index),),
        uid=1101, gid=1101, working_dir=home, argv=_argv(spec, {**inputs, **outputs}),
        environment=_environment(spec, environment, {**inputs, **outputs}), deliveries=tuple(deliveries),
        folders=(f"{home}/user-job-dir", f"{home}/modelarts", *outputs.values()), links=tuple(links), outputs=outputs,
    )


def _v2(spec: JobSpec, job_id: str, index: int, addresses: tuple[str, ...]) -> NodePlan:
    """v2: the code lies below ``$MA_JOB_DIR`` when the command starts; uid 1000; ``MA_*`` and ``VC_*``.

    ``MA_JOB_DIR`` is “the parent of the code folder” (develop-modelarts-0104); that it follows ``local_code_dir`` is
    *unverified*.
    """
    home = "/home/ma-user"
    start = spec.working_dir.rstrip("/") or home
    mount, job_dir = f"{home}/modelarts", spec.local_code_dir.rstrip("/") or f"{home}/modelarts/user-job-dir"
    inputs = {name: f"{mount}/inputs/{name}_0" for name in spec.inputs}
    outputs = {name: f"{mount}/outputs/{name}_0" for name in spec.outputs}
    environment = {
        "MA_HOME": home,
        "MA_JOB_DIR": job_dir,
        "MA_MOUNT_PATH": mount,
        "MA_LOG_DIR": f"{mount}/log",
        "MA_SCRIPT_INTERPRETER": "",
        "WORKSPACE": f"{job_dir}/{code_name(spec)}".rstrip("/"),
        "MA_CURRENT_IP": addresses[index],
        "MA_NUM_GPUS": str(spec.gpus or spec.npus),
        "MA_TASK_NAME": V2_TASK,
        "MA_NUM_HOSTS": str(spec.nodes),
        "VC_WORKER_NUM": str(spec.nodes),
        "VC_TASK_INDEX": str(index),
        "VC_WORKER_HOSTS": ",".join(host_name(spec, job_id, node) for node in range(spec.nodes)),
        "MA_CURRENT_INSTANCE_NAME": f"{_v2_job(job_id)}-{V2_TASK}-{index}",
        "MA_VJ_NAME": _v2_job(job_id),  # unverified value; public scripts make host names from it
    }
    deliveries = [Delivery(path, inputs[name]) for name, path in spec.inputs.items()]
    if spec.code is not None:
        deliveries.insert(0, Delivery(spec.code, f"{job_dir}/{code_name(spec)}"))
    return NodePlan(
        name=f"{V2_TASK}-{index}", hostname=f"{_v2_job(job_id)}-{V2_TASK}-{index}",
        aliases=(host_name(spec, job_id, index), f"{_v2_job(job_id)}-{V2_TASK}-{index}"),
        uid=1000, gid=100, working_dir=start, argv=_argv(spec, {**inputs, **outputs}),
        environment=_environment(spec, environment, {**inputs, **outputs}), deliveries=tuple(deliveries),
        # the platform mounts /cache and everything below modelarts for its user
        folders=(
            mount, job_dir, f"{mount}/log", f"{mount}/inputs", f"{mount}/outputs", "/cache", *outputs.values(),
            *([start] if start.startswith(f"{job_dir}/") else []),
        ),
        outputs=outputs,
    )


def _argv(spec: JobSpec, places: Mapping[str, str]) -> tuple[str, ...]:
    """The command as the platform starts it: by bash, not a login shell, with the paths behind the last command."""
    command = spec.command
    if spec.access_method == "parameter":
        command += "".join(f" --{name}={shlex.quote(place)}" for name, place in places.items())
    return ("/bin/bash", "-c", command)


def _environment(spec: JobSpec, contract: Mapping[str, str], places: Mapping[str, str]) -> dict[str, str]:
    """The contract's variables, over which the job's own win, as on the platform."""
    by_name = dict(places) if spec.access_method == "env" else {}
    return {**contract, **by_name, **spec.env}


def boot_paths(spec: JobSpec) -> tuple[PurePosixPath, PurePosixPath]:
    """(folder that holds the code folder, the code folder itself) when the command starts."""
    base = "/home/work/user-job-dir" if spec.contract == "v1" else "/home/ma-user/modelarts/user-job-dir"
    base = spec.local_code_dir if spec.contract == "v2" and spec.local_code_dir else base
    return PurePosixPath(base), PurePosixPath(base) / code_name(spec)
