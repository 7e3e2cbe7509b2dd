"""Rules on the base's files: unread, changed, removed, and new files with rights of their own."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from ...layers import places
from ...layers.fold import Changes
from ...messages import mark, t
from ...text import size
from ..making import Seen, rule
from ..model import Severity
from .facts import ImageFacts, LayerFacts, shown

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
AUDIT = "custom images 2.1.1 (base image content must not change; no new root-owned setuid or setgid files)"
_CONTENT = ("content", "kind", "link", "xattrs")


def seen(
    facts: ImageFacts,
    number: int,
    message: str,
    fix: str = "",
    *,
    path: str = "",
    evidence: str = "",
    severity: Severity | None = None,
) -> Seen:
    """What was seen in a layer (from 0), with the instruction and the line that made it."""
    layer: LayerFacts = facts.layer(number)
    return Seen(message, fix, layer.line, layer.end_line, path, layer.number, layer.instruction, evidence, severity)


@rule("MA101", ERROR, mark("Part of the image could not be read"), "this project: what was not read was not checked")
def unread(facts: ImageFacts) -> Iterator[Seen]:
    for problem in facts.problems:
        yield Seen(
            t("Part of the image could not be read: {problem}.", problem=problem),
            t("Build it again with %build and check that."),
        )
    for layer in facts.layers:
        if layer.problem:
            yield seen(
                facts,
                layer.number - 1,
                t("Layer {number} could not be read: {problem}.", number=layer.number, problem=t(layer.problem)),
                t("Build it again with %build and check that."),
                evidence="",
            )
    for number, problem in facts.folded.problems:
        yield seen(facts, number, t("Layer {number} could not be read: {problem}.", number=number + 1, problem=t(problem)))
    for group in facts.changes(places.JUDGED, "unknown"):
        yield seen(
            facts,
            group.layer,
            t("A base file was replaced by one whose content could not be compared."),
            t("Leave it as the base has it."),
            path=where(group),
            evidence=amount(group),
        )


@rule("MA103", ERROR, mark("Base file changed"), AUDIT)
def changed(facts: ImageFacts) -> Iterator[Seen]:
    for group in facts.changes(places.PROTECTED | places.LOCAL, *_CONTENT):
        if not group.place & places.TOOLS:
            yield seen(
                facts,
                group.layer,
                _judged(group, t("A file of the base image is not what it was.")),
                _fix(facts, group),
                path=where(group),
                evidence=amount(group),
                severity=severity_of(group),
            )


@rule("MA104", ERROR, mark("Base file removed"), AUDIT)
def removed(facts: ImageFacts) -> Iterator[Seen]:
    for group in facts.changes(places.PROTECTED | places.LOCAL, "removed"):
        yield seen(
            facts,
            group.layer,
            _judged(group, t("A file of the base image was removed.")),
            t("Leave it in place."),
            path=where(group),
            evidence=amount(group),
            severity=severity_of(group),
        )


@rule("MA105", ERROR, mark("Permission or owner of a base file changed"), AUDIT)
def rights(facts: ImageFacts) -> Iterator[Seen]:
    for group in facts.changes(places.PROTECTED | places.LOCAL, "mode", "owner"):
        word = "chmod" if group.what == "mode" else "chown"
        yield seen(
            facts,
            group.layer,
            _judged(group, t("A file of the base image has other permissions or another owner than there.")),
            t("Leave {word} off it.", word=word),
            path=where(group),
            evidence=amount(group),
            severity=severity_of(group),
        )


@rule("MA106", ERROR, mark("Tool of the platform changed"), AUDIT)
def tools(facts: ImageFacts) -> Iterator[Seen]:
    for group in facts.changes(places.TOOLS):
        if group.what != "unknown":
            yield seen(
                facts,
                group.layer,
                t("A tool of the platform in the home folder is not as in the base; jobs start with it."),
                t("Leave it as the base has it, and put your own files beside it."),
                path=where(group),
                evidence=amount(group),
            )


@rule("MA107", NOTE, mark("Configuration of the base changed"), AUDIT + "; which files of /etc count is not published")
def configuration(facts: ImageFacts) -> Iterator[Seen]:
    for group in facts.changes(places.ETC):
        if group.what == "unknown":
            continue
        everyday = group.place & places.EVERYDAY
        yield seen(
            facts,
            group.layer,
            t("Files in /etc changed; the platform forbids that for “important” ones and does not say which.")
            if not everyday
            else t("Files in /etc changed that nearly every image changes."),
            "" if everyday else t("Change it only if it has to be."),
            path=where(group),
            evidence=amount(group),
            severity=NOTE if everyday else WARNING,
        )


@rule("MA108", ERROR, mark("New setuid or setgid file owned by root"), AUDIT)
def setuid(facts: ImageFacts) -> Iterator[Seen]:
    if not facts.base.layers:
        yield from _setuid_of_no_base(facts)
        return
    known = _base_marks(facts, "setuid")
    for found in facts.marked("setuid"):
        owner = facts.owner(found.ref)
        if found.ref.layer < facts.base.layers or owner.uid or found.path in known:
            continue
        path, package = shown(found.path), facts.debian_package(shown(found.path))
        brought = t(" It comes with the package {package}.", package=package) if package else ""
        command = f"RUN chmod u-s,g-s /{path}"
        yield seen(
            facts,
            found.ref.layer,
            t("A new file runs with root's rights; the platform's audit refuses that.") + brought,
            t("In the same RUN: chmod u-s,g-s /{path}, or leave the package {package} out.", path=path, package=package)
            if package
            else command.removeprefix("RUN "),
            path=f"/{path}",
            evidence=f"{owner.mode:04o} {owner.uid}:{owner.gid}" + (f" ({package})" if package else ""),
        )


def _setuid_of_no_base(facts: ImageFacts) -> Iterator[Seen]:
    """Every Linux has some, so that without a base they say little."""
    paths = sorted(f"/{shown(found.path)}" for found in facts.marked("setuid") if not facts.owner(found.ref).uid)
    if paths:
        yield Seen(
            t("{count} files run with root's rights; which of them a base brought is not known.", count=len(paths)),
            t("Name the base: %check --base REFERENCE, after docker pull REFERENCE."), path=paths[0],
            evidence=", ".join(paths[:6]) + (", …" if len(paths) > 6 else ""), severity=WARNING,
        )


@rule("MA109", WARNING, mark("New file with capabilities"), AUDIT + "; capabilities are not named there")
def capabilities(facts: ImageFacts) -> Iterator[Seen]:
    known = _base_marks(facts, "capability")
    for found in facts.marked("capability"):
        if found.ref.layer < facts.base.layers or found.path in known:
            continue
        path, package = shown(found.path), facts.debian_package(shown(found.path))
        yield seen(
            facts,
            found.ref.layer,
            t("A new file has rights of root's by its capabilities; an audit may refuse that."),
            f"setcap -r /{path}",
            path=f"/{path}",
            evidence=_capability(facts, found.ref.layer, found.ref.place) + (f" ({package})" if package else ""),
        )


def _base_marks(facts: ImageFacts, what: str) -> set[bytes]:
    """Paths that had it in the base already; changes of those are changes of base files."""
    every = (*facts.folded.found, *facts.folded.hidden)
    return {found.path for found in every if found.what == what and found.ref.layer < facts.base.layers}


def _capability(facts: ImageFacts, layer: int, index: int) -> str:
    """The bits of ``security.capability`` (linux/capability.h, struct vfs_cap_data)."""
    found = facts.indexes[layer]
    value = found.xattrs.get(index, (b"", 0))[0] if found is not None else b""
    if len(value) < 8:
        return "security.capability"
    return f"cap {struct.unpack_from('<I', value, 4)[0]:#x}"


def severity_of(group: Changes) -> Severity:
    """Everything below /usr counts; documentation runs nothing, caches are written anew, /usr/local is everybody's."""
    if group.place & (places.LOCAL | places.GENERATED):
        return NOTE
    return WARNING if group.place & places.DOCS else ERROR


def _judged(group: Changes, message: str) -> str:
    """What was seen, and what it means there."""
    if severity_of(group) is ERROR:
        return message + t(" The platform's audit refuses that.")
    if group.place & places.DOCS:
        return message + t(" It is documentation, which nothing runs; the platform's text forbids it all the same.")
    return message + (
        t(" It is below /usr/local, where pip and your own programs go.")
        if group.place & places.LOCAL
        else t(" Package managers write it anew by themselves.")
    )


def where(group: Changes) -> str:
    """The file, or the folder that holds them all."""
    return "/" + shown(group.paths[0] if group.count == 1 else group.below or b"")


def amount(group: Changes) -> str:
    """How it differs, and for several how many."""
    if group.count == 1:
        return group.evidence
    names = ", ".join("/" + shown(path) for path in group.paths[:3])
    more = ", …" if group.count > 3 else ""
    told = f"{group.evidence}; " if "→" in group.evidence else ""
    return f"{told}{group.count:,} × {group.what}, {size(group.size)}: {names}{more}"


def _fix(facts: ImageFacts, group: Changes) -> str:
    command = facts.layer(group.layer).instruction
    if "upgrade" in command and "apt" in command:
        return t("Leave apt-get upgrade out; install only what is missing.")
    return t("Leave it as the base has it; put another version below /usr/local or /opt.")


RULES = (unread, changed, removed, rights, tools, configuration, setuid, capabilities)
