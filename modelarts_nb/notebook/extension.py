"""Load and unload the extension: ``%load_ext modelarts_nb``."""

from __future__ import annotations

from typing import Any

from . import completion, language, shown
from .magics import ALL


def load(shell: Any) -> None:
    """Register the magics, the way our values are shown, and completion; speak the user's language. Twice is fine."""
    language.apply(in_kernel=hasattr(shell, "kernel"))
    shell.register_magics(*(magics(shell) for magics in ALL))
    shown.register(shell)
    completion.register(shell)


def unload(shell: Any) -> None:
    """Take all of it away again."""
    for magics in ALL:
        for kind, names in magics.magics.items():
            for name in names:
                shell.magics_manager.magics[kind].pop(name, None)
        shell.magics_manager.registry.pop(magics.__name__, None)
    shown.unregister(shell)
    completion.unregister(shell)
