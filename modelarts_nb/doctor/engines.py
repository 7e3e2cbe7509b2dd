"""The Docker Engine: who may use it, what it can, what it lacks, what lies around in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..building.site import PROXY_NAMES
from ..engine.discovery import Engine
from ..errors import ModelArtsError
from ..messages import t
from .machine import ENGINE_BYTES, disk
from .model import Line, failed, passed, unchecked

DEFAULT = "unix:///var/run/docker.sock"
SECONDS = 5.0  # for one answer about BuildKit
NVIDIA_TOOLKIT = "sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker"
RESTART = "sudo systemctl edit docker   # [Service] Environment=HTTPS_PROXY=…"
OF_ENGINE = ("version", "buildkit", "engine-proxy", "engine-disk", "leftovers")  # lines that need one


def no_engine(error: ModelArtsError) -> list[Line]:
    """What is said where none answers."""
    lines = [failed("engine", " ".join(error.message.split()), error.hint)]
    return [*lines, *(unchecked(name, t("no Engine answers")) for name in OF_ENGINE)]


def socket(path: str, *, there: bool, allowed: bool, user: str) -> Line:
    """Whether this user may talk to the Engine's socket. ``path`` "": it is no socket of this machine."""
    if not path:
        return unchecked("socket", t("the Engine is on another machine"))
    if not there:
        return failed("socket", t("{path} is not there", path=path), "sudo systemctl start docker")
    if not allowed:
        said = t("{user} may not use {path}", user=user, path=path)
        return failed("socket", said, f"sudo usermod -aG docker {user}   # {t('then log in again')}")
    return passed("socket", t("{path} may be used", path=path))


def who(engine: Engine, info: Mapping[str, Any]) -> list[Line]:
    """Which Engine it is: found where, rootless, on another machine; its version and storage."""
    words = [engine.name, engine.url]
    if any("rootless" in str(each) for each in info.get("SecurityOptions") or ()):
        words.append(t("rootless"))
    if not engine.url.startswith("unix://"):
        words.append(t("on another machine: folders and ports are that one's"))
    version = t(
        "{version}, API {api}, {system}, storage {storage}", version=engine.version, api=engine.api_version,
        system=str(info.get("OperatingSystem") or engine.architecture), storage=engine.storage,
    )
    slow = failed("version", version, t("The storage driver vfs copies every layer: use overlay2 (Engine's daemon.json)."))
    return [passed("engine", ", ".join(words)), slow if engine.storage == "vfs" else passed("version", version)]


def buildkit(podman: bool, refusals: Mapping[str, str]) -> Line:
    """Whether builds go through BuildKit. ``refusals``: reason by way, "" for one that is open."""
    if podman:
        return unchecked("buildkit", t("Podman: classic builder only, no secrets and no cache mounts"))
    if not any(refusals.values()):
        return passed("buildkit", t("session and Control API are open"))
    if all(refusals.values()):
        return failed("buildkit", "; ".join(refusals.values()), t("It needs BuildKit: Docker Engine 20.10 or newer."))
    closed = "; ".join(f"{way}: {reason}" for way, reason in refusals.items() if reason)
    return passed("buildkit", t("one of two ways is open ({closed})", closed=closed))


def proxies(environment: Mapping[str, str], info: Mapping[str, Any]) -> Line:
    """The Engine's own proxy settings beside this process's: it pulls and pushes with its own."""
    own = {name: str(info.get(name) or "") for name in ("HttpProxy", "HttpsProxy", "NoProxy")}
    told = ", ".join(f"{name} {value}" for name, value in own.items() if value)
    here = any(environment.get(spelling) for name in PROXY_NAMES[:2] for spelling in (name, name.lower()))
    if told:
        return passed("engine-proxy", told)
    if here:
        return unchecked("engine-proxy", t("none, though this process has one: pulls and pushes go without"), RESTART)
    return passed("engine-proxy", t("none, as here"))


def gpu(devices: int, runtimes: Mapping[str, Any], *, local: bool) -> Line:
    """NVIDIA's GPUs of this machine, and whether containers can have them."""
    if "nvidia" in runtimes:
        return passed("gpu", t("NVIDIA runtime, {count} GPUs on this machine", count=devices) if local else t("NVIDIA runtime"))
    if devices and local:
        return failed("gpu", t("{count} GPUs, and no NVIDIA runtime in the Engine", count=devices), NVIDIA_TOOLKIT)
    return unchecked("gpu", t("none here: training runs on the CPU"))


def npu(devices: int, driver: bool, *, local: bool) -> Line:
    """Ascend NPUs of this machine, and whether their driver is where containers get it from."""
    if not devices or not local:
        return unchecked("npu", t("none here"))
    if not driver:
        said = t("{count} NPUs, and no driver in /usr/local/Ascend/driver", count=devices)
        return failed("npu", said, t("Install the Ascend driver, or train without --npus."))
    return passed("npu", t("{count} NPUs with their driver", count=devices))


def leftovers(jobs: int) -> Line:
    """Containers and networks of runs whose process was killed."""
    if jobs:
        said = t("{count} runs that were killed left containers or networks", count=jobs)
        return failed("leftovers", said, t("The next %train removes them."))
    return passed("leftovers", t("nothing of ours"))


# ---- probing ----------------------------------------------------------------------------------------------------------


def look_at_engine(chosen: str, environment: Mapping[str, str]) -> list[Line]:
    """Everything about the Engine that the settings name, or that is found."""
    from .. import api

    try:
        engine = api.connect(chosen)
    except ModelArtsError as error:
        place = chosen or environment.get("DOCKER_HOST", "") or DEFAULT
        return [*no_engine(error), *_socket(place), *_accelerators({}, local=True)]
    try:
        return _found(engine, environment)
    except ModelArtsError as error:
        return no_engine(error)


def _found(engine: Engine, environment: Mapping[str, str]) -> list[Line]:
    from ..engine import marks, probe
    from ..engine.failures import mapped

    with mapped(t("asking for its version")):
        info = engine.client.info()
        left = len(marks.left_behind(engine))
    refusals = {} if engine.podman else {
        way: probe.refusal(engine.client, way, SECONDS) for way in (probe.CONTROL, probe.SESSION)
    }
    local = engine.url.startswith("unix://")
    lines = [*who(engine, info), *_socket(engine.url), buildkit(engine.podman, refusals), proxies(environment, info)]
    return [*lines, _room(info, local=local), *_accelerators(info, local=local), leftovers(left)]


def _socket(url: str) -> list[Line]:
    path = Path(url.removeprefix("unix://")) if url.startswith("unix://") else None
    if path is None:
        return [socket("", there=False, allowed=False, user="")]
    try:
        there = path.exists()
    except OSError:
        there = True  # in a folder that this user may not enter
    import getpass

    return [socket(str(path), there=there, allowed=os.access(path, os.R_OK | os.W_OK), user=getpass.getuser())]


def _room(info: Mapping[str, Any], *, local: bool) -> Line:
    root = str(info.get("DockerRootDir") or "")
    if not local or not root:
        return unchecked("engine-disk", t("the Engine is on another machine"), "docker system df")
    try:
        free = shutil.disk_usage(root).free
    except OSError as error:
        return unchecked("engine-disk", t("{path}: {reason}", path=root, reason=error.strerror), "docker system df")
    return disk("engine-disk", root, free, ENGINE_BYTES, "docker system df; docker builder prune; docker image prune")


def _accelerators(info: Mapping[str, Any], *, local: bool) -> list[Line]:
    from ..engine.accelerators import ASCEND_DRIVER

    gpus, npus = (len(list(Path("/dev").glob(name))) for name in ("nvidia[0-9]*", "davinci[0-9]*"))
    runtimes = info.get("Runtimes") or {}
    return [gpu(gpus, runtimes, local=local), npu(npus, Path(ASCEND_DRIVER).is_dir(), local=local)]
