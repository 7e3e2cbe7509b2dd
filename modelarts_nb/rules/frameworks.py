"""MA030 to MA034: GPU driver, CUDA, CANN, numpy and Python against what the packages need (data: frameworks.json)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..messages import mark, t
from .making import Seen, rule
from .model import Severity
from .requirements import Install, Requirement
from .written import WARNING, Written

_CUDA = "OTC reinstalled_cuda_version; HW docker-modelarts_6019; frameworks.json"


@dataclass(frozen=True)
class Framework:
    """What a release of a package needs. ``cuda`` and ``cann``: any of these; ``bundled``: the wheel brings its CUDA itself;
    ``exact``: for this very version, not for all that start so. "" and () say nothing."""

    names: tuple[str, ...]
    version: str
    source: str
    cuda: tuple[str, ...] = ()
    cann: tuple[str, ...] = ()
    python: str = ""
    numpy: str = ""
    bundled: bool = False
    exact: bool = False


@cache
def table() -> tuple[Framework, ...]:
    """The data table."""
    found = json.loads((Path(__file__).parent / "frameworks.json").read_text(encoding="utf-8"))["frameworks"]
    lists = ("names", "cuda", "cann")
    entries: list[dict[str, Any]] = [{k: tuple(v) if k in lists else v for k, v in each.items()} for each in found]
    return tuple(Framework(**entry) for entry in entries)


def framework(package: Requirement) -> Framework | None:
    """What the table says of a pinned package."""
    version = package.pinned.split("+")[0]
    for entry in _by_name().get(package.name, ()) if version else ():
        if version == entry.version or (not entry.exact and version.startswith(f"{entry.version}.")):
            return entry
    return None


@cache
def _by_name() -> dict[str, list[Framework]]:
    found: dict[str, list[Framework]] = {}
    for entry in table():
        for name in entry.names:
            found.setdefault(name, []).append(entry)
    return found


def base_cuda(written: Written) -> str:
    """The base's CUDA version; "" where it has none or nothing says it."""
    if written.official is not None:
        return written.official.base.cuda
    image = written.base
    if image is None:
        return ""
    text = f"{image.path}:{image.tag}"
    found = re.search(r"(?:^|/)cuda:(\d+\.\d+)|cuda_?-?(\d+\.\d+)", text)
    return (found.group(1) or found.group(2)) if found else ""


def base_python(written: Written) -> str:
    """The base's Python version; "" where nothing says it, or the Dockerfile makes an environment of its own."""
    other = {"conda", "mamba", "micromamba", "virtualenv", "pyenv", "uv"}
    made = any(ran.command.name in other and set(ran.command.arguments) & {"create", "install", "venv"} for ran in written.ran)
    if made:
        return ""
    if written.official is not None:
        return written.official.base.python
    image = written.base
    found = re.match(r"(\d+\.\d+)", image.tag) if image is not None and image.repository == "python" else None
    return found.group(1) if found else ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.split("+")[0])[:4])


def satisfies(version: str, wanted: str) -> bool:
    """Whether a version is in a range such as ``>=1.16.0,<2.0``."""
    for part in filter(None, wanted.split(",")):
        found = re.match(r"(>=|<=|==|!=|<|>)\s*([\d.]+)", part)
        if found is None:
            continue
        sign, limit = found.groups()
        size = max(len(_numbers(version)), len(_numbers(limit)))
        mine, theirs = ((*_numbers(text), 0, 0, 0, 0)[:size] for text in (version, limit))
        if not {">=": mine >= theirs, "<=": mine <= theirs, "<": mine < theirs, ">": mine > theirs, "==": mine == theirs,
                "!=": mine != theirs}[sign]:
            return False
    return True


def _same_cuda(needed: str, base: str) -> bool:
    """CUDA 11 and later are compatible within a major version; before, the minor version counts too."""
    return needed == base or (_numbers(needed)[0] >= 11 and _numbers(needed)[0] == _numbers(base)[0])


def _pinned(written: Written) -> Iterator[tuple[Install, Requirement, Framework]]:
    for install in written.installs:
        for package in install.requirements:
            entry = framework(package)
            if entry is not None:
                yield install, package, entry


@rule("MA030", Severity.ERROR, mark("accelerator driver inside the image"),
    "OTC specifications for custom images (develop-modelarts-0079)")
def no_driver_inside(written: Written) -> Iterator[Seen]:
    severity = Severity.ERROR if written.target.contract == "v2" else WARNING
    for ran in written.ran:
        names = [name for name in ran.packages if _DRIVER_PACKAGE.match(name)]
        files = [text.rpartition("/")[2] for text in (ran.command.words[0].text if ran.command.words else "",
                 *ran.command.arguments) if _DRIVER_FILE.search(ran.text(text))]
        only_toolkit = ran.command.has("", "--toolkit", "--toolkitpath", "--extract")
        for name in dict.fromkeys([*names, *files]):
            if ran.command.name in ("rm", "wget", "curl", "chmod", "echo") or (only_toolkit and name in files):
                continue
            yield Seen(
                t("{name} puts a driver into the image: the platform mounts its node's own at run time, and two do not go "
                  "together.",
                  name=name),
                t("Install the toolkit without the driver (cuda-toolkit-…; the .run file with --toolkit), or choose a "
                  "CUDA base."),
                ran.line, ran.end_line, severity=severity,
            )


_DRIVER_PACKAGE = re.compile(
    r"(?:nvidia-(?:driver|kernel|dkms|utils|headless|compute-utils|modprobe)\b|libnvidia-(?:compute|gl)\b|libcuda1|cuda-drivers|"
    r"cuda(?:-\d+-\d+)?\Z|nvidia-\d+\Z|xserver-xorg-video-nvidia)"
)
_DRIVER_FILE = re.compile(r"(?:NVIDIA-Linux-\S+|cuda_\d+\.\d+\.\d+_\d+\S*_linux\S*|A\d+\S*-npu-driver\S*)\.?run\b|"
                          r"NVIDIA-Linux-\S+\.run|Ascend-hdk-\S*driver\S*\.run")


@rule("MA031", Severity.ERROR, mark("package built for another CUDA than the base's"), _CUDA)
def cuda_fits(written: Written) -> Iterator[Seen]:
    base = base_cuda(written)
    processor = written.official.base.processor if written.official is not None else ""
    for install, package, entry in _pinned(written):
        local = re.search(r"\+cu(\d{2,3})\b", package.pinned)
        needed = (f"{local.group(1)[:-1]}.{local.group(1)[-1]}",) if local else entry.cuda
        place = (install.ran.line, install.ran.end_line)
        if not needed:
            continue
        if "+cpu" in package.pinned and base:
            yield Seen(t("{package} is built without CUDA: a base with CUDA {base} gains it nothing.", package=package.text,
                         base=base), "", *place, severity=WARNING)
        elif base and entry.bundled and _numbers(needed[0])[0] > _numbers(base)[0] and "+cpu" not in package.pinned:
            yield Seen(
                t("{package} brings CUDA {needed} itself, the base was made for CUDA {base}: the driver of a pool that "
                  "fits the base "
                  "may be too old for it.", package=package.text, needed=needed[0], base=base),
                t("Choose a base with CUDA {needed}, or a build of the package for CUDA {base}.", needed=needed[0], base=base),
                *place, severity=WARNING,
            )
        elif base and not entry.bundled and not any(_same_cuda(each, base) for each in needed):
            yield Seen(
                t("{package} needs CUDA {needed}, the base image has CUDA {base}: its GPU libraries will not be found.",
                  package=package.text, needed=" / ".join(needed), base=base),
                _base_with(written, needed) or t("Choose a base image with CUDA {needed}.", needed=needed[0]), *place,
            )
        elif processor == "cpu" and not entry.bundled and package.name.endswith("-gpu"):
            yield Seen(
                t("{package} needs CUDA {needed}, the base image is for CPUs and has none.", package=package.text,
                  needed=" / ".join(needed)),
                _base_with(written, needed), *place, severity=WARNING,
            )


def _base_with(written: Written, needed: tuple[str, ...]) -> str:
    for cuda in needed:
        for base in written.target.catalog.bases(contract=written.target.contract, cuda=cuda):
            if written.base is not None and written.base.host:
                return f"FROM {written.base.host}/{base.repository}:{base.recommended}"
    return ""


@rule("MA032", Severity.ERROR, mark("numpy that a framework cannot use"), "Requires-Dist of the packages; frameworks.json")
def numpy_fits(written: Written) -> Iterator[Seen]:
    pinned = [(install, each) for install in written.installs for each in install.requirements
              if each.name == "numpy" and each.pinned]
    if not pinned:
        return
    install, numpy = pinned[-1]
    for _, package, entry in _pinned(written):
        if entry.numpy and not satisfies(numpy.pinned, entry.numpy):
            yield Seen(
                t("{package} cannot use numpy {version}: it needs numpy {wanted}.", package=package.text, version=numpy.pinned,
                  wanted=entry.numpy),
                f'"numpy{entry.numpy}"', install.ran.line, install.ran.end_line,
            )


@rule("MA033", Severity.ERROR, mark("package that does not exist for the base's Python"),
    "Requires-Python of the packages; frameworks.json")
def python_fits(written: Written) -> Iterator[Seen]:
    base = base_python(written)
    if not base:
        return
    for install, package, entry in _pinned(written):
        first, _, last = entry.python.partition("-")
        if first and not _numbers(first) <= _numbers(base) <= _numbers(last):
            yield Seen(
                t("{package} exists for Python {first} to {last}, the base image has Python {base}: pip will find no version.",
                  package=package.text, first=first, last=last, base=base),
                t("Choose another version of the package, or a base image with another Python."), install.ran.line,
                install.ran.end_line,
            )


@rule("MA034", Severity.WARNING, mark("package made for another CANN than the base's"),
    "Ascend/pytorch README; frameworks.json")
def cann_fits(written: Written) -> Iterator[Seen]:
    base = written.official.base.cann if written.official is not None else ""
    if not base:
        return
    for install, package, entry in _pinned(written):
        if entry.cann and not any(base.startswith(each) for each in entry.cann):
            yield Seen(
                t("{package} was made for CANN {needed}, the base image has CANN {base}.", package=package.text,
                  needed=" / ".join(entry.cann), base=base),
                t("Choose the package's version for CANN {base}, or a base with CANN {needed}.", base=base,
                    needed=entry.cann[0]),
                install.ran.line, install.ran.end_line,
            )
        elif package.name.endswith("-gpu"):
            yield Seen(
                t("{package} is for NVIDIA's GPUs, the base image is for Ascend.", package=package.text), "", install.ran.line,
                install.ran.end_line,
            )


RULES = (no_driver_inside, cuda_fits, numpy_fits, python_fits, cann_fits)
