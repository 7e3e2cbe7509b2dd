"""The sandbox: what a region is to a notebook, on this machine: registries, logins, object storage, training jobs.

``modelarts-nb sandbox up|status|down``. Everything listens on loopback only. The practice registry (``localhost:5005``) takes
images from anybody on this machine and holds the base image; the region behind it (see server.py) wants its key.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from urllib.parse import urlsplit

from .. import paths
from ..engine import images, marks
from ..engine.discovery import Engine
from ..errors import EngineAPIError, RegistryError, SandboxError
from ..messages import t
from ..reference import parse_reference
from ..registry import client as registry
from ..services import alone, unmount_below
from . import base_image, note, processes
from .jobs import TERMINAL
from .processes import DEFAULT_PORT
from .state import Document


@dataclass(frozen=True)
class SandboxStatus:
    """Whether the sandbox runs, and where: the registry's host and port, and the reference of the base image in it.

    ``recipe``: fingerprint of what the base image was made of; ``source``: the image that it was made from ("": packages).
    ``region``: the region's name; ``api``, ``swr`` and ``obs``: where its APIs, its registry and its object storage are ("": it
    has none); ``key``: its access key, masked; ``access``: the file with the key (0600).
    """

    running: bool
    registry: str = ""
    base_image: str = ""
    recipe: str = ""
    source: str = ""
    pid: int = 0
    data: str = ""
    region: str = ""
    api: str = ""
    swr: str = ""
    obs: str = ""
    key: str = ""
    access: str = ""


def status() -> SandboxStatus:
    """How the sandbox stands."""
    pids = processes.pids()
    read = note.read(note.file())
    whole = all(name in read for name in _KEPT)
    kept = {name: str(read[name]) if whole else "" for name in _KEPT}
    access = note.read(processes.folder() / "access.json") if all(pids.values()) else {}
    endpoints = access.get("endpoints") or {}
    return SandboxStatus(
        all(pids.values()), **kept, pid=pids["registry"], data=str(processes.data()), region=str(access.get("region", "")),
        api=str(endpoints.get("swr", "")), swr=str(access.get("registry", "")), obs=str(endpoints.get("obs", "")),
        key=_masked(str(access.get("ak", ""))), access=str(processes.folder() / "access.json") if access else "",
    )


def up(
    engine: Engine, *, port: int = 0, base: str = "", install: bool = True, say: Callable[[str], None] = lambda text: None
) -> SandboxStatus:
    """Start what does not run and see that the base image is there. Raises SandboxError, EngineError or RegistryError.

    ``port``: the first of four; 0: what it was before, else 5005. ``base``: make the base image from this image of the
    Engine, now and until told otherwise; "": as it was made before, at first from packages.
    """
    _on_this_machine(engine)
    with alone(paths.folder("sandbox")):
        before = status()
        port = port or int(before.registry.rpartition(":")[2] or DEFAULT_PORT)
        now = before if before.registry == f"localhost:{port}" else replace(before, registry=f"localhost:{port}", recipe="")
        if now.registry != before.registry:
            if before.registry:
                processes.check(port)  # where the registry cannot move to, it stays where it is
            processes.stop()
        processes.start(port, engine.url, install=install, say=say)
        _keep(now)  # so that it is found where it is, also if the rest fails
        _keep(_with_base(engine, replace(now, source=base or now.source), chosen=bool(base), install=install, say=say))
        if before.base_image and now.registry != before.registry:
            base_image.remove(engine, before.base_image)
    return status()


def down(*, purge: bool = False, engine: Engine | None = None) -> None:
    """Stop it. The containers of jobs that run go on, and the next ``up`` takes them up again. What was pushed and stored
    stays on disk unless ``purge``, which also takes those containers, the base image and what jobs pulled out of ``engine``;
    images that were built from it stay."""
    folder, found = processes.folder(), status()
    pulled = list(Document(folder / "pulled.json").read()) if folder.exists() else []
    if folder.exists():
        with alone(folder):
            processes.stop()
            unmount_below(folder)  # what making the base image mounted, where that was killed
    if purge:
        shutil.rmtree(folder, ignore_errors=True)
        if processes.socket_path().parent != folder:
            shutil.rmtree(processes.socket_path().parent, ignore_errors=True)
        if engine is not None:
            marks.sweep_owned(engine, processes.owner())
            base_image.remove(engine, *filter(None, (found.base_image, base_image.LOCAL)))
            for reference in pulled:
                with contextlib.suppress(EngineAPIError):
                    base_image.remove(engine, reference)


def running_jobs() -> int:
    """How many jobs have been started and have not ended."""
    records = [Document(path) for path in (processes.folder() / "jobs").glob("*/job.json")]
    return sum(bool(record.get("begun")) and record.get("phase") not in TERMINAL for record in records)


_KEPT = ("registry", "base_image", "recipe", "source")


def _keep(found: SandboxStatus) -> None:
    written = note.file().with_suffix(".new")
    written.write_text(json.dumps({name: value for name, value in asdict(found).items() if name in _KEPT}))
    written.replace(note.file())


def _with_base(
    engine: Engine, found: SandboxStatus, *, chosen: bool, install: bool, say: Callable[[str], None]
) -> SandboxStatus:
    """The sandbox with its base image in the registry; made, pushed and named in the Engine only where need be."""
    reference = parse_reference(f"{found.registry}/{base_image.REPOSITORY}:{base_image.TAG}")
    served = bool(found.recipe) and _served(str(reference))
    if found.source and served and not chosen and not images.exists(engine, found.source):
        fingerprint = found.recipe  # the image that it was made from may be gone since
    else:
        source = images.inspect(engine, found.source).id if found.source else ""
        fingerprint = base_image.recipe(os.environ, source)
    if not (served and found.recipe == fingerprint):
        before = base_image.present(engine)
        image = base_image.find(engine, fingerprint)
        image = image or base_image.make(engine, fingerprint, found.source, install=install, say=say)
        say(t("pushing {reference}", reference=reference))
        images.tag(engine, image, reference)
        for _ in images.push(engine, reference):
            pass
        if before not in ("", image):
            base_image.forget(engine, before)
    elif not images.exists(engine, str(reference)) and (image := base_image.find(engine, fingerprint)):
        images.tag(engine, image, reference)
    return replace(found, base_image=str(reference), recipe=fingerprint)


def _served(reference: str) -> bool:
    try:
        registry.read_manifest(parse_reference(reference))
    except RegistryError as error:
        if error.status == 404:
            return False
        raise
    return True


def _on_this_machine(engine: Engine) -> None:
    host = urlsplit(engine.url).hostname or ""
    if urlsplit(engine.url).scheme in ("tcp", "ssh", "http", "https") and not host.startswith(("localhost", "127.", "::1")):
        raise SandboxError(
            t("The Docker Engine at {url} is on another machine and cannot push to a registry on this one.", url=engine.url),
            t("Run `modelarts-nb sandbox up` there, or use an Engine of this machine."),
        )


def _masked(key: str) -> str:
    return f"{key[:4]}…{key[-2:]}" if key else ""
