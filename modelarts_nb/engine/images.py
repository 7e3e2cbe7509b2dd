"""Images in the Engine: inspect, tag, push."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import socket
import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any

from ..errors import EngineAPIError, RegistryError
from ..events import Event, Vertex, VertexStatus
from ..image import Image, Layer
from ..messages import t
from ..reference import ImageReference
from ..settings import Secret
from .discovery import Engine
from .failures import hint_for, mapped
from .streaming import pump


def inspect(engine: Engine, reference: str) -> Image:
    """The image of that name or id. Raises EngineAPIError (status 404) where the Engine has none."""
    with mapped(t("Looking for the image {reference}", reference=reference)):
        found = engine.client.inspect_image(reference)
        history = engine.client.history(found["Id"])
    config = found.get("Config") or {}
    layers = tuple(
        Layer(str(entry.get("CreatedBy", "")), int(entry.get("Size", 0)), empty=not entry.get("Size"))
        for entry in reversed(history)
    )
    tags = tuple(found.get("RepoTags") or ())
    return Image(
        reference=reference if not reference.startswith("sha256:") else (tags[0] if tags else ""),
        id=found["Id"],
        size=int(found.get("Size") or 0),
        layers=tuple((found.get("RootFS") or {}).get("Layers") or ()),
        history=layers,
        tags=tags,
        platform=f"{found.get('Os', '')}/{found.get('Architecture', '')}",
        user=str(config.get("User") or ""),
        labels=dict(config.get("Labels") or {}),
        media_type=str((found.get("Descriptor") or {}).get("mediaType") or ""),
    )


def is_index(engine: Engine, reference: str) -> bool:
    """Whether the Engine would push an index (attestations, several platforms): only containerd's image store holds any."""
    with mapped(t("Looking for the image {reference}", reference=reference)):
        kind = str((engine.client.inspect_image(reference).get("Descriptor") or {}).get("mediaType") or "")
    return "index" in kind or "manifest.list" in kind


def listed(engine: Engine) -> list[Image]:
    """All images of the Engine that have a name, as its list tells of them: without layers, history and settings."""
    found = []
    with mapped(t("Listing the images")):
        for summary in engine.client.images():
            tags = tuple(tag for tag in summary.get("RepoTags") or () if tag != "<none>:<none>")
            if tags:
                size, labels = int(summary.get("Size") or 0), dict(summary.get("Labels") or {})
                found.append(Image(tags[0], summary["Id"], size, tags=tags, labels=labels))
    return found


def with_layers(engine: Engine, image: Image) -> Image:
    """The same with its layers; without any where it was removed meanwhile."""
    try:
        with mapped(t("Listing the images")):
            found = engine.client.inspect_image(image.id)
    except EngineAPIError as error:
        if error.status == 404:
            return image
        raise
    return replace(image, layers=tuple((found.get("RootFS") or {}).get("Layers") or ()))


def configuration(engine: Engine, image: str) -> dict[str, Any]:
    """The configuration of an image, in Docker's names (``Env``, ``User``, …)."""
    with mapped(t("Looking for the image {reference}", reference=image)):
        return dict(engine.client.inspect_image(image).get("Config") or {})


def environment(engine: Engine, reference: str) -> dict[str, str] | None:
    """The image's own variables; None where the Engine does not have it."""
    try:
        with mapped(t("Looking for the image {reference}", reference=reference)):
            config = engine.client.inspect_image(reference).get("Config") or {}
    except EngineAPIError:
        return None
    pairs = (text.partition("=") for text in config.get("Env") or ())
    return {name: value for name, _, value in pairs}


def tag(engine: Engine, image: str, reference: ImageReference) -> None:
    """Give the image that name too."""
    with mapped(t("Tagging {image} as {reference}", image=image, reference=reference)):
        engine.client.tag(image, reference.name, tag=reference.tag, force=True)


def push(
    engine: Engine, reference: ImageReference, login: tuple[str, Secret] | None = None
) -> Generator[Event | None, None, str]:
    """Push, one vertex a layer; returns the digest that the Engine reports.

    ``login``: user and password for this push alone, sent to the Engine and kept nowhere; None: what Docker has stored.
    Raises RegistryError when the registry refuses or does not answer, EngineUnavailable when the Engine goes away.
    Closing the generator makes the Engine stop sending.
    """
    doing = t("Pushing {reference}", reference=reference)
    with mapped(doing):
        url = engine.client._url("/images/{0}/push", reference.name)
        headers = _auth_header(engine, reference, login)
        response = engine.client._post_json(
            url, None, params={"tag": reference.tag}, headers=headers, stream=True, timeout=None
        )
        engine.client._raise_for_status(response)
    fold = _PushFold(reference)
    with mapped(doing):
        for message in pump([_messages(engine, response)], lambda: hang_up(response)):
            if message is None:
                yield None
                continue
            yield from fold.apply(message)
    return fold.digest


def _messages(engine: Engine, response: Any) -> Iterator[dict[str, Any]]:
    yield from engine.client._stream_helper(response, decode=True)


def _auth_header(engine: Engine, reference: ImageReference, login: tuple[str, Secret] | None) -> dict[str, str]:
    """The login for the registry: the one given, else Docker's stored one, credential helpers included."""
    from docker import auth

    if login is not None:
        content = {"username": login[0], "password": login[1].reveal(), "serveraddress": reference.host}
        return {"X-Registry-Auth": base64.urlsafe_b64encode(json.dumps(content).encode()).decode()}
    header = auth.get_config_header(engine.client, reference.host or auth.INDEX_NAME)
    return {"X-Registry-Auth": header} if header else {"X-Registry-Auth": "e30="}  # e30= is {}: anonymous


def hang_up(response: Any) -> None:
    """Close a streaming answer so that a thread blocked on it returns and the Engine notices."""
    raw = getattr(getattr(getattr(response.raw, "_fp", None), "fp", None), "raw", None)
    sock = getattr(raw, "_sock", None)
    if sock is not None:
        with contextlib.suppress(OSError):  # already closed by the other side: what we want
            sock.shutdown(socket.SHUT_RDWR)
    response.close()


class _PushFold:
    """The Engine's push messages as BuildKit's events."""

    def __init__(self, reference: ImageReference) -> None:
        self._reference = reference
        self._started: dict[str, float] = {}
        self.digest = ""

    def apply(self, message: dict[str, Any]) -> Iterator[Event]:
        if "error" in message:
            text = str(message["error"])
            failed = t("Pushing {reference}: {reason}", reference=self._reference, reason=text)
            raise RegistryError(failed, hint_for(text), status=_status(text), code=_code(text))
        aux = message.get("aux") or {}
        if aux.get("Digest"):
            self.digest = aux["Digest"]
        layer, status = message.get("id"), str(message.get("status", ""))
        if not layer or layer == self._reference.tag:
            return
        yield from self._layer(str(layer), status, message.get("progressDetail") or {})

    def _layer(self, layer: str, status: str, progress: dict[str, Any]) -> Iterator[Event]:
        digest, now = f"layer:{layer}", time.time()
        started = self._started.get(layer)
        if started is None and status == "Pushing":
            started = self._started[layer] = now
        there = status == "Layer already exists" or status.startswith("Mounted from")
        completed = now if there or status == "Pushed" else None
        if there and started is None:
            started = now
        yield Vertex(digest, t("layer {id}", id=layer), started=started, completed=completed, cached=there)
        current, total = int(progress.get("current") or 0), int(progress.get("total") or 0)
        if current or total:
            yield VertexStatus("transferring", digest, "transferring", min(current, total or current), total)


def _code(text: str) -> str:
    lowered = text.lower()
    return next((code for word, code in (("unauthorized", "UNAUTHORIZED"), ("denied", "DENIED")) if word in lowered), "")


_HTTP_STATUS = re.compile(r"unexpected (?:http )?status(?: code)?(?: from \w+ request to \S+)?:? (\d{3})", re.I)
_LOST = re.compile(
    r"connection reset|broken pipe|EOF$|i/o timeout|TLS handshake timeout|connection refused|toomanyrequests",
    re.IGNORECASE,
)


def _status(text: str) -> int:
    """The status behind an Engine's sentence, which is all that it passes on; 503 for a lost connection, 0 for unknown."""
    found = _HTTP_STATUS.search(text)
    if found:
        return int(found[1])
    return 503 if _LOST.search(text.strip()) else 0


def exists(engine: Engine, reference: str) -> bool:
    """Whether the Engine has an image of that name."""
    try:
        inspect(engine, reference)
    except EngineAPIError as error:
        if error.status == 404:
            return False
        raise
    return True
