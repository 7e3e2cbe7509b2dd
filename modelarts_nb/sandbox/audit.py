"""The audit of an image at its first run: a digest that passed under a contract is not audited again.

The platform's audit is documented for v1 (base image, size, set-user-id files, changed files: ModelArts-Lab, guide 2.1.1 and
2.3.2); for v2 that there is one is unverified. Here it is, under both, everything that ``%check`` calls an error.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator

from ..engine.discovery import Engine
from .jobs import Job
from .state import Document
from .swr import PLATFORM

# (engine, reference, contract): the reasons against an image, and before them "" as often as the job may be stopped
Judge = Callable[[Engine, str, str], Iterator[str]]


class Audits:
    """What was audited, over one document."""

    def __init__(self, document: Document, judge: Judge) -> None:
        self._document, self._judge = document, judge
        self._lock = threading.Lock()
        self._audited: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def reasons(self, engine: Engine, reference: str, job: Job, go_on: Callable[[], None]) -> list[str]:
        """Why the image may not run; [] where it may. ``go_on`` raises where the job was stopped.

        The platform's own images are not audited. Of several jobs at a time one audits, the others wait for it.
        """
        image = job.get("image")
        if image["path"].partition("/")[0] in PLATFORM:
            return []
        contract = "v1" if "/home/work/" in job.get("request")["algorithm"]["command"] else "v2"
        key = f"{contract} {image['digest']}"
        if self._document.get(key):
            return []
        with self._lock:
            audited = self._audited[key]
        while not audited.acquire(timeout=0.1):
            go_on()
        try:
            return [] if self._document.get(key) else self._audit(engine, reference, contract, key, go_on)
        finally:
            audited.release()

    def _audit(self, engine: Engine, reference: str, contract: str, key: str, go_on: Callable[[], None]) -> list[str]:
        found = []
        for reason in self._judge(engine, reference, contract):
            go_on()
            if reason:
                found.append(reason)
        if not found:
            with self._document.change() as state:
                state[key] = True
        return found
