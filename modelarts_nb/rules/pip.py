"""What a Dockerfile installs with pip, as values; MA060 to MA062: mirror, cache, and where the packages go."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..messages import mark, t
from .base import is_public
from .making import Seen, rule
from .model import Severity
from .written import WARNING, Ran, Written

_PIP = re.compile(r"pip(?:\d(?:\.\d+)?)?\Z")
_REQUIREMENT = re.compile(r"([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*((?:[=<>!~]=?=?[^;@\s]+)?)")
_WITH_VALUES = frozenset(
    "-r --requirement -c --constraint -e --editable -t --target -i --index-url --extra-index-url -f --find-links "
    "--trusted-host "
    "--root --prefix --proxy --timeout --retries --cert --client-cert --cache-dir --platform --python-version --only-binary "
    "--no-binary --progress-bar --log --src --abi --implementation --upgrade-strategy --global-option --config-settings "
    "-C".split()
)
_LARGE = frozenset(
    "torch tensorflow tensorflow-gpu mindspore mindspore-gpu mindspore-ascend torch-npu paddlepaddle-gpu jax jaxlib "
    "onnxruntime-gpu "
    "xgboost opencv-python scipy pyspark vllm deepspeed torchvision transformers".split()
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


def installs(written: Written) -> list[Install]:
    """Every ``pip install`` of the Dockerfile."""
    return [found for ran in written.ran if (found := _install(ran)) is not None]


def _install(ran: Ran) -> Install | None:
    words = [ran.text(text) for text in ran.command.arguments]
    if re.match(r"python[\d.]*\Z", ran.command.name) and words[:2] == ["-m", "pip"]:
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
        return Requirement(_normal(wheel.group(1)), f"=={wheel.group(2)}", text)
    found = _REQUIREMENT.match(text)
    if found is None or "/" in text or text.startswith("."):
        return None
    return Requirement(_normal(found.group(1)), found.group(2).replace(" ", ""), text)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@rule("MA060", Severity.WARNING, mark("pip without a mirror"), "docs/guides/company-network.md; official bases bring a mirror")
def pip_has_a_mirror(written: Written) -> Iterator[Seen]:
    if written.base is None or not is_public(written.base):
        return
    configured = any(
        ran.command.name.startswith("pip") and "config" in ran.command.arguments and "global.index-url" in ran.command.arguments
        for ran in written.ran
    )
    copied = any("pip.conf" in step.instruction.arguments for step in written.of("COPY", "ADD"))
    for install in installs(written):
        scope = install.ran.step.scope
        mounted = any("pip.conf" in (flag.value or "") for flag in install.ran.step.instruction.flags)
        named = install.option("-i", "--index-url", "--no-index") or "PIP_INDEX_URL" in scope.values
        if configured or copied or mounted or named or not install.requirements:
            continue
        yield Seen(
            t("pip asks pypi.org here: this base brings no mirror, as the official ones do, and from inside China that is "
              "slow or "
              "fails."),
            "RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=secret,id=ca \\", install.ran.line,
            install.ran.end_line,
        )
        return


@rule("MA061", Severity.NOTE, mark("package cache left in the image"), "image limits: 9.5 GB (v1), 15 GB advised (v2)")
def no_cache_is_left(written: Written) -> Iterator[Seen]:
    for install in installs(written):
        ran = install.ran
        quiet = install.option("--no-cache-dir") or ran.step.scope.values.get("PIP_NO_CACHE_DIR", "") not in ("", "0", "off",
            "false")
        mounted = any("/.cache" in (flag.value or "") for flag in ran.step.instruction.flags if flag.name == "mount")
        cleaned = any(
            other.step is ran.step
            and ((other.command.name == "rm" and any(".cache" in text for text in other.command.operands))
                                        or (other.command.name.startswith("pip") and "purge" in other.command.arguments))
            for other in written.ran
        )
        some = {each.name for each in install.requirements} - {"pip", "setuptools", "wheel"}
        if quiet or mounted or cleaned or not (some or install.option("-r", "--requirement")):
            continue
        large = sorted({each.name for each in install.requirements} & _LARGE)
        if large:
            yield Seen(
                t("pip keeps a second copy of {packages} in the image: it counts towards the limit of {limit} GB.",
                  packages=", ".join(large), limit=f"{written.limits.image_bytes / 1e9:g}"),
                "pip install --no-cache-dir …", ran.line, ran.end_line, severity=WARNING,
            )
        else:
            yield Seen(t("pip keeps its cache in the image."), "pip install --no-cache-dir …", ran.line, ran.end_line)


@rule("MA062", Severity.WARNING, mark("packages where the contract's user does not find them"),
    "HW docker-modelarts_0029 (user)")
def packages_are_found(written: Written) -> Iterator[Seen]:
    for install in installs(written):
        ran = install.ran
        if not ran.root or ran.step.scope.values.get("PIP_USER"):
            continue
        target = next((word for word, before in zip(ran.command.arguments[1:], ran.command.arguments, strict=False)
                       if before in ("-t", "--target", "--prefix")), "")
        if install.option("--user") or ran.path(target).startswith("/root/"):
            yield Seen(
                t("The packages go below /root, which only root can read; the platform runs the command as uid {uid}.",
                  uid=written.limits.uid),
                t("Leave --user out."), ran.line, ran.end_line,
            )


RULES = (pip_has_a_mirror, no_cache_is_left, packages_are_found)
