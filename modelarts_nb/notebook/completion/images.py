"""Names of images on this machine, as they were last heard of.

Completion does not wait. It gives what is known and, where that is old, has it asked anew by a thread, once at a time: of the
sandbox's note, and of an Engine that this kernel is connected to already, over a socket on this machine.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from ... import api
from ...sandbox import note

OLD, LATER = 5.0, 0.5  # seconds
_names: tuple[str, ...] = ()
_heard = float("-inf")
_asking = threading.Lock()


def local() -> tuple[str, ...]:
    """The sandbox's base image first, then the Engine's images that have names."""
    if time.monotonic() - _heard > OLD and _asking.acquire(blocking=False):
        asking = threading.Timer(LATER, _ask, (api.connected(),))  # what it imports at first would hold up this very answer
        asking.daemon = True
        asking.start()
    return _names


def _ask(engine: Any) -> None:
    global _names, _heard
    try:
        here = note.here()
        names = [here.base_image] if here is not None else []
        if engine is not None and engine.url.startswith("unix:"):
            found = engine.client.images()
            names += sorted({tag for image in found for tag in image.get("RepoTags") or () if "<none>" not in tag})
        _names = tuple(dict.fromkeys(filter(None, names)))
    except Exception:  # noqa: S110  # an Engine that went away: what is run next says so, and completion has the old names
        pass
    finally:
        _heard = time.monotonic()
        _asking.release()
