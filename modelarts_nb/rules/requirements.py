"""What ``pip install`` lines ask for, as values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .written import Ran

_PIP = re.compile(r"pip(?:\d(?:\.\d+)?)?\Z")
_REQUIREMENT = re.compile(r"([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*((?:[=<>!~]=?=?[^;@\s]+)?)")
_WITH_VALUES = frozenset(
    "-r --requirement -c --constraint -e --editable -t --target -i --index-url --extra-index-url -f --find-links "
    "--trusted-host --root --prefix --proxy --timeout --retries --cert --client-cert --cache-dir --platform "
    "--python-version --only-binary "
    "--no-binary --progress-bar --log --src --abi --implementation --upgrade-strategy --global-option --config-settings "
    "-C".split()
)


@dataclass(frozen=True)
class Requirement:
    """A package as it is asked for: ``name`` in lower case with “-”, ``wanted`` such as ``==1.15`` or "" for any."""

    name: str
    wanted: str
    text: str

    @property
    def pinned(self) -> str:
        """The version, for ``==``; "" for anything else."""
        return self.wanted.lstrip("=").removesuffix(".*") if re.match(r"={2,3}[^,]+\Z", self.wanted) else ""


@dataclass(frozen=True)
class Install:
    """One ``pip install``."""

    ran: Ran
    requirements: tuple[Requirement, ...]
    options: tuple[str, ...]

    def option(self, *names: str) -> bool:
        """Whether one of these options is given."""
        return any(text in names or text.split("=", 1)[0] in names for text in self.options)


def install(ran: Ran) -> Install | None:
    """The ``pip install`` that a command is; None for any other."""
    words = [ran.text(text) for text in ran.command.arguments]
    if ran.command.name.startswith("python") and words[:2] == ["-m", "pip"]:
        words = words[2:]
    elif not _PIP.match(ran.command.name):
        return None
    if "install" not in words:
        return None
    requirements, options, skip = [], [], False
    for word in words:
        if skip:
            skip = False
        elif word.startswith("-"):
            options.append(word)
            skip = word in _WITH_VALUES
        elif word != "install" and (found := requirement(word)) is not None:
            requirements.append(found)
    return Install(ran, tuple(requirements), tuple(options))


def requirement(text: str) -> Requirement | None:
    """The requirement that a word writes; of a wheel's address, its name and version; None for a folder or an address."""
    wheel = re.search(r"([^/]+)-(\d[^-/]*)(?:-\d+)?-[^-/]+-[^-/]+-[^-/]+\.whl", text)
    if wheel:
        name = _normal(wheel.group(1))
        return Requirement(name, f"=={wheel.group(2)}", f"{name}=={wheel.group(2)}")
    found = _REQUIREMENT.match(text)
    if found is None or "/" in text or text.startswith("."):
        return None
    return Requirement(_normal(found.group(1)), found.group(2).replace(" ", ""), text)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
