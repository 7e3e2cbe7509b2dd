"""Find the Docker Engine: the one that the user's own ``docker`` would use, else what this machine has.

In this order: an address given by name; ``DOCKER_HOST``; the current docker context; the default socket; the rootless
socket; a private Engine that ``modelarts-nb engine up`` started; a podman service. The first three are the user's word:
when such an Engine does not answer, that is said, and no other is taken in its place.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import EngineError, EngineUnavailable
from ..messages import t
from .failures import mapped

MINIMUM_API = (1, 41)  # Engine 20.10
TIMEOUT = 60  # seconds for one answer of the Engine; streams are not bound by it
PING_TIMEOUT = 10


@dataclass(frozen=True)
class Candidate:
    """Where an Engine may be. ``chosen``: the user named it, so that a failure is an error and not a reason to go on."""

    url: str
    origin: str
    chosen: bool = False
    tls: Any = None


@dataclass(frozen=True)
class Engine:
    """A connected Engine. ``client`` is docker-py's ``APIClient``; the rest says which Engine it is."""

    client: Any
    url: str
    origin: str
    version: str
    api_version: str
    podman: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    storage: str = ""
    architecture: str = ""

    @property
    def name(self) -> str:
        """“Docker Engine 20.10.24 (default socket)”."""
        return t(
            "{engine} {version} ({origin})", engine="Podman" if self.podman else "Docker Engine", version=self.version,
            origin=self.origin,
        )

    @property
    def build_network(self) -> str:
        """The network that ``RUN`` steps get here when none is asked for; "" for the Engine's own default.

        A private Engine forwards nothing to the outside, so that it says "host" (see engine/private.py).
        """
        return self.labels.get("modelarts-nb.build-network", "")

    def alive(self) -> bool:
        """Whether it still answers."""
        try:
            with mapped(t("asking whether it is there")):
                return bool(self.client.ping())
        except EngineError:
            return False

    def close(self) -> None:
        """Close the idle connections."""
        self.client.close()


def candidates(environment: Mapping[str, str], private_url: str = "") -> Iterator[Candidate]:
    """The places to look, in order. ``private_url`` is where a private Engine listens, if there is one."""
    if environment.get("DOCKER_HOST"):
        yield Candidate(environment["DOCKER_HOST"], "DOCKER_HOST", chosen=True, tls=_tls_of(environment))
        return
    context = _current_context(environment)
    if context is not None:
        yield context
        return
    yield Candidate("unix:///var/run/docker.sock", t("default socket"))
    runtime = environment.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    yield Candidate(f"unix://{runtime}/docker.sock", t("rootless socket"))
    if private_url:
        yield Candidate(private_url, t("private Engine"))
    yield Candidate(f"unix://{runtime}/podman/podman.sock", t("podman service"))
    yield Candidate("unix:///run/podman/podman.sock", t("podman service"))


def connect(url: str = "", environment: Mapping[str, str] | None = None, private_url: str = "") -> Engine:
    """The Engine to work with. Raises EngineUnavailable saying what was tried and what to do."""
    env = os.environ if environment is None else environment
    tried: list[str] = []
    places = [Candidate(url, t("given by name"), chosen=True, tls=_tls_of(env))] if url else candidates(env, private_url)
    for place in places:
        path = place.url.removeprefix("unix://")
        if path != place.url and not place.chosen and not _is_socket(path):
            tried.append(t("{place} ({path}): not there", place=place.origin, path=path))
            continue
        try:
            return _open(place)
        except EngineUnavailable as error:
            if place.chosen:
                raise
            tried.append(t("{place} ({path}): {reason}", place=place.origin, path=path, reason=error.message))
    raise EngineUnavailable("\n  ".join([t("No Docker Engine was found."), *tried]), _advice())


def _open(place: Candidate) -> Engine:
    import docker

    options: dict[str, Any] = {"base_url": place.url, "version": "auto", "timeout": PING_TIMEOUT}
    if place.tls:
        options["tls"] = place.tls
    if place.url.startswith("ssh://"):
        options["use_ssh_client"] = True  # the user's own ssh settings and agent, and no paramiko needed
    try:
        _knock(place.url)
        with mapped(t("asking for its version")):
            client = docker.APIClient(**options)
            version = client.version()
            info = client.info()
    except Exception as error:  # whatever a transport raises, the Engine cannot be used through it
        reason = str(error.__cause__ or error).splitlines()[0]
        raise EngineUnavailable(
            t(
                "The Docker Engine at {url} ({origin}) does not answer: {reason}",
                url=place.url, origin=place.origin, reason=_short(reason),
            ),
            _advice(place),
        ) from error
    client.timeout = TIMEOUT
    podman = any("podman" in str(part.get("Name", "")).lower() for part in version.get("Components") or ())
    api = str(version.get("ApiVersion", "0"))
    if not podman and tuple(int(part) for part in api.split(".")) < MINIMUM_API:
        raise EngineUnavailable(
            t("The Docker Engine at {url} is version {version}.", url=place.url, version=version.get("Version")),
            t("20.10 or newer is needed."),
        )
    labels = dict(label.partition("=")[::2] for label in info.get("Labels") or ())
    return Engine(
        client=client, url=place.url, origin=place.origin, version=str(version.get("Version", "?")), api_version=api,
        podman=podman, labels=labels, storage=str(info.get("Driver", "")),
        architecture=str(version.get("Arch", "")),
    )


def _knock(url: str) -> None:
    """Raise the system's own error where nobody listens on a Unix socket; docker-py would leave its socket open then."""
    if url.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PING_TIMEOUT)
            connection.connect("/" + url.removeprefix("unix://").lstrip("/"))


def _current_context(environment: Mapping[str, str]) -> Candidate | None:
    """The docker context in use, unless it is the default one (which is the default socket)."""
    from docker.context import ContextAPI

    name = environment.get("DOCKER_CONTEXT", "")
    with mapped(t("reading docker's contexts")):
        context = ContextAPI.get_context(name) if name else ContextAPI.get_current_context()
    if context is None:
        raise EngineUnavailable(
            t("The docker context “{name}” does not exist.", name=name) if name
            else t("The current docker context does not exist."),
            t("`docker context ls` lists them; `docker context use default` goes back to the default socket."),
        )
    if context.Name == "default":
        return None
    return Candidate(context.Host, t("docker context “{name}”", name=context.Name), chosen=True, tls=context.TLSConfig)


def _tls_of(environment: Mapping[str, str]) -> Any:
    from docker.utils import kwargs_from_env

    return kwargs_from_env(environment=dict(environment)).get("tls")


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(Path(path).stat().st_mode)
    except OSError:
        return False


def _short(reason: str) -> str:
    """The innermost cause in requests' nested texts: what the system said."""
    for words in ("No such file or directory", "Connection refused", "Permission denied", "timed out", "Name or service"):
        if words.lower() in reason.lower():
            return words
    return reason if len(reason) <= 200 else reason[:200] + "…"


def _advice(place: Candidate | None = None) -> str:
    """What to do on this system."""
    if place is not None and place.origin == "DOCKER_HOST":
        return t("Correct DOCKER_HOST, or unset it to let %modelarts status look for an Engine.")
    if Path("/var/run/docker.sock").exists() and not os.access("/var/run/docker.sock", os.W_OK):
        return t("You may not use /var/run/docker.sock: join the group docker (`sudo usermod -aG docker $USER`, new login).")
    if os.getuid() == 0:
        return t("Start one of your own with `modelarts-nb engine up` (it installs it on Debian and Ubuntu).")
    return t(
        "Start the Docker Engine (`sudo systemctl start docker`, or Docker Desktop), or name one on another machine: "
        "DOCKER_HOST=ssh://user@host."
    )
