"""What the base owns: protected folders, the files that every base has, the platform's tools. No finding of its own."""

from __future__ import annotations

import fnmatch
import re

PROTECTED = ("/bin", "/sbin", "/usr", "/lib", "/lib32", "/lib64", "/libx32", "/etc")
FOLDERS = frozenset((*PROTECTED, "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/share", "/home/work", "/home/ma-user", "/"))
TOOLS = frozenset((
    "run_train.sh", "utils.sh", "ip_mapper.py", "modelarts-downloader.py", "dls-downloader.py", "get_cluster_ib_ip.py",
    "dls-decryptor", "dls-dns-fixer", "modelarts-pipe", "dls-key-client",
))
# Changed by nearly every useful image (shared reference "layers"): which of /etc the audit looks at is not published
EVERYDAY = (
    "/etc/passwd*", "/etc/group*", "/etc/shadow*", "/etc/gshadow*", "/etc/subuid*", "/etc/subgid*", "/etc/.pwd.lock",
    "/etc/ld.so.cache", "/etc/ld.so.conf.d/*", "/etc/localtime", "/etc/timezone", "/etc/apt/*", "/etc/yum.repos.d/*",
    "/etc/profile*", "/etc/bash.bashrc", "/etc/environment", "/etc/ssl/*", "/etc/ca-certificates*", "/etc/pip.conf",
    "/etc/hosts", "/etc/default/*", "/etc/sudoers.d/*", "/etc/security/limits*", "/etc/sysctl*", "/etc/locale*", "/etc/skel/*",
    "/usr/share/ca-certificates/*", "/etc/resolv.conf", "/etc/machine-id", "/etc/hostname", "/etc/motd", "/etc/alternatives/*",
)
# Files that an Ubuntu, Debian, EulerOS or HCE base surely has
_PROGRAMS = frozenset(
    "awk basename bash cat chgrp chmod chown cp cut date dd df dirname dpkg du echo env false find getent grep gzip head "
    "hostname "
    "id install kill ldconfig ln login ls mkdir mktemp mount mv nice od passwd perl ping ps pwd python python2 python2.7 "
    "python3 readlink rm rmdir sed seq sh sleep sort stat stdbuf su sync tail tar tee test touch tr true umount uname uniq "
    "useradd groupadd wc which xargs apt apt-get pip rpm yum dnf".split()
)
_LIBRARIES = re.compile(
    r"(?:ld-linux|ld-|libc|libm|libdl|libpthread|librt|libstdc\+\+|libgcc_s|libz|libcrypt|libcuda|libnvidia-)[\w.+-]*\.so"
)


_PROTECTED = re.compile(rf"(?!/usr/local(?:/|\Z))(?:{'|'.join(PROTECTED)})(?:/|\Z)")
_EVERYDAY = re.compile("|".join(fnmatch.translate(pattern) for pattern in EVERYDAY))


def below(path: str, folder: str) -> bool:
    """Whether the path is the folder or in it."""
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


def protected(path: str) -> bool:
    """Whether the base's files there must not change, as far as the platform's text says."""
    return _PROTECTED.match(path) is not None and _EVERYDAY.match(path) is None


def is_core(path: str) -> bool:
    """Whether every base has the path, so that touching it surely changes the base."""
    folder, _, name = path.rstrip("/").rpartition("/")
    if path.rstrip("/") in PROTECTED or path.rstrip("/*") in ("/usr/bin", "/usr/sbin", "/usr/lib", *PROTECTED):
        return True
    if folder in ("/bin", "/sbin", "/usr/bin", "/usr/sbin"):
        return name in _PROGRAMS
    return protected(path) and folder.startswith(("/lib", "/usr/lib")) and _LIBRARIES.match(name) is not None


def is_tool(path: str, home: str) -> bool:
    """Whether it is one of the platform's tools in its home folder, or of its programs in /usr/bin."""
    folder, _, name = path.rpartition("/")
    return name in TOOLS and folder in (home, "/home/work", "/home/ma-user", "/usr/bin")
