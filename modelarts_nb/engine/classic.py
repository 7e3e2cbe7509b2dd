"""The classic builder, for an Engine without BuildKit sessions (podman's service).

What is lost is said in one warning: no secrets, no cache mounts, and the whole context travels every time.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from ..building.request import BuildRequest
from ..errors import BuildFailed, SettingsError
from ..events import Event, Vertex, VertexLog, VertexWarning
from ..messages import mark, t
from .discovery import Engine
from .failures import mapped
from .images import hang_up
from .streaming import call, pump

DOCKERFILE = ".modelarts-nb.Dockerfile"  # its name inside the context that is sent
LOST = mark(
    "This Engine has no BuildKit: built with its classic builder, without secrets, cache mounts and incremental context."
)
_STEP = re.compile(r"^STEP (\d+)/(\d+): (.*)|^Step (\d+)/(\d+) : (.*)", re.IGNORECASE)
_IMAGE = re.compile(r"(?:Successfully built |^)([0-9a-f]{12,64})\s*$", re.MULTILINE)  # the last one is the image's
_EXIT = re.compile(r"(?:returned a non-zero code: |exit status )(\d+)")


def build(engine: Engine, request: BuildRequest) -> Generator[Event | None, None, str]:
    """As ``engine.build.build``."""
    for option, value in (("--ssh", request.ssh), ("--output", request.output)):
        if value:
            raise SettingsError(
                t("{option} needs BuildKit, which this Engine lacks.", option=option), t("Use a Docker Engine 20.10 or newer.")
            )
    yield VertexWarning("", t(LOST))
    archive = yield from call(lambda: _archive(request))
    params = {
        "dockerfile": DOCKERFILE, "t": list(request.tags), "buildargs": _json(dict(request.build_args)), "rm": True,
        "forcerm": True, "target": request.target, "platform": request.platform, "nocache": request.no_cache,
        "pull": request.pull, "networkmode": request.network or engine.build_network or "host",
        "labels": _json(dict(request.labels)), "cachefrom": json.dumps(request.cache_from) if request.cache_from else "",
        "extrahosts": [f"{name}:{address}" for name, address in request.add_hosts.items()],
    }
    with archive, mapped(t("Building the image")):
        response = engine.client._post(
            engine.client._url("/build"), data=archive, params={key: value for key, value in params.items() if value},
            headers={"Content-Type": "application/x-tar"}, stream=True, timeout=None,
        )
        engine.client._raise_for_status(response)
        fold = _Fold()
        messages = engine.client._stream_helper(response, decode=True)
        for message in pump([messages], lambda: hang_up(response)):
            if message is None:
                yield None
            else:
                yield from fold.apply(message)
        yield from fold.finish()
    return fold.image


def _archive(request: BuildRequest) -> Any:
    from docker.utils.build import create_archive, exclude_paths

    root = request.source.context
    files: list[str] = []
    if root is not None:
        ignore = root / ".dockerignore"
        patterns = ignore.read_text(encoding="utf-8").splitlines() if ignore.is_file() else []
        files = sorted(exclude_paths(str(root), [p.strip() for p in patterns if p.strip() and not p.startswith("#")]))
    return create_archive(
        root=str(root or Path.cwd()), files=files, fileobj=None, gzip=False, extra_files=[(DOCKERFILE, request.source.text)]
    )


def _json(value: dict[str, str]) -> str:
    return json.dumps(value) if value else ""


class _Fold:
    """The classic builder's lines as BuildKit's events: one vertex a step."""

    def __init__(self) -> None:
        self.image = ""
        self._vertex: Vertex | None = None

    def apply(self, message: dict[str, Any]) -> Iterator[Event]:
        if "error" in message:
            text = str(message["error"])
            yield from self._end(error=text)
            code = _EXIT.search(text)
            raise BuildFailed(text, exit_code=int(code.group(1)) if code else None)
        aux = message.get("aux") or {}
        if aux.get("ID"):
            self.image = str(aux["ID"])
        text = str(message.get("stream", ""))
        step = _STEP.match(text)
        if step:
            yield from self._end()
            number, total, name = [group for group in step.groups() if group is not None]
            self._vertex = Vertex(f"classic:{number}", f"[{number}/{total}] {name.strip()}", started=time.time())
            yield self._vertex
        elif text and self._vertex is not None:
            yield VertexLog(self._vertex.digest, text.encode(errors="surrogateescape"))
            found = _IMAGE.search(text)
            self.image = found.group(1) if found else self.image

    def finish(self) -> Iterator[Event]:
        """Complete the last step."""
        yield from self._end()

    def _end(self, error: str = "") -> Iterator[Event]:
        if self._vertex is not None:
            vertex, self._vertex = self._vertex, None
            yield Vertex(vertex.digest, vertex.name, started=vertex.started, completed=time.time(), error=error)
