"""What is checked before a job is created, as lines: passed, failed or not checked, each with what to do. No I/O: ``Facts`` are
gathered by workflows/submits.py, and what is None there was not to be had, so that its line says “not checked”.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..manifests import PLAIN
from ..messages import mark, t
from ..rules.model import Finding, Severity
from ..text import size
from .cloudjob import MOUNT, Target
from .obspath import ObsPath
from .spec import JobSpec

CODE_BYTES = 50_000_000  # advised (develop-modelarts-0008)
CODE_FILES = 2000
_ARCHITECTURES = {"amd64": ("x86", "x86_64", "x86-64"), "arm64": ("arm", "aarch64", "arm64")}


class Outcome(enum.Enum):
    """How one line came out; the value is the word shown."""

    PASSED = mark("passed")
    FAILED = mark("failed")
    UNKNOWN = mark("not checked")


@dataclass(frozen=True)
class Line:
    """One thing that was looked at."""

    name: str
    outcome: Outcome
    text: str
    hint: str = ""


@dataclass(frozen=True)
class Bucket:
    """What is known of a bucket: None where it was not to be found out. ``problem``: why not."""

    exists: bool | None = None
    location: str = ""
    readable: bool | None = None
    writable: bool | None = None
    problem: str = ""


@dataclass(frozen=True)
class Folder:
    """A local folder: bytes, files, and its largest files (name, bytes)."""

    size: int
    files: int
    largest: tuple[tuple[str, int], ...] = ()
    missing: bool = False


@dataclass(frozen=True)
class Facts:
    """What was found out. ``flavors``: flavor_id to the API's entry. ``image``: (media type, architecture, variables) in the
    region's registry, "" for absent. ``running``: output folders (``/bucket/key/``) of jobs that run now, by job name.
    ``quotas``: the API's entries. ``findings``: what the rules say of the command and the code folder.
    """

    flavors: Mapping[str, Mapping[str, Any]] | None = None
    image: tuple[str, str, tuple[str, ...]] | None = None
    image_missing: bool = False
    image_new: bool = False  # it is in the Engine and will be pushed
    code: Folder | None = None
    buckets: Mapping[str, Bucket] = field(default_factory=dict)
    running: Mapping[str, Sequence[str]] | None = None
    quotas: Sequence[Mapping[str, Any]] | None = None
    findings: Sequence[Finding] = ()
    problems: Mapping[str, str] = field(default_factory=dict)


def judge(spec: JobSpec, target: Target, facts: Facts, region: str) -> list[Line]:
    """All lines, in the order in which they are shown."""
    return [
        _flavor(target, facts), _image(target, facts), *_code(spec, target, facts),
        *_buckets(target, facts, region), *_outputs(target, facts), *_command(spec, target, facts), _quota(target, facts),
    ]


def failed(lines: Sequence[Line]) -> list[Line]:
    """Those that failed."""
    return [line for line in lines if line.outcome is Outcome.FAILED]


def _flavor(target: Target, facts: Facts) -> Line:
    name = t("Flavor")
    if not target.flavor:
        return Line(name, Outcome.UNKNOWN, t("the pool {pool} decides", pool=target.pool))
    if facts.flavors is None:
        return _unknown(name, facts, "flavors")
    entry = facts.flavors.get(target.flavor)
    if entry is None:
        near = ", ".join(list(facts.flavors)[:6])
        return Line(name, Outcome.FAILED, t("{flavor} is not there", flavor=target.flavor), t("There are: {near}.", near=near))
    most = entry.get("max_num")
    if isinstance(most, int) and 0 <= most < target.nodes:
        if most == 0:
            return Line(
                name, Outcome.FAILED, t("{flavor} has no node here", flavor=target.flavor), t("Choose another: %flavors.")
            )
        return Line(
            name, Outcome.FAILED, t("{flavor} runs on at most {most} nodes", flavor=target.flavor, most=most),
            t("Ask for fewer: --nodes {most}.", most=most),
        )
    problem = _mismatch(entry, facts)
    if problem:
        return Line(name, Outcome.FAILED, problem[0], problem[1])
    return Line(name, Outcome.PASSED, " · ".join(filter(None, (target.flavor, describe_flavor(entry)))))


def describe_flavor(entry: Mapping[str, Any]) -> str:
    """“8 cores x86 · 32 GB” of a flavor's entry."""
    info = entry.get("flavor_info") or {}
    cpu, gpu, npu, memory = (info.get(part) or {} for part in ("cpu", "gpu", "npu", "memory"))
    parts = []
    if cpu.get("core_num"):
        parts.append(t("{count} cores {arch}", count=cpu["core_num"], arch=cpu.get("arch", "")).strip())
    for card in (gpu, npu):
        if card.get("unit_num"):
            parts.append(f"{card['unit_num']} × {card.get('product_name', '?')}")
    if memory.get("size"):
        parts.append(f"{memory['size']} {memory.get('unit', '')}".strip())
    return " · ".join(parts)


def _mismatch(entry: Mapping[str, Any], facts: Facts) -> tuple[str, str] | None:
    """What the image is against the flavor (ModelArts.2763 in the cloud), and what to do; None where nothing is."""
    if facts.image is None or not facts.image[1]:
        return None
    arch = str(((entry.get("flavor_info") or {}).get("cpu") or {}).get("arch", "")).lower()
    mine = facts.image[1]
    if arch and mine in _ARCHITECTURES and arch not in _ARCHITECTURES[mine]:
        return (
            t("the image is for {mine}, the flavor's processor is {arch}", mine=mine, arch=arch),
            t("Build it with --platform, or choose another flavor (%flavors)."),
        )
    kind = str(entry.get("flavor_type", "")).upper()
    variables = facts.image[2]
    cuda = any(name in ("CUDA_VERSION", "NVIDIA_VISIBLE_DEVICES") for name in variables)
    cann = any(name.startswith("ASCEND_") for name in variables)
    if (kind == "ASCEND" and cuda and not cann) or (kind == "GPU" and cann and not cuda):
        has = "CUDA" if cuda else "CANN"
        return t("the image is made for {has}, the flavor is of the kind {kind}", has=has, kind=kind), t(
            "Choose another flavor (%flavors)."
        )
    return None


def _image(target: Target, facts: Facts) -> Line:
    name = t("Image")
    if facts.image_missing:
        return Line(
            name, Outcome.FAILED, t("{image} is not in this region's registry", image=target.image),
            t("Push it: %push --region REGION --org ORGANIZATION."),
        )
    if facts.image is None:
        return _unknown(name, facts, "image")
    if facts.image[0] not in PLAIN:
        return Line(
            name, Outcome.FAILED, t("its manifest is of the kind {kind}", kind=facts.image[0]),
            t("Build it with %build and push it again: jobs take a plain image."),
        )
    note = t("will be pushed") if facts.image_new else ""
    return Line(name, Outcome.PASSED, " · ".join(filter(None, (target.image, facts.image[1], note))))


def _code(spec: JobSpec, target: Target, facts: Facts) -> Iterator[Line]:
    name = t("Code folder")
    if spec.code is None:
        if target.code is not None:
            yield Line(name, Outcome.UNKNOWN, str(target.code))
        return
    folder = facts.code
    if folder is None:
        yield _unknown(name, facts, "code")
    elif folder.missing:
        yield Line(name, Outcome.FAILED, t("{path} is no folder here", path=spec.code), t("Give the folder: --code DIR."))
    elif folder.size > CODE_BYTES or folder.files > CODE_FILES:
        largest = ", ".join(f"{file} {size(count)}" for file, count in folder.largest[:3])
        yield Line(
            name, Outcome.PASSED, t("{size} in {files} files", size=size(folder.size), files=folder.files),
            t("At most {most} and {count} files are advised. Largest: {largest}. Give data with --data instead.",
              most=size(CODE_BYTES), count=CODE_FILES, largest=largest),
        )
    else:
        yield Line(name, Outcome.PASSED, t("{size} in {files} files", size=size(folder.size), files=folder.files))


def _buckets(target: Target, facts: Facts, region: str) -> Iterator[Line]:
    written = {path.bucket for path in (*target.outputs.values(), *((target.log,) if target.log else ()))}
    for bucket in sorted({path.bucket for path in _paths(target)}):
        name, found = t("Bucket {bucket}", bucket=bucket), facts.buckets.get(bucket, Bucket())
        if found.exists is False:
            yield Line(name, Outcome.FAILED, t("there is no such bucket"), t("Make it in OBS's console, in this region."))
        elif found.location and found.location != region:
            yield Line(
                name,
                Outcome.FAILED,
                t("it is in {location}, the job would run in {region}", location=found.location, region=region),
                t("Use a bucket of the same region."),
            )
        elif found.readable is False:
            yield Line(name, Outcome.FAILED, t("this key may not read it"), t("Ask its owner, or use another one."))
        elif found.writable is False and bucket in written:
            yield Line(name, Outcome.FAILED, t("this key may not write it"), t("Ask its owner, or use another one."))
        elif found.exists is None:
            yield Line(name, Outcome.UNKNOWN, found.problem or t("not asked"))
        else:
            yield Line(name, Outcome.PASSED, " · ".join(filter(None, (found.location, _rights(found)))))


def _rights(found: Bucket) -> str:
    return " · ".join(
        word for flag, word in ((found.readable, t("readable")), (found.writable, t("writable"))) if flag
    )


def _outputs(target: Target, facts: Facts) -> Iterator[Line]:
    for name, path in target.outputs.items():
        label = t("Output {name}", name=name)
        if facts.running is None:
            yield _unknown(label, facts, "running")
            continue
        taken = next(
            (job for job, folders in facts.running.items()
             for other in folders if other.startswith(path.folder) or path.folder.startswith(other)), None,
        )
        if taken is not None:
            yield Line(
                label, Outcome.FAILED, t("{path} is written by the running job {job}", path=path, job=taken),
                t("Choose another place, or stop that job: %stop."),
            )
        else:
            yield Line(label, Outcome.PASSED, str(path))


def _command(spec: JobSpec, target: Target, facts: Facts) -> Iterator[Line]:
    name = t("Command")
    folder = target.code.key.rpartition("/")[2] if target.code is not None and target.code.key else ""
    for word in sorted(set(re.findall(rf"{MOUNT}/user-job-dir/([^/\s'\"]+)/", spec.command))):
        if folder and word != folder and not spec.local_code_dir:
            yield Line(
                name,
                Outcome.FAILED,
                t("the code will be below user-job-dir/{folder}, not user-job-dir/{word}", folder=folder, word=word),
                t("The last folder of the code directory is kept: {path}.", path=f"{MOUNT}/user-job-dir/{folder}"),
            )
            return
    said = sorted((each for each in facts.findings if not each.ignored), key=lambda each: each.severity is not Severity.ERROR)
    if said and said[0].severity is Severity.ERROR:
        yield Line(name, Outcome.FAILED, _finding(said[0]), " ".join(filter(None, (each.fix for each in said))))
    else:
        hint = " ".join(map(_finding, said))
        yield Line(name, Outcome.PASSED, " ".join(spec.command.split())[:100], hint)


def _finding(found: Finding) -> str:
    where = f"{found.path}: " if found.path else ""
    return f"{where}{found.message} ({found.code})"


def _quota(target: Target, facts: Facts) -> Line:
    name = t("Quota")
    if facts.quotas is None:
        return _unknown(name, facts, "quotas")
    for each in facts.quotas:
        limit, used = each.get("quota"), each.get("used")
        if isinstance(limit, int) and isinstance(used, int) and limit >= 0 and used >= limit:
            return Line(
                name,
                Outcome.FAILED,
                t("{name}: {used} of {limit} used", name=each.get("resource", "?"), used=used, limit=limit),
                t("Wait for other jobs to end, or ask for more in the console."),
            )
    return Line(name, Outcome.PASSED, t("nothing is used up"))


def _paths(target: Target) -> Iterator[ObsPath]:
    for path in (target.code, target.log, *target.inputs.values(), *target.outputs.values()):
        if path is not None:
            yield path


def _unknown(name: str, facts: Facts, what: str) -> Line:
    return Line(name, Outcome.UNKNOWN, facts.problems.get(what, t("not asked")))
