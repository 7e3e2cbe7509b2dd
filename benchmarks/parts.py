"""What the benchmarks run on: the Engine that is found here, the sandbox's base image, a notebook's kernel."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from typing import Any

from jupyter_client.manager import KernelManager

from modelarts_nb.api import connect
from modelarts_nb.engine import private
from modelarts_nb.sandbox import region

DOCKER = "/usr/bin/docker"  # Debian's docker.io 20.10: builds with BuildKit by itself


def engine_url() -> str:
    """The address of the Engine that ``%build`` would use."""
    return os.environ.get("DOCKER_HOST") or private.url() or "unix:///var/run/docker.sock"


def base_image() -> str:
    """The sandbox's base image; `make up` sees to it."""
    connect()
    return region.status().base_image


class Kernel:
    """A notebook's kernel with the extension loaded; ``run`` gives (seconds since the epoch, message) as they come."""

    def __init__(self) -> None:
        self._manager = KernelManager()
        self._manager.start_kernel()
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(60)
        list(self.run("%load_ext modelarts_nb"))

    def run(self, code: str) -> Iterator[tuple[float, dict[str, Any]]]:
        identifier = self._client.execute(code)
        while True:
            message = self._client.get_iopub_msg(timeout=300)
            if message["parent_header"].get("msg_id") != identifier:
                continue
            yield time.time(), message
            if message["msg_type"] == "error":
                raise RuntimeError("\n".join(message["content"]["traceback"]))
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return

    def printed(self, code: str) -> str:
        """What a cell prints."""
        return "".join(m["content"]["text"] for _, m in self.run(code) if m["msg_type"] == "stream")

    def close(self) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)


@contextlib.contextmanager
def kernel() -> Iterator[Kernel]:
    """A kernel for as long as it is needed."""
    found = Kernel()
    try:
        yield found
    finally:
        found.close()
