"""A place in object storage: ``obs://bucket/prefix``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import SettingsError
from ..messages import t

SCHEME = "obs://"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")  # OBS API, naming a bucket: 3 to 63 characters


@dataclass(frozen=True)
class ObsPath:
    """A bucket and a key or prefix in it, without a slash at either end; ``str()`` writes the URL."""

    bucket: str
    key: str = ""

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.key}".rstrip("/")

    def __truediv__(self, name: str) -> ObsPath:
        return ObsPath(self.bucket, f"{self.key}/{name}".strip("/"))

    @property
    def prefix(self) -> str:
        """What keys below it start with; "" for the whole bucket."""
        return f"{self.key}/" if self.key else ""

    @property
    def folder(self) -> str:
        """As the training-job API writes a folder: ``/bucket/key/``."""
        return f"/{self.bucket}/{self.prefix}"


def is_obs(text: object) -> bool:
    """Whether a text means object storage rather than a file here."""
    return isinstance(text, str) and text.startswith(SCHEME)


def parse_obs(text: str) -> ObsPath:
    """The place that ``obs://bucket/prefix`` writes. Raises SettingsError."""
    bucket, _, key = text.removeprefix(SCHEME).partition("/")
    if not is_obs(text) or not _BUCKET.match(bucket) or ".." in bucket:
        raise SettingsError(
            t("“{text}” is no place in object storage.", text=text),
            t("Write obs://BUCKET/PREFIX. A bucket has 3 to 63 lower-case letters, digits, “-” and “.”."),
        )
    if any(part in ("", ".", "..") for part in key.strip("/").split("/")) and key.strip("/"):
        raise SettingsError(t("“{text}” has an empty part, or one that is only dots.", text=text))
    return ObsPath(bucket, key.strip("/"))


def place(text: str) -> Path | ObsPath:
    """A folder here, or a place in object storage, as it was written."""
    return parse_obs(text) if is_obs(text) else Path(text)
