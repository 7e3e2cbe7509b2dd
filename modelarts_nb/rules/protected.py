"""MA022 to MA025: what the base owns is removed, overwritten or upgraded."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from ..messages import mark, t
from .making import Seen, rule
from .model import Severity
from .paths import FOLDERS, below, is_core, is_tool, protected
from .written import NOTE, WARNING, Ran, Written, absolute, at, words_of

_SOURCE = "ModelArts custom image tutorial, 2.1.1: files under /bin, /sbin, /usr, /lib(64) stay as they are"


def _is_own(written: Written, path: str, before: int) -> bool:
    """Whether the Dockerfile itself makes the path above a line: then it is not the base's."""
    return any(line <= before and below(path, made) and not is_core(made) for line, made in written.made)


def _severity(path: str) -> Severity:
    return Severity.ERROR if is_core(path) else WARNING


@rule("MA022", Severity.ERROR, mark("files of the base removed"), _SOURCE)
def base_is_not_removed(written: Written) -> Iterator[Seen]:
    installed: set[str] = set()
    for ran in written.ran:
        installed |= set(ran.packages)
        if ran.command.name in ("rm", "unlink", "rmdir", "shred"):
            for path in filter(None, ran.paths):
                if protected(path) and not is_tool(path, written.limits.home) and (
                    not _is_own(written, path, ran.line)
                ):
                    yield Seen(
                        t("{path} is the base image's: the audit compares everything under /bin, /sbin, /usr and /lib with it.",
                          path=path),
                        t("Leave it there: removing it in a layer of one's own saves no space."), ran.line, ran.end_line,
                        path=path, severity=_severity(path),
                    )
        for name in _removed_packages(ran, installed):
            yield Seen(
                t("Removing the package {package} removes files of the base image, unless it was installed in this Dockerfile.",
                  package=name),
                "", ran.line, ran.end_line, severity=WARNING,
            )


def _removed_packages(ran: Ran, installed: set[str]) -> list[str]:
    verbs = {"apt-get": ("remove", "purge"), "apt": ("remove", "purge"), "yum": ("remove", "erase"), "dnf": ("remove", "erase"),
             "dpkg": ("-r", "-P", "--remove", "--purge"), "rpm": ("-e", "--erase"), "apk": ("del",)}.get(ran.command.name, ())
    if not any(text in verbs for text in ran.command.arguments):
        return []
    return [name for name in map(ran.text, ran.command.operands) if name not in verbs and name not in installed]


@rule("MA023", Severity.ERROR, mark("files of the base overwritten"), _SOURCE)
def base_is_not_overwritten(written: Written) -> Iterator[Seen]:
    for ran in written.ran:
        for path, how in _overwritten(ran):
            if protected(path) and not is_tool(path, written.limits.home) and not _is_own(written, path, ran.line - 1):
                yield from _told(path, how, ran.line, ran.end_line)
    for step in written.of("COPY", "ADD"):
        words = words_of(step)
        for path in _destinations(words, step.scope.directory):
            if is_core(path):
                yield from _told(path, step.instruction.keyword, *at(step.instruction))
        unpacks = step.instruction.keyword == "ADD" and any(_ARCHIVE.search(word) and "://" not in word for word in words[:-1])
        if unpacks and absolute(words[-1], step.scope.directory) in _OVER_BASE:
            yield _unpacked("ADD", absolute(words[-1], step.scope.directory), *at(step.instruction))
    for ran in written.named("tar", "unzip", "bsdtar"):
        path = ran.path(ran.command.value("-C", "--directory", "-d") or "")
        if path in _OVER_BASE and not ran.command.has("c", "--create"):
            yield _unpacked(ran.command.name, path, ran.line, ran.end_line)


_ARCHIVE = re.compile(r"\.(?:tar(?:\.\w+)?|tgz|tbz2|txz)\Z")
_OVER_BASE = frozenset(("/", "/usr", "/usr/bin", "/usr/lib", "/usr/sbin", "/bin", "/sbin", "/lib", "/lib64", "/etc"))


def _unpacked(how: str, path: str, line: int, end_line: int) -> Seen:
    return Seen(
        t("{how} unpacks an archive over {path}: what the base image has there is overwritten where the names are the same.",
          how=how, path=path),
        t("Put your own below /usr/local, /opt or the home folder, and that place first in PATH."), line, end_line, path=path,
        severity=WARNING,
    )


_PYTHON = re.compile(r"/(?:python|pip)[\d.]*\Z")  # which many images do not have before a link is made


def _told(path: str, how: str, line: int, end_line: int) -> Iterator[Seen]:
    yield Seen(
        t("{how} changes {path}, which is the base image's.", how=how, path=path),
        t("Put your own below /usr/local, /opt or the home folder, and that place first in PATH."), line, end_line, path=path,
        severity=WARNING if how in ("chmod", "chown", "chgrp") or _PYTHON.search(path) else _severity(path),
    )


_OVERWRITING = frozenset((
    "cp", "mv", "install", "ln", "sed", "truncate", "tee", "dd", "strip", "patch", "chmod", "chown", "chgrp", "wget", "curl",
))


def _overwritten(ran: Ran) -> Iterator[tuple[str, str]]:
    """(path, how) of what a command surely writes over; new files in protected folders are no change of the base."""
    command, name = ran.command, ran.command.name
    if name not in _OVERWRITING and not command.redirections:
        return
    for each in command.redirections:
        path = ran.path(each.target.text)
        if each.operator in (">", ">>", ">|", "&>", "&>>") and is_core(path):
            yield path, f"“{each.operator}”"
    if name == "sed" and any(re.match(r"-[a-zA-Z]*i|--in-place", text) for text in command.options):
        yield from ((path, "sed -i") for path in ran.paths if path)
    elif name in ("chmod", "chown", "chgrp") and command.operands:
        mode = command.operands[0]
        harmless = name == "chmod" and (re.fullmatch(r"a?\+[rX]+", mode) or _SETUID_MODE.match(mode))
        yield from ((path, name) for path in ran.paths[1:] if path and not harmless)
    else:
        yield from ((path, name) for path in _written_over(ran) if is_core(path))
        if name == "mv":
            yield from ((path, name) for path in ran.paths[:-1] if path)


def _written_over(ran: Ran) -> list[str]:
    """The paths that a command writes a file to."""
    command, name = ran.command, ran.command.name
    if name in ("truncate", "tee", "dd", "strip", "patch"):
        return list(ran.paths)
    if name in ("wget", "curl"):
        return [ran.path(command.value("-O", "-o", "--output", "--output-document") or "")]
    new = name == "ln" and not command.has("f", "--force")  # which fails where something is there
    if name in ("cp", "mv", "install", "ln") and len(command.operands) > 1 and not new:
        return _destinations(ran.paths, ran.directory)
    return []


_SETUID_MODE = re.compile(r"0?[2467][0-7]{3}|[ugoa,]*[-+]s")  # MA020's


def _destinations(words: tuple[str, ...], directory: str) -> list[str]:
    """Where each source comes to lie, for a destination that is a folder or a file."""
    destination = absolute(words[-1], directory) if words else ""
    if not destination:
        return []
    names = [posixpath.basename(source) for source in words[:-1]]  # "" for a folder, whose files are not known
    inside = [posixpath.join(destination, name) for name in names if name not in ("", ".", "..") and "*" not in name]
    return inside if words[-1].endswith("/") or destination in FOLDERS else [destination, *inside]


_CORE_PACKAGES = frozenset(
    "bash coreutils dpkg libc6 libc-bin glibc login passwd util-linux mount openssl libssl1.0.0 libssl1.1 python python2.7 "
    "python-pip perl-base sed tar grep gzip findutils base-files".split()
)


@rule("MA024", Severity.WARNING, mark("base upgraded"), _SOURCE)
def base_is_not_upgraded(written: Written) -> Iterator[Seen]:
    for ran in written.ran:
        name, operands = ran.command.name, ran.command.operands
        whole = {"apt-get": ("upgrade", "dist-upgrade", "full-upgrade"), "apt": ("upgrade", "dist-upgrade", "full-upgrade"),
                 "yum": ("update", "upgrade"), "dnf": ("update", "upgrade"), "apk": ("upgrade",), "zypper": ("update", "dup"),
                 "do-release-upgrade": ("",)}.get(name, ())
        if any(operand in whole for operand in operands[:1]):
            yield Seen(
                t("{command} replaces files of the base image wherever a newer package exists: the audit compares them.",
                  command=f"{name} {operands[0]}"),
                t("Install the packages that you need by name, without upgrading the others."), ran.line, ran.end_line,
            )
        for package in sorted(_CORE_PACKAGES.intersection(ran.packages)):
            yield Seen(
                t("Installing {package} again replaces the base image's where a newer version exists.", package=package),
                t("Leave it out: the base has it."), ran.line, ran.end_line,
            )
        if _upgrades_pip(ran):
            yield Seen(
                t("pip is upgraded: where it is the system's own under /usr, this changes the base; under /usr/local or "
                  "in a conda "
                  "environment it does not."),
                t("Leave the base's pip as it is, or use an environment of your own."), ran.line, ran.end_line, severity=NOTE,
            )


def _upgrades_pip(ran: Ran) -> bool:
    words = ran.command.arguments
    pip = re.fullmatch(r"pip[\d.]*", ran.command.name) or (ran.command.name.startswith("python") and words[:2] == ("-m", "pip"))
    return bool(pip) and "install" in words and ("-U" in words or "--upgrade" in words) and any(
        re.fullmatch(r"pip(?:[=<>!~].*)?", word) for word in words[words.index("install") + 1 :]
    )


_CHANGING = frozenset(("rm", "unlink", "mv", "cp", "install", "ln", "sed"))


@rule("MA025", Severity.ERROR, mark("the platform's tools in the home folder changed"), f"{_SOURCE}; the tools in $HOME too")
def tools_stay(written: Written) -> Iterator[Seen]:
    home = written.limits.home
    for ran in written.ran:
        command = ran.command
        if command.name not in _CHANGING and not command.redirections:
            continue
        operands = [path for path in ran.paths if path]
        changed: list[str] = []
        if command.name in ("rm", "unlink", "mv"):
            changed = operands if command.name == "rm" else operands[:1]
        if command.name in ("cp", "mv", "install", "ln") and operands:
            changed = [*changed, *_destinations(tuple(operands), ran.directory)]
        if command.name == "sed" and any(text.startswith("-i") for text in command.options):
            changed = operands
        changed += [ran.path(each.target.text) for each in command.redirections if each.operator.startswith(">")]
        for path in dict.fromkeys(path for path in changed if is_tool(path, home) or (path == home and command.name == "rm")):
            yield _tool(path, command.name, ran.line, ran.end_line)
    for step in written.of("COPY", "ADD"):
        for path in _destinations(words_of(step), step.scope.directory):
            if is_tool(path, home):
                yield _tool(path, step.instruction.keyword, *at(step.instruction))


def _tool(path: str, how: str, line: int, end_line: int) -> Seen:
    return Seen(
        t("{how} changes {path}: the platform's tools in the home folder must stay as they are.", how=how, path=path),
        t("Give your own file another name."), line, end_line, path=path,
    )


RULES = (base_is_not_removed, base_is_not_overwritten, base_is_not_upgraded, tools_stay)
