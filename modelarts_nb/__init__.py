"""Build, try and push custom training images for Huawei Cloud ModelArts from inside a notebook.

In a notebook: ``%load_ext modelarts_nb``, then ``%%dockerfile``, ``%build``, ``%check``, ``%train``, ``%push``, ``%modelarts``.
From Python the same: ``build``, ``check``, ``train``, ``push``. Everything is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import build, check, push, train
    from .errors import ModelArtsError
    from .image import Export, Image, PushedImage
    from .rules.report import CheckReport
    from .training.run import TrainingRun

__version__ = "0.1.0"
__all__ = ["CheckReport", "Export", "Image", "ModelArtsError", "PushedImage", "TrainingRun", "build", "check", "push", "train"]

_HOMES = {
    "build": "api", "check": "api", "push": "api", "train": "api", "CheckReport": "rules.report", "ModelArtsError": "errors",
    "Export": "image", "Image": "image", "PushedImage": "image", "TrainingRun": "training.run",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


def load_ipython_extension(shell: Any) -> None:
    """What ``%load_ext modelarts_nb`` calls."""
    from .notebook.extension import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """What ``%unload_ext modelarts_nb`` calls."""
    from .notebook.extension import unload

    unload(shell)
