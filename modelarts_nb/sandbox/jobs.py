"""Training jobs as the API knows them: one record each, kept in a folder with the job's logs.

Phases: Creating (image and files are fetched), Pending (waits for its turn), Running, then Completed, Failed, Terminated or
Abnormal; Terminating while a running one is stopped. A job that had not ended when the sandbox did goes on when it comes back.
"""

from __future__ import annotations

import shutil
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .iam import Caller
from .joblog import JobLog
from .state import Document
from .web import MARK, Refusal

TERMINAL = ("Completed", "Failed", "Terminated", "Abnormal")
MOST_EVENTS = 1000
KEPT = 200  # finished jobs


class Job:
    """One job. ``stop``: somebody wants it to end."""

    def __init__(self, folder: Path, values: dict[str, Any] | None = None) -> None:
        self.folder = folder
        self.document = Document(folder / "job.json", values or {})
        self.stop = threading.Event()
        self._logs: dict[str, JobLog] = {}
        self._lock = threading.Lock()
        if values:
            with self.document.change() as state:
                state["kept"] = True  # on disk before anybody is told of it

    @property
    def id(self) -> str:
        """Its id."""
        return self.folder.name

    def get(self, name: str) -> Any:
        """One part of its record."""
        return self.document.get(name)

    @property
    def phase(self) -> str:
        """Where it stands."""
        return str(self.get("phase"))

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.phase in TERMINAL

    def tasks(self) -> list[str]:
        """The names of its nodes."""
        return [f"worker-{index}" for index in range(int(self.get("nodes")))]

    def enter(self, phase: str, secondary: str = "", **more: Any) -> None:
        """Go to a phase; a job that has ended stays ended, and one that is being stopped only ends."""
        with self.document.change() as state:
            if state["phase"] in TERMINAL or (state["phase"] == "Terminating" and phase not in TERMINAL):
                return
            state.update(phase=phase, secondary=secondary or phase, **more)
            if phase == "Running" and not state["started"]:
                state["started"] = _milliseconds()
            if phase in TERMINAL:
                state["finished"] = _milliseconds()

    def event(self, message: str, level: str = "Info", source: str = "Job") -> None:
        """Something that happened to it."""
        with self.document.change() as state:
            state["events"].append({"time": time.time(), "level": level, "message": message, "source": source})
            del state["events"][:-MOST_EVENTS]

    def log(self, task: str) -> JobLog:
        """The log of one of its nodes."""
        with self._lock:
            if task not in self._logs:
                self._logs[task] = JobLog(self.folder / "logs" / f"modelarts-job-{self.id}-{task}.log")
                if self.over:
                    self._logs[task].close()
            return self._logs[task]

    def shown(self) -> dict[str, Any]:
        """As the API answers it."""
        state = self.document.read()
        request = state["request"]
        end = state["finished"] or _milliseconds()
        return {
            "kind": "job",
            "metadata": {
                **request["metadata"], "id": self.id, "create_time": state["created"], "user_name": state["user_name"],
                "annotations": {**(request["metadata"].get("annotations") or {}), MARK[0]: MARK[1]},
            },
            "status": {
                "phase": state["phase"], "secondary_phase": state["secondary"], "tasks": self.tasks(),
                "start_time": state["started"], "duration": end - state["started"] if state["started"] else 0,
                "node_count_metrics": [[state["created"], 0], *([[state["started"], state["nodes"]]] * bool(state["started"]))],
                "task_statuses": state["task_statuses"], "running_records": _records(state),
            },
            "algorithm": request["algorithm"],
            "spec": {
                **request["spec"],
                "resource": {**request["spec"]["resource"], "flavor_detail": state["flavor"], "node_count": state["nodes"]},
            },
            "endpoints": request.get("endpoints") or {},
        }


class Jobs:
    """All jobs. Threads may share it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._jobs = {job.id: job for job in _load(folder)}

    def create(self, caller: Caller, request: dict[str, Any], facts: Mapping[str, Any]) -> Job:
        """A new job in phase Creating. Raises OSError where it cannot be kept."""
        job = Job(self.folder / str(uuid.uuid4()), {
            "request": request, "project_id": caller.project_id, "user_name": caller.user_name, "created": _milliseconds(),
            "phase": "Creating", "secondary": "Creating", "started": 0, "finished": 0, "task_statuses": [], "events": [],
            "metrics": {}, "addresses": {}, **facts,
        })
        with self._lock:
            self._jobs[job.id] = job
        self._forget_oldest()
        return job

    def of(self, caller: Caller) -> list[Job]:
        """The caller's jobs, the newest first."""
        with self._lock:
            found = [job for job in self._jobs.values() if job.get("project_id") == caller.project_id]
        return sorted(found, key=lambda job: int(job.get("created")), reverse=True)

    def find(self, caller: Caller, identity: str) -> Job:
        """One of the caller's jobs. Raises Refusal where there is none of that id."""
        with self._lock:
            job = self._jobs.get(identity)
        if job is None or job.get("project_id") != caller.project_id:
            raise Refusal(400, "ModelArts.2775", f"Training job (ID: {identity}) not found.")
        return job

    def unfinished(self) -> list[Job]:
        """Those that have not ended, of everybody."""
        with self._lock:
            return [job for job in self._jobs.values() if not job.over]

    def goes_on(self, identity: str) -> bool:
        """Whether there is a job of that id that has not ended."""
        with self._lock:
            job = self._jobs.get(identity)
        return job is not None and not job.over

    def delete(self, job: Job) -> None:
        """Forget a job and its logs."""
        with self._lock:
            self._jobs.pop(job.id, None)
        shutil.rmtree(job.folder, ignore_errors=True)

    def _forget_oldest(self) -> None:
        with self._lock:
            over = sorted((job for job in self._jobs.values() if job.over), key=lambda job: int(job.get("created")))
        for job in over[:-KEPT]:
            self.delete(job)


def _load(folder: Path) -> Iterator[Job]:
    for path in sorted(folder.glob("*/job.json")) if folder.exists() else []:
        job = Job(path.parent)
        if not job.get("request"):  # cut short
            shutil.rmtree(path.parent, ignore_errors=True)
            continue
        yield job


def _records(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    if not state["started"]:
        return []
    record: dict[str, Any] = {"start_at": state["started"] // 1000, "start_type": "init_or_rescheduled"}
    if state["finished"]:
        failed = next((status for status in state["task_statuses"] if status["exit_code"]), None)
        record["end_at"] = state["finished"] // 1000
        record["end_reason"] = f"exit with {failed['exit_code']}" if failed else "job completed"
        if failed:
            record["end_related_task"] = failed["task"]
    return [record]


def _milliseconds() -> int:
    return int(time.time() * 1000)
