"""GPUs and NPUs of the Engine's machine, for a container; a plain word where what is asked for is not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import SettingsError
from ..messages import t
from ..training.spec import JobSpec
from .discovery import Engine
from .failures import mapped

ASCEND_SHARED = ("davinci_manager", "devmm_svm", "hisi_hdc")  # device files that every NPU container needs
ASCEND_DRIVER = "/usr/local/Ascend/driver"  # the driver's libraries come from the host


def devices(engine: Engine, spec: JobSpec) -> dict[str, Any]:
    """Options of a container's host configuration for the job's GPUs or NPUs. Raises SettingsError."""
    if spec.gpus:
        return _gpus(engine, spec.gpus)
    if spec.npus:
        return _npus(spec.npus, Path("/dev"))
    return {}


def _gpus(engine: Engine, count: int) -> dict[str, Any]:
    from docker.types import DeviceRequest

    with mapped(t("Asking for the Engine's runtimes")):
        info = engine.client.info()
    if "nvidia" not in (info.get("Runtimes") or {}):
        raise SettingsError(
            t("This Engine has no NVIDIA runtime, so no GPU can be given to a container."),
            t("Install the NVIDIA container toolkit on the Engine's machine, or train without --gpus."),
        )
    return {"device_requests": [DeviceRequest(count=count, capabilities=[["gpu"]])]}


def _npus(count: int, folder: Path) -> dict[str, Any]:
    found = sorted(folder.glob("davinci[0-9]*"), key=lambda path: (len(path.name), path.name))
    if len(found) < count:
        raise SettingsError(
            t(
                "{count} Ascend NPUs were asked for; this machine has {found} ({folder}/davinci0, …).",
                count=count, found=len(found), folder=folder,
            ),
            t("Install the Ascend driver, or train without --npus."),
        )
    files = [*found[:count], *(folder / name for name in ASCEND_SHARED)]
    return {"devices": [f"{path}:{path}:rwm" for path in files], "binds": [f"{ASCEND_DRIVER}:{ASCEND_DRIVER}:ro"]}
