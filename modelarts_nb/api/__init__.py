"""The product from Python: what the magics, the command line and the form call.

A module a verb; ``current`` is what holds here and now, ``following`` runs a workflow under a view.
"""

from __future__ import annotations

from .builds import build, keep
from .current import catalog, connect, current_settings
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
from .submits import submit

__all__ = [
    "build", "catalog", "compare", "connect", "current_settings", "docker_login", "download", "engines", "flavors", "images",
    "job", "jobs", "keep", "login", "logs", "obs", "push",
    "push_to_region", "register_image", "stop", "submit", "swr_table", "train",
    "unregister_image",
]
