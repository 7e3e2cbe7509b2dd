"""Why a build failed, in the words and at the place that help: the instruction, its line, the log's lines that matter."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ..messages import mark, t

# (what the log or the Engine says, what to do): the first that matches
_CAUSES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.MULTILINE), hint)
    for pattern, hint in (
        (
            r"No matching distribution found for (?P<package>\S+)",
            mark(
                "pip found no version of {package} for this Python and platform. Check the name and the version, and the "
                "image's Python (`RUN python --version`)."
            ),
        ),
        (
            r"Cannot install (?P<packages>.+?) because these package versions have conflicting dependencies",
            mark("These versions exclude each other: loosen one of them in {packages}."),
        ),
        (
            r"Unable to locate package (?P<package>\S+)",
            mark("Run `apt-get update` in the same RUN, before the install of {package}."),
        ),
        (
            r"404 +Not Found",
            mark("The package lists are older than the mirror: `apt-get update` in the same RUN as the install."),
        ),
        (
            r"no space left on device|ENOSPC|Disk quota exceeded",
            mark("The Engine's disk is full: `docker system df` shows what takes it."),
        ),
        (
            r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|SSL certificate problem|x509: certificate|"
            r"self[- ]signed certificate",
            mark(
                "The image does not trust the certificate it met, often a company proxy's. Give the build your CA bundle: "
                "RUN --mount=type=secret,id=ca --mount=type=secret,id=pip.conf,target=/etc/pip.conf pip install …"
            ),
        ),
        (
            r"Temporary failure (?:in name )?resol|Could not resolve|Name or service not known|"
            r"Network is unreachable|Failed to establish a new connection|Connection timed out|ProxyError|"
            r"Proxy Authentication Required|Tunnel connection failed",
            mark(
                "The build has no way to the network. A proxy is taken from HTTP_PROXY and HTTPS_PROXY of the notebook; an "
                "Engine that forwards nothing needs `%build --network host`."
            ),
        ),
        (
            r"pull access denied|insufficient_scope|401:? Unauthorized|authorization failed|no basic auth credentials|"
            r"unauthorized: authentication|denied: requested access",
            mark("The registry of the base image wants a login: `docker login HOST`, then build again."),
        ),
        (
            r"exec format error|no match for platform in manifest|cannot execute binary file",
            mark("The program is for another processor: build with --platform, or choose another base."),
        ),
        (
            r"\S: not found$",
            mark(
                "That name is not there. For a base image: check name and tag. For a file: COPY takes it from the build "
                "context (%%dockerfile -C DIR), where .dockerignore may leave it out. For a program: it is not in the image."
            ),
        ),
        (
            r"field contains invalid UTF-8",
            mark(
                "A file name in the build context is no UTF-8; Engines from 28 on refuse it. `find . | grep -axv '.*'` finds "
                "it. Rename it, or leave it out in .dockerignore."
            ),
        ),
        (
            r"exit code: 137|\bKilled\b",
            mark("It was killed, most likely for memory: give the Engine more, or do less at once."),
        ),
        (
            r"Permission denied",
            mark("The step's user may not do that: `USER root` before it, and the contract's user again after."),
        ),
    )
)
_NOISE = re.compile(
    r"^\s*$|^\[notice\]|^WARNING: (?:Running pip as|You are using pip)|^debconf:|^\s*━+|^-+$|new release of pip|"
    r"^(?:Get|Hit|Ign):\d+ |^Reading |^Building dependency|^Note, |^The command .* returned",
)
TAIL_LINES = 12


def hint_for(texts: Iterable[str]) -> str:
    """What to do about a failure that says ``texts``; "" where it is none that people meet often."""
    joined = "\n".join(texts)
    for pattern, hint in _CAUSES:
        found = pattern.search(joined)
        if found:
            return t(hint, **found.groupdict())
    return ""


def meaningful(lines: Sequence[str], limit: int = TAIL_LINES) -> list[str]:
    """The last lines that say something: without blank ones, progress bars and notices."""
    return [line for line in lines if not _NOISE.search(line)][-limit:]
