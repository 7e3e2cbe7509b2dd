"""Rules on packages against libraries: what each framework needs stands in frameworks.json, what there is in the image."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...layers import places
from ...messages import mark, t
from ..frameworks import Framework, satisfies, table
from ..making import Seen, rule
from ..model import Severity
from .facts import ImageFacts, Package, shown
from .files import seen

ERROR, WARNING = Severity.ERROR, Severity.WARNING
_RUNTIME = re.compile(r"libcudart\.so\.(\d+(?:\.\d+)?)")


def needs(package: Package) -> Framework | None:
    """What the table says of an installed package."""
    version = package.version.partition("+")[0]
    for entry in table():
        same = version == entry.version or (not entry.exact and version.startswith(f"{entry.version}."))
        if same and package.name in entry.names:
            return entry
    return None


def runtimes(facts: ImageFacts) -> dict[str, str]:
    """The CUDA runtimes in the image: path by version."""
    found: dict[str, str] = {}
    for each in facts.marked(places.CUDA):
        match = _RUNTIME.match(shown(each.path).rpartition("/")[2])
        if match:
            found.setdefault(match[1], f"/{shown(each.path)}")
    return found


@rule(
    "MA124", ERROR, mark("Package for another CUDA"), "OTC reinstalled_cuda_version; HW docker-modelarts_6019; frameworks.json"
)
def cuda(facts: ImageFacts) -> Iterator[Seen]:
    """A package whose CUDA runtime is not in the image: “libcudart.so.9.0: cannot open shared object file”."""
    there = runtimes(facts)
    for package in facts.packages:
        entry = needs(package)
        if entry is None or not entry.cuda or entry.bundled or "+cpu" in package.version:
            continue
        local = re.search(r"\+cu(\d+)(\d)$", package.version)
        wanted = (f"{local[1]}.{local[2]}",) if local else entry.cuda
        if any(_fits(each, version) for each in wanted for version in there):
            continue
        texts = {"package": f"{package.name} {package.version}", "needed": " / ".join(wanted)}
        message = (
            t("{package} needs CUDA {needed}; the image has {there}.", **texts, there=", ".join(sorted(there)))
            if there
            else t("{package} needs CUDA {needed}, and the image has no CUDA runtime.", **texts)
        )
        yield seen(
            facts,
            package.layer,
            message,
            t("Choose a base image with CUDA {needed}, or another version.", needed=wanted[0]),
            path=f"/{package.folder}",
            evidence=", ".join(sorted(there.values())[:3]) or "libcudart.so",
            severity=ERROR if there else WARNING,
        )


def _fits(wanted: str, there: str) -> bool:
    """From CUDA 11 on the major version counts; before, the minor one too."""
    major = wanted.partition(".")[0]
    return wanted == there or (int(major) >= 11 and there.partition(".")[0] == major)


@rule("MA133", ERROR, mark("numpy that a framework cannot use"), "Requires-Dist of the packages; frameworks.json")
def numpy(facts: ImageFacts) -> Iterator[Seen]:
    """A framework beside a numpy that is too old or too new for it."""
    for own in facts.packages:
        if own.name != "numpy":
            continue
        beside = [each for each in facts.packages if each.folder.rpartition("/")[0] == own.folder.rpartition("/")[0]]
        for package in beside:
            entry = needs(package)
            if entry is not None and entry.numpy and not satisfies(own.version, entry.numpy):
                yield seen(
                    facts,
                    max(package.layer, own.layer),
                    t(
                        "{package} cannot use numpy {version}: it needs numpy {wanted}.",
                        package=f"{package.name} {package.version}",
                        version=own.version,
                        wanted=entry.numpy,
                    ),
                    f'pip install "numpy{entry.numpy}"',
                    path=f"/{own.folder}",
                    evidence=f"{package.name} {package.version}",
                )


RULES = (cuda, numpy)
