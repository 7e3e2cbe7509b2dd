"""A job in the cloud, followed: phase, events and every task's log, until it has ended or one looks away.

Nothing of the job depends on being followed. A connection that is lost is taken up again where it broke.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..cloud import training
from ..cloud.account import Account
from ..cloud.tasklog import LINES, TaskLog
from ..engine.streaming import pump
from ..errors import CloudError, RunFailed
from ..events import Event, Vertex, VertexLog, VertexWarning
from ..messages import t
from ..text import duration
from ..training.cloudjob import Job, TaskEnd

QUICK, CALM = 0.3, 1.0  # seconds between two looks: while much happens at first, and later
QUICK_FOR = 30.0
SETTLE = 1.0  # a log may come a little after the end; two looks that bring nothing, so far apart, are the end of it
STUCK = 600.0  # seconds in one phase before Running after which it is said
LOST = 1800.0  # seconds without an answer after which following ends; the job goes on
EVENTS = 100


def follow_job(
    account: Account, job: Job, tasks: tuple[str, ...] = (), *, stuck: float = STUCK, lost: float = LOST
) -> Generator[Event | None, None, Job]:
    """Follow until the job has ended; returns it as it stands then. ``tasks``: only these tasks' logs ((): all).

    Raises RunFailed, carrying the job, when it did not complete; CloudError when the cloud does not answer any more.
    Closing it leaves the job as it is.
    """
    watch = _Watch(account, job, tasks, stuck, lost)
    yield from pump([watch.events()], watch.close)
    if not watch.job.succeeded:
        raise _failed(watch.job)
    return watch.job


def _failed(job: Job) -> RunFailed:
    said = "; ".join(f"{end.task}: {_why(end)}" for end in job.ends if end.exit_code)
    if job.phase == "Terminated":
        return RunFailed(t("The job {name} was stopped.", name=job.name), "", run=job)
    text = t("The job {name} ended: {phase}.", name=job.name, phase=job.phase)
    return RunFailed(f"{text} {said}".strip(), t("Its log says why: %logs {id}", id=job.id), run=job)


@dataclass
class _Watch:
    account: Account
    job: Job
    only: tuple[str, ...]
    stuck: float
    lost: float
    _logs: dict[str, TaskLog] = field(default_factory=dict)
    _started: dict[str, float] = field(default_factory=dict)
    _seen: set[tuple[str, str, str]] = field(default_factory=set)
    _stop: threading.Event = field(default_factory=threading.Event)

    def close(self) -> None:
        self._stop.set()

    def events(self) -> Iterator[Event]:
        began = answered = time.time()
        changed, phase, told = began, "", False
        while not self._stop.is_set():
            try:
                self.job = training.show(self.account.client, self.job.id)
                if self.job.phase != phase:
                    phase, changed, told = self.job.phase, time.time(), False
                yield self._phase(began)
                yield from self._said()
                yield from self._lines()
                answered = time.time()
            except CloudError as error:
                yield from self._unanswered(error, answered)
            if self.job.ended:
                yield from self._rest(answered)
                yield from self._ends(began)
                return
            if not told and phase in ("Creating", "Pending") and time.time() - changed > self.stuck:
                told = True
                yield self._warn_stuck(phase, time.time() - changed)
            self._stop.wait(QUICK if time.time() - began < QUICK_FOR else CALM)

    def _unanswered(self, error: CloudError, answered: float) -> Iterator[Event]:
        """Say that an answer is missing, once a break; raise where waiting cannot help."""
        if not error.temporary or time.time() - answered > self.lost:
            hint = " ".join(
                filter(None, (error.hint, t("The job goes on; follow it again with %logs {id} --follow.", id=self.job.id)))
            )
            raise CloudError(
                error.message, hint, status=error.status, error_code=error.error_code, error_msg=error.error_msg,
                request_id=error.request_id,
            ) from error
        yield VertexWarning("", t("The cloud does not answer for the moment; the job goes on, and following it, too."))

    def _warn_stuck(self, phase: str, seconds: float) -> Event:
        return VertexWarning(
            "", t("The job has been {phase} for {time}.", phase=phase, time=duration(seconds)),
            (t("The pool may be full: interrupting this leaves the job waiting, %stop {id} ends it.", id=self.job.id),),
        )

    def _phase(self, began: float) -> Vertex:
        name = t("job {name}: {phase}", name=self.job.name, phase=self.job.phase)
        return Vertex("job", name, started=self._started.setdefault("job", began))

    def _said(self) -> Iterator[Event]:
        """The events that are new."""
        ask = functools.partial(training.events, self.account.client, self.job.id, limit=EVENTS)
        found = ask(offset=len(self._seen) // EVENTS)
        if len(found) == EVENTS and not [each for each in found if _key(each) not in self._seen]:
            found = ask(offset=len(self._seen))  # where the service counts events, not pages
        for each in found:
            if _key(each) not in self._seen:
                self._seen.add(_key(each))
                yield VertexLog("job", f"{_level(each)}{each.get('message', '')}\n".encode())

    def _lines(self, *, ended: bool = False) -> Iterator[Event]:
        """The lines of all tasks' logs that are new."""
        for task in self.job.tasks if self.job.phase not in ("Creating", "Pending") else ():
            if self.only and task not in self.only:
                continue
            if task not in self._logs:
                self._logs[task] = TaskLog(self.account.client, self.job.id, task)
                self._started[task] = self.job.started or time.time()
                yield Vertex(task, task, started=self._started[task])
            more = True
            while more:
                lines = self._logs[task].read(ended=ended)
                more = len(lines) >= LINES
                if lines:
                    yield VertexLog(task, "".join(f"{line}\n" for line in lines).encode(), timestamp=time.time())

    def _rest(self, answered: float) -> Iterator[Event]:
        """What comes in after the end: until two looks in a row bring nothing."""
        quiet = 0
        while not self._stop.is_set():
            try:
                new = [*self._lines(ended=True), *self._said()]
                yield from new
                quiet = 0 if new else quiet + 1
            except CloudError as error:
                yield from self._unanswered(error, answered)
            if quiet == 2:
                return
            self._stop.wait(SETTLE if quiet else 0.0)

    def _ends(self, began: float) -> Iterator[Event]:
        now = time.time()
        codes = {end.task: end for end in self.job.ends}
        for task in self._logs:
            end = codes.get(task)
            bad = end is not None and bool(end.exit_code)
            yield Vertex(
                task, task, started=self._started[task], completed=now,
                error=_why(end) if bad and end else "",
            )
        error = "" if self.job.succeeded or any(end.exit_code for end in self.job.ends) else self.job.phase
        name = t("job {name}: {phase}", name=self.job.name, phase=self.job.phase)
        yield Vertex("job", name, started=self._started.get("job", began), completed=now, error=error)


def _why(end: TaskEnd) -> str:
    code = t("exit code {code}", code=end.exit_code)
    return code if end.message in ("", code, f"exit code {end.exit_code}") else f"{code}: {end.message}"


def _key(event: Mapping[str, Any]) -> tuple[str, str, str]:
    return str(event.get("time", "")), str(event.get("source", "")), str(event.get("message", ""))


def _level(event: Mapping[str, Any]) -> str:
    level = str(event.get("level", ""))
    return "" if level in ("", "Info") else f"[{level}] "
