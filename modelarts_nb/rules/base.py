"""MA001 to MA006: the base image."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..messages import mark, t
from ..reference import ImageReference
from .making import Seen, paste, rule
from .model import Severity
from .written import NOTE, WARNING, Written, at

_TUTORIAL = "ModelArts custom image tutorial, 2.1.1 and 2.1.2"
OFFICIAL_ORGANIZATIONS = frozenset(("modelarts-job-dev-image", "eiwizard", "atelier"))
# Images of Docker Hub that nobody takes for one of their own: what is said of these is sure
_PUBLIC = frozenset(
    "alpine almalinux amazoncorretto archlinux busybox centos debian fedora gcc golang node openjdk oraclelinux python "
    "rockylinux "
    "r-base scratch ubuntu nvidia/cuda pytorch/pytorch tensorflow/tensorflow continuumio/miniconda3 continuumio/anaconda3 "
    "condaforge/mambaforge condaforge/miniforge3 huggingface/transformers-pytorch-gpu jupyter/base-notebook rayproject/ray "
    "mindspore/mindspore-gpu mindspore/mindspore-cpu ascendai/cann paddlepaddle/paddle horovod/horovod".split()
)
_PUBLIC_HOSTS = frozenset(("nvcr.io", "mcr.microsoft.com", "public.ecr.aws", "registry.access.redhat.com"))
_HUB = frozenset(("", "docker.io", "index.docker.io", "registry-1.docker.io"))


def is_public(image: ImageReference) -> bool:
    """Whether it is surely an image of the public, and so neither an official base nor made from one."""
    path = image.path.removeprefix("library/")
    return image.host in _PUBLIC_HOSTS or (image.host in _HUB and path in _PUBLIC)


@rule("MA001", Severity.ERROR, mark("base image that is not an official one"), _TUTORIAL)
def base_is_official(written: Written) -> Iterator[Seen]:
    image, made = written.base, written.resolved.origin
    if image is None or written.official is not None:
        return
    v2 = written.target.contract == "v2"
    uid = str(written.limits.uid)
    if v2 and any(ran.command.value("-u", "--uid") == uid for ran in written.named("useradd", "adduser", "usermod")):
        return
    if v2 and is_public(image):
        yield Seen(
            t("{image} is not an official base image: under v2 it may be used, but brings neither the user {user} (uid {uid}) "
              "nor the platform's libraries.", image=str(image), user=written.limits.user, uid=written.limits.uid),
            _account_fix(), *at(made), severity=NOTE,
        )
    elif is_public(image):
        yield Seen(
            t("{image} is not an official base image: the platform's audit refuses every image that is not built on one.",
              image=str(image)),
            _first_official(written), *at(made),
        )
    elif not v2:
        yield Seen(
            t("{image} is not in the catalogue of official base images: unless it was built on one, the audit refuses it.",
              image=str(image)),
            t("%check compares its layers with the official ones; a base that the catalogue lacks can be added to it."),
            *at(made), severity=WARNING,
        )


def _first_official(written: Written) -> str:
    catalog = written.target.catalog
    bases = catalog.bases(contract=written.target.contract, region=written.region)
    if not bases:
        return ""
    region = written.region or next(iter(bases[0].regions), "cn-north-4")
    known = next((each for each in catalog.all_regions if each.id == region), catalog.all_regions[0])
    return f"FROM {bases[0].reference(known)}"


def _account_fix() -> str:
    return "RUN useradd -d /home/ma-user -m -u 1000 -g 100 -s /bin/bash ma-user"


@rule("MA002", Severity.WARNING, mark("base image of another generation or region"), _TUTORIAL)
def base_fits_generation_and_region(written: Written) -> Iterator[Seen]:
    found, made = written.official, written.resolved.origin
    if found is None:
        return
    contract = written.target.contract
    if found.base.contract != contract:
        yield Seen(
            t("{name} is a base image of generation {its}, the target is {contract}: user, folders and variables differ.",
              name=found.base.name, its=found.base.contract, contract=contract),
            t("Choose a base of {contract}, or set the contract to {its}.", contract=contract, its=found.base.contract),
            *at(made),
        )
    region = written.region
    here = found.region is None or found.region.id == region  # of another region's base MA003 speaks
    if region and here and found.base.regions and region not in found.base.regions:
        yield Seen(
            t("The documents name {name} for {regions}, not for {region}.", name=found.base.name,
              regions=", ".join(found.base.regions), region=region),
            t("Choose a base image that is offered in {region}.", region=region), *at(made),
        )


@rule("MA003", Severity.WARNING, mark("base image from another region than the target"), _TUTORIAL)
def base_from_target_region(written: Written) -> Iterator[Seen]:
    found = written.official
    if found is None or found.region is None or not written.region or found.region.id == written.region:
        return
    catalog = written.target.catalog
    target = next((each for each in catalog.all_regions if each.id == written.region), None)
    offered = not found.base.regions or written.region in found.base.regions
    fix = paste(f"FROM {target.registry}/{written.base.path}:{written.base.tag}") if target and written.base and offered else ""
    yield Seen(
        t("The base image comes from {its}, the image goes to {region}: its layers are pulled across regions, and {region} may "
          "have another version of it.", its=found.region.id, region=written.region),
        fix.rstrip(":"), *at(written.resolved.origin),
    )


@rule("MA004", Severity.WARNING, mark("unknown or outdated base image tag"), _TUTORIAL)
def base_tag_is_current(written: Written) -> Iterator[Seen]:
    found, image, made = written.official, written.base, written.resolved.origin
    if image is None or image.digest or not image.tag or image.tag == "latest":
        return
    if found is None:
        if image.organization in OFFICIAL_ORGANIZATIONS and ".myhuaweicloud." in image.host:
            yield Seen(t("The catalogue knows no base image {name}.", name=image.path), "", *at(made))
        return
    newest = found.base.recommended
    if not found.tag_known:
        yield Seen(
            t("The catalogue knows no tag {tag} of {name}; it knows {known}.", tag=image.tag, name=found.base.name,
              known=", ".join(found.base.tags[:4])),
            paste(f"FROM {image.name}:{newest}"), *at(made),
        )
    elif image.tag != newest:
        yield Seen(
            t("{tag} is an old version of {name}: after an incompatible update, images built on it no longer pass the audit.",
              tag=image.tag, name=found.base.name),
            paste(f"FROM {image.name}:{newest}"), *at(made),
        )


@rule("MA005", Severity.WARNING, mark("base image without a fixed tag"), _TUTORIAL)
def base_has_a_tag(written: Written) -> Iterator[Seen]:
    image, found = written.base, written.official
    if image is None or image.digest or image.tag not in ("", "latest") or str(image) == "scratch":
        return
    fix = paste(f"FROM {image.name}:{found.base.recommended}") if found is not None else ""
    yield Seen(
        t("{image} has no fixed tag: tomorrow's build may stand on another base than the one that was checked.",
            image=str(image)),
        fix, *at(written.resolved.origin),
    )


_ARCHITECTURES = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "aarch64", "aarch64": "aarch64"}
_NAMED = re.compile(r"(?:^|[^A-Za-z0-9])(x86_64|amd64|aarch64|arm64)(?:[^A-Za-z0-9]|$)", re.IGNORECASE)


def architecture(written: Written) -> str:
    """The base's: ``x86_64``, ``aarch64``, or "" where neither catalogue nor name says it."""
    if written.official is not None and written.official.base.arch:
        return written.official.base.arch
    found = _NAMED.search(str(written.base or ""))
    return _ARCHITECTURES[found.group(1).lower()] if found else ""


@rule("MA006", Severity.WARNING, mark("wrong architecture"),
    "ModelArts.2763 (OTC error_modelarts.2763); layers of the base images")
def architecture_fits(written: Written) -> Iterator[Seen]:
    base = architecture(written)
    platform = written.resolved.platform or written.target.platform
    wanted = _ARCHITECTURES.get(platform.split("/")[1], "") if platform.count("/") else ""
    if base and wanted and base != wanted:
        yield Seen(
            t("The base image is for {base}, the platform asked for is {platform}.", base=base, platform=platform),
            t("Leave --platform out, or choose a base image for {wanted}.", wanted=wanted), *at(written.resolved.origin),
        )
    is_for = base or wanted
    if not is_for:
        return
    for ran in written.ran:
        for text in ran.command.arguments:
            if "64" not in text:
                continue
            named = _NAMED.search(text.rpartition("/")[2]) if re.search(r"\.(?:whl|sh|run|deb|rpm|tar\.\w+|tgz|zip)\b",
                text) else None
            if named and _ARCHITECTURES[named.group(1).lower()] != is_for:
                yield Seen(
                    t("{file} is for {its}, the image is for {arch}.", file=text.rpartition("/")[2],
                      its=_ARCHITECTURES[named.group(1).lower()], arch=is_for),
                    "", ran.line, ran.end_line,
                )


RULES = (
    base_is_official, base_fits_generation_and_region, base_from_target_region, base_tag_is_current, base_has_a_tag,
    architecture_fits,
)
