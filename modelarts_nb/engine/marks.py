"""What a job's containers, network and unnamed images are marked with, so that they are found again: to be taken up, or to be
removed."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable
from typing import Any

from ..messages import t
from ..services import start_time
from .discovery import Engine
from .failures import mapped

LABEL = "modelarts-nb.job"
OWNER = "modelarts-nb.owner"

_left: set[str] = set()  # this process's own jobs that it could not remove, as the Engine was gone


def labels(job_id: str, owner: str = "") -> dict[str, str]:
    """A job's marks. ``owner``: who keeps it beyond this process; "": it ends with this process, and ``sweep`` sees to it."""
    return {LABEL: job_id, OWNER: owner or f"{socket.gethostname()} {os.getpid()} {start_time(os.getpid())}"}


def containers(engine: Engine, job_id: str) -> dict[str, tuple[str, str]]:
    """A job's containers by name: (id, state: “created”, “running”, “exited”, …)."""
    with mapped(t("Looking for the job's containers")):
        found = engine.client.containers(all=True, filters={"label": f"{LABEL}={job_id}"})
    return {each["Names"][0].lstrip("/"): (str(each["Id"]), str(each["State"])) for each in found}


def sweep(engine: Engine) -> None:
    """Remove the jobs of processes of this machine that have ended without doing so, and those that we had to leave."""
    for job_id in left_behind(engine):
        remove(engine, job_id)


def left_behind(engine: Engine) -> list[str]:
    """Those jobs' ids."""
    return sorted({found[LABEL] for found in _marked(engine) if found[LABEL] in _left or _ownerless(found)})


def _ownerless(found: dict[str, str]) -> bool:
    host, pid, started = [*found.get(OWNER, "").split(" "), "", "", ""][:3]
    own = host == socket.gethostname() and pid.isdigit() and bool(start_time(os.getpid()))
    return own and start_time(int(pid)) != started


def sweep_owned(engine: Engine, owner: str, keep: Callable[[str], bool] = lambda job_id: False) -> None:
    """Remove an owner's jobs but those to ``keep``, as it says once they have been found."""
    with mapped(t("Removing the job's containers")):
        for found in _marked(engine):
            if found.get(OWNER) == owner and not keep(found[LABEL]):
                remove(engine, found[LABEL])


def remove(engine: Engine, job_id: str) -> None:
    """Remove what bears a job's marks."""
    try:
        _remove(engine.client, f"{LABEL}={job_id}")
    except BaseException:
        _left.add(job_id)
        raise
    _left.discard(job_id)


def _remove(client: Any, label: str) -> None:
    with mapped(t("Removing the job's containers")):
        containers = client.containers(all=True, filters={"label": label})
        removals = [
            threading.Thread(target=_remove_one, args=(client, container["Id"]), name="modelarts_nb-remove")
            for container in containers[1:]
        ]
        for removal in removals:
            removal.start()
        for container in containers[:1]:  # here: a Python that ends starts no threads any more
            _remove_one(client, container["Id"])
        for removal in removals:
            removal.join()
        for network in client.networks(filters={"label": label}):
            client.remove_network(network["Id"])
        for image in client.images(all=True, filters={"label": label}):
            if not _named(image):
                client.remove_image(image["Id"], force=True)


def _marked(engine: Engine) -> list[dict[str, str]]:
    """The labels of everything that is a job's."""
    filters = {"label": LABEL}
    found = [*engine.client.containers(all=True, filters=filters), *engine.client.networks(filters=filters)]
    found += [image for image in engine.client.images(all=True, filters=filters) if not _named(image)]
    return [each.get("Labels") or {} for each in found]


def _named(image: dict[str, Any]) -> bool:
    """Whether somebody has given it a name, as by ``docker commit``: then it is that person's."""
    return any(tag != "<none>:<none>" for tag in image.get("RepoTags") or ())


def _remove_one(client: Any, container: str) -> None:
    import docker.errors

    with contextlib.suppress(docker.errors.NotFound):  # somebody else removed it
        client.remove_container(container, force=True, v=True)
