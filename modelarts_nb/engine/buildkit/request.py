"""What to build over a session, and what came of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import SettingsError
from ...messages import t

MAX_SECRET = 500 << 10  # bytes; BuildKit's own limit (secretsprovider)

Credentials = Callable[[str], tuple[str, str] | None]


@dataclass(frozen=True)
class FromEnv:
    """A secret's value, or the address of an ssh agent, is that of an environment variable, read when it is needed."""

    name: str


SecretSource = bytes | Path | FromEnv
AgentSource = Path | FromEnv


@dataclass(frozen=True)
class LocalFolder:
    """The result's files are written into a folder; what is in it already stays, unless a name comes again."""

    path: Path


@dataclass(frozen=True)
class TarFile:
    """The result's files are written as one tar file, whole or not at all."""

    path: Path


Output = LocalFolder | TarFile


@dataclass(frozen=True)
class SessionBuild:
    """One build. Names and meaning are ``docker build``'s where it has them.

    ``context``: the folder for COPY; None: an empty one. ``dockerfile``: its text, served from memory, nothing is written;
    else the file ``dockerfile_path``, absolute or relative to the context. ``ignore``: what takes the place of
    ``.dockerignore``, as text; None: ``NAME.dockerignore`` beside a Dockerfile that is a file, else the context's own.
    ``secrets``: by id, the value itself, a file, or an environment variable. ``ssh``: by id ("default"), the socket of an
    ssh agent. ``output``: where the result goes instead of an image. ``push``: a stand-alone BuildKit
    pushes the image to its tags' registries (an Engine keeps it). ``credentials``: (user, secret) for a
    registry's host, or None (a user "" means that the secret is an identity token); None: those that docker has stored.
    """

    context: Path | None = None
    dockerfile: bytes | None = None
    dockerfile_path: Path | None = None
    ignore: bytes | None = None
    tags: tuple[str, ...] = ()
    build_args: Mapping[str, str] = field(default_factory=dict, repr=False)  # users put tokens here, wrongly
    target: str = ""
    platform: str = ""
    network: str = ""
    no_cache: bool = False
    pull: bool = False
    secrets: Mapping[str, SecretSource] = field(default_factory=dict, repr=False)
    ssh: Mapping[str, AgentSource] = field(default_factory=dict)
    output: Output | None = None
    push: bool = False
    cache_from: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    add_hosts: Mapping[str, str] = field(default_factory=dict)
    credentials: Credentials | None = field(default=None, repr=False)


@dataclass(frozen=True)
class BuildResult:
    """What was built: the image's id, "sha256:…", or "" where the result went to an ``output``.

    ``response`` is what the Engine's exporter said, where it says more (BuildKit's Control API).
    """

    image_id: str
    response: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Instructions:
    """The Dockerfile as it is served: its name, and the files of its folder."""

    name: str
    files: Mapping[str, bytes]


def instructions(request: SessionBuild) -> Instructions:
    """The Dockerfile and its ignore file. Raises SettingsError when it cannot be read."""
    if request.dockerfile is not None:
        name, files = "Dockerfile", {"Dockerfile": request.dockerfile}
    else:
        path = (request.context or Path()) / (request.dockerfile_path or "Dockerfile")
        name = path.name
        files = {name: _read(path, t("The Dockerfile"))}
        beside = path.with_name(f"{name}.dockerignore")
        if request.ignore is None and beside.exists():
            files[beside.name] = _read(beside, t("The ignore file"))
    if request.ignore is not None:
        files[f"{name}.dockerignore"] = request.ignore
    return Instructions(name, files)


def check(request: SessionBuild) -> None:
    """Find out before anything starts what cannot work. Raises SettingsError."""
    if request.context is not None and not request.context.is_dir():
        raise SettingsError(
            t("The build context {path} is not a folder.", path=request.context), t("COPY takes its files from there.")
        )
    for name, source in request.secrets.items():
        secret(name, source)


def secret(name: str, source: SecretSource) -> bytes:
    """A secret's value, as it is now. Raises SettingsError, which names the secret and never its value."""
    if isinstance(source, FromEnv):
        if source.name not in os.environ:
            raise SettingsError(t(
                "The secret {name} is to come from the environment variable {variable}, which is not set.",
                name=name, variable=source.name,
            ))
        value = os.environb[os.fsencode(source.name)]
    elif isinstance(source, Path):
        value = _read(source, t("The secret {name}", name=name))
    else:
        value = source
    if len(value) > MAX_SECRET:
        raise SettingsError(
            t("The secret {name} has {count} bytes.", name=name, count=len(value)),
            t("BuildKit takes at most {limit}.", limit=MAX_SECRET),
        )
    return value


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(
            t("{what} cannot be read: {path}: {reason}.", what=what, path=path, reason=error.strerror)
        ) from error
