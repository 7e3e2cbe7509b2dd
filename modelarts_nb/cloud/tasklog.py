"""The log of one task, read piece by piece, with nothing twice and nothing lost.

The API gives lines by number (ShowTrainingJobLogsFromAom: base_line, lines, order). Whether the line ``base_line`` itself comes
again is not documented, so the numbers in the answer decide. Where that is refused, the preview (the newest 5 MB with
the size of the whole) takes its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import CloudError
from .client import Client
from .signing import encode

LINES = 500  # the most in one answer


class Lines:
    """Where one has read to, by line number: pure."""

    def __init__(self) -> None:
        self.last = 0

    def take(self, page: Mapping[str, Any]) -> list[str]:
        """The lines of an answer that were not had before."""
        content = _text(page.get("content"))
        lines = content.removesuffix("\n").split("\n") if content else []
        if not lines:
            return []
        first = _number(page.get("start_line")) or self.last + 1
        fresh = lines[max(0, self.last + 1 - first) :]
        self.last = max(self.last, first + len(lines) - 1)
        return fresh


class Preview:
    """Where one has read to, by bytes of the whole log: pure. ``missed`` counts bytes that had gone before they were read."""

    def __init__(self) -> None:
        self._seen = 0
        self._rest = b""
        self.missed = 0

    def take(self, page: Mapping[str, Any], *, ended: bool) -> list[str]:
        """The whole lines of an answer that were not had before; the unfinished last one only when the task has ended."""
        content = _text(page.get("content")).encode()
        whole = max(_number(page.get("full_size")), len(content))
        start = whole - len(content)
        self.missed += max(0, start - self._seen)
        self._rest += content[max(0, self._seen - start) :]
        self._seen = max(self._seen, whole)
        *lines, self._rest = self._rest.split(b"\n")
        if ended and self._rest:
            lines.append(self._rest)
            self._rest = b""
        return [line.decode("utf-8", "replace") for line in lines]


class TaskLog:
    """One task's log, read on and on."""

    def __init__(self, client: Client, job: str, task: str) -> None:
        self._client = client
        self._path = f"/v2/{encode(client.project_id)}/training-jobs/{encode(job)}"
        self._task = task
        self._lines = Lines()
        self._preview: Preview | None = None

    def read(self, *, ended: bool = False) -> list[str]:
        """The lines that are new; [] for none yet. Raises CloudError; what it had is not lost by that."""
        if self._preview is None:
            try:
                return self._by_number()
            except CloudError as error:
                if error.status not in (400, 404, 405, 501) or self._lines.last:
                    raise
                self._preview = Preview()
        try:
            page = self._client.get("modelarts", f"{self._path}/tasks/{encode(self._task)}/logs/preview")
        except CloudError as error:
            if error.status != 404:
                raise
            self._preview = None  # no log yet: begin with the better way again
            return []
        return self._preview.take(page or {}, ended=ended)

    def _by_number(self) -> list[str]:
        query = (("base_line", str(self._lines.last)), ("lines", str(LINES)), ("order", "asc"))
        page = self._client.get("modelarts", f"{self._path}/logs/{encode(self._task)}", query)
        return self._lines.take(page or {})

    @property
    def obs_url(self) -> str:
        """A temporary address of the whole log as a file; "" where the service gives none (documented, in no SDK)."""
        try:
            page = self._client.get("modelarts", f"{self._path}/tasks/{encode(self._task)}/logs/url")
        except CloudError:
            return ""
        return str((page or {}).get("obs_url", ""))


def _number(value: object) -> int:
    try:
        return int(float(str(value)))
    except (ValueError, OverflowError):
        return 0


def _text(value: object) -> str:
    """A text that can be written to a file: JSON can hold half of a surrogate pair, UTF-8 cannot."""
    return str(value or "").encode("utf-8", "replace").decode()
