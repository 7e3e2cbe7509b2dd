"""Rules on what the platform takes at all: the base that it must be, the manifest that its registry accepts."""

from __future__ import annotations

from collections.abc import Iterator

from ...manifests import OCI_INDEX, OCI_MANIFEST, TAKEN
from ...messages import mark, t
from ..making import Seen, rule
from ..model import Severity
from .facts import ImageFacts

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE


@rule("MA102", ERROR, mark("Not made from an official base image"), "custom images 2.1.1, 2.1.2 (base image)")
def base(facts: ImageFacts) -> Iterator[Seen]:
    found = facts.base
    severity = ERROR if facts.contract == "v1" else NOTE  # v2 takes other images that follow its recipe
    looked = ", ".join(found.looked_at) or t("none")
    if found.reference and not found.layers:
        yield Seen(
            t("The image does not start with the layers of {base}.", base=found.reference),
            t("Build it again FROM {base}, and pull that first: its layers may have changed.", base=found.reference),
            evidence=t(
                "of its files {changed} are others and {removed} are missing", changed=found.changed, removed=found.removed
            )
            if found.compared
            else t("its first layers are others"),
            severity=severity,
        )
    elif not found.reference:
        yield Seen(
            t("The image is made from no official base image that this Engine has, so its files were compared with none."),
            t("Name the base: %check --base REFERENCE, after docker pull REFERENCE."),
            evidence=t("looked at: {images}", images=looked),
            severity=severity,
        )
    elif not found.official:
        yield Seen(
            t("The image is made from {base}, which is not an official base image.", base=found.reference),
            t("Start from an official one: %modelarts catalog shows them."),
            evidence=found.reference,
            severity=severity,
        )
    if found.reference and not found.compared:
        yield Seen(
            t("The image's files were not compared with {base}: it could not be read.", base=found.reference),
            t("Pull it: docker pull {base}", base=found.reference),
            severity=ERROR,
        )


@rule("MA119", ERROR, mark("Manifest that SWR refuses"), "swr_01_0011; vllm-ascend 16117, bkn-foundry 244")
def manifest(facts: ImageFacts) -> Iterator[Seen]:
    if facts.media_type == OCI_INDEX:
        yield Seen(
            t("As an OCI index it would be refused by SWR: “Invalid image, fail to parse 'manifest.json'”."),
            t("Build it with %build, or: docker buildx build --provenance=false --sbom=false --output type=docker"),
            evidence=f"{facts.media_type} ({facts.media_from})",
        )
    elif facts.media_type == OCI_MANIFEST:
        yield Seen(
            t("Its manifest is an OCI one: SWR's manual says that such images cannot be uploaded, Docker's can."),
            t("Build it with %build, which makes Docker's."),
            evidence=f"{facts.media_type} ({facts.media_from})",
        )
    elif facts.media_type and facts.media_type not in TAKEN:
        yield Seen(
            t("Its manifest is of a kind that SWR is not known to take."),
            t("Build it with %build."),
            evidence=f"{facts.media_type} ({facts.media_from})",
        )


RULES = (base, manifest)
