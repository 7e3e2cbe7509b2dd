"""Image references: ``registry host / organization / repository : tag @ digest``.

Grammar (distribution/reference, ``reference.go``)::

    reference  = [ host "/" ] path [ ":" tag ] [ "@" digest ]
    host       = "localhost" | name containing "." or ":"      (anything else before the first "/" is part of the path)
    path       = component { "/" component }
    component  = [a-z0-9]+ { ( "." | "_" | "__" | "-"+ ) [a-z0-9]+ }
    tag        = [A-Za-z0-9_][A-Za-z0-9_.-]{0,127}
    digest     = algorithm ":" hex                               (sha256: 64 hex digits)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from .errors import InvalidReference
from .messages import t

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*\Z")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?\Z")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")
_DIGEST = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}\Z")
_MAX_NAME = 255  # of host and path together; the limit of distribution/reference

# SWR, user guide "Creating an Organization" and API reference (CreateNamespace, CreateRepo): an organization has 1 to
# 64 characters and starts with a letter; a repository has 1 to 128 and starts with a letter or a digit. Separators follow
# the component grammar above.
_SWR_ORGANIZATION = re.compile(r"[a-z][a-z0-9._-]{0,63}\Z")
_SWR_REPOSITORY = re.compile(r"[a-z0-9][a-z0-9._/-]{0,127}\Z")


@dataclass(frozen=True)
class ImageReference:
    """A parsed reference; ``str()`` gives back what was written. ``host`` is "" where none was written."""

    host: str
    path: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        return self.name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    @property
    def name(self) -> str:
        """Host and path, without tag and digest."""
        return f"{self.host}/{self.path}" if self.host else self.path

    @property
    def organization(self) -> str:
        """SWR's word for the first part of the path; "" for a path of one component."""
        return self.path.rpartition("/")[0].split("/")[0]

    @property
    def repository(self) -> str:
        """The path without the organization."""
        return self.path.removeprefix(f"{self.organization}/")

    def tagged(self) -> ImageReference:
        """The same with the tag that Docker would assume (``latest``) where neither tag nor digest was written."""
        return self if self.tag or self.digest else replace(self, tag="latest")


def parse_reference(text: str, *, swr: bool = False) -> ImageReference:
    """The reference that ``text`` writes.

    Raises InvalidReference naming the part that is wrong. With ``swr`` the naming rules of Huawei Cloud's registry
    apply too (an organization and a repository, each with its own limits): it refuses other names at push.
    """
    rest, _, digest = text.partition("@")
    if digest and not _DIGEST.match(digest):
        raise InvalidReference(
            t("“{text}”: “{part}” is not a digest.", text=text, part=digest), t("A digest reads sha256:<64 hex digits>.")
        )
    head, slash, tail = rest.rpartition("/")
    tail, colon, tag = tail.partition(":")
    path = head + slash + tail
    host, slash, after = path.partition("/")
    if slash and (host == "localhost" or "." in host or ":" in host):
        path = after
    else:
        host = ""
    if host and not _HOST.match(host):
        raise InvalidReference(
            t("“{text}”: “{part}” is not a registry host.", text=text, part=host), t("Write host or host:port.")
        )
    if colon and not _TAG.match(tag):
        raise InvalidReference(
            t("“{text}”: “{part}” is not a tag.", text=text, part=tag),
            t("A tag has 1 to 128 letters, digits, “_”, “.” and “-”, and starts with a letter, a digit or “_”."),
        )
    _check_path(text, path, len(host))
    reference = ImageReference(host, path, tag, digest)
    if swr:
        _check_swr(reference)
    return reference


def _check_path(text: str, path: str, host_length: int) -> None:
    if not path:
        raise InvalidReference(
            t("“{text}” names no repository.", text=text), t("Write NAME:TAG, for example digits:v1.")
        )
    if not _PATH.match(path):
        hint = t("Names have lower-case letters, digits and single “.”, “_”, “-” between them.")
        if path != path.lower() and _PATH.match(path.lower()):
            hint = t("Names are lower-case: {name}", name=text.replace(path, path.lower()))
        raise InvalidReference(t("“{text}”: “{part}” is not a repository name.", text=text, part=path), hint)
    if host_length + len(path) > _MAX_NAME:
        raise InvalidReference(
            t("“{beginning}…” is longer than {limit} characters.", beginning=text[:40], limit=_MAX_NAME),
            t("Choose a shorter name."),
        )


def _check_swr(reference: ImageReference) -> None:
    if not reference.organization:
        raise InvalidReference(
            t("“{reference}” names no organization.", reference=reference),
            t("In SWR an image is host/organization/repository:tag."),
        )
    if not _SWR_ORGANIZATION.match(reference.organization):
        raise InvalidReference(
            t("“{name}” is not an organization name that SWR takes.", name=reference.organization),
            t(
                "It has 1 to 64 characters: a lower-case letter first, then lower-case letters, digits and single “.”, “_”, "
                "“-” between them."
            ),
        )
    if not _SWR_REPOSITORY.match(reference.repository):
        raise InvalidReference(
            t("“{name}” is not a repository name that SWR takes.", name=reference.repository),
            t(
                "It has 1 to 128 characters: a lower-case letter or a digit first, then lower-case letters, digits and single "
                "“.”, “_”, “-” between them."
            ),
        )
