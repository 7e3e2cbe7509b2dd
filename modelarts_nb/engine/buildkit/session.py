"""A build session: what this side offers to the Engine while it builds, under a name that the build refers to."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from . import filesync, receive, services, sshagent
from .grpc import Job, Server
from .request import Credentials, SessionBuild, instructions


class Session:
    """One build's session; its ``server`` answers the Engine's calls.

    ``defer`` runs a job that may block (see grpc.Job); ``dial`` serves a connection to an ssh agent; ``problems``
    collects, in words, what kept us from sending.
    Raises SettingsError when the Dockerfile cannot be read.
    """

    def __init__(
        self, request: SessionBuild, credentials: Credentials, defer: Callable[[Job], None], dial: sshagent.Dial
    ) -> None:
        self.id = secrets.token_hex(16)
        self.problems: list[str] = []
        served = instructions(request)
        self.dockerfile = served.name
        sources: dict[str, filesync.Source] = {
            "dockerfile": filesync.Memory(served.files),
            "context": filesync.Memory({}) if request.context is None else filesync.Folder(request.context.resolve()),
        }
        self._folder = str(request.context.absolute()) if request.context else ""
        self.server = Server(
            services.health() | filesync.methods(sources, self.problems.append) | services.secrets(request.secrets)
            | services.auth(credentials, defer) | sshagent.methods(request.ssh, dial)
            | receive.methods(request.output, self.problems.append)
        )

    def headers(self) -> list[tuple[str, str]]:
        """What ``POST /session`` says of it; only the methods named here are ever called."""
        return [
            ("X-Docker-Expose-Session-Uuid", self.id),
            ("X-Docker-Expose-Session-Name", "modelarts-nb"),
            ("X-Docker-Expose-Session-Sharedkey", shared_key(self._folder)),
            *(("X-Docker-Expose-Session-Grpc-Method", path) for path in self.server.methods),
        ]


def shared_key(folder: str) -> str:
    """Under which the Engine keeps what it has of a context, so that next time only changes are sent.

    Made as docker's own client does (docker/cli, build_session.go), so that both share what was sent.
    """
    return hashlib.sha256(f"{_node_id()}:{folder}".encode("utf-8", "surrogateescape")).hexdigest()


def _node_id() -> str:
    """The user's random id: docker's file, made if missing; for this process alone where it cannot be kept."""
    config = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    file = config / ".buildNodeID"
    try:
        config.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not file.exists():
            made = file.with_name(f".buildNodeID.{secrets.token_hex(4)}")
            made.touch(0o600)
            made.write_text(secrets.token_hex(32))
            made.rename(file)
        return file.read_text()
    except OSError:
        return _PROCESS_ID


_PROCESS_ID = secrets.token_hex(32)
