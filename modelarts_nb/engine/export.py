"""An image's layers as the Engine exports them, read while they come: nothing is written anywhere.

Engine 20.10 first writes the whole export to its own disk, then sends it as fast as it is read: so one thread waits for the
socket while another reads what came, and the request is sent on a connection of its own, which can be hung up at any moment,
also while the Engine has not answered.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from urllib.parse import urlencode, urlsplit

from ..errors import EngineAPIError, EngineError, EngineUnavailable
from ..events import Event, Vertex, VertexStatus
from ..layers.archive import ImageArchive, Part
from ..messages import t
from .buildkit import duplex, http1
from .buildkit.engineapi import sentence
from .discovery import Engine
from .failures import GONE_HINT, hint_for, mapped
from .streaming import pump

AHEAD = 4  # MiB that may wait to be read
MAX_ERROR = 64 << 10  # bytes of a refusal that are read
VERTEX = "export"


def read(
    engine: Engine, names: Sequence[str], also: Collection[int] = ()
) -> Generator[Event | None, None, ImageArchive]:
    """Read the images of these names or ids; one vertex a layer, with its bytes. Returns the closed archive.

    ``also``: keys of paths whose content is hashed wherever they lie. Raises EngineAPIError where an image is not there.
    Closing the generator makes the Engine stop sending.
    """
    archive, response, refusal = ImageArchive(also), http1.Response(), bytearray()
    doing = t("Reading {names}", names=", ".join(names))
    with _mapped(doing):
        wire = duplex.connect(engine.client)
        with closing(wire), closing(pump([duplex.blocks(wire)], wire.close, depth=AHEAD)) as blocks:
            progress = _Progress(archive)
            yield progress.waiting
            wire.write([_request(engine, names)])
            for block in blocks:
                if block is not None:
                    body = b"".join(response.pieces(block))  # a copy costs less than reading tar in pieces of 32 KiB
                    if response.status == 200:
                        archive.feed(body)
                    else:
                        refusal += body[: MAX_ERROR - len(refusal)]
                yield from progress.events()
                if response.complete:
                    break
    _complete(doing, response, bytes(refusal))
    archive.close()
    yield from progress.end()
    return archive


@contextmanager
def _mapped(doing: str) -> Iterator[None]:
    """Errors of a connection of our own, too."""
    try:
        with mapped(doing):
            yield
    except http1.HttpError as error:
        raise EngineError(t("{doing}: {reason}", doing=doing, reason=error)) from error
    except OSError as error:
        raise EngineUnavailable(t("{doing}: the Docker Engine went away.", doing=doing), t(GONE_HINT)) from error


def _request(engine: Engine, names: Sequence[str]) -> bytes:
    url = urlsplit(engine.client._url("/images/get"))
    own = [(str(name), str(value)) for name, value in engine.client.headers.items() if name.lower() == "user-agent"]
    target = f"{url.path}?{urlencode([('names', name) for name in names])}"
    return http1.request("GET", target, [("Host", url.netloc or "docker"), *own, ("Connection", "close")])


def _complete(doing: str, response: http1.Response, refusal: bytes) -> None:
    """Raises what the answer says instead of an export."""
    response.closed()
    if response.status >= 400:
        text = sentence(refusal.decode("utf-8", "replace"))
        raise EngineAPIError(t("{doing}: {reason}", doing=doing, reason=text), hint_for(text), status=response.status)
    if response.status != 200 or not response.complete:
        raise EngineUnavailable(t("{doing}: the Docker Engine went away.", doing=doing), t(GONE_HINT))


class _Progress:
    """Events about the part of the export that is being read."""

    def __init__(self, archive: ImageArchive) -> None:
        self._archive = archive
        self._began = self._told = time.time()
        self._layers = 0
        self._open: Part | None = None
        self._waited = False
        self.waiting = Vertex(VERTEX, t("waiting for the Engine's export"), started=self._began)

    def events(self) -> Iterator[Event | None]:
        """What changed since the last time; None where nothing did."""
        part, now = self._archive.part, time.time()
        if part is not None and part.layer and part is not self._open:
            yield from self._close(now)
            self._layers += 1
            self._open, self._began = part, now
            yield Vertex(part.name, t("layer {number}", number=self._layers), started=now)
        if self._open is not None and now >= self._told + 0.05:
            self._told = now
            yield VertexStatus("reading", self._open.name, "reading", self._open.bytes, self._open.size)
        yield None

    def end(self) -> Iterator[Event]:
        """All is read."""
        yield from self._close(time.time())

    def _close(self, now: float) -> Iterator[Event]:
        if not self._waited:
            self._waited = True
            yield replace(self.waiting, completed=now)
        if self._open is not None:
            yield Vertex(self._open.name, t("layer {number}", number=self._layers), started=self._began, completed=now)
