"""Load and unload the extension: ``%load_ext modelarts_nb``."""

from __future__ import annotations

from typing import Any

from . import shown
from .magics import ALL


def load(shell: Any) -> None:
    """Register the magics and the way our values are shown. Loading twice is fine."""
    shell.register_magics(*(magics(shell) for magics in ALL))
    shown.register(shell)


def unload(shell: Any) -> None:
    """Take both away again."""
    for magics in ALL:
        for kind, names in magics.magics.items():
            for name in names:
                shell.magics_manager.magics[kind].pop(name, None)
        shell.magics_manager.registry.pop(magics.__name__, None)
    shown.unregister(shell)
