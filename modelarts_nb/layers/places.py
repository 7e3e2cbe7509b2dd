"""Which places in an image matter, and for what: a folder's bits, found once for each folder, and names that count there.

Protected: "/bin, /sbin, /usr, /lib(64), part of /etc, and the tools in $HOME" (custom images 2.1.1). ``/usr/local`` is
where pip and everybody's own programs go, so that changes there are told and not judged (decisions/015).
"""

from __future__ import annotations

import re

PROTECTED = 1  # base files in it must stay as they are
ETC = 2
DOCS = 4  # documentation and translations below /usr/share: nothing runs them
TOOLS = 8  # /home/work itself, where the platform's tools lie
LOCAL = 16  # /usr/local
HOME = 32  # at or below the homes of the contracts' users
DPKG = 64  # dpkg's lists of files
METADATA = 128  # a Python package's *.dist-info or *.egg-info
PIP_CACHE, APT_CACHE, CONDA_CACHE, GIT, BYTECODE = 256, 512, 1024, 2048, 4096
CACHES = PIP_CACHE | APT_CACHE | CONDA_CACHE | GIT | BYTECODE
SECRETS = 8192  # folders whose files are keys or logins
EVERYDAY = 1 << 14  # a path below /etc that nearly every useful image changes
GENERATED = 1 << 15  # a path below /usr that package managers and Python write anew by themselves
JUDGED = PROTECTED | ETC | TOOLS | LOCAL  # where the base's files are compared

HOMES = (b"home/work", b"home/ma-user")
_PROTECTED = re.compile(rb"(?:bin|sbin|usr|lib[^/]*)(?:/|$)")
DOCS_FOLDERS = frozenset({b"usr/share/doc", b"usr/share/man", b"usr/share/info", b"usr/share/locale", b"usr/share/lintian"})
_SECRET_FOLDERS = frozenset({b".ssh", b".aws", b".docker", b".huaweicloud", b".obsutil", b".kube"})
_APT = frozenset({b"var/lib/apt/lists", b"var/cache/apt"})


_EVERYDAY = re.compile(
    rb"etc/(?:(?:passwd|shadow|group|gshadow|subuid|subgid)-?|\.pwd\.lock|ld\.so\.cache|localtime|timezone|adjtime|mtab|hosts"
    rb"|hostname|resolv\.conf|machine-id|profile|bash\.bashrc|environment|nsswitch\.conf|pip\.conf|locale\.(?:gen|alias)"
    rb"|default/locale|ca-certificates\.conf)$|etc/(?:profile\.d|ssl|ca-certificates|apt|pam\.d|alternatives|skel|rc.\.d"
    rb"|init\.d|yum\.repos\.d|pki|ld\.so\.conf\.d|dpkg)(?:/|$)"
)
_GENERATED = re.compile(
    rb"\.py[co]$|/(?:gconv-modules|giomodule|mimeinfo|icon-theme|loaders|immodules)\.cache$|^usr/share/(?:mime|fonts)/"
    rb"|^usr/share/(?:info/dir|glib-2\.0/schemas/gschemas\.compiled)$|^usr/lib/locale/locale-archive$"
)


def refined(bits: int, path: bytes) -> int:
    """The bits of a single path: those of its folder, and whether such a file changes by itself."""
    if bits & ETC and _EVERYDAY.match(path):
        return bits | EVERYDAY
    return bits | GENERATED if bits & PROTECTED and _GENERATED.search(path) else bits


def of_folder(path: bytes, above: int) -> int:
    """The bits of a folder, from those of the one above it."""
    last = path.rpartition(b"/")[2]
    bits = above & ~(TOOLS | METADATA | DPKG)
    if path == b"usr/local":
        bits = bits & ~PROTECTED | LOCAL
    elif b"/" not in path:
        bits |= (PROTECTED if _PROTECTED.match(path) else 0) | (ETC if path == b"etc" else 0)
    if path in DOCS_FOLDERS:
        bits |= DOCS
    elif path in HOMES:
        bits |= HOME | (TOOLS if path == HOMES[0] else 0)
    elif path == b"var/lib/dpkg/info":
        bits |= DPKG
    elif path in _APT:
        bits |= APT_CACHE
    return bits | _by_name(path, last)


def _by_name(path: bytes, last: bytes) -> int:
    if last.endswith((b".dist-info", b".egg-info")):
        return METADATA
    if last == b"__pycache__":
        return BYTECODE
    if last == b".git":
        return GIT
    if last == b"pip" and path.endswith(b".cache/pip"):
        return PIP_CACHE
    if last == b"pkgs" and re.search(rb"(?:ana|mini|conda|mamba|forge)[^/]*/pkgs$", path):
        return CONDA_CACHE
    return SECRETS if last in _SECRET_FOLDERS else 0


# Words of ``of_entry``
DPKG_LIST, REQUESTED, METADATA_FILE, ACCOUNTS, OS_RELEASE = "dpkg", "requested", "metadata", "accounts", "os-release"
DRIVER, CUDA, SECRET, LOADER, SHELL, HOME_FOLDER, IN_HOME = (
    "driver", "cuda", "secret", "loader", "shell", "home", "in-home"
)
KEPT = frozenset({DPKG_LIST, ACCOUNTS, OS_RELEASE, SECRET})

_SECRET_NAMES = frozenset({
    b".netrc", b".git-credentials", b".pgpass", b".pypirc", b"id_rsa", b"id_dsa", b"id_ecdsa", b"id_ed25519", b"credentials",
    b"pip.conf", b".npmrc", b"config.json", b".env", b".obsutilconfig", b".condarc", b"auth.json", b"kubeconfig", b"config",
})
_ALWAYS_SECRET = _SECRET_NAMES - {b"config.json", b"config", b"credentials", b"auth.json"}
_NAMES = {
    b"ld-linux-x86-64.so.2": LOADER, b"ld-linux-aarch64.so.1": LOADER, b"bash": SHELL,
    b"passwd": ACCOUNTS, b"group": ACCOUNTS, b"os-release": OS_RELEASE,
    b"work": HOME_FOLDER, b"ma-user": HOME_FOLDER, b"cache": HOME_FOLDER, b"tmp": HOME_FOLDER,
}
_LIBRARIES = (b"libcuda.so", b"libnvidia-ml.so", b"libcudart.so", b"nvidia.ko", b"libcudnn.so", b"libascend_hal.so")
_DRIVERS = (b"libcuda.so", b"libnvidia-ml.so", b"nvidia.ko")


def of_entry(place: int, last: bytes) -> str:
    """The word for what an entry of that name is, in a folder with these bits; "": nothing."""
    if place & (DPKG | METADATA | SECRETS):
        if place & DPKG and last.endswith(b".list"):
            return DPKG_LIST
        if place & METADATA:
            return REQUESTED if last == b"REQUESTED" else METADATA_FILE if last in (b"METADATA", b"PKG-INFO") else ""
        if place & SECRETS and (last in _SECRET_NAMES or last.startswith(b"id_")) and not last.endswith(b".pub"):
            return SECRET
    if last in _ALWAYS_SECRET:
        return SECRET
    if last in _NAMES:
        what = _NAMES[last]
        return "" if what == ACCOUNTS and not place & ETC else what
    if last.startswith(_LIBRARIES):
        return DRIVER if last.startswith(_DRIVERS) else CUDA
    return ""
