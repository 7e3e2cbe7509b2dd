"""Objects in files: what moto's memory is filled from when the sandbox comes up again."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .state import write_private

HEADERS = ("content-type", "content-encoding", "content-disposition", "content-language", "cache-control", "expires")


class KeptObjects:
    """One folder a bucket, two files an object: its content, and its key and headers. ``client`` asks moto, in process."""

    def __init__(self, folder: Path, client: Any) -> None:
        self._folder, self._client = folder, client
        self._lock = threading.Lock()

    def restore(self, buckets: list[str]) -> None:
        """Give moto everything that was kept. A file that was cut short is left out."""
        for bucket in buckets:
            self._client.put(f"/{quote(bucket)}")
            for path in sorted((self._folder / bucket).glob("*.json")):
                try:
                    facts = json.loads(path.read_text(encoding="utf-8"))
                    content = path.with_suffix(".object").read_bytes()
                    whole = len(content) == facts["size"]
                except (OSError, ValueError, KeyError, TypeError):
                    whole = False
                if whole:
                    self._client.put(f"/{quote(bucket)}/{quote(facts['key'])}", data=content, headers=facts["headers"])

    def keep(self, bucket: str, key: str) -> None:
        """Write what moto has under that key to its files. Raises OSError, and then moto has it no more either."""
        with self._lock:
            answer = self._client.get(f"/{quote(bucket)}/{quote(key)}")
            if answer.status_code == 404:
                return  # somebody has deleted it since
            if answer.status_code != 200:
                raise OSError(f"{bucket}/{key}: {answer.status}")
            content = answer.get_data()
            headers = {
                name: value for name, value in answer.headers.items()
                if name.lower() in HEADERS or name.lower().startswith("x-amz-meta-")
            }
            path = self._path(bucket, key)
            try:
                write_private(path.with_suffix(".object"), content)
                facts = {"key": key, "size": len(content), "headers": headers}
                write_private(path.with_suffix(".json"), json.dumps(facts).encode())
            except OSError:
                self._client.delete(f"/{quote(bucket)}/{quote(key)}")
                self._remove(path)
                raise

    def forget(self, bucket: str, key: str) -> None:
        """Delete an object's files."""
        with self._lock:
            self._remove(self._path(bucket, key))

    def forget_bucket(self, bucket: str) -> None:
        """Delete a bucket's folder."""
        with self._lock:
            shutil.rmtree(self._folder / bucket, ignore_errors=True)

    def forget_missing(self, bucket: str) -> None:
        """Delete the files of objects that moto has no more, after a deletion of many."""
        with self._lock:
            for path in (self._folder / bucket).glob("*.json"):
                key = json.loads(path.read_text(encoding="utf-8"))["key"]
                if self._client.head(f"/{quote(bucket)}/{quote(key)}").status_code == 404:
                    self._remove(path)

    def _path(self, bucket: str, key: str) -> Path:
        return self._folder / bucket / hashlib.sha256(key.encode()).hexdigest()

    def _remove(self, path: Path) -> None:
        for suffix in (".json", ".object"):
            path.with_suffix(suffix).unlink(missing_ok=True)
