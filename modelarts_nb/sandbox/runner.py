"""A job's life: image and files come, containers run under the contract, outputs and logs go. A thread a job.

The containers are those of ``%train`` (engine/jobs.py), so that a job here and a local run differ in nothing else. They
are the job's, not this process's: when the sandbox ends they go on, and when it comes back they are taken up.
"""

from __future__ import annotations

import os
import shlex
import shutil
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from ..engine import images, marks
from ..engine import jobs as containers
from ..engine.discovery import Engine
from ..errors import EngineAPIError, ModelArtsError
from ..events import Vertex, VertexLog, VertexStatus
from ..training.run import NodeResult
from ..training.spec import JobSpec
from .faults import Faults
from .flavors import GB
from .jobs import Job, Jobs
from .minutes import Minutes
from .preflight import channel, split

STEP = 0.05  # seconds between two looks at whether a job is to go on
DEFAULT_SLOTS = 4
LOST = "The containers of this job are gone: somebody removed them while the sandbox was down."


class Objects(Protocol):
    """Object storage, as far as jobs need it."""

    def keys(self, bucket: str, prefix: str) -> list[tuple[str, int]]:
        """(key, size) of all objects below a prefix."""

    def download(self, bucket: str, key: str, path: Path) -> None:
        """Write an object's content to a file."""

    def upload(self, bucket: str, key: str, path: Path) -> None:
        """Make an object of a file."""


Audit = Callable[[Engine, str, Job, Callable[[], None]], list[str]]


class Ended(Exception):  # no error: a job's end
    """How the job ends: its phase and what each node came to."""

    def __init__(self, phase: str, statuses: Sequence[Mapping[str, Any]] = (), secondary: str = "") -> None:
        super().__init__(phase)
        self.phase, self.statuses, self.secondary = phase, list(statuses), secondary


class Runner:
    """Runs jobs. ``connect(url)``: the Engine at that place ("": the one that jobs run on now); ``owner``: whose the
    containers are. ``login(image)``: the image's reference, and the login to pull it; ``audit(engine, reference, job,
    go_on)``: what speaks against it; ``pulled(reference)`` is told what the Engine has got."""

    def __init__(
        self, jobs: Jobs, connect: Callable[[str], Engine], owner: str, objects: Objects | None, faults: Faults,
        login: Callable[[Mapping[str, Any]], tuple[str, dict[str, str]]], audit: Audit, pulled: Callable[[str], None],
        slots: int = DEFAULT_SLOTS,
    ) -> None:
        self.jobs, self._connect, self._owner, self._objects, self._faults = jobs, connect, owner, objects, faults
        self._login, self._audit, self._pulled = login, audit, pulled
        self._slots = threading.BoundedSemaphore(slots)

    def start(self, job: Job) -> None:
        """Let a job run its course, from where it stands."""
        threading.Thread(target=self._run, args=(job,), name=f"job-{job.id[:8]}", daemon=True).start()

    def take_up(self) -> None:
        """Go on with the jobs that had not ended when the sandbox did."""
        for job in self.jobs.unfinished():
            if job.phase == "Terminating":
                job.stop.set()
            self.start(job)

    def _run(self, job: Job) -> None:
        work = job.folder / "work"
        try:
            kept = job.get("ending")
            ending = Ended(*kept) if kept else self._life(job, work)
        except Ended as end:
            ending = end
        except (ModelArtsError, OSError) as error:
            said = error.message if isinstance(error, ModelArtsError) else str(error)
            ending = failed(job, said, log=said)
        except Exception:  # a bug of the sandbox: its log has the traceback, and the job does not hang
            traceback.print_exc()
            job.event("The sandbox failed: see its log, region.log.", "Error")
            ending = Ended("Abnormal", [{"task": "worker-0", "exit_code": -1, "message": "the sandbox failed"}])
        with job.document.change() as state:  # before its containers go, without which nobody could tell again
            state["ending"] = [ending.phase, ending.statuses, ending.secondary]
        self._remove(job)
        self._export_logs(job)
        shutil.rmtree(work, ignore_errors=True)
        job.enter(ending.phase, ending.secondary, task_statuses=ending.statuses)

    def _remove(self, job: Job) -> None:
        if job.get("engine"):
            try:
                marks.remove(self._connect(job.get("engine")), job.id)
            except ModelArtsError:
                traceback.print_exc()  # the next start of the sandbox sweeps

    def _life(self, job: Job, work: Path) -> Ended:
        if job.get("begun"):
            return self._again(job, work)
        shutil.rmtree(work, ignore_errors=True)  # what was fetched before the sandbox ended
        engine, reference = self._prepare(job)
        spec = self._spec(job, reference, work)
        job.enter("Pending", "Queuing")
        with self._slot(job):
            self._go_on(job)
            job.enter("Running")
            job.event("Training job is running.")
            return self._contain(job, engine, spec)

    def _again(self, job: Job, work: Path) -> Ended:
        """Go on with containers that ran when the sandbox ended."""
        engine = self._connect(job.get("engine"))
        if not marks.containers(engine, job.id):
            job.event(LOST, "Error")
            return Ended("Abnormal", [{"task": "worker-0", "exit_code": -1, "message": LOST}], "Lost")
        job.event("The sandbox was started again; the job had gone on.")
        reference, _ = self._login(job.get("image"))
        with self._slot(job, wait=False):
            return self._contain(job, engine, self._spec(job, reference, work, fetch=False))

    @contextmanager
    def _slot(self, job: Job, *, wait: bool = True) -> Iterator[None]:
        """One of the places for jobs that run; one that runs already takes what is left, if any."""
        while not (held := self._slots.acquire(timeout=STEP if wait else 0)) and wait:
            self._go_on(job)
        try:
            yield
        finally:
            if held:
                self._slots.release()

    def _go_on(self, job: Job) -> None:
        """Raise Ended where somebody has stopped the job before it ran."""
        if job.stop.is_set():
            job.event("Training job terminated.")
            raise Ended("Terminated")

    def _prepare(self, job: Job) -> tuple[Engine, str]:
        """The image, here and audited."""
        while self._faults.held("Creating"):
            self._go_on(job)
            job.stop.wait(STEP)
        self._go_on(job)
        engine = self._connect("")
        reference, login = self._login(job.get("image"))
        if not images.exists(engine, reference):
            job.event(f"[worker-0] Pulling image {job.get('image')['path']}.", source="K8S")
            name, _, digest = reference.partition("@")
            try:
                engine.client.pull(name, tag=digest, auth_config=login)
            except Exception as error:
                raise EngineAPIError(f"Failed to pull image {reference}: {str(error)[:300]}") from error
            self._pulled(reference)
            job.event(f'[worker-0] Successfully pulled image "{reference}".', source="K8S")
        reasons = self._audit(engine, reference, job, lambda: self._go_on(job))
        if reasons:
            text = "".join(f"\n  {reason}" for reason in reasons)
            raise failed(job, f"The image did not pass the audit: {reasons[0]}", log=f"The image did not pass the audit:{text}")
        return engine, reference

    def _spec(self, job: Job, image: str, work: Path, *, fetch: bool = True) -> JobSpec:
        """What to run; with its files unless they are in the containers already."""
        request = job.get("request")
        algorithm = request["algorithm"]
        contract = "v1" if "/home/work/" in algorithm["command"] else "v2"
        code = None
        if algorithm.get("code_dir") and fetch:
            code = self._fetch(job, "code", str(algorithm["code_dir"]), work / "code")
        inputs = {
            item["name"]: self._fetch(job, item["name"], channel(item), work / "inputs" / item["name"], whole=True)
            for item in algorithm.get("inputs") or [] if fetch
        }
        outputs = {item["name"]: work / "outputs" / item["name"] for item in algorithm.get("outputs") or []}
        channels = [*(algorithm.get("inputs") or []), *(algorithm.get("outputs") or [])]
        methods = {item.get("access_method") or "parameter" for item in channels}
        command = algorithm["command"] + "".join(
            f" --{item['name']}={shlex.quote(str(item.get('value', '')))}" for item in algorithm.get("parameters") or []
        )
        cores, memory = job.get("limits")
        return JobSpec(
            image=image, command=command, contract=contract, code=code, inputs=inputs, outputs=outputs, nodes=job.get("nodes"),
            env={name: str(value) for name, value in (algorithm.get("environments") or {}).items()}, memory=memory * GB,
            cpus=float(min(cores, os.cpu_count() or 1)), timeout=job.get("auto_stop"),
            access_method="env" if methods == {"env"} else "parameter",
            local_code_dir=str(algorithm.get("local_code_dir") or ""), working_dir=str(algorithm.get("working_dir") or ""),
        )

    def _fetch(self, job: Job, what: str, url: str, target: Path, *, whole: bool = False) -> Path:
        """Bring a folder of object storage into ``target``; the folder (below it by its own name unless ``whole``)."""
        assert self._objects is not None  # checked when the job was created
        bucket, prefix = split(url)
        prefix = prefix.rstrip("/")
        folder = target if whole else target / (prefix.rpartition("/")[2] or bucket)
        folder.mkdir(parents=True, exist_ok=True)
        found = [(key, key[len(prefix):].lstrip("/")) for key, _ in self._objects.keys(bucket, prefix and f"{prefix}/")]
        if whole and not found:
            found = [(key, key.rpartition("/")[2]) for key, _ in self._objects.keys(bucket, prefix) if key == prefix]
        if not found and not whole:
            raise failed(
                job, f"[worker-0] Download {what} failed: {url}",
                log=f"modelarts-downloader.py: Get object key failed: 'Contents' (nothing below {url})",
            )
        job.event(f"[worker-0] Training {what} downloading.", source="Task")
        for key, name in found:
            self._go_on(job)
            place = folder / name
            if name and not name.endswith("/") and folder in place.resolve().parents:
                place.parent.mkdir(parents=True, exist_ok=True)
                self._objects.download(bucket, key, place)
        job.event(f"[worker-0] Download {what} finished.", source="Task")
        return folder

    def _contain(self, job: Job, engine: Engine, spec: JobSpec) -> Ended:
        """Run the containers, or take them up, and tell how it ended."""
        since, kept = job.get("started") / 1000 or time.time(), job.get("metrics")
        with job.document.change() as state:
            state["engine"] = engine.url
        metrics = {task: Minutes(since, kept.get(task)) for task in job.tasks()}
        run = containers.run(engine, spec, job.id, containers.Lasting(self._owner, lambda task: job.log(task).size, since))
        outcome, minute = None, 0
        try:
            while not job.stop.is_set():
                try:
                    self._note(job, engine, spec, next(run), metrics)
                except StopIteration as end:
                    outcome = end.value
                    break
                if metrics["worker-0"].minute > minute:
                    minute = metrics["worker-0"].minute
                    self._keep(job, metrics)
        finally:
            run.close()
            self._keep(job, metrics)
        if outcome is not None:
            self._upload_outputs(job, spec)
        return _ending(job, outcome)

    def _keep(self, job: Job, metrics: Mapping[str, Minutes]) -> None:
        with job.document.change() as state:
            state["metrics"] = {task: minutes.averages() for task, minutes in metrics.items()}

    def _note(self, job: Job, engine: Engine, spec: JobSpec, event: object, metrics: Mapping[str, Minutes]) -> None:
        if isinstance(event, VertexLog):
            job.log(event.vertex).write(event.data)
        elif isinstance(event, VertexStatus) and event.vertex in metrics:
            if event.id == "memory":
                metrics[event.vertex].add("memUsage", 100.0 * event.current / spec.memory)
            elif event.id == "cpu":
                metrics[event.vertex].add("cpuUsage", event.current / spec.cpus)
        elif isinstance(event, Vertex) and event.digest in metrics and event.digest not in job.get("addresses"):
            self._address(job, engine, event.digest)
            job.event(f"[{event.digest}] training started.", source="Task")

    def _address(self, job: Job, engine: Engine, task: str) -> None:
        found = engine.client.inspect_container(f"modelarts-nb-{job.id}-{task}")["NetworkSettings"]["Networks"]
        with job.document.change() as state:
            state["begun"] = True
            state["addresses"][task] = next(
                (each.get("IPAddress") or (each.get("IPAMConfig") or {}).get("IPv4Address", "") for each in found.values()), ""
            )

    def _upload_outputs(self, job: Job, spec: JobSpec) -> None:
        places = {item["name"]: channel(item) for item in job.get("request")["algorithm"].get("outputs") or []}
        for name, folder in spec.outputs.items():
            job.event(f"[worker-0] Training output(parameter name: {name}) Uploading.", source="Task")
            started = time.monotonic()
            self._upload(folder, places[name])
            took = f"[worker-0][time used: {time.monotonic() - started:.3f}s]"
            job.event(f"{took} Upload training output(parameter name: {name}) finished.", source="Task")

    def _upload(self, folder: Path, url: str) -> None:
        assert self._objects is not None  # checked when the job was created
        bucket, prefix = split(url)
        for path in sorted(path for path in folder.rglob("*") if path.is_file()) if folder.exists() else []:
            key = "/".join(part for part in (prefix.strip("/"), path.relative_to(folder).as_posix()) if part)
            self._objects.upload(bucket, key, path)

    def _export_logs(self, job: Job) -> None:
        for task in job.tasks():
            job.log(task).close()
        url = str((job.get("request")["spec"].get("log_export_path") or {}).get("obs_url") or "")
        try:
            if url:
                self._upload(job.folder / "logs", url)
        except OSError as error:
            job.event(f"The log could not be exported: {error}", "Warning")


def failed(job: Job, message: str, *, log: str = "") -> Ended:
    """The end of a job before or without a command; ``log`` is what the platform writes into the job's log."""
    if log:
        job.log("worker-0").write(f"[ModelArts Service Log]{log}\n".encode())
    job.event(message, "Error")
    job.event("Training job failed.", "Error")
    return Ended("Failed", [{"task": "worker-0", "exit_code": 1, "message": message}])


def _ending(job: Job, outcome: Any) -> Ended:
    """How the containers ended; ``outcome`` None: they were stopped."""
    nodes: list[NodeResult] = outcome.nodes if outcome is not None else []
    statuses = [{"task": node.name, "exit_code": node.exit_code, "message": _message(node)} for node in nodes]
    for node in nodes:
        job.event(f"[{node.name}] Training finished. Exit code {node.exit_code}.", source="Task")
    if outcome is None or outcome.timed_out:
        job.event("Training job terminated." if outcome is None else "Training job terminated: auto_stop.", "Warning")
        return Ended("Terminated", statuses)
    if any(node.exit_code for node in nodes):
        job.event("Training job failed.", "Error")
        return Ended("Failed", statuses)
    job.event("Training job completed.")
    return Ended("Completed", statuses)


def _message(node: NodeResult) -> str:
    if node.oom_killed:
        return "the container ran out of memory (exit code 137)"
    if node.stopped:
        return "stopped, as another node had failed or the time was over"
    return "" if not node.exit_code else f"exit code {node.exit_code}"
