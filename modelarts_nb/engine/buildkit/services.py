"""What the Engine may ask a session for, besides files: is it alive, secrets, and logins for registries.

Field numbers: grpc.health.v1, and BuildKit's session/secrets/secrets.proto and session/auth/auth.proto.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...errors import SettingsError
from ...messages import t
from . import grpc
from .grpc import Call, Job, Metadata, StatusError, Unary
from .protobuf import Message, WireError, data
from .request import Credentials, SecretSource, secret

Methods = dict[str, Callable[[Metadata], Call]]

_SERVING = b"\x08\x01"
_HUB = ("registry-1.docker.io", "docker.io", "index.docker.io")


def health() -> Methods:
    """``grpc.health.v1.Health``: asked every few seconds; one missing answer ends the session."""
    return {"/grpc.health.v1.Health/Check": lambda _: Unary(lambda _: _SERVING)}


def secrets(sources: Mapping[str, SecretSource]) -> Methods:
    """``moby.buildkit.secrets.v1.Secrets``: ``GetSecret{ID=1} -> {data=1}``; an unknown one is NOT_FOUND."""

    def get_secret(raw: bytes) -> bytes:
        name = _message(raw).text(1)
        if name not in sources:
            raise StatusError(grpc.NOT_FOUND, f"secret {name} not found")
        try:
            return data(1, secret(name, sources[name]))
        except SettingsError as error:
            raise StatusError(grpc.INVALID_ARGUMENT, error.message) from None

    return {"/moby.buildkit.secrets.v1.Secrets/GetSecret": lambda _: Unary(get_secret)}


def auth(credentials: Credentials, defer: Callable[[Job], None]) -> Methods:
    """``moby.filesync.v1.Auth``: ``Credentials{Host=1} -> {Username=1 Secret=2}``; an empty answer is anonymous.

    Who knows them may be another program and take its time, so that the question is handed to ``defer``. The Engine fetches
    tokens itself where FetchToken is not offered, which is what docker's own client without a key store does.
    """

    def answer(raw: bytes) -> bytes:
        host = _message(raw).text(1)
        try:
            found = credentials(host)
        except Exception as error:  # any store's failure; its text is not ours to show, it may quote what it read
            kind = type(error).__name__
            text = t("the credentials for {host} could not be read ({kind})", host=host, kind=kind)
            raise StatusError(grpc.UNAVAILABLE, text) from None
        return data(1, found[0]) + data(2, found[1]) if found else b""

    return {"/moby.filesync.v1.Auth/Credentials": lambda _: Unary(answer, defer)}


def stored_credentials(client: Any) -> Credentials:
    """What docker has stored: logins of this client (docker-py's), the configuration file, credential stores and helpers."""

    def find(host: str) -> tuple[str, str] | None:
        from docker import auth as docker_auth

        registry = docker_auth.INDEX_NAME if host in _HUB else host
        of_client = getattr(client, "_auth_configs", None)
        kept = docker_auth.load_config(credstore_env=getattr(client, "credstore_env", None))
        for configs in (kept,) if of_client is None else (of_client, kept):
            found = configs.resolve_authconfig(registry)
            if found:
                # a configuration file has them in lower case, a credential store capitalized: docker-py passes both on
                entry = {str(key).lower(): str(value) for key, value in found.items() if value}
                if "identitytoken" in entry:
                    return "", entry["identitytoken"]
                if entry.get("password"):
                    return entry.get("username", ""), entry["password"]
        return None

    return find


def _message(raw: bytes) -> Message:
    try:
        return Message(raw)
    except WireError as error:
        raise StatusError(grpc.INVALID_ARGUMENT, f"a request that cannot be read: {error}") from None
