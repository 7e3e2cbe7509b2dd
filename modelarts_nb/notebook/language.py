"""Which language to speak: the setting ``language``, else JupyterLab's, else the system's.

JupyterLab keeps its display language in a settings file, which a kernel on the same machine can read (JupyterLab's
documentation, "Directories" and "Language"); where there is none the system's locale decides, as for any program (POSIX:
LC_ALL, then LC_MESSAGES, then LANG).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from .. import api, messages

_LOCALE = re.compile(r'^(?!\s*//).*?"locale"\s*:\s*"([^"]+)"', re.MULTILINE)  # the file is JSON with comments


def apply(*, in_kernel: bool) -> None:
    """Speak the language that holds here. Raises SettingsError for a setting that cannot be."""
    chosen = api.current_settings().language or (jupyterlab(os.environ) if in_kernel else "")
    messages.use(chosen or system(os.environ))


def jupyterlab(environment: Mapping[str, str]) -> str:
    """The language that this user chose in JupyterLab; "" where none is, or it cannot be known."""
    folder = environment.get("JUPYTERLAB_SETTINGS_DIR")
    if not folder:
        home = environment.get("JUPYTER_CONFIG_DIR") or str(Path(environment.get("HOME", "~")).expanduser() / ".jupyter")
        folder = f"{home}/lab/user-settings"
    try:
        path = Path(folder) / "@jupyterlab/translation-extension/plugin.jupyterlab-settings"
        found = _LOCALE.search(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return ""
    return found[1] if found and found[1] != "default" else ""


def system(environment: Mapping[str, str]) -> str:
    """The system's language."""
    return next(filter(None, (environment.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
