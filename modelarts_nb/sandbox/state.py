"""What the sandbox remembers: JSON documents in files that only their owner can read.

A change is on disk before it is answered. A file that was cut short (a full disk, a crash of the machine) is set aside and
begun anew; one that cannot be written leaves the document as it was.
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Document:
    """One JSON object, kept in a file (mode 0600). Threads of one process may share it; processes may not."""

    def __init__(self, path: Path, default: dict[str, Any] | None = None) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._value = {**copy.deepcopy(default or {}), **_load(path)}

    def read(self) -> dict[str, Any]:
        """A copy of all of it."""
        with self._lock:
            return copy.deepcopy(self._value)

    def get(self, name: str) -> Any:
        """A copy of one part; None where there is none."""
        with self._lock:
            return copy.deepcopy(self._value.get(name))

    @contextlib.contextmanager
    def look(self) -> Iterator[dict[str, Any]]:
        """The object itself, to read in it without a copy; not to be kept or changed."""
        with self._lock:
            yield self._value

    @contextlib.contextmanager
    def change(self) -> Iterator[dict[str, Any]]:
        """The object itself, to change it; kept on disk at the end. An exception, also a full disk's, undoes the change."""
        with self._lock:
            before = json.dumps(self._value, ensure_ascii=False)
            try:
                yield self._value
                after = json.dumps(self._value, ensure_ascii=False)
                if after != before:
                    write_private(self.path, after.encode())
            except BaseException:
                self._value = json.loads(before)
                raise


def write_private(path: Path, content: bytes) -> None:
    """Replace a file by this content, at once and for its owner only. Raises OSError, and then the file is as it was."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.new")
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123  # a descriptor
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def _load(path: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        read = None
    if isinstance(read, dict):
        return read
    with contextlib.suppress(OSError):
        path.replace(path.with_name(f"{path.name}.bad"))  # whoever wants to know what was in it can look
    return {}
