"""Text of the magic's options as the fields of a JobSpec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .obspath import place
from .spec import memory_size, pairs, time_span

_AS_THEY_ARE = ("nodes", "gpus", "npus", "access_method", "network", "local_code_dir", "working_dir")


def spec_options(options: Mapping[str, Any], command: str) -> dict[str, Any]:
    """The keyword arguments for ``api.train``: folders here, or places in object storage.

    Raises SettingsError naming the option that cannot be read.
    """
    found: dict[str, Any] = {
        "command": command,
        "code": place(options["code"]) if options["code"] else None,
        "inputs": {name: place(path) for name, path in pairs(options["data"], "--data", "NAME=PATH").items()},
        "outputs": {name: place(path) for name, path in pairs(options["output"], "--output", "NAME=PATH").items()},
        "env": pairs(options["env"], "--env", "K=V"),
        "memory": memory_size(options["memory"]),
        "timeout": time_span(options["timeout"]),
        **{name: options[name] for name in _AS_THEY_ARE},
    }
    if options["contract"]:
        found["contract"] = options["contract"]
    return found
