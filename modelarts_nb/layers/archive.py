"""The bytes of ``GET /images/NAME/get`` (``docker save``) as an image: one pass, nothing written anywhere.

Engines before 25 write ``manifest.json`` and a folder a layer with ``layer.tar`` in it, equal layers as links; newer ones
an OCI layout (``index.json``, ``blobs/sha256/…``) with a ``manifest.json`` beside it. In both a layer may come before the
part that says what it is, so that every part is read for what its first bytes are, and put in order at the end.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..manifests import DOCKER_LIST, OCI_INDEX
from ..messages import mark, t
from .index import LayerIndex, LayerReader, Names, tidy
from .tar import BLOCK, FILE, HARD_LINK, SYMLINK, ZEROS, Entry, TarError, TarWalker, is_header
from .unpacking import GZIP, ZSTD, Gunzip, UnpackError, Unzstd

JSON_LIMIT = 16 << 20  # bytes of a part that is no layer
JSON_ALL = 64 << 20
MAX_LAYERS = 500  # an Engine makes 125 at most
_INDEXES = (OCI_INDEX, DOCKER_LIST)


@dataclass(frozen=True)
class ImageParts:
    """An image as its export held it. ``layers`` from the base up, None where one was not there; ``config`` is its JSON.

    ``media_type``: of what a registry gets for it, where the export says so. ``problems``: what of it could not be read.
    ``attested``: it is an index that holds attestations, too.
    """

    config: Mapping[str, Any] = field(default_factory=dict)
    layers: tuple[LayerIndex | None, ...] = ()
    media_type: str = ""
    problems: tuple[str, ...] = ()


@dataclass
class Part:
    """A part that is being read: ``bytes`` so far, of ``size``."""

    name: str
    size: int
    bytes: int = 0
    layer: bool = False


class ImageArchive:
    """Feed it the stream, close it, then ask for ``image``. ``part``: what is being read now.

    ``also``: keys of paths whose content is hashed wherever they lie (see ``Folded.unknown``).
    """

    def __init__(self, also: Collection[int] = ()) -> None:
        self._also = frozenset(also)
        self.names = Names()
        self.part: Part | None = None
        self.layers_read = 0
        self.problems: list[str] = []
        self._layers: dict[str, LayerIndex] = {}
        self._texts: dict[str, bytes] = {}
        self._links: dict[str, str] = {}
        self._reading: _PartReader | None = None
        self._outer = TarWalker(self)
        self._texts_bytes = 0

    def feed(self, data: bytes | memoryview) -> None:
        """The next bytes of the stream."""
        self._outer.feed(data)

    def close(self) -> None:
        """The stream is over."""
        self._outer.close()
        if self._outer.problem or not self._outer.entries:
            self.problems.append(t("the Engine's export: {problem}", problem=t(self._outer.problem or mark("it is empty"))))
        if self._reading is not None:
            self.end()

    def begin(self, entry: Entry) -> bool:
        """A part of the image begins (``tar.Sink``)."""
        name = tidy(entry.name).decode("utf-8", "backslashreplace")
        if entry.kind in (SYMLINK, HARD_LINK):
            target = entry.link.decode("utf-8", "backslashreplace")
            whole = posixpath.join(posixpath.dirname(name), target) if entry.kind == SYMLINK else target
            self._links[name] = posixpath.normpath(whole)
        if entry.kind != FILE:
            return False
        if entry.sparse:
            raise TarError(mark("a part of it is a sparse file"))
        self.part = Part(name, entry.size)
        self._reading = _PartReader(self.names, self._also)
        return True

    def data(self, piece: memoryview) -> None:
        """Bytes of the part (``tar.Sink``)."""
        assert self._reading is not None
        assert self.part is not None
        self.part.bytes += len(piece)
        self._reading.feed(piece)
        self.part.layer = self._reading.is_layer

    def end(self) -> None:
        """The part is over (``tar.Sink``)."""
        assert self._reading is not None
        assert self.part is not None
        reading, self._reading = self._reading, None
        found = reading.close()
        if isinstance(found, LayerIndex):
            self._layers[self.part.name] = found
            self.layers_read += 1
        elif self._texts_bytes + len(found) <= JSON_ALL:
            self._texts[self.part.name] = found
            self._texts_bytes += len(found)

    def image(self, image_id: str = "", name: str = "") -> ImageParts:
        """The image of that id or name, the only one for "". ``problems`` says where the parts do not fit together."""
        problems = list(self.problems)
        try:
            config_name, layer_names, media_type = self._described(image_id, name)
            config = self._json(config_name)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
            problems.append(t("the image's description cannot be read ({kind})", kind=type(error).__name__))
            return ImageParts(problems=tuple(problems))
        if not isinstance(config, dict):
            return ImageParts(problems=(*problems, t("the image's configuration is no JSON object")))
        if len(layer_names) > MAX_LAYERS:
            return ImageParts(config, problems=(*problems, t("the image has more layers than an Engine makes")))
        layers = tuple(self._layers.get(self._followed(each)) for each in layer_names)
        rootfs = config.get("rootfs")
        diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
        if not isinstance(diff_ids, list) or len(diff_ids) != len(layers):
            problems.append(t("the image's configuration names other layers than its manifest"))
        return ImageParts(config, layers, media_type, tuple(problems))

    def _described(self, image_id: str, name: str) -> tuple[str, list[str], str]:
        """(name of the configuration, names of the layers, media type)."""
        media_type = ""
        if "index.json" in self._texts:
            media_type = self._media_type(image_id)
        if "manifest.json" in self._texts:
            entries = self._json("manifest.json")
            digest = image_id.removeprefix("sha256:")
            fits = [each for each in entries if digest and digest in each["Config"]]
            fits = fits or [each for each in entries if name and name in (each.get("RepoTags") or ())] or entries
            if len(fits) != 1:
                raise ValueError("several images")
            return fits[0]["Config"], list(fits[0]["Layers"]), media_type
        manifest = self._manifest(self._json("index.json"))
        return _blob(manifest["config"]), [_blob(layer) for layer in manifest["layers"]], media_type

    def _media_type(self, image_id: str) -> str:
        """What a registry gets: an index where the image is one."""
        found = self._json("index.json")["manifests"]
        fits = [each for each in found if each.get("digest") == image_id] or found
        return str(fits[0].get("mediaType", "")) if len(fits) == 1 else _INDEXES[0]

    def _manifest(self, index: Mapping[str, Any], depth: int = 3) -> Mapping[str, Any]:
        """The one manifest in an index; attestations and platforms whose parts are not there do not count."""
        found = []
        for each in index["manifests"]:
            if (each.get("annotations") or {}).get("vnd.docker.reference.type") == "attestation-manifest":
                continue
            if _blob(each) in self._texts:
                found.append(self._json(_blob(each)))
        if len(found) != 1 or not depth:
            raise ValueError("several images")
        return self._manifest(found[0], depth - 1) if "manifests" in found[0] else found[0]

    def _json(self, name: str) -> Any:
        return json.loads(self._texts[self._followed(name)])

    def _followed(self, name: str) -> str:
        for _ in range(8):
            if name not in self._links:
                break
            name = self._links[name]
        return name


def _blob(descriptor: Mapping[str, Any]) -> str:
    return "blobs/" + str(descriptor["digest"]).replace(":", "/", 1)


class _PartReader:
    """One part: a layer, packed or not, or a text, as its first bytes tell."""

    def __init__(self, names: Names, also: frozenset[int] = frozenset()) -> None:
        self._names = names
        self._also = also
        self._head = bytearray()
        self._feed: Callable[[bytes | memoryview], None] | None = None
        self._text = bytearray()
        self._reader: LayerReader | None = None
        self._walker: TarWalker | None = None
        self._packed: Gunzip | Unzstd | None = None
        self._problem = ""

    @property
    def is_layer(self) -> bool:
        """It turned out to be a layer."""
        return self._reader is not None

    def feed(self, piece: memoryview) -> None:
        """The next bytes of the part."""
        if self._feed is None:
            if self._head or len(piece) < BLOCK:
                self._head += piece
                piece = memoryview(bytes(self._head))
            if len(piece) < BLOCK:
                return
            self._decide(bytes(piece[:BLOCK]))
        self._pass(piece)

    def _pass(self, piece: memoryview) -> None:
        if self._problem:
            return
        assert self._feed is not None
        try:
            self._feed(piece)
        except UnpackError as error:
            self._problem = str(error)

    def _decide(self, head: bytes) -> None:
        layer = head[:2] == GZIP or head[:4] == ZSTD or head[:BLOCK] == ZEROS or is_header(head)
        if not layer:
            self._feed = self._keep
            return
        self._reader = LayerReader(self._names, self._also)
        self._walker = TarWalker(self._reader)
        self._feed = self._walker.feed
        try:
            if head[:2] == GZIP:
                self._packed = Gunzip(self._walker.feed)
            elif head[:4] == ZSTD:
                self._packed = Unzstd(self._walker.feed)
        except UnpackError as error:
            self._problem = str(error)
        if self._packed is not None:
            self._feed = self._packed.feed

    def _keep(self, piece: bytes | memoryview) -> None:
        if len(self._text) + len(piece) <= JSON_LIMIT:
            self._text += piece

    def close(self) -> LayerIndex | bytes:
        """The layer's index, or the text."""
        if self._feed is None:
            self._decide(bytes(self._head))
            self._pass(memoryview(bytes(self._head)))
        if self._reader is None:
            return bytes(self._text)
        assert self._walker is not None
        try:
            if self._packed is not None and not self._problem:
                self._packed.close()
        except UnpackError as error:
            self._problem = str(error)
        self._walker.close()
        if self._packed is not None and not self._packed.knows_its_end and not self._walker.finished:
            self._problem = self._problem or mark("it ends in the middle")
        index = self._reader.close()
        index.problem = self._problem or self._walker.problem
        return index


def layer_of(chunks: Iterator[bytes]) -> LayerIndex:
    """The index of a layer by itself, plain or packed."""
    reading = _PartReader(Names())
    for chunk in chunks:
        reading.feed(memoryview(chunk))
    found = reading.close()
    if isinstance(found, LayerIndex):
        return found
    raise TarError(mark("it is no layer"))
