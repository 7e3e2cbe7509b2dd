"""What to build, as one frozen value: the magic, the command line, the form and Python all fill this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class DockerfileSource:
    """A Dockerfile's text and where it came from.

    ``origin`` is "cell", or the path of a file; ``first_line`` is the number, there, of the text's line 1 (2 in a
    ``%%dockerfile`` cell), so that every message can name the line the user sees. ``context`` is the folder whose files
    ``COPY`` can take; None: an empty context. ``notebook``: the file that the cell stands in, where that is known.
    """

    text: str
    name: str = ""
    origin: str = "cell"
    first_line: int = 1
    context: Path | None = None
    notebook: Path | None = None


@dataclass(frozen=True)
class EnvVariable:
    """A value that an environment variable holds."""

    name: str


@dataclass(frozen=True)
class Output:
    """Where a build's files go instead of an image: a folder, or one tar file."""

    path: Path
    tar: bool = False


@dataclass(frozen=True)
class BuildRequest:
    """One build. Names and meaning of the options are ``docker build``'s.

    ``ssh``: sockets of ssh agents by id. ``builder``: the address of a stand-alone BuildKit, which pushes what it builds to
    its tags' registries; "": the Engine builds.
    """

    source: DockerfileSource
    tags: tuple[str, ...] = ()
    build_args: Mapping[str, str] = field(default_factory=dict, repr=False)  # users put tokens here, wrongly
    target: str = ""
    platform: str = ""
    network: str = ""
    no_cache: bool = False
    pull: bool = False
    secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    labels: Mapping[str, str] = field(default_factory=dict)
    ssh: Mapping[str, Path] = field(default_factory=dict)
    cache_from: tuple[str, ...] = ()
    add_hosts: Mapping[str, str] = field(default_factory=dict)
    output: Output | None = None
    builder: str = ""
