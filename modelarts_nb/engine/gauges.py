"""How busy a node's accelerators are, asked of the vendor's own program inside the container, where the runtime puts it.

``nvidia-smi --query-gpu`` (NVIDIA, nvidia-smi manual) and ``npu-smi info -t usages`` (Ascend, npu-smi command reference). Never
met a real device; see docs/fidelity.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

GPU = ["nvidia-smi", "--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits"]
NPU = ["npu-smi", "info", "-t", "usages", "-i", "0"]
_USAGE = re.compile(r"Aicore Usage Rate\(%\)\s*:\s*(\d+)")
_MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Gauge:
    """Percent of the devices in use (their mean), and bytes of their memory (the sum; 0: not told)."""

    percent: int
    memory: int = 0


def read(client: Any, container: str, npu: bool) -> Gauge | None:
    """What the program in the container says; None where it is not there or says nothing of use."""
    import docker.errors

    try:
        made = client.exec_create(container, NPU if npu else GPU, stderr=False)
        said = client.exec_start(made["Id"]).decode(errors="replace")
    except docker.errors.APIError:
        return None
    return npu_usage(said) if npu else gpu_usage(said)


def gpu_usage(said: str) -> Gauge | None:
    """A line for each GPU: percent, MiB."""
    rows = [line.split(",") for line in said.splitlines()]
    numbers = [(int(row[0]), int(row[1])) for row in rows if len(row) == 2 and all(part.strip().isdigit() for part in row)]
    if not numbers:
        return None
    return Gauge(round(sum(percent for percent, _ in numbers) / len(numbers)), sum(used for _, used in numbers) * _MEGABYTE)


def npu_usage(said: str) -> Gauge | None:
    """A row “Aicore Usage Rate(%) : N” for each chip."""
    numbers = [int(found) for found in _USAGE.findall(said)]
    return Gauge(round(sum(numbers) / len(numbers))) if numbers else None
