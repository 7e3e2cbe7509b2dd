"""The product from Python: what the magics, the command line and the form call.

A module a verb; ``current`` is what holds here and now, ``following`` runs a workflow under a view.
"""

from __future__ import annotations

from .background import Background, started
from .builds import build, keep, review
from .checks import check
from .checks import failed as checks_failed
from .current import catalog, connect, connected, current_settings
from .jobs import (
    compare,
    download,
    engines,
    flavors,
    images,
    job,
    jobs,
    logs,
    register_image,
    stop,
    swr_table,
    unregister_image,
)
from .logins import docker_login, login
from .objects import obs
from .pushes import push
from .regionpush import push_to_region
from .runs import train
from .shells import enter, run_in_shell, shell, stop_shell
from .submits import submit

__all__ = [
    "Background", "build", "catalog", "check", "checks_failed", "compare", "connect", "connected", "current_settings",
    "docker_login", "download", "engines", "enter", "flavors", "images", "job", "jobs", "keep", "login", "logs", "obs", "push",
    "push_to_region",
    "register_image", "review", "run_in_shell", "shell", "started", "stop", "stop_shell", "submit",
    "swr_table", "train", "unregister_image",
]
