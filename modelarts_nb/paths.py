"""Where this product keeps its files: one folder, which can be deleted as a whole.

``$MODELARTS_NB_HOME``, else ``modelarts_nb`` in the user's data folder (XDG Base Directory). Only its owner can read it.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from .errors import SettingsError
from .messages import t


def home() -> Path:
    """The folder; it need not exist."""
    chosen = os.environ.get("MODELARTS_NB_HOME")
    if chosen:
        return Path(chosen).expanduser().absolute()
    data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(data) / "modelarts_nb"


def folder(*parts: str) -> Path:
    """A folder below home, made if need be. Raises SettingsError where that is not possible."""
    path = home()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for part in ("", *parts):  # each by itself: `parents=True` gives its mode to the innermost only
            path = path / part
            path.mkdir(exist_ok=True, mode=0o700)
    except OSError as error:
        raise SettingsError(
            t("The folder {path} cannot be made: {reason}.", path=path, reason=error.strerror),
            t("MODELARTS_NB_HOME names another place for it."),
        ) from error
    return path


def logs() -> Path:
    """Where log files go unless they are given a place."""
    return folder("logs")


def runtime() -> Path:
    """A short path for sockets (a Unix socket's path has 107 characters at the most); it need not exist.

    It belongs to this home alone.
    """
    base = Path("/run") if os.getuid() == 0 else Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    return base / "modelarts_nb" / hashlib.sha256(str(home()).encode()).hexdigest()[:8]


def json_file(path: Path) -> Any:
    """What a JSON file holds; an empty mapping where there is none. Raises SettingsError."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SettingsError(t("{path} cannot be read: {error}", path=path, error=error)) from error


def settings_file() -> dict[str, str]:
    """The layer of settings in ``settings.json``; empty where there is none."""
    path = home() / "settings.json"
    read = json_file(path)
    if not isinstance(read, dict) or not all(isinstance(value, str) for value in read.values()):
        raise SettingsError(
            t("{path} is not a JSON object of texts.", path=path), t('Write, for example, {"contract": "v2"}.')
        )
    return read
