"""Jobs, flavors, engines and images in the cloud. The API is the truth; nothing depends on this kernel."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import SettingsError
from ..messages import t
from ..session import session
from ..table import Table, table
from ..text import duration, size
from ..training import parity
from ..training.cloudjob import Job
from ..training.preflight import describe_flavor
from .logins import account


def jobs(limit: int = 20, *, region: str = "") -> Table:
    """The newest jobs."""
    from ..cloud import training

    who = account(region)
    found = [job for job, _ in zip(training.jobs(who.client, limit=limit), range(limit), strict=False)]
    rows = [(job.name, job.phase, _when(job.created), duration(job.duration), job.nodes, job.flavor, job.id) for job in found]
    columns = (t("Name"), t("Phase"), t("Created"), t("Time"), t("Nodes"), t("Flavor"), t("Id"))
    return table(
        t("Training jobs in {region}", region=who.region), columns, rows, [job.raw for job in found], "%logs ID --follow"
    )


def job(wanted: str = "", *, region: str = "") -> Job:
    """A job by its id or name; "": the last one of this kernel, else the newest there is. Raises CloudError, SettingsError."""
    from ..cloud import training

    who = account(region)
    if not wanted and session.job is not None and session.job.region == who.region:
        wanted = session.job.id
    if wanted:
        found = training.find(who.client, wanted)
    else:
        newest = next(training.jobs(who.client, limit=1), None)
        if newest is None:
            raise SettingsError(t("There is no training job yet."), t("%submit makes one."))
        found = training.show(who.client, newest.id)
    session.job = found
    return found


def stop(wanted: str, *, region: str = "") -> Job:
    """Stop a job; returns it as it stands then."""
    from ..cloud import training

    who, found = account(region), job(wanted, region=region)
    if not found.ended:
        training.stop(who.client, found.id)
    return training.show(who.client, found.id)


def logs(wanted: str = "", *, task: str = "", region: str = "", follow: bool = False, progress: str = "") -> Any:
    """What a job has printed, as one text; with ``follow`` the Job, followed to its end."""
    from ..cloud.tasklog import LINES, TaskLog

    who, found = account(region), job(wanted, region=region)
    tasks = (task,) if task else found.tasks
    if task and found.tasks and task not in found.tasks:
        raise SettingsError(
            t("The job has no task “{task}”.", task=task), t("There are: {known}.", known=", ".join(found.tasks))
        )
    if follow and not found.ended:
        from .submits import follow as follow_to_end

        return follow_to_end(found, who, tasks if task else (), progress=progress)
    texts = []
    for each in tasks:
        source, lines, more = TaskLog(who.client, found.id, each), [], True
        while more:
            new = source.read(ended=True)
            lines += new
            more = len(new) >= LINES
        texts.append("".join(f"{line}\n" if len(tasks) == 1 else f"{each}: {line}\n" for line in lines))
    return "".join(texts)


def download(wanted: str, folder: Path, *, region: str = "", progress: str = "") -> dict[str, Path]:
    """Bring a job's outputs into a folder here; returns where each is."""
    from .. import workflows
    from ..notebook.view import cloudcards
    from ..text import Redactor
    from ..training.obspath import parse_obs
    from .following import Following, log_path

    who, found = account(region), job(wanted, region=region)
    if not found.outputs:
        raise SettingsError(t("The job {name} has no outputs.", name=found.name))
    places = {}
    for name, url in found.outputs.items():
        places[name] = folder / name
        following = Following(cloudcards.DOWNLOAD, url, log_path("", "download"), progress, Redactor(who.secrets))
        following.run(workflows.bring(who, parse_obs(url), places[name]))
    return places


def compare(wanted: str = "", *, region: str = "") -> Table:
    """The parity report: the last run on this machine against a job. Raises SettingsError where there was no run."""
    if session.run is None or session.spec is None:
        raise SettingsError(t("Nothing was run on this machine yet."), t("%train runs the same command here."))
    found = job(wanted, region=region)
    pushed = f"{session.pushed.reference} {session.pushed.digest}" if session.pushed is not None else ""
    rows = [(row.sign, row.name, row.here, row.there) for row in parity.compare(session.spec, session.run, found, pushed)]
    return table(t("This machine and {job}", job=found.name), ("", t("What"), t("Here"), t("In the cloud")), rows)


def flavors(kind: str = "", *, region: str = "") -> Table:
    """What jobs can run on."""
    from ..cloud import training

    who = account(region)
    found = training.flavors(who.client, kind)
    rows = [
        (name, entry.get("flavor_type", ""), describe_flavor(entry), entry.get("max_num", "")) for name, entry in found.items()
    ]
    columns = (t("Flavor"), t("Kind"), t("Node"), t("Nodes at most"))
    return table(t("Flavors in {region}", region=who.region), columns, rows, list(found.values()), "%submit --flavor FLAVOR")


def engines(*, region: str = "") -> Table:
    """The preset frameworks."""
    from ..cloud import training

    who = account(region)
    found = training.engines(who.client)
    rows = [(each.get("engine_name", ""), each.get("engine_version", ""), each.get("run_user") or "") for each in found]
    return table(t("Engines in {region}", region=who.region), (t("AI engine"), t("Version"), t("User")), rows, found)


def images(*, region: str = "") -> Table:
    """The images that are registered in ModelArts."""
    from ..cloud import training

    who = account(region)
    found = list(training.images(who.client))
    rows = [
        (
            each.get("swr_path", ""),
            each.get("arch", ""),
            each.get("status", ""),
            size(float(each.get("size") or 0)),
            each.get("id", ""),
        )
        for each in found
    ]
    columns = (t("Image"), t("Processor"), t("State"), t("Size"), t("Id"))
    return table(t("Registered images in {region}", region=who.region), columns, rows, found)


def register_image(path: str, *, arch: str = "X86_64", kinds: Sequence[str] = ("CPU",), region: str = "") -> Table:
    """Register an image of this region's registry for training; returns the list with it."""
    from ..cloud import training

    who = account(region)
    if not path:
        path = session.pushed.reference if session.pushed is not None else ""
    if not path:
        raise SettingsError(t("Which image?"), t("%images register HOST/ORGANIZATION/NAME:TAG"))
    training.register_image(who.client, path, arch=arch, categories=list(kinds), workspace=who.workspace)
    return images(region=region)


def unregister_image(identifier: str, *, region: str = "") -> Table:
    """Take an image off ModelArts' list; returns what is left."""
    from ..cloud import training

    training.unregister_image(account(region).client, identifier)
    return images(region=region)


def swr_table(verb: str, words: Sequence[str], options: Mapping[str, Any], *, region: str = "") -> Table:
    """What ``%swr VERB`` shows, see registries.py."""
    from .registries import swr_table as found

    return found(verb, words, options, region=region)


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if seconds else ""
