"""Load and unload the extension: ``%load_ext modelarts_nb``."""

from __future__ import annotations

from typing import Any

from . import shown
from .magics import ModelArtsMagics

NAMES = {"line": ("build", "train", "push", "modelarts"), "cell": ("dockerfile",)}


def load(shell: Any) -> None:
    """Register the magics and the way our values are shown. Loading twice is fine."""
    shell.register_magics(ModelArtsMagics(shell))
    shown.register(shell)


def unload(shell: Any) -> None:
    """Take both away again."""
    for kind, names in NAMES.items():
        for name in names:
            shell.magics_manager.magics[kind].pop(name, None)
    shell.magics_manager.registry.pop(ModelArtsMagics.__name__, None)
    shown.unregister(shell)
