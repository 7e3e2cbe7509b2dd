"""Rules on what lies in the image: whose it is, keys, drivers, libraries that do not fit, packages that do not start."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from ...layers import places
from ...layers.index import FOLDER, Owner
from ...messages import mark, t
from ..making import Seen, paste, rule
from ..model import Severity
from .facts import ImageFacts, shown
from .files import seen
from .settings import SECRET_VALUE

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
OLD_UID = 1102
READ = 1 << 16  # bytes of a file that are looked at
_SECRET_TEXT = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----"
    r"|^\s{0,9}machine\s{1,9}\S{1,200}[\s\S]{0,300}?password\s{1,9}\S"  # .netrc
    r"|(?:secret|password|passwd|_authToken|token|sk)\s{0,9}[=:]\s{0,9}\S{4}|\"auth\"\s{0,9}:\s{0,9}\"[^\"\s]{4}"
    r"|^[^\s:]{1,200}:[^\s:]{1,9}:[^\s:]{1,200}:[^\s:]{1,200}:\S{1,200}$",  # .pgpass
    re.IGNORECASE | re.MULTILINE,
)


@rule("MA115", ERROR, mark("Folder that the job cannot write to"), "OTC permission_denied; custom_base Dockerfiles (/cache)")
def writable(facts: ImageFacts) -> Iterator[Seen]:
    limits = facts.limits
    wanted = [limits.home] + (["/cache"] if facts.contract == "v1" else [])  # v2 mounts /cache for its user
    folder = posixpath.normpath(str(facts.config.get("WorkingDir") or "/"))
    there = {f"/{shown(found.path)}": found for found in facts.marked(places.HOME_FOLDER)}
    fix = paste("RUN mkdir -p {path} && chown {uid}:{gid} {path}")
    unread = facts.problems or any(layer.problem for layer in facts.layers)
    for path in wanted:
        command = fix.format(path=path, uid=limits.uid, gid=limits.gid)
        if path not in there:
            if not unread:
                yield Seen(t("{path} is not in the image; jobs write to it.", path=path), command, path=path)
        elif not _may_write(facts.owner(there[path].ref), limits.uid, limits.gid):
            owner = facts.owner(there[path].ref)
            yield seen(
                facts,
                there[path].ref.layer,
                t("Uid {uid}, as which jobs run, may not write to {path}.", uid=limits.uid, path=path),
                command,
                path=path,
                evidence=f"{owner.mode:04o} {owner.uid}:{owner.gid}",
            )
    yield from (
        Seen(
            t("A start as uid {uid} could not write to {path}.", uid=limits.uid, path=path),
            fix.format(path=path, uid=limits.uid, gid=limits.gid),
            path=path,
            evidence=t("tried in a container"),
            severity=WARNING if path == folder and path not in wanted else ERROR,
        )
        for path in facts.trial.denied
    )
    yield from _closed_folders(facts)


def _closed_folders(facts: ImageFacts) -> Iterator[Seen]:
    """Folders below the home that belong to somebody else, by layer: COPY brings everything as root."""
    limits = facts.limits
    closed: dict[int, list[str]] = {}
    for found in facts.marked(places.IN_HOME):
        path = f"/{shown(found.path)}"
        owner = facts.owner(found.ref)
        if path.startswith(limits.home + "/") and owner.kind == FOLDER and not _may_write(owner, limits.uid, limits.gid):
            closed.setdefault(found.ref.layer, []).append(path)
    for number, paths in closed.items():
        if number >= facts.base.layers:
            yield seen(
                facts,
                number,
                t("Folders in the home belong to another user: a job that writes there gets “Permission denied”."),
                f"COPY --chown={limits.uid}:{limits.gid} …",
                path=min(paths, key=len),
                severity=WARNING,
                evidence=f"{len(paths)} × {', '.join(sorted(paths)[:3])}",
            )


def _may_write(owner: Owner, uid: int, gid: int) -> bool:
    if owner.uid == uid:
        return bool(owner.mode & 0o200)
    return bool(owner.mode & (0o020 if owner.gid == gid else 0o002))


@rule("MA116", WARNING, mark("Files of the old user 1102"), "OTC permission_denied (v1 images had ma-user as 1102)")
def leftovers(facts: ImageFacts) -> Iterator[Seen]:
    holder = next((name for name, (uid, _, _) in facts.users.items() if uid == OLD_UID), "")
    if holder and holder not in ("ma-user", "work"):
        return  # an account of the user's own that got the next free number
    for number, index in enumerate(facts.indexes):
        if index is None:
            continue
        whose = {n for n, owner in enumerate(index.names.owners) if owner.uid == OLD_UID}
        positions = [n for n, owner in enumerate(index.owners) if owner in whose] if whose else []
        if positions:
            first = sorted(f"/{shown(index.path(n))}" for n in positions[:1000])
            yield seen(
                facts,
                number,
                t(
                    "Files belong to uid 1102, which ma-user had in old images; uid {uid} may not change them.",
                    uid=facts.limits.uid,
                ),
                f"find / -xdev -user {OLD_UID} -exec chown -h {facts.limits.uid}:{facts.limits.gid} {{}} +",
                path=first[0],
                evidence=f"{len(positions):,} × {', '.join(first[:3])}",
            )


@rule("MA121", ERROR, mark("Key or login in a layer"), "whoever can pull an image reads every layer, removed files too")
def keys(facts: ImageFacts) -> Iterator[Seen]:
    for hidden in (False, True):
        for found in facts.marked(places.SECRET, hidden=hidden):
            index = facts.indexes[found.ref.layer]
            content = index.content(found.ref.place) if index is not None else None
            text = (content or b"")[:READ].decode("utf-8", "replace")
            if found.ref.layer < facts.base.layers or not (_SECRET_TEXT.search(text) or SECRET_VALUE.search(text)):
                continue
            yield seen(
                facts,
                found.ref.layer,
                t("A key or a login lies in a layer, where everybody who can pull the image reads it.")
                if not hidden
                else t("A key or a login lies in a layer; that a later one removes it does not help."),
                t("Change the secret, and give it to the line that needs it: RUN --mount=type=secret."),
                path=f"/{shown(found.path)}",
                evidence=t("removed later") if hidden else t("its content was read, not kept"),
            )


@rule("MA125", ERROR, mark("GPU driver in the image"), "develop-modelarts-0079 (no driver in the image: the node brings it)")
def driver(facts: ImageFacts) -> Iterator[Seen]:
    for found in facts.marked(places.DRIVER):
        path = shown(found.path)
        index = facts.indexes[found.ref.layer]
        empty = index is None or (not index.sizes[found.ref.place] and found.ref.place not in index.links)
        if "/stubs/" in f"/{path}" or empty or found.ref.layer < facts.base.layers:
            continue
        yield seen(
            facts,
            found.ref.layer,
            t("Part of a GPU driver is in the image; the node's own, mounted at start, may not fit it."),
            t("Leave the driver's packages out (libcuda1, libnvidia-compute-…)."),
            path=f"/{path}",
            evidence=facts.debian_package(path),
        )


@rule(
    "MA126", ERROR, mark("Package that does not start"), "this project: tried in a container, as the contract's user, offline"
)
def starts(facts: ImageFacts) -> Iterator[Seen]:
    trial = facts.trial
    if trial.failed:
        yield Seen(
            t("The image does not start as uid {uid}: {error}.", uid=facts.limits.uid, error=trial.failed),
            t("Try it: docker run -u {uid} -ti IMAGE bash", uid=facts.limits.uid),
            evidence=trial.failed,
        )
    for name, error in trial.imports:
        layer = next((each.layer for each in facts.packages if each.asked and each.name == name), -1)
        message = t("The package {name} cannot be imported as uid {uid}.", name=name, uid=facts.limits.uid)
        fix = t("Install what the error names, as root, before USER; test it: RUN python -c 'import …'")
        if layer >= 0:
            yield seen(facts, layer, message, fix, evidence=error)
        else:
            yield Seen(message, fix, evidence=error)


RULES = (writable, leftovers, keys, driver, starts)
