"""How the last run on this machine compares with a job in the cloud: one row a thing, and whether they agree."""

from __future__ import annotations

from dataclasses import dataclass

from ..messages import t
from . import contract
from .cloudjob import Job
from .run import TrainingRun
from .spec import JobSpec

YES, NO, UNKNOWN = "=", "≠", "?"


@dataclass(frozen=True)
class Row:
    """``sign``: “=” the same, “≠” different, “?” not to be compared."""

    name: str
    here: str
    there: str
    sign: str


def compare(spec: JobSpec, run: TrainingRun, job: Job, pushed: str = "") -> list[Row]:
    """The rows. ``pushed``: reference and digest of the image that was pushed last. Values of variables are not shown."""
    plan = contract.plan(spec, "id", 0)
    engine = (job.raw.get("algorithm") or {}).get("engine") or {}
    tasks = job.raw.get("tasks") or ()
    users = {str(((each.get("algorithm") or {}).get("engine") or {}).get("run_user") or "") for each in tasks} - {""}
    user = str(engine.get("run_user") or "") or ", ".join(sorted(users))
    rows = [
        _row(t("Image"), spec.image, job.image, _tail(spec.image) == _tail(job.image)),
        Row(t("Version"), pushed or "–", job.image, UNKNOWN),
        _row(t("Contract"), spec.contract, "v2", spec.contract == "v2"),
        _row(t("User"), str(plan.uid), user or "1000", str(plan.uid) == (user or "1000")),
        _row(t("Nodes"), str(len(run.nodes)), str(job.nodes), len(run.nodes) == job.nodes),
        _row(t("Command"), spec.command, job.command, spec.command.split() == job.command.split()),
        _row(t("Exit code"), str(run.exit_code), "–" if job.exit_code is None else str(job.exit_code),
             job.exit_code is None or run.exit_code == job.exit_code),
    ]
    for name in sorted({*spec.env, *job.environment}):
        mine, theirs = spec.env.get(name), job.environment.get(name)
        rows.append(_row(t("Variable {name}", name=name), _set(mine), _set(theirs), mine == theirs))
    return rows + _paths(spec, job)


def _paths(spec: JobSpec, job: Job) -> list[Row]:
    found = []
    algorithm = job.raw.get("algorithm") or {}
    theirs = {
        str(each.get("name")): str(each.get("local_dir") or "")
        for kind in ("inputs", "outputs") for each in algorithm.get(kind) or ()
    }
    home = "/home/ma-user" if spec.contract == "v2" else "/home/work"
    mine = {name: f"{home}/modelarts/inputs/{name}_0" for name in spec.inputs}
    mine |= {name: f"{home}/modelarts/outputs/{name}_0" for name in spec.outputs}
    for name in sorted({*mine, *theirs}):
        here, there = mine.get(name, "–"), theirs.get(name, "–")
        found.append(_row(t("Path of {name}", name=name), here, there, here == there))
    return found


def _row(name: str, here: str, there: str, same: bool) -> Row:
    return Row(name, here, there, YES if same else NO)


def _set(value: str | None) -> str:
    return t("not set") if value is None else t("set")


def _tail(image: str) -> str:
    return image.rpartition("/")[2]
