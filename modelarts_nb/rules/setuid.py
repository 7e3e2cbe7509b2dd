"""MA020 and MA021: files of root with the setuid or setgid bit."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..messages import mark, t
from .making import Seen, paste, rule
from .model import Severity
from .written import WARNING, Ran, Written, at

_SOURCE = "ModelArts custom image tutorial, 2.1.1: no new file of root with setuid or setgid"
# What a package brings (Debian 12, Ubuntu 16.04 to 22.04, CentOS 7): measured in the shared reference "layers", else its own
# file list. "": a file capability on new systems, setuid on old ones.
PACKAGES = {
    "sudo": "/usr/bin/sudo", "cron": "/usr/bin/crontab", "cronie": "/usr/bin/crontab", "at": "/usr/bin/at",
    "openssh-server": "/usr/lib/openssh/ssh-keysign", "openssh-client": "/usr/bin/ssh-agent", "ssh": "/usr/bin/ssh-agent",
    "openssh-clients": "/usr/bin/ssh-agent", "dbus": "/usr/lib/dbus-1.0/dbus-daemon-launch-helper", "exim4": "/usr/sbin/exim4",
    "dbus-user-session": "/usr/lib/dbus-1.0/dbus-daemon-launch-helper", "exim4-daemon-light": "/usr/sbin/exim4",
    "liblockfile-bin": "/usr/bin/dotlockfile", "postfix": "/usr/sbin/postdrop", "policykit-1": "/usr/bin/pkexec",
    "polkitd": "/usr/lib/polkit-1/polkit-agent-helper-1", "pkexec": "/usr/bin/pkexec", "polkit": "/usr/bin/pkexec",
    "fuse": "/bin/fusermount", "fuse3": "/usr/bin/fusermount3", "sshfs": "/usr/bin/fusermount3",
    "nfs-common": "/sbin/mount.nfs",
    "nfs-utils": "/sbin/mount.nfs", "cifs-utils": "/sbin/mount.cifs", "ntfs-3g": "/bin/ntfs-3g", "ecryptfs-utils":
    "/sbin/mount.ecryptfs_private", "screen": "/usr/bin/screen", "mlocate": "/usr/bin/mlocate", "plocate": "/usr/bin/plocate",
    "locate": "/usr/bin/locate", "snapd": "/usr/lib/snapd/snap-confine", "ppp": "/usr/sbin/pppd",
    "procmail": "/usr/bin/procmail",
    "bsd-mailx": "/usr/bin/dotlockfile", "mailutils": "/usr/bin/dotlockfile", "xserver-xorg-legacy": "/usr/lib/xorg/Xorg.wrap",
    "libutempter0": "/usr/lib/utempter/utempter", "tmux": "/usr/lib/utempter/utempter", "firejail": "/usr/bin/firejail",
    "singularity-container": "/usr/lib/singularity/starter-suid", "uidmap": "/usr/bin/newuidmap",
    "docker.io": "/usr/bin/newuidmap",
    "gnome-keyring": "", "iputils-ping": "", "iputils-arping": "", "mtr-tiny": "", "wireshark-common": "", "libcap2-bin": None,
}
_NUMERIC = re.compile(r"0*([0-7])([0-7]{3})\Z")
_SYMBOLIC = re.compile(r"(?:\A|,)[ugoa]*[+=][rwxXt]*s")
_TAKEN = re.compile(r"(?:\A|,)[ugoa]*-[rwxXt]*s|0*[0-7]{3}\Z|[ugoa]*=[rwx]*\Z")


def sets_bits(mode: str) -> bool:
    """Whether a mode sets setuid or setgid."""
    numeric = _NUMERIC.match(mode)
    return bool(int(numeric.group(1)) & 6) if numeric else _SYMBOLIC.search(mode) is not None


def _taken_away(written: Written, path: str, after: int) -> bool:
    """Whether a later command takes the bits, or the file, away; from a whole tree counts."""
    for ran in written.ran:
        if ran.line < after:
            continue
        words = [ran.text(text) for text in ran.command.operands]
        if ran.command.name == "rm" and path in map(ran.path, words):
            return True
        minus = [text for text in ran.command.arguments if re.fullmatch(r"[ugoa,]*-[rwxXt]*s[^/]*", text)]
        if ran.command.name == "chmod" and (minus or (words and _TAKEN.match(words[0]) and not sets_bits(words[0]))):
            places = [place.rstrip("*/") for place in map(ran.path, [text for text in words if text.startswith("/")])]
            deep = ran.command.has("R", "--recursive")
            if path in places or (deep and any(path.startswith(f"{place}/") or not place for place in places)):
                return True
        if ran.command.name == "find" and "-perm" in ran.command.arguments and "chmod" in ran.command.arguments:
            return True
        if ran.command.name == "xargs" and "chmod" in ran.command.arguments:
            return True
    return False


def _owned_by_others(written: Written, ran: Ran, path: str) -> bool:
    """Whether the file is not root's: made by another user, or given away."""
    given = any(
        other.command.name == "chown" and path in map(other.path, other.command.operands[1:])
        and other.command.operands[0].split(":")[0] not in ("root", "0", "") for other in written.ran
    )
    return given or not ran.root


@rule("MA020", Severity.ERROR, mark("setuid or setgid bit set on a file of root"), _SOURCE)
def no_setuid_is_set(written: Written) -> Iterator[Seen]:
    folders = written.folders
    for ran in written.named("chmod", "install"):
        words = [ran.text(text) for text in ran.command.arguments]
        mode, files = _mode_and_files(ran, words)
        if not mode or not sets_bits(mode):
            continue
        for file in files or [""]:
            path = ran.path(file) or file
            if path.rstrip("/") in folders or file.endswith("/"):
                continue
            if _owned_by_others(written, ran, path) or _taken_away(written, path, ran.line + 1):
                continue
            yield Seen(
                t("{command} {mode} gives {path} the setuid or setgid bit: the audit refuses new files of root that have it.",
                  command=ran.command.name, mode=mode, path=path),
                paste(f"chmod u-s,g-s {path}"), ran.line, ran.end_line, path=path,
            )
    for ran in written.named("setcap"):
        if ran.command.operands and "-r" not in ran.command.options:
            yield Seen(
                t("setcap gives {path} a file capability: the audit may take it for setuid.", path=ran.command.operands[-1]),
                paste(f"setcap -r {ran.command.operands[-1]}"), ran.line, ran.end_line, severity=WARNING,
            )
    for step in written.of("COPY", "ADD"):
        made = step.instruction
        mode = made.flag("chmod") or ""
        owner = (made.flag("chown") or "0").split(":")[0]
        if sets_bits(mode) and owner in ("0", "root"):
            yield Seen(
                t("--chmod={mode} gives what is copied the setuid or setgid bit: the audit refuses new files of root that "
                  "have it.",
                  mode=mode),
                paste(f"{made.keyword} --chmod=0{mode[-3:]} {made.arguments}") if mode.isdecimal() else "", *at(made),
            )


def _mode_and_files(ran: Ran, words: list[str]) -> tuple[str, list[str]]:
    if ran.command.name == "install":
        mode = ran.command.value("-m", "--mode") or next((text[2:] for text in words if re.match(r"-m[0-7]", text)), "")
        if ran.command.has("d", "--directory"):
            return "", []
        files = [text for text in words if not text.startswith("-") and text != mode]
        owner = ran.command.value("-o", "--owner") or ""
        return ("", []) if owner not in ("", "root", "0") else (ran.text(mode), files[-1:])
    rest = [text for text in words if text == "+s" or not re.match(r"--|-[Rcfv]+\Z", text)]
    return (rest[0], rest[1:]) if rest else ("", [])


@rule("MA021", Severity.ERROR, mark("package that brings setuid or setgid files"), _SOURCE)
def no_package_brings_setuid(written: Written) -> Iterator[Seen]:
    for ran in written.ran:
        for name in ran.packages:
            path = PACKAGES.get(name)
            if path is None:
                continue
            if not path:
                yield Seen(
                    t("{package} brings a program with a file capability or, on older systems, the setuid bit.", package=name),
                    t("Leave the package out: a training job needs no {package}.", package=name), ran.line, ran.end_line,
                    severity=WARNING,
                )
            elif not _taken_away(written, path, ran.line):
                yield Seen(
                    t("{package} brings {path} with the setuid or setgid bit: the audit refuses new files of root that "
                      "have it.",
                      package=name, path=path),
                    paste(f"RUN chmod u-s,g-s {path}"), ran.line, ran.end_line, path=path,
                )


RULES = (no_setuid_is_set, no_package_brings_setuid)
