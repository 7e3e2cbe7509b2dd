"""``login``: who one is in the cloud, and in which region. Keys stay in this kernel's memory."""

from __future__ import annotations

import getpass
import json
import os
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..catalog import Region
from ..errors import SettingsError
from ..messages import mark, t
from ..session import session
from ..settings import Secret, Settings
from .current import catalog, current_settings

SANDBOX = "sandbox"
Ask = Callable[[str], str]


def login(
    region: str = "", *, profile: str = "", access_name: str = "", secret_name: str = "", token_name: str = "",
    project: str = "", ask: Ask | None = None,
) -> Any:
    """Log in to a region; returns the Account, which the following calls use.

    Keys come from the variables that are named, else HUAWEICLOUD_SDK_…, the official SDK's file, this machine's agency; else
    ``ask`` (a prompt that shows nothing) is asked. Raises SettingsError, CloudError.
    """
    from ..cloud.account import open_account
    from ..cloud.client import Client
    from ..cloud.credentials import Credentials, Identity

    settings = current_settings(region=region, project=project)
    where = chosen_region(settings)
    identity = known_identity(
        where, access_name=access_name, secret_name=secret_name, token_name=token_name, profile=profile
    )
    if identity is None:
        prompt = ask or hidden_prompt
        access, secret = prompt(t("Access key (AK): ")).strip(), prompt(t("Secret key (SK): ")).strip()
        if not access or not secret:
            raise SettingsError(t("No key was given."), t(_WHERE_KEYS))
        identity = Identity(Credentials(access, Secret(secret), source=t("asked for")))
    client = Client(where, identity, ca=settings.ca_bundle)
    project_id = settings.project_id or ("" if settings.project else identity.current().project_id)
    session.account = open_account(client, project=settings.project, project_id=project_id, workspace=settings.workspace)
    session.config["region"] = where.id
    return session.account


def known_identity(where: Region | None = None, **named: str) -> Any:
    """The Identity that is to be had without asking anybody, None where there is none. ``named``: see credentials.find.

    Raises SettingsError.
    """
    from ..cloud.credentials import find

    identity = None if any(named.values()) or where is None else _sandbox_identity(where)
    return identity or find(os.environ, metadata=_metadata(), **named)


def account(region: str = "") -> Any:
    """The account of the last login to that region; else one is opened without asking anybody. Raises SettingsError."""
    wanted = region or (session.account.region if session.account is not None else "")
    if session.account is not None and session.account.region == wanted:
        return session.account
    return login(wanted, ask=_nobody)


def docker_login(ask: Ask | None = None) -> str:
    """Take the ``docker login`` line of SWR's console, which the user pastes at a prompt that shows nothing.

    Kept in memory for pushes to that host; returns the host. Raises SettingsError.
    """
    user, password, host = parse_docker_login((ask or hidden_prompt)(t("The docker login line of SWR's console: ")))
    session.logins[host] = (user, Secret(password))
    return host


def parse_docker_login(line: str) -> tuple[str, str, str]:
    """(user, password, host) of ``docker login -u … -p … HOST``. Raises SettingsError, which quotes nothing of it."""
    problem = SettingsError(
        t("This is no docker login line."), t("It reads: docker login -u PROJECT@AK -p PASSWORD HOST. SWR's console has it.")
    )
    try:
        words = shlex.split(line)
    except ValueError:
        raise problem from None
    if "login" not in words:
        raise problem
    found: dict[str, str] = {}
    rest = iter(words[words.index("login") + 1 :])
    for word in rest:
        option = {"-u": "user", "--username": "user", "-p": "password", "--password": "password"}.get(word.partition("=")[0])
        if option:
            found[option] = word.partition("=")[2] if "=" in word and word.startswith("--") else next(rest, "")
        elif not word.startswith("-"):
            found["host"] = re.sub(r"^https?://", "", word).rstrip("/")
    if not all(found.get(name) for name in ("user", "password", "host")):
        raise problem
    return found["user"], found["password"], found["host"]


def hidden_prompt(text: str) -> str:
    """What the user types, shown nowhere. Raises SettingsError where nobody can be asked (nbclient, papermill)."""
    try:
        return getpass.getpass(text)
    except Exception as error:  # ipykernel raises StdinNotImplementedError, a terminal EOFError
        raise SettingsError(t("Nobody can be asked for a key here."), t(_WHERE_KEYS)) from error


def chosen_region(settings: Settings) -> Region:
    """The region with its addresses: the catalogue's, the sandbox's, or what the settings say. Raises SettingsError."""
    if not settings.region:
        raise SettingsError(
            t("Which region?"),
            t("%login --region REGION, for example cn-north-4; --region sandbox for the one on this machine."),
        )
    given = {
        name: value for name, value in (
            ("iam", settings.endpoint_iam), ("swr_api", settings.endpoint_swr), ("modelarts", settings.endpoint_modelarts),
            ("obs", settings.endpoint_obs), ("registry", settings.endpoint_registry),
        ) if value
    }
    for name, value in given.items():
        if name != "registry" and not value.startswith(("https://", "http://")):
            raise SettingsError(t("The address “{value}” is no URL.", value=value), t("It begins with https://."))
    if settings.region == SANDBOX:
        found = sandbox_region()
    elif len(given) == 5:  # another cloud on the same stack: our catalogue need not know its regions
        found = Region(settings.region, settings.region, settings.region, "", has_modelarts=True)
    else:
        found = catalog().region(settings.region)
    return replace(found, has_modelarts=found.has_modelarts or "modelarts" in given, endpoints={**found.endpoints, **given})


def sandbox_region() -> Region:
    """The region on this machine. Raises SettingsError where it does not run."""
    held = _sandbox_access()
    names = {"iam": "iam", "swr": "swr_api", "modelarts": "modelarts", "obs": "obs"}
    endpoints = {names[name]: str(url) for name, url in held["endpoints"].items() if name in names}
    return Region(
        SANDBOX, "Sandbox", "沙箱", "", has_modelarts=True, endpoints={**endpoints, "registry": str(held["registry"])}
    )


def _sandbox_access() -> dict[str, Any]:
    """Addresses and key of the region on this machine."""
    from ..sandbox import region

    found = region.status()
    if not found.running or not found.access:
        raise SettingsError(t("The sandbox does not run."), t("modelarts-nb sandbox up"))
    held: dict[str, Any] = json.loads(Path(found.access).read_text(encoding="utf-8"))
    return held


def _sandbox_identity(where: Region) -> Any:
    """The sandbox's own key, where the region is the sandbox; None elsewhere."""
    if where.id != SANDBOX:
        return None
    from ..cloud.credentials import Credentials, Identity

    held = _sandbox_access()
    return Identity(Credentials(str(held["ak"]), Secret(str(held["sk"])), source=t("the sandbox on this machine")))


def _nobody(text: str) -> str:
    raise SettingsError(t("You are not logged in."), t("%login --region REGION"))


def _metadata() -> str:
    """Where an agency's key is to be had; another place on this very machine only, for tests."""
    from ..cloud.credentials import METADATA

    other = os.environ.get("MODELARTS_NB_METADATA", "")
    return other if other.startswith("http://127.0.0.1:") else METADATA


_WHERE_KEYS = mark(
    "Set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, or write ~/.huaweicloud/credentials, "
    "or name variables: %login --ak-env NAME --sk-env NAME."
)
