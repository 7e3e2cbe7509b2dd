"""An image is read, layer by layer, and judged against the platform's rules and its base."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass, replace

from ..building.request import DockerfileSource
from ..catalog import Catalog
from ..dockerfile import Dockerfile, parse_dockerfile
from ..engine import export, images, trial
from ..engine.discovery import Engine
from ..engine.streaming import call
from ..errors import DockerfileSyntaxError, EngineAPIError, InvalidReference, RegistryError
from ..events import Event, Vertex
from ..image import Image
from ..layers.archive import ImageParts
from ..messages import t
from ..reference import parse_reference
from ..registry import client as registry
from ..rules.image import RULES, judge
from ..rules.image.facts import BaseFacts, ImageFacts, Trial, env_of, shown
from ..rules.image.gather import Subject, differences, fold, gather
from ..rules.image.space import CACHES
from ..rules.lint import suppressed
from ..rules.model import Finding
from ..rules.report import CheckReport, Waste

PACKAGES = 40  # imported at most
STAND_IN = "modelarts-nb.stand-in"


@dataclass(frozen=True)
class CheckRequest:
    """One check. ``image``: a reference or id; ``base``: what to compare with ("": found); ``source``: the Dockerfile that
    the image was built from, where it is known; ``run``: whether a container is started, too."""

    image: str
    base: str = ""
    contract: str = "v1"
    source: DockerfileSource | None = None
    run: bool = True


def check(
    engine: Engine, request: CheckRequest, catalog: Catalog, credentials: registry.Credentials
) -> Generator[Event | None, None, CheckReport]:
    """Read the image and judge it. A finding is no exception: the report tells. Raises EngineAPIError where it is not there."""
    began = time.time()
    image = images.inspect(engine, request.image)
    dockerfile = _dockerfile(request.source)
    base, other = _base(engine, image, request, catalog, dockerfile)
    names = [request.image] if other is None else [request.image, other.reference or other.id]
    archive = yield from export.read(engine, names)
    yield Vertex("judge", t("compare with the base"), started=time.time())
    parts = archive.image(image.id, request.image)
    folded = fold(parts.layers, base.layers)
    if folded.unknown:  # base files became links to files elsewhere, whose content nobody looked at: rare, so all is read again
        archive = yield from export.read(engine, names, folded.unknown)
        parts = archive.image(image.id, request.image)
        folded = fold(parts.layers, base.layers)
    if other is not None:
        base = _compared(base, parts, archive.image(other.id, other.reference))
    media_type, media_from = yield from call(lambda: _media_type(image, parts, credentials))
    limits = catalog.limits(request.contract)
    subject = Subject(
        image.reference or request.image, limits, image.size, image.platform, base, dockerfile, "", media_type, media_from
    )
    facts = gather(subject, parts, Trial(skipped=t("--no-run was given") if not request.run else ""), folded)
    yield Vertex("judge", t("compare with the base"), started=began, completed=time.time())
    if request.run:
        facts = replace(facts, trial=(yield from _try_out(engine, image, facts)))
    findings = judge(facts)
    if dockerfile is not None:
        findings = suppressed(findings, dockerfile)
    return _report(request, image, facts, findings, time.time() - began)


def before_push(
    engine: Engine, request: CheckRequest, catalog: Catalog, credentials: registry.Credentials
) -> Generator[Event | None, None, CheckReport]:
    """The same as one step, for the trace of a push."""
    began = time.time()
    step = Vertex("checks", t("check against the platform's rules"), started=began)
    yield step
    checking = check(engine, request, catalog, credentials)
    while True:
        try:
            next(checking)
        except StopIteration as end:
            report: CheckReport = end.value
            yield replace(step, completed=time.time())
            return report
        yield None


def _dockerfile(source: DockerfileSource | None) -> Dockerfile | None:
    try:
        return parse_dockerfile(source.text) if source is not None else None
    except DockerfileSyntaxError:
        return None  # it was changed since; the image is judged without its lines


def _base(
    engine: Engine, image: Image, request: CheckRequest, catalog: Catalog, dockerfile: Dockerfile | None
) -> tuple[BaseFacts, Image | None]:
    """The base, and the image of it where the files of both must be read: it was named, and is not what this is made from."""
    if request.base:
        named = images.inspect(engine, request.base)
        official = bool(_official(catalog, named))
        if _is_prefix(named, image):
            return _derived(engine, named, request.base, official=official, given=True), None
        return BaseFacts(request.base, 0, official, given=True), replace(named, reference=request.base)
    known = images.listed(engine)
    official_ones = [images.with_layers(engine, each) for each in known if _official(catalog, each)]
    looked_at = tuple(sorted({_official(catalog, each) for each in official_ones}))[:12]
    best = max((each for each in official_ones if _is_prefix(each, image)), key=lambda each: len(each.layers), default=None)
    if best is not None:
        return replace(_derived(engine, best, _official(catalog, best), official=True), looked_at=looked_at), None
    others = (images.with_layers(engine, each) for each in known if each.id != image.id and not _official(catalog, each))
    plain = [each for each in others if _is_prefix(each, image)]
    wanted = _from(dockerfile)
    first = next((each for each in plain if wanted in each.tags), None) or min(
        plain, key=lambda each: len(each.layers), default=None
    )
    if first is not None:
        return replace(_derived(engine, first, first.reference, official=False), looked_at=looked_at), None
    return BaseFacts(looked_at=looked_at), None


def _from(dockerfile: Dockerfile | None) -> str:
    """The reference that the Dockerfile starts from, with a tag."""
    try:
        return str(parse_reference(dockerfile.stages[0].base).tagged()) if dockerfile is not None else ""
    except InvalidReference:
        return ""


def _derived(engine: Engine, base: Image, reference: str, *, official: bool, given: bool = False) -> BaseFacts:
    return BaseFacts(
        reference, len(base.layers), official, compared=True, given=given, env=env_of(images.configuration(engine, base.id))
    )


def _is_prefix(base: Image, image: Image) -> bool:
    return bool(base.layers) and base.layers == image.layers[: len(base.layers)]


def _official(catalog: Catalog, image: Image) -> str:
    """The one of its names that is an official base's; "" for none. Labels are inherited, so that they say nothing alone."""
    for tag in image.tags:
        try:
            if catalog.find_base(tag) is not None:
                return tag
        except InvalidReference:
            continue
    stand_in = next((tag for tag in image.tags if tag.endswith(":stand-in")), "")
    return stand_in if image.labels.get(STAND_IN) else ""


def _compared(base: BaseFacts, image: ImageParts, other: ImageParts) -> BaseFacts:
    """The base that the image is not made from, with how much of it differs."""
    whole = not other.problems and all(layer is not None and not layer.problem for layer in other.layers)
    if not whole or not other.layers:
        return base
    found = differences(other, image)
    changed = sum(group.count for group in found.changes if group.what in ("content", "kind", "link"))
    removed = sum(group.count for group in found.changes if group.what == "removed")
    return replace(base, compared=True, changed=changed, removed=removed)


def _media_type(image: Image, parts: ImageParts, credentials: registry.Credentials) -> tuple[str, str]:
    """The manifest's kind: the registry's where the image is there, else what the Engine would push."""
    try:
        reference = parse_reference(image.reference).tagged() if image.reference else None
        if reference is not None and reference.host:
            return registry.read_manifest(reference, credentials).media_type, t("in the registry {host}", host=reference.host)
    except (RegistryError, InvalidReference):
        pass  # not there yet, or not to be reached: what the Engine has counts
    return image.media_type or parts.media_type, t("in the Engine")


def _try_out(engine: Engine, image: Image, facts: ImageFacts) -> Generator[Event | None, None, Trial]:
    if engine.architecture and not image.platform.endswith(f"/{engine.architecture}"):
        return Trial(skipped=t("the image is for {platform}, this machine is not", platform=image.platform))
    bases = {found.path for found in facts.folded.hidden if found.ref.layer < facts.base.layers}
    own = [
        package for package in facts.packages
        if package.asked and package.layer >= facts.base.layers and f"{package.folder}/REQUESTED".encode() not in bases
    ]
    folder = str(facts.config.get("WorkingDir") or "")
    cache = ["/cache"] if facts.contract == "v1" else []  # v2 mounts it for its user
    writes = dict.fromkeys([facts.limits.home, *cache, "/tmp", *([folder] if folder else [])])  # noqa: S108  # the image's
    pairs = [(package.name, f"/{package.folder}") for package in own][:PACKAGES]
    try:
        return (yield from trial.try_out(engine, image.id, (facts.limits.uid, facts.limits.gid), list(writes), pairs))
    except EngineAPIError as error:
        return Trial(failed=error.message)


def _report(
    request: CheckRequest, image: Image, facts: ImageFacts, findings: tuple[Finding, ...], seconds: float
) -> CheckReport:
    source = request.source
    wasted = [
        Waste(f"/{shown(each.path)}", each.size, each.layer + 1, each.by + 1) for each in facts.folded.largest_wasted
    ]
    caches = [(number + 1, CACHES[bit][0], size) for (number, bit), size in sorted(facts.folded.caches.items()) if size]
    return CheckReport(
        image=image.reference or image.short_id, image_id=image.id, contract=facts.contract, findings=findings,
        layers=facts.layers, base=facts.base.reference, base_layers=facts.base.layers, size=image.size,
        base_size=sum(layer.size for layer in facts.layers[: facts.base.layers]), limit=facts.limits.image_bytes,
        files=facts.folded.files, wasted=tuple(wasted), caches=tuple(caches), rules=len(RULES), tried=facts.trial.tried,
        not_tried=facts.trial.skipped, origin=source.origin if source else "", first_line=source.first_line if source else 1,
        seconds=seconds,
    )

