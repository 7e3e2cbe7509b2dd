"""What bears our labels in an Engine: containers, networks and unnamed images, and the process that they belong to."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from typing import Any

from ..messages import t
from ..services import start_time
from .discovery import Engine
from .failures import mapped

LABEL = "modelarts-nb.job"
OWNER = "modelarts-nb.owner"


def sweep(engine: Engine) -> None:
    """Remove what processes of this machine left that have ended without doing so."""
    client = engine.client
    for container in client.containers(all=True, filters={"label": LABEL}):
        _sweep_one(engine, container.get("Labels") or {})
    for network in client.networks(filters={"label": LABEL}):
        _sweep_one(engine, network.get("Labels") or {})
    for image in client.images(all=True, filters={"label": LABEL}):
        _sweep_one(engine, image.get("Labels") or {})


def _sweep_one(engine: Engine, labels: dict[str, str]) -> None:
    host, pid, started = [*labels.get(OWNER, "").split(" "), "", "", ""][:3]
    if host == socket.gethostname() and pid.isdigit() and start_time(os.getpid()) and start_time(int(pid)) != started:
        _remove(engine, f"{LABEL}={labels[LABEL]}")


def labels(job_id: str) -> dict[str, str]:
    """What a job's containers and network are marked with, so that ``sweep`` finds those of a process that was killed."""
    return {LABEL: job_id, OWNER: f"{socket.gethostname()} {os.getpid()} {start_time(os.getpid())}"}


def remove(engine: Engine, job_id: str) -> None:
    """Remove what bears a job's labels."""
    _remove(engine, f"{LABEL}={job_id}")


def _remove(engine: Engine, label: str) -> None:
    client = engine.client
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


def _remove_one(client: Any, container: str) -> None:
    import docker.errors

    with contextlib.suppress(docker.errors.NotFound):  # somebody else removed it
        client.remove_container(container, force=True, v=True)


def _named(image: dict[str, Any]) -> bool:
    """Whether somebody has given it a name, as by ``docker commit``: then it is that person's."""
    return any(tag != "<none>:<none>" for tag in image.get("RepoTags") or ())
