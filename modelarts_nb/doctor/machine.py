"""The machine by itself: Python, packages, disk, settings, files that hold credentials."""

from __future__ import annotations

import json
import re
import shutil
import stat
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path

from .. import paths
from ..errors import ModelArtsError
from ..messages import t
from ..text import size
from .model import Line, failed, passed, unchecked

OLDEST, NEWEST = (3, 10), (3, 13)  # tested; see docs/packaging.md
LOGS_BYTES = 100_000_000  # a chatty build's log takes tens of megabytes
ENGINE_BYTES = 5_000_000_000  # a base image of the platform with one layer of ours; ours to say, no page does
EXTRAS = {
    "obs": ("esdk-obs-python",), "sandbox": ("moto", "flask", "flask-cors"), "zstd": ("zstandard",),
    "run": ("nbclient", "ipykernel", "pyyaml"),
}
_BOUND = re.compile(r"([\w.-]+)>=([\d.]+)$")


def python(version: tuple[int, int], where: str) -> Line:
    """Whether this Python is one that is tested."""
    said = t("Python {version}, {path}", version=".".join(map(str, version)), path=where)
    if version < OLDEST:
        return failed("python", said, t("{version} or newer is needed.", version=".".join(map(str, OLDEST))))
    if version > NEWEST:
        return unchecked("python", said, t("Newer than what is tested; it may well work."))
    return passed("python", said)


def packages(required: Iterable[str], installed: Mapping[str, str]) -> Line:
    """Whether what the product needs is there, and not older than it says. ``required``: lines such as ``docker>=7.1``."""
    wrong, found = [], []
    for need in required:
        matched = _BOUND.match(need.replace(" ", ""))
        if matched is None:
            continue
        name, bound = matched[1], matched[2]
        held = installed.get(name, "")
        found.append(f"{name} {held or '–'}")
        if not held or _numbers(held) < _numbers(bound):
            wrong.append(f"{name}>={bound}")
    said = ", ".join(found)
    if not found:
        return unchecked("packages", t("modelarts-nb is not installed here, it is a folder on the path"))
    if wrong:
        return failed("packages", said, "%pip install " + " ".join(f'"{each}"' for each in wrong))
    return passed("packages", said)


def extras(installed: Mapping[str, str]) -> list[Line]:
    """Which extras are there; none has to be."""
    lines = []
    for name, needed in EXTRAS.items():
        if all(package in installed for package in needed):
            held = ", ".join(f"{package} {installed[package]}" for package in needed)
            lines.append(passed("extras", t("{name}: {packages}", name=name, packages=held)))
        else:
            lines.append(unchecked("extras", t("{name} is not installed", name=name), f'%pip install "modelarts-nb[{name}]"'))
    return lines


def disk(name: str, path: str, free: int, wanted: int, mend: str) -> Line:
    """Whether there is room."""
    said = t("{free} free, {path}", free=size(free), path=path)
    return passed(name, said) if free >= wanted else failed(name, said, mend)


def credential_files(modes: Sequence[tuple[str, int]]) -> list[Line]:
    """Whether others can read files that hold keys or passwords. ``modes``: path and permission bits."""
    lines = []
    for path, mode in modes:
        said = t("{path} has mode {mode:04o}", path=path, mode=mode)
        lines.append(failed("files", said, f"chmod 600 {path}") if mode & 0o077 else passed("files", said))
    return lines or [unchecked("files", t("none here"))]


# ---- probing ----------------------------------------------------------------------------------------------------------


def look_at_python() -> list[Line]:
    """Python, packages and extras of this very process."""
    try:
        required = [each for each in metadata.requires("modelarts-nb") or () if ";" not in each]
    except metadata.PackageNotFoundError:
        required = []  # a checkout on the path
    named = [matched[1] for each in required if (matched := _BOUND.match(each.replace(" ", "")))]
    wanted = {*named, *(package for needed in EXTRAS.values() for package in needed)}
    installed = {name: held for name in wanted if (held := version(name))}
    here = python(sys.version_info[:2], sys.executable)
    return [here, packages(required, installed), *extras(installed)]


def look_at_logs() -> list[Line]:
    """Room where logs are written, and whether they can be at all."""
    try:
        folder = paths.logs()
        probe = folder / ".doctor"
        probe.touch(mode=0o600)
        probe.unlink()
        free = shutil.disk_usage(folder).free
    except ModelArtsError as error:
        return [failed("logs-disk", error.message, error.hint)]
    except OSError as error:
        said = t("{path} cannot be written: {reason}", path=paths.home() / "logs", reason=error.strerror)
        return [failed("logs-disk", said, t("Free some space, or let MODELARTS_NB_HOME name another place."))]
    mend = t("Delete old logs in {path}, or let MODELARTS_NB_HOME name another place.", path=folder)
    return [disk("logs-disk", str(folder), free, LOGS_BYTES, mend)]


def look_at_files(environment: Mapping[str, str]) -> list[Line]:
    """Permissions of every file with credentials that we or Docker would read."""
    home = Path(environment.get("HOME") or Path.home())
    cloud = Path(environment.get("HUAWEICLOUD_SDK_CREDENTIALS_FILE") or home / ".huaweicloud" / "credentials")
    docker = Path(environment.get("DOCKER_CONFIG") or home / ".docker") / "config.json"
    files = [cloud, paths.home() / "sandbox" / "access.json", *([docker] if _holds_logins(docker) else [])]
    found = []
    for path in files:
        try:
            found.append((str(path), stat.S_IMODE(path.stat().st_mode)))
        except OSError:
            continue  # not there
    return credential_files(found)


def _holds_logins(path: Path) -> bool:
    """Whether Docker's configuration has passwords in it, and not just the name of a credential helper."""
    try:
        auths = json.loads(path.read_text(encoding="utf-8")).get("auths") or {}
        return any(each.get("auth") or each.get("identitytoken") for each in auths.values())
    except (OSError, ValueError, AttributeError):
        return False


def version(name: str) -> str:
    """The version of an installed package; "" where it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, enough to compare with a bound."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
