"""An image, as it stands in an Engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from .messages import t
from .rules.model import Finding
from .text import size


@dataclass(frozen=True)
class Layer:
    """One line of an image's history: what made it and how many bytes it added. ``empty``: metadata only."""

    created_by: str
    size: int
    empty: bool = False


@dataclass(frozen=True)
class Image:
    """An image in the Engine: what ``%build`` returns.

    ``reference`` is its first tag as given ("" for none), ``id`` its config's digest, ``size`` the sum of its
    uncompressed layers in bytes, ``layers`` the diff IDs from the base up, ``history`` from the base up. ``findings``:
    what the rules and the Engine said of its Dockerfile; ``checks``: that in a few words ("" where nothing was built).
    """

    reference: str
    id: str
    size: int
    layers: tuple[str, ...] = field(default=(), repr=False)
    history: tuple[Layer, ...] = field(default=(), repr=False)
    tags: tuple[str, ...] = ()
    platform: str = ""
    user: str = ""
    labels: dict[str, str] = field(default_factory=dict, repr=False, hash=False)
    log_path: str = ""
    dockerfile: str = ""
    media_type: str = field(default="", repr=False)  # of its manifest, where the Engine keeps one (containerd's image store)
    findings: tuple[Finding, ...] = field(default=(), repr=False)
    checks: str = ""

    @property
    def short_id(self) -> str:
        """The first 12 digits of the id, as docker shows it."""
        return self.id.removeprefix("sha256:")[:12]

    def __str__(self) -> str:
        layers = layer_count(len(self.layers))
        return f"{self.reference or self.short_id}  {self.short_id}  {size(self.size)}  {layers}  {self.platform}"


def layer_count(count: int) -> str:
    """A number of layers in words."""
    return t("1 layer") if count == 1 else t("{count} layers", count=count)


@dataclass(frozen=True)
class PushedImage:
    """What ``%push`` returns: where the image is now.

    ``digest`` and ``media_type`` are the registry's own, read back after the push. ``checks``: what the checks before it
    said ("": there were none).
    """

    reference: str
    digest: str
    media_type: str
    size: int = 0
    checks: str = ""

    @property
    def pinned(self) -> str:
        """The reference with its digest: the same bytes for ever."""
        name, _, tag = self.reference.rpartition(":")
        return f"{name if tag and '/' not in tag else self.reference}@{self.digest}"

    def __str__(self) -> str:
        return f"{self.reference}  {self.digest}"


@dataclass(frozen=True)
class Export:
    """The files of a built stage: what ``%build --output`` returns. ``path`` is the folder, or the tar file."""

    path: Path
    tar: bool = False
    log_path: str = ""
    dockerfile: str = ""

    def __str__(self) -> str:
        return str(self.path)
