"""What to run: one training job, as a frozen value. The same value describes a local run and, later, a cloud job."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ..errors import SettingsError
from ..messages import t
from ..settings import CONTRACTS

ACCESS_METHODS = ("parameter", "env")
NETWORKS = ("isolated", "bridge", "host")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

# Limits of the training-job API on environment variables (support page develop-modelarts-0104)
MAX_VARIABLES, MAX_KEY, MAX_VALUE = 100, 8192, 4096
_PLATFORMS = ("/home/ma-user/modelarts", "/home/ma-user/modelarts-dev", "/home/ma-user/infer")  # its own folders
MAX_NODES = 32  # on one machine; more are a mistake


@dataclass(frozen=True)
class JobSpec:
    """One job. Fields follow the training-job API where it has them.

    ``command`` is the text behind ``--``; ``inputs`` and ``outputs`` are local folders by name; ``access_method``: the
    command learns where they are by ``--NAME=PATH`` appended to it (``parameter``) or by variables (``env``).
    ``memory`` in bytes and ``cpus`` in cores (0: no limit), ``timeout`` in seconds (0: none). ``network``: ``isolated`` (the
    nodes see each other and nothing else), ``bridge`` or ``host``. ``local_code_dir``: the folder in the
    container below which the code folder is put, ``working_dir``: where the command starts ("": the contract's); under v1
    neither has an effect. Raises SettingsError for what can make no job.
    """

    image: str
    command: str
    contract: str = "v1"
    code: Path | None = None
    inputs: Mapping[str, Path] = field(default_factory=dict)
    outputs: Mapping[str, Path] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)  # users put tokens here
    nodes: int = 1
    gpus: int = 0
    npus: int = 0
    memory: int = 0
    timeout: float = 0.0
    access_method: str = "parameter"
    network: str = "isolated"
    cpus: float = 0.0
    local_code_dir: str = ""
    working_dir: str = ""

    def __post_init__(self) -> None:
        for name, allowed in (("contract", CONTRACTS), ("access_method", ACCESS_METHODS), ("network", NETWORKS)):
            if getattr(self, name) not in allowed:
                raise SettingsError(
                    t("{name} cannot be “{value}”.", name=name, value=getattr(self, name)),
                    t("Choose one of: {known}.", known=", ".join(allowed)),
                )
        if not self.command.strip():
            raise SettingsError(
                t("The command is empty."), t("Write it behind “--”: %train --code DIR -- python DIR/train.py")
            )
        if not 1 <= self.nodes <= MAX_NODES:
            raise SettingsError(
                t("{count} nodes cannot be run here.", count=self.nodes), t("Choose 1 to {limit}.", limit=MAX_NODES)
            )
        if self.gpus and self.npus:
            raise SettingsError(t("A node has GPUs or NPUs, not both."))
        if min(self.gpus, self.npus, self.memory, self.timeout, self.cpus) < 0:
            raise SettingsError(t("Numbers of GPUs and NPUs, memory and timeout are not negative."))
        if self.network == "host" and self.nodes > 1:
            raise SettingsError(
                t("On the host's network all nodes would share one host name."), t("Use --network bridge.")
            )
        self._check_names()
        for name, reason in place_problems(self.local_code_dir, self.working_dir).items():
            raise SettingsError(t("{name} cannot be “{value}”.", name=name, value=getattr(self, name)), reason)

    def _check_names(self) -> None:
        for name in (*self.inputs, *self.outputs, *self.env):
            if not _NAME.match(name):
                raise SettingsError(
                    t("“{name}” cannot name an input, an output or a variable.", name=name),
                    t("A name has letters, digits and “_”, and does not start with a digit."),
                )
        both = set(self.inputs) & set(self.outputs)
        if both:
            raise SettingsError(
                t("“{name}” is the name of an input and of an output.", name=min(both)), t("Rename one of them.")
            )
        if len(self.env) > MAX_VARIABLES:
            raise SettingsError(t(
                "{count} environment variables: a job takes {limit} at the most.", count=len(self.env), limit=MAX_VARIABLES
            ))
        for key, value in self.env.items():
            if len(key) > MAX_KEY or len(value) > MAX_VALUE:
                raise SettingsError(
                    t("The variable {name} is too long.", name=key[:40]),
                    t("A value has {limit} characters at the most.", limit=MAX_VALUE),
                )


def place_problems(local_code_dir: str, working_dir: str) -> dict[str, str]:
    """What is wrong with these places in a container, by the name of the field: the API's own limits (JobAlgorithm)."""
    found = {}
    places = {"local_code_dir": local_code_dir, "working_dir": working_dir}
    for name, place in places.items():
        parts = place.split("/")
        if place and (parts[0] or ".." in parts or not place.strip("/")):
            found[name] = t("Write a folder of the container from / on.")
    if local_code_dir and not found:
        path = PurePosixPath(local_code_dir)
        taken = any(path.is_relative_to(other) for other in _PLATFORMS)
        if not path.is_relative_to("/home") or taken or path in (PurePosixPath("/home"), PurePosixPath("/home/ma-user")):
            found["local_code_dir"] = t(
                "It lies below /home, is not /home/ma-user itself, and not in {taken}.", taken=", ".join(_PLATFORMS)
            )
    return found


def pairs(texts: list[str], option: str, example: str) -> dict[str, str]:
    """``K=V`` texts as a mapping. Raises SettingsError for one without “=” and for a name given twice."""
    found: dict[str, str] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise SettingsError(t("{option} wants {example}, not “{text}”.", option=option, example=example, text=text))
        if name in found:
            raise SettingsError(t("{option}: “{name}” is given twice.", option=option, name=name))
        found[name] = value
    return found


def memory_size(text: str) -> int:
    """Bytes of ``512m``, ``8g``, ``8GiB`` or a plain number; "" is 0. Units are of 1024, as docker's ``--memory``."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", text.strip().lower())
    if not text:
        return 0
    if not found:
        raise SettingsError(t("“{text}” is no amount of memory.", text=text), t("Write, for example, 512m or 8g."))
    return int(_finite(found.group(1), text) * 1024 ** "_kmgt".index(found.group(2) or "_"))


def time_span(text: str) -> float:
    """Seconds of ``90s``, ``10m``, ``2h`` or a plain number of seconds; "" is 0."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip().lower())
    if not text:
        return 0.0
    if not found:
        raise SettingsError(t("“{text}” is no time span.", text=text), t("Write, for example, 90s, 10m or 2h."))
    return _finite(found.group(1), text) * {"": 1, "s": 1, "m": 60, "h": 3600}[found.group(2)]


def _finite(digits: str, text: str) -> float:
    """The number; one of hundreds of digits is infinite as a float."""
    if len(digits) > 30:
        raise SettingsError(t("“{text}” is too large.", text=text[:40]))
    return float(digits)
