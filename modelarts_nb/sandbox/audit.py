"""The audit of an image at its first run: what the platform would refuse, as far as it is known; a digest is audited once.

Under v1 an image must be built from an official base (the sandbox's stand-in here). What passed is remembered.
"""

from __future__ import annotations

from ..engine import images
from ..engine.discovery import Engine
from .base_image import LOCAL
from .jobs import Job
from .state import Document

V1_BYTES = 9_500_000_000  # ModelArts-Lab guide 2.1.1


class Audits:
    """What was audited, over one document."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def reasons(self, engine: Engine, reference: str, job: Job) -> list[str]:
        """Why the image may not run; [] where it may."""
        contract = "v1" if "/home/work/" in job.get("request")["algorithm"]["command"] else "v2"
        key = f"{contract} {job.get('image')['digest']}"
        if self._document.get(key):
            return []
        found = _v1(engine, reference) if contract == "v1" else []
        if not found:
            with self._document.change() as state:
                state[key] = True
        return found


def _v1(engine: Engine, reference: str) -> list[str]:
    image = images.inspect(engine, reference)
    found = []
    if image.size > V1_BYTES:
        found.append(f"the image is larger than 9.5 GB ({image.size / 1e9:.1f} GB)")
    if images.exists(engine, LOCAL):
        base = images.inspect(engine, LOCAL)
        if image.layers[: len(base.layers)] != base.layers:
            found.append("the base image does not match: build the image from an official base image")
    return found
