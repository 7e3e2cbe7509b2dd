"""The log file of one build or run: every line that was printed, by step, readable in any editor.

A log that cannot be written (a full disk) does not fail what it is the log of: it is said once, and the work goes on.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from .events import Event, Vertex, VertexLog, VertexWarning
from .messages import t
from .text import LineDecoder, Redactor, clean


class LogFile:
    """Events in, lines out: ``#3 12.41 text``, in the manner of ``docker build --progress plain``.

    ``path`` is where it is; ``problem`` is why the rest is missing ("" while nothing is).
    """

    def __init__(self, path: Path, redact: Redactor | None = None) -> None:
        self.path = path
        self._redact = redact or Redactor()
        self.problem = ""
        self._began = time.time()
        self._numbers: dict[str, int] = {}
        self._states: dict[str, Vertex] = {}
        self._decoders: dict[tuple[str, int], LineDecoder] = {}
        self._file: TextIO | None = None
        with self._guard():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            self._file = os.fdopen(descriptor, "w", encoding="utf-8", errors="replace")

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.problem = t("The log could not be written to {path}: {reason}.", path=self.path, reason=error.strerror)
            self._file = None

    def apply(self, event: Event) -> None:
        """Write what one event says."""
        if isinstance(event, VertexLog):
            decoder = self._decoders.setdefault((event.vertex, event.stream), LineDecoder(self._redact))
            number, seconds = self._number(event.vertex), (event.timestamp or time.time()) - self._began
            self._write("".join(f"#{number} {seconds:.2f} {line}\n" for line in decoder.feed(event.data)))
        elif isinstance(event, Vertex):
            self._vertex(event)
        elif isinstance(event, VertexWarning):
            text = t("warning: {text}", text=self._safe(event.short))
            self._write(f"{text}\n" + "".join(f"  {self._safe(line)}\n" for line in event.detail))

    def _vertex(self, vertex: Vertex) -> None:
        old = self._states.get(vertex.digest)
        self._states[vertex.digest] = vertex
        number = self._number(vertex.digest)
        if vertex.started is not None and (old is None or old.started is None):
            self._write(f"\n#{number} {self._safe(vertex.name)}\n")
        if vertex.completed is not None and (old is None or old.completed is None):
            self._flush(vertex.digest)
            seconds = vertex.completed - (vertex.started or vertex.completed)
            word = "CACHED" if vertex.cached else f"DONE {seconds:.1f} s"
            self._write(f"#{number} ERROR {self._safe(vertex.error)}\n" if vertex.error else f"#{number} {word}\n")

    def _safe(self, text: str) -> str:
        return self._redact("\n".join(clean(line) for line in text.split("\n")))

    def _number(self, digest: str) -> int:
        return self._numbers.setdefault(digest, len(self._numbers) + 1)

    def _flush(self, digest: str) -> None:
        for (owner, _), decoder in self._decoders.items():
            if owner == digest:
                self._write("".join(f"#{self._number(digest)} {line}\n" for line in decoder.close()))

    def _write(self, text: str) -> None:
        if self._file is not None and text:
            with self._guard():
                self._file.write(text)

    def flush(self) -> None:
        """Make what was written so far readable for others."""
        if self._file is not None:
            with self._guard():
                self._file.flush()

    def close(self, last: str = "") -> None:
        """Write what is unfinished and ``last``, and close the file."""
        for digest in list(self._numbers):
            self._flush(digest)
        if last:
            self._write(f"\n{last}\n")
        if self._file is not None:
            with self._guard():
                self._file.close()
        self._file = None
