"""ModelArts' API for training jobs: create, look, stop, delete, follow. Paths and fields are the SDK's (v2)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from .iam import iso
from .jobs import Job, Jobs
from .preflight import Preflight, split
from .runner import Runner
from .web import Answer, Refusal, Request, route

ONE = "/v2/{project_id}/training-jobs/{job_id}"
METRICS = ("cpuUsage", "memUsage", "gpuUtil", "gpuMemUsage", "npuUtil", "npuMemUsage")
LEVELS = ("Info", "Error", "Warning")


def owners(
    jobs: Jobs, runner: Runner, preflight: Preflight, limit: Callable[[], int], sign_url: Callable[[Any, str, str], str] | None
) -> tuple[object, ...]:
    """All that answers here. ``limit()``: how many jobs may run or wait; ``sign_url(caller, bucket, key)``: a temporary URL."""
    return Making(jobs, runner, preflight, limit), Listing(jobs), Logs(jobs, sign_url), Looking(jobs)


class Making:
    """Creating and ending jobs."""

    def __init__(self, jobs: Jobs, runner: Runner, preflight: Preflight, limit: Callable[[], int]) -> None:
        self._jobs, self._runner, self._preflight, self._limit = jobs, runner, preflight, limit
        self._creating = threading.Lock()  # a name and the last place of a quota are given once

    @route("POST /v2/{project_id}/training-jobs")
    def _create(self, request: Request) -> Answer:
        try:
            wanted = request.json()
        except ValueError:
            raise Refusal(400, "ModelArts.2787", "Invalid JSON request body.") from None
        if wanted.get("kind") != "job":
            raise Refusal(400, "ModelArts.2788", "Invalid parameter(kind): the sandbox runs jobs of the kind “job”.")
        with self._creating:
            mine = self._jobs.of(request.caller)
            if len([job for job in mine if not job.over]) >= self._limit():
                raise Refusal(400, "ModelArts.2815", "Exceed quota limit of resource(training job).")
            facts = self._preflight.check(request.caller, wanted, {_name(job) for job in mine})
            job = self._jobs.create(request.caller, wanted, facts)
        job.event("Training job created.")
        self._runner.start(job)
        return Answer(201, job.shown())

    @route("GET /v2/{project_id}/training-job-names")
    def _name(self, request: Request) -> Answer:
        taken = {_name(job) for job in self._jobs.of(request.caller)}
        return Answer(200, {"is_duplicate": request.option("job_name") in taken})

    @route(f"POST {ONE}/actions")
    def _act(self, request: Request, job_id: str) -> Answer:
        job = self._jobs.find(request.caller, job_id)
        action = request.json().get("action_type")
        if action != "terminate":
            raise Refusal(400, "ModelArts.2812", f"Unsupported action type:{action}")
        if job.over:
            raise Refusal(400, "ModelArts.2858", f"Current operation not supported, (the job is {job.phase}).")
        job.event(f"[Job: modelarts-job-{job.id}] ExecuteAction: Start to execute action TerminateJob", source="K8S")
        job.enter("Terminating")
        job.stop.set()
        return Answer(202, job.shown())

    @route(f"PUT {ONE}")
    def _describe(self, request: Request, job_id: str) -> Answer:
        job = self._jobs.find(request.caller, job_id)
        text = str(request.json().get("description", ""))
        if len(text) > 256:
            raise Refusal(400, "ModelArts.2816", "The parameter(description) exceeds the upper limit 256.")
        with job.document.change() as state:
            state["request"]["metadata"]["description"] = text
        return Answer(200, {})

    @route(f"DELETE {ONE}")
    def _delete(self, request: Request, job_id: str) -> Answer:
        _delete(self._jobs, self._jobs.find(request.caller, job_id))
        return Answer(202, {})

    @route("POST /v2/{project_id}/training-jobs/batch-delete")
    def _delete_many(self, request: Request) -> Answer:
        wanted = [str((item.get("metadata") or {}).get("id")) for item in request.json().get("jobs") or []]
        found = [self._jobs.find(request.caller, identity) for identity in wanted]
        for job in found:
            _delete(self._jobs, job)
        return Answer(202, {})


def _delete(jobs: Jobs, job: Job) -> None:
    """A job that runs is stopped first, and gone when its containers are."""
    job.stop.set()
    deadline = time.monotonic() + 30
    while not job.over and time.monotonic() < deadline:
        time.sleep(0.05)
    jobs.delete(job)


class Listing:
    """Finding jobs."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    @route("POST /v2/{project_id}/training-job-searches")
    def _search(self, request: Request) -> Answer:
        wanted = request.json()
        limit, offset = int(wanted.get("limit") or 10), int(wanted.get("offset") or 0)
        if not (1 <= limit <= 50 and offset >= 0):
            raise Refusal(400, "ModelArts.2764", "Invalid query parameter (limit).")
        found = [job.shown() for job in self._jobs.of(request.caller)]
        for condition in wanted.get("filters") or []:
            found = [job for job in found if _meets(job, condition)]
        column = wanted.get("sort_by") or "create_time"
        if column not in ("create_time", "name", "duration", "job_name"):
            raise Refusal(400, "ModelArts.2790", "Unsupported sorting item.")
        key: Callable[[dict[str, Any]], Any] = {
            "create_time": lambda job: job["metadata"]["create_time"], "duration": lambda job: job["status"]["duration"],
        }.get(column, lambda job: job["metadata"]["name"])
        found.sort(key=key, reverse=(wanted.get("order") or "desc") == "desc")
        # offset counts pages in the reference's own examples; see docs/fidelity.md
        part = found[offset * limit:(offset + 1) * limit]
        return Answer(200, {
            "total": len(found), "count": len(part), "limit": limit, "offset": offset, "sort_by": column,
            "order": wanted.get("order") or "desc", "group_by": wanted.get("group_by") or "",
            "workspace_id": wanted.get("workspace_id") or "0", "items": part,
        })

    @route(f"GET {ONE}")
    def _show(self, request: Request, job_id: str) -> Answer:
        return Answer(200, self._jobs.find(request.caller, job_id).shown())


def _meets(job: dict[str, Any], condition: dict[str, Any]) -> bool:
    key, operator = condition.get("key"), condition.get("operator")
    values = [str(value) for value in condition.get("value") or []]
    has: str | None = {
        "name": job["metadata"]["name"], "id": job["metadata"]["id"], "phase": job["status"]["phase"],
        "create_time": str(job["metadata"]["create_time"]), "user_name": job["metadata"]["user_name"],
    }.get(str(key))
    if has is None:
        raise Refusal(400, "ModelArts.2807", f"Unsupported condition key ({key})")
    if operator == "like":
        return any(value in has for value in values)
    if operator == "between" and len(values) == 2 and all(value.isdigit() for value in values):
        return int(values[0]) <= int(has) <= int(values[1])
    if operator in ("in", "not"):
        return (operator == "in") is (has in values)
    raise Refusal(400, "ModelArts.2808", f"Unsupported condition operator ({operator})")


class Logs:
    """What jobs print."""

    def __init__(self, jobs: Jobs, sign_url: Callable[[Any, str, str], str] | None) -> None:
        self._jobs, self._sign_url = jobs, sign_url

    @route(f"GET {ONE}/tasks/{{task_id}}/logs/preview")
    def _preview(self, request: Request, job_id: str, task_id: str) -> Answer:
        content, current, full = _task(self._jobs, request, job_id, task_id).preview()
        return Answer(200, {"content": content, "current_size": current, "full_size": full})

    @route(f"GET {ONE}/logs/{{task_id}}")
    def _tail(self, request: Request, job_id: str, task_id: str) -> Answer:
        log = _task(self._jobs, request, job_id, task_id)
        lines = request.number("lines", 50, 1, 500)
        order = request.option("order", "desc")
        if order not in ("asc", "desc"):
            raise ValueError("order")
        given = bool(request.option("base_line"))
        base = request.number("base_line", 0)
        first, last, content = log.after(base, lines) if order == "asc" else log.before(base if given else None, lines)
        count = last - first + 1 if content else 0
        return Answer(200, {"start_line": str(first), "end_line": str(last), "lines": count, "content": content})

    @route(f"GET {ONE}/tasks/{{task_id}}/logs/url")
    def _url(self, request: Request, job_id: str, task_id: str) -> Answer:
        job = self._jobs.find(request.caller, job_id)
        place = str((job.get("request")["spec"].get("log_export_path") or {}).get("obs_url") or "")
        if not place or self._sign_url is None:
            raise Refusal(400, "ModelArts.2822", "The log export path is not set.")
        if not job.over:
            raise Refusal(400, "ModelArts.2818", "the log file is not generated")
        bucket, prefix = split(place)
        name = job.log(task_id).path.name if task_id in job.tasks() else ""
        key = "/".join(part for part in (prefix.strip("/"), name) if part)
        return Answer(200, {"obs_url": self._sign_url(request.caller, bucket, key)})


def _task(jobs: Jobs, request: Request, job_id: str, task_id: str) -> Any:
    job = jobs.find(request.caller, job_id)
    if task_id not in job.tasks():
        raise Refusal(400, "ModelArts.2820", "the log storage path cannot be found")
    return job.log(task_id)


class Looking:
    """What happened to jobs."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    @route(f"GET {ONE}/events")
    def _events(self, request: Request, job_id: str) -> Answer:
        job = self._jobs.find(request.caller, job_id)
        offset, limit = request.number("offset", 0), request.number("limit", 50, 1, 100)
        start, end = request.number("start_time", 0), request.number("end_time", int(time.time() * 1000) + 1000)
        level, pattern, order = request.option("level"), request.option("pattern"), request.option("order", "desc")
        if level and level not in LEVELS:
            raise ValueError("level")
        found = [
            event for event in job.get("events")
            if start <= event["time"] * 1000 <= end and level in ("", event["level"]) and pattern in event["message"]
        ]
        if order == "desc":
            found.reverse()
        part = [{**event, "time": iso(event["time"])} for event in found[offset:offset + limit]]
        return Answer(200, {
            "total": len(found), "limit": limit, "offset": offset, "order": order, "start_time": iso(start / 1000),
            "end_time": iso(end / 1000), "events": part,
        })

    @route(f"GET {ONE}/tasks")
    def _tasks(self, request: Request, job_id: str) -> Answer:
        job = self._jobs.find(request.caller, job_id)
        addresses = job.get("addresses")
        return Answer(200, [
            {"task": task, "ip": addresses.get(task, ""), "host_ip": "127.0.0.1", "schedule_count": 1} for task in job.tasks()
        ])

    @route(f"GET {ONE}/stages")
    def _stages(self, request: Request, job_id: str) -> Answer:
        job = self._jobs.find(request.caller, job_id)
        times = {event["message"]: iso(event["time"]) for event in job.get("events")}
        names = [("Creating", "Training job created."), ("Running", "Training job is running.")]
        listed = [
            {"job_id": job.id, "name": name, "en_message": name, "zh_message": name, "start_time": times[message],
             "stage_order": order, "sub_stages": []}
            for order, (name, message) in enumerate(names) if message in times
        ]
        return Answer(200, {"total_count": 1, "running_records": [{"record_order": 0, "stages": listed}]})

    @route(f"GET {ONE}/metrics/{{task_id}}")
    def _metrics(self, request: Request, job_id: str, task_id: str) -> Answer:
        job = self._jobs.find(request.caller, job_id)
        if task_id not in job.tasks():
            raise Refusal(400, "ModelArts.2764", "Invalid query parameter (task_id).")
        series = (job.get("metrics") or {}).get(task_id) or {}
        length = max([len(values) for values in series.values()] or [0])
        return Answer(200, {"metrics": [
            {"metric": name, "value": [*series.get(name, []), *[-1] * (length - len(series.get(name, [])))]} for name in METRICS
        ]})


def _name(job: Job) -> str:
    return str(job.get("request")["metadata"]["name"])
