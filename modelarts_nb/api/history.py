"""What a build says beyond its result: its size against the limit, its slowest steps, what changed since the build before."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import paths
from ..building import history
from ..building.request import BuildRequest
from ..catalog import Limits
from ..dockerfile import Dockerfile
from ..errors import SettingsError
from ..image import Image
from ..messages import t
from ..notebook.view.card import Fact
from ..text import duration, size
from ..trace import Trace


class Compared:
    """One build beside the one before it, of the same Dockerfile in the same folder.

    A history that cannot be read or written is none: it is worth a row of the result, not a failure.
    """

    def __init__(self, request: BuildRequest, dockerfile: Dockerfile, trace: Trace, limits: Limits) -> None:
        from ..engine import context

        self._request, self._dockerfile, self._trace, self._limits = request, dockerfile, trace, limits
        source = request.source
        key = "\0".join((source.name or source.origin, str(source.context and source.context.resolve()), request.target))
        self._name = f"{hashlib.sha256(key.encode(errors='surrogateescape')).hexdigest()[:20]}.json"
        self._before = self._read()
        self._files = context.snapshot(dockerfile, source.context)
        if self._before is not None and not request.no_cache:
            trace.expected = self._before.seconds

    def rows(self, result: Any) -> Sequence[Fact]:
        """The rows, once the result is there; also keeps this build for the next."""
        if not isinstance(result, Image):
            return ()
        now = history.record(self._trace, result.size, self._files, self._before)
        self._write(now)
        slow = " · ".join(f"{name} {duration(seconds)}" for name, seconds in history.slowest(self._trace))
        rows = [self._size(result)]
        if slow:
            rows.append(Fact(t("Slowest"), slow))
        if self._before is not None:
            what = t("everything ran again: --no-cache") if self._request.no_cache else history.since(self._before, now)
            rows.append(Fact(t("Since last"), what))
        return rows

    def _size(self, image: Image) -> Fact:
        limit = self._limits.image_bytes
        own = history.own_bytes(image, history.own_instructions(self._dockerfile, self._request.target))
        text = t("{size} of {limit}", size=size(image.size), limit=size(limit))
        share: tuple[float, ...] = (image.size / limit,)
        if own is not None:
            text += t(": base {base}, yours {own}", base=size(image.size - own), own=size(own))
            share = ((image.size - own) / limit, own / limit)
        if image.size > limit:
            text += " · " + t("too large for the platform")
        elif image.size > self._limits.advised_bytes:
            text += " · " + t("more than the advised {size}", size=size(self._limits.advised_bytes))
        return Fact(t("Size"), text, share=share)

    def _read(self) -> history.Record | None:
        try:
            return history.loads((paths.home() / "history" / self._name).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            return None

    def _write(self, now: history.Record) -> None:
        with contextlib.suppress(OSError, SettingsError):
            folder = paths.folder("history")
            draft = Path(folder, f".{self._name}.{os.getpid()}")
            draft.write_text(now.dumps(), encoding="utf-8")
            draft.replace(folder / self._name)
