"""What a job can be run on: CPU flavors that become limits of containers; GPU and Ascend ones where the machine has them.

Ids, names and sizes of the CPU flavors are the API reference's example; a container gets no more cores than there are.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .web import Answer, Refusal, Request, route

GB = 1 << 30
ARCHITECTURES = {"x86_64": ("x86", "amd64"), "aarch64": ("arm", "arm64")}  # the API's word and the images'
POOL = "pool-sandbox"
MOST_NODES = 8


@dataclass(frozen=True)
class Flavor:
    """One of them. ``memory`` in GB; ``nodes``: the most that a job may have, 0 where this machine has no such device."""

    id: str
    name: str
    kind: str
    cores: int
    memory: int
    nodes: int = MOST_NODES
    devices: int = 0
    product: str = ""
    arch: str = ""

    def shown(self) -> dict[str, Any]:
        """As the API lists it."""
        info: dict[str, Any] = {
            "max_num": self.nodes, "cpu": {"arch": self.arch, "core_num": self.cores},
            "memory": {"size": self.memory, "unit": "GB"}, "disk": {"size": 50, "unit": "GB"},
        }
        if self.kind == "GPU":
            info["gpu"] = {"unit_num": self.devices, "product_name": self.product, "memory": "16GB"}
        if self.kind == "Ascend":
            info["npu"] = {"unit_num": str(self.devices), "product_name": self.product, "memory": "32GB"}
        return {
            "flavor_id": self.id, "flavor_name": self.name, "flavor_type": self.kind, "max_num": self.nodes,
            "billing": {"code": self.id, "unit_num": 1}, "flavor_info": info,
            "attributes": {"sandbox": "runs here" if self.nodes else f"not available: this machine has no {self.kind} device"},
        }


class Flavors:
    """The flavors of this machine."""

    def __init__(self, machine: str = platform.machine(), gpus: int | None = None, npus: int | None = None) -> None:
        self.arch, self.image_arch = ARCHITECTURES.get(machine, ("x86", machine))
        gpus = len(list(Path("/dev").glob("nvidia[0-9]*"))) if gpus is None else gpus
        npus = len(list(Path("/dev").glob("davinci[0-9]*"))) if npus is None else npus
        made = [
            Flavor(f"modelarts.vm.cpu.{cores}u", f"Computing CPU({cores}U) instance", "CPU", cores, 4 * cores, arch=self.arch)
            for cores in (2, 4, 8)
        ]
        made.append(Flavor(
            "modelarts.vm.gpu.p100", "Computing GPU(P100) instance", "GPU", 8, 64, min(gpus, 1), 1, "NVIDIA-P100", self.arch
        ))
        made.append(Flavor(
            "modelarts.bm.npu.arm.1snt9b", "Computing Ascend(1) instance", "Ascend", 24, 96, min(npus, 1), 1, "D910B", "arm"
        ))
        self.by_id = {flavor.id: flavor for flavor in made}

    def choose(self, resource: Mapping[str, Any]) -> Flavor:
        """The flavor that a job asks for. Raises Refusal where it is not there, not available, or has fewer nodes."""
        custom = resource.get("main_container_customized_flavor")
        if resource.get("pool_id"):
            return self._of_pool(str(resource["pool_id"]), resource, custom)
        wanted = str(resource.get("flavor_id") or "")
        flavor = self.by_id.get(wanted)
        if flavor is None:
            raise Refusal(400, "ModelArts.2781", f"Flavor ({wanted}) not found.")
        if not flavor.nodes:
            raise Refusal(400, "ModelArts.2763", f"The selected flavor is invalid. (no {flavor.kind} device in the sandbox)")
        nodes = int(resource.get("node_count") or 1)
        if not 1 <= nodes <= flavor.nodes:
            raise Refusal(
                400, "ModelArts.2793", f"The number of flavor instances ({nodes}) exceeds the maximum ({flavor.nodes})."
            )
        return flavor

    def _of_pool(self, pool: str, resource: Mapping[str, Any], custom: Mapping[str, Any] | None) -> Flavor:
        if pool != POOL:
            raise Refusal(400, "ModelArts.2889", f"Get pool ({pool}) failed. Pool not found.")
        if custom:
            cores, memory = int(custom.get("cpu_core_num") or 1), int(custom.get("mem_size") or 1)
            return Flavor("", "customized", "CPU", max(cores, 1), max(memory, 1), arch=self.arch)
        return self.choose({**resource, "pool_id": "", "flavor_id": resource.get("flavor_id") or "modelarts.vm.cpu.2u"})


def limits(flavor: Flavor) -> tuple[float, int]:
    """(cores, bytes of memory) of one container; no more cores than there are."""
    return float(min(flavor.cores, os.cpu_count() or 1)), flavor.memory * GB


class Resources:
    """What there is to run on. ``running()``: (how many jobs may run or wait, how many do)."""

    def __init__(self, flavors: Flavors, running: Callable[[], tuple[int, int]]) -> None:
        self._flavors, self._running = flavors, running

    @route("GET /v2/{project_id}/training-job-flavors")
    def _listed(self, request: Request) -> Answer:
        kind = request.option("flavor_type")
        if kind not in ("", "CPU", "GPU", "Ascend"):
            raise Refusal(400, "ModelArts.2764", "Invalid query parameter (flavor_type).")
        found = [flavor.shown() for flavor in self._flavors.by_id.values() if kind in ("", flavor.kind)]
        return Answer(200, {"total_count": len(found), "flavors": found})

    @route("GET /v2/{project_id}/training-pool-flavors")
    def _of_pool(self, request: Request) -> Answer:
        if request.option("pool_id", POOL) != POOL:
            raise Refusal(400, "ModelArts.2889", f"Get pool ({request.option('pool_id')}) failed. Pool not found.")
        return self._listed(request)

    @route("GET /v2/{project_id}/pools")
    def _pools(self, request: Request) -> Answer:
        pool = {
            "apiVersion": "v2", "kind": "Pool", "metadata": {"name": POOL, "annotations": {"X-Sandbox": "modelarts-nb"}},
            "spec": {"type": "Dedicate", "scope": ["Train"], "resources": []}, "status": {"phase": "Running"},
        }
        return Answer(200, {"apiVersion": "v2", "kind": "PoolList", "items": [pool]})

    @route("GET /v2/{project_id}/training-job-engines")
    def _engines(self, request: Request) -> Answer:
        return Answer(200, {"total": 0, "items": []})  # preset frameworks' images are Huawei's; the sandbox has none

    @route("GET /v2/{project_id}/training-quotas")
    def _quotas(self, request: Request) -> Answer:
        limit, used = self._running()
        return Answer(200, {"quotas": [{
            "resource": "training_job", "quota": limit, "used": used        }]})
