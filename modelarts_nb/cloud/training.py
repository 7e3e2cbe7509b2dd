"""ModelArts' training-job API (v2) and its list of images (v1). Paths and bodies: huaweicloudsdkmodelarts 3.1.219.

A job that was created although its answer was lost is found again by its name, so that none runs twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import CloudError
from ..messages import t
from ..training.cloudjob import TERMINAL, Job, parse_job
from .client import Client, listed
from .signing import encode

NOT_NOW = "ModelArts.2858"  # "Current operation not supported": table of error codes (OTC)
PAGE = 50  # the most that ListTrainingJobs gives


def create(client: Client, body: Mapping[str, Any]) -> Job:
    """Create a job. Raises CloudError.

    Where the answer is lost, the job is looked for among those of that name which were not there before.
    """
    name = str(body["metadata"]["name"])
    before = {job.id for job in jobs(client, name=name)}
    for last in (False, False, True):
        try:
            answer = client.send("POST", "modelarts", _jobs(client), body=dict(body), repeatable=False)
        except CloudError as error:
            if not error.temporary:
                raise
            found = [job for job in jobs(client, name=name) if job.id not in before]
            if found:
                return found[0]
            if last:
                raise
        else:
            return parse_job(answer.body or {}, client.region.id)
    raise AssertionError("unreachable")


def show(client: Client, job: str) -> Job:
    """One job, by its id. Raises CloudError (404: there is none)."""
    return parse_job(client.get("modelarts", _job(client, job)), client.region.id)


def jobs(client: Client, *, name: str = "", limit: int = 200) -> Iterator[Job]:
    """The newest jobs first; those of exactly that name only, if asked so."""
    offset = 0
    while offset < limit:
        wanted = {"offset": offset // PAGE, "limit": PAGE, "sort_by": "create_time", "order": "desc"}
        if name:
            wanted["filters"] = [{"key": "name", "operator": "in", "value": [name]}]
        path = f"/v2/{encode(client.project_id)}/training-job-searches"
        found = listed(client.send("POST", "modelarts", path, body=wanted, repeatable=True).body, "items")
        for each in found:
            job = parse_job(each, client.region.id)
            if not name or job.name == name:
                yield job
        if len(found) < PAGE:
            return
        offset += PAGE


def find(client: Client, wanted: str) -> Job:
    """The job of that id, else the newest of that name. Raises CloudError."""
    try:
        if "-" in wanted or len(wanted) == 32:
            return show(client, wanted)
    except CloudError as error:
        if error.status not in (400, 404):
            raise
    found = next(jobs(client, name=wanted), None)
    if found is None:
        raise CloudError(t("There is no training job “{wanted}” here.", wanted=wanted), t("%jobs lists them."), status=404)
    return show(client, found.id)


def stop(client: Client, job: str) -> None:
    """Stop it; one that has ended stays as it is."""
    path = f"{_job(client, job)}/actions"
    try:
        client.send("POST", "modelarts", path, body={"action_type": "terminate"}, repeatable=True)
    except CloudError as error:
        if error.error_code != NOT_NOW or not show(client, job).ended:
            raise  # else it has just ended by itself


def delete(client: Client, job: str) -> None:
    """Delete it with its logs."""
    client.send("DELETE", "modelarts", _job(client, job))


def events(client: Client, job: str, *, offset: int = 0, limit: int = 100) -> list[Mapping[str, Any]]:
    """``message``, ``level``, ``time``, ``source``, the oldest first; ``offset`` counts pages."""
    query = (("offset", str(offset)), ("limit", str(limit)), ("order", "asc"))
    return listed(client.get("modelarts", f"{_job(client, job)}/events", query), "events")


def tasks(client: Client, job: str) -> list[Mapping[str, Any]]:
    """``task``, ``ip``, ``host_ip`` of each."""
    return listed(client.get("modelarts", f"{_job(client, job)}/tasks"), "tasks")


def metrics(client: Client, job: str, task: str) -> list[Mapping[str, Any]]:
    """``metric`` (cpuUsage, memUsage, gpuUtil, …) and ``value``: one number a minute."""
    return listed(client.get("modelarts", f"{_job(client, job)}/metrics/{encode(task)}"), "metrics")


def flavors(client: Client, kind: str = "") -> dict[str, Mapping[str, Any]]:
    """The API's entries by flavor id. ``kind``: CPU, GPU, Ascend or "" for all."""
    query = (("flavor_type", kind),) if kind else ()
    found = listed(client.get("modelarts", f"/v2/{encode(client.project_id)}/training-job-flavors", query), "flavors")
    return {str(each.get("flavor_id", "")): each for each in found}


def engines(client: Client) -> list[Mapping[str, Any]]:
    """The preset frameworks: engine_name, engine_version, run_user, image_info."""
    return listed(client.get("modelarts", f"/v2/{encode(client.project_id)}/training-job-engines"), "items")


def quotas(client: Client) -> list[Mapping[str, Any]]:
    """``resource``, ``quota``, ``used`` of each."""
    return listed(client.get("modelarts", f"/v2/{encode(client.project_id)}/training-quotas"), "quotas")


def images(client: Client) -> Iterator[Mapping[str, Any]]:
    """The registered images."""
    return client.pages("modelarts", f"/v1/{encode(client.project_id)}/images", "data")


def register_image(client: Client, path: str, *, arch: str, categories: list[str], workspace: str = "0") -> Mapping[str, Any]:
    """Register ``host/organization/name:tag`` for training. ``arch``: X86_64 or AARCH64; ``categories``: CPU, GPU, ASCEND."""
    body = {
        "swr_path": path, "arch": arch, "service_type": "TRAIN", "resource_category": categories, "visibility": "PRIVATE",
        "workspace_id": workspace,
    }
    answer = client.send("POST", "modelarts", f"/v1/{encode(client.project_id)}/images", body=body, repeatable=False)
    return dict(answer.body or {})


def unregister_image(client: Client, identifier: str) -> None:
    """Take an image off ModelArts' list; it stays in SWR."""
    client.send("DELETE", "modelarts", f"/v1/{encode(client.project_id)}/images/{encode(identifier)}")


def running_outputs(client: Client) -> dict[str, list[str]]:
    """Output folders (``/bucket/key/``) of the jobs that have not ended, by the job's name."""
    return {
        job.name: [f"{url.removeprefix('obs:/')}/" for url in job.outputs.values()]
        for job in jobs(client) if job.phase not in TERMINAL and job.outputs
    }


def _jobs(client: Client) -> str:
    return f"/v2/{encode(client.project_id)}/training-jobs"


def _job(client: Client, job: str) -> str:
    return f"{_jobs(client)}/{encode(job)}"
