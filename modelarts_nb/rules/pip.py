"""MA060 to MA062: pip's mirror, its cache, and where the packages go."""

from __future__ import annotations

from collections.abc import Iterator

from ..messages import mark, t
from .base import is_public
from .making import Seen, paste, rule
from .model import Severity
from .written import WARNING, Ran, Written

_LARGE = frozenset(
    "torch tensorflow tensorflow-gpu mindspore mindspore-gpu mindspore-ascend torch-npu paddlepaddle-gpu jax jaxlib "
    "onnxruntime-gpu "
    "xgboost opencv-python scipy pyspark vllm deepspeed torchvision transformers".split()
)


@rule("MA060", Severity.WARNING, mark("pip without a mirror"), "docs/guides/company-network.md; official bases bring a mirror")
def pip_has_a_mirror(written: Written) -> Iterator[Seen]:
    if written.base is None or not is_public(written.base):
        return
    configured = any(
        ran.command.name.startswith("pip") and "config" in ran.command.arguments and "global.index-url" in ran.command.arguments
        for ran in written.ran
    )
    copied = any("pip.conf" in step.instruction.arguments for step in written.of("COPY", "ADD"))
    for install in written.installs:
        scope = install.ran.step.scope
        mounted = any("pip.conf" in (flag.value or "") for flag in install.ran.step.instruction.flags)
        named = install.option("-i", "--index-url", "--no-index") or "PIP_INDEX_URL" in scope.values
        if configured or copied or mounted or named or not install.requirements:
            continue
        yield Seen(
            t("pip asks the public package index here: this base brings no mirror, as the official ones do, and from inside "
              "China that is slow or fails."),
            paste("RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=secret,id=ca \\"), install.ran.line,
            install.ran.end_line,
        )
        return


@rule("MA061", Severity.NOTE, mark("package cache left in the image"), "image limits: 9.5 GB (v1), 15 GB advised (v2)")
def no_cache_is_left(written: Written) -> Iterator[Seen]:
    for install in written.installs:
        ran = install.ran
        quiet = install.option("--no-cache-dir") or ran.step.scope.values.get("PIP_NO_CACHE_DIR", "") not in ("", "0", "off",
            "false")
        mounted = any("/.cache" in (flag.value or "") for flag in ran.step.instruction.flags if flag.name == "mount")
        some = {each.name for each in install.requirements} - {"pip", "setuptools", "wheel"}
        if quiet or mounted or not (some or install.option("-r", "--requirement")) or _cleaned(written, ran):
            continue
        large = sorted({each.name for each in install.requirements} & _LARGE)
        if large:
            yield Seen(
                t("pip keeps a second copy of {packages} in the image: it counts towards the limit of {limit} GB.",
                  packages=", ".join(large), limit=f"{written.limits.image_bytes / 1e9:g}"),
                paste("pip install --no-cache-dir …"), ran.line, ran.end_line, severity=WARNING,
            )
        else:
            yield Seen(t("pip keeps its cache in the image."), paste("pip install --no-cache-dir …"), ran.line, ran.end_line)


def _cleaned(written: Written, ran: Ran) -> bool:
    """Whether the same RUN removes the cache again."""
    removed = any(other.step is ran.step and any(".cache" in text for text in other.command.operands)
                  for other in written.named("rm"))
    return removed or any(other.step is ran.step and "purge" in other.command.arguments
        for other in written.named("pip", "pip3"))


@rule("MA062", Severity.WARNING, mark("packages where the contract's user does not find them"),
    "HW docker-modelarts_0029 (user)")
def packages_are_found(written: Written) -> Iterator[Seen]:
    for install in written.installs:
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
