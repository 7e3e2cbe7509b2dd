"""An image's layers as the Engine exports them, read while they come: nothing is written anywhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from typing import Any

from ..events import Event, Vertex, VertexStatus
from ..layers.archive import ImageArchive
from ..messages import t
from .discovery import Engine
from .failures import mapped
from .images import hang_up
from .streaming import call

CHUNK = 1 << 20
VERTEX = "export"


def read(engine: Engine, names: Sequence[str]) -> Generator[Event | None, None, ImageArchive]:
    """Read the images of these names or ids; one vertex a layer, with its bytes. Returns the closed archive.

    Raises EngineAPIError where one is not there. Closing the generator makes the Engine stop sending.
    """
    archive = ImageArchive()
    with mapped(t("Reading {names}", names=", ".join(names))):
        url = engine.client._url("/images/get")
        response = engine.client._get(url, params={"names": list(names)}, stream=True, timeout=None)
        engine.client._raise_for_status(response)
        waiting = Vertex(VERTEX, "waiting for the Engine's export", started=time.time())
        yield waiting
        yield from _parts(archive, lambda: _drain(response, archive), lambda: hang_up(response))
    return archive


def _drain(response: Any, archive: ImageArchive) -> None:
    """The whole stream into the archive."""
    try:
        for chunk in iter(lambda: response.raw.read(CHUNK), b""):
            archive.feed(chunk)
    finally:
        archive.close()


def _parts(
    archive: ImageArchive, drain: Callable[[], None], close: Callable[[], None]
) -> Generator[Event | None, None, None]:
    """Events of the layers while another thread reads them."""
    open_part, began, layers = "", time.time(), 0
    last: tuple[str, int, int] = ("", 0, 0)
    reading = call(drain, close)
    while True:
        try:
            next(reading)
        except StopIteration:
            break
        part = archive.part
        if part is None or not part.layer or part.name == open_part:
            if part is not None and part.name == open_part:
                last = (part.name, part.bytes, part.size)
                yield VertexStatus("reading", part.name, "reading", part.bytes, part.size)
            yield None
            continue
        if not layers:
            yield Vertex(VERTEX, "waiting for the Engine's export", started=began, completed=time.time())
        if open_part:
            yield _done(open_part, layers, began, last)
        open_part, began, layers = part.name, time.time(), layers + 1
        last = (part.name, part.bytes, part.size)
        yield Vertex(part.name, f"layer {layers}", started=began)
    yield Vertex(VERTEX, "waiting for the Engine's export", started=began, completed=time.time())
    if open_part:
        yield _done(open_part, layers, began, last)


def _done(name: str, number: int, began: float, last: tuple[str, int, int]) -> Event:
    return Vertex(name, f"layer {number}", started=began, completed=time.time())
