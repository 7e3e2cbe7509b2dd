"""Where keys come from, in this order: variables that the caller names, the official SDK's variables, its file, the agency of
the machine or notebook; else the user is asked (see api/logins.py). They stay in memory.

Sources: huaweicloudsdkcore 3.1.219, ``auth/provider.py`` and ``auth/internal.py``: names of variables, the file's
format, the metadata address, the refresh before expiry.
"""

from __future__ import annotations

import configparser
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..errors import SettingsError
from ..messages import t
from ..settings import Secret

METADATA = "http://169.254.169.254/openstack/latest/securitykey"
METADATA_TIMEOUT = (0.5, 2)  # nothing answers there outside Huawei Cloud, and soon
EARLY = 2400.0  # seconds before its end at which an agency's key is renewed; the official SDK's threshold
VARIABLES = "HUAWEICLOUD_SDK_"


@dataclass(frozen=True)
class Credentials:
    """A key pair. ``token`` belongs to temporary keys; ``expires`` is in seconds since the epoch (0: never, or unknown).

    ``source`` says where it was found, for people.
    """

    access: str = field(repr=False)
    secret: Secret
    token: Secret | None = None
    expires: float = 0.0
    source: str = ""
    project_id: str = ""

    @property
    def masked(self) -> str:
        """The access key as it may be shown."""
        return f"{self.access[:4]}…{self.access[-2:]}" if len(self.access) > 9 else "…"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be seen anywhere."""
        return (self.access, self.secret.reveal(), *((self.token.reveal(),) if self.token is not None else ()))


class Identity:
    """Credentials that are still good: ``current()`` renews what a ``renew`` function can, before it expires."""

    def __init__(self, found: Credentials, renew: Callable[[], Credentials] | None = None) -> None:
        self._found = found
        self._renew = renew

    @property
    def renewable(self) -> bool:
        """Whether new ones can be had without asking anybody."""
        return self._renew is not None

    def current(self, *, rejected: Credentials | None = None) -> Credentials:
        """The credentials to use now. ``rejected``: the ones that the cloud has just refused; they are replaced."""
        soon = bool(self._found.expires) and self._found.expires - time.time() < EARLY
        if self._renew is not None and (soon or rejected == self._found):
            self._found = self._renew()
        return self._found


def find(
    environment: Mapping[str, str], *, access_name: str = "", secret_name: str = "", token_name: str = "", profile: str = "",
    metadata: str = METADATA,
) -> Identity | None:
    """The identity that is to be had without asking anybody; None where there is none.

    ``access_name``, ``secret_name``, ``token_name``: variables that hold the keys. ``profile``: a section of the file.
    Raises SettingsError when what was named is not there.
    """
    if access_name or secret_name:
        return Identity(_named(environment, access_name, secret_name, token_name))
    from_variables = None if profile else _variables(environment)
    if from_variables is not None:
        return Identity(from_variables)
    from_file = _file(environment, profile)
    if from_file is not None:
        return Identity(from_file)
    try:
        return Identity(agency(metadata), lambda: agency(metadata))
    except LookupError:
        return None


def _named(environment: Mapping[str, str], access: str, secret: str, token: str) -> Credentials:
    for name in filter(None, (access, secret, token)):
        if not environment.get(name):
            raise SettingsError(
                t("The environment variable {name} is not set.", name=name),
                t("--ak-env and --sk-env take the names of variables, never the keys themselves."),
            )
    if not access or not secret:
        raise SettingsError(t("A key has two halves."), t("Give both: --ak-env NAME --sk-env NAME."))
    held = environment.get(token, "") if token else ""
    return Credentials(
        environment[access], Secret(environment[secret]), Secret(held) if held else None,
        source=t("variables {access} and {secret}", access=access, secret=secret),
        project_id=environment.get(f"{VARIABLES}PROJECT_ID", ""),
    )


def _variables(environment: Mapping[str, str]) -> Credentials | None:
    access, secret = environment.get(f"{VARIABLES}AK", ""), environment.get(f"{VARIABLES}SK", "")
    if not access or not secret:
        return None
    token = environment.get(f"{VARIABLES}SECURITY_TOKEN", "")
    return Credentials(
        access, Secret(secret), Secret(token) if token else None,
        source=t("variables {names}", names=f"{VARIABLES}AK, {VARIABLES}SK"),
        project_id=environment.get(f"{VARIABLES}PROJECT_ID", ""),
    )


def _file(environment: Mapping[str, str], profile: str) -> Credentials | None:
    home = environment.get("HOME") or str(Path.home())
    path = Path(environment.get(f"{VARIABLES}CREDENTIALS_FILE") or Path(home) / ".huaweicloud" / "credentials")
    parser = configparser.ConfigParser(interpolation=None)
    try:
        read = parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):  # its text quotes the line, and so maybe a key
        raise SettingsError(
            t("{path} is no credentials file.", path=path), t("It has sections such as [basic] with lines ak = … and sk = …."),
        ) from None
    section = profile or "basic"
    if not read or not parser.has_section(section):
        if profile:
            raise SettingsError(
                t("There is no profile “{profile}” in {path}.", profile=profile, path=path),
                t("Profiles there: {names}.", names=", ".join(parser.sections()) or "–"),
            )
        return None
    values = parser[section]
    access, secret, token = (values.get(name, "") for name in ("ak", "sk", "security_token"))
    if not access or not secret:
        raise SettingsError(t("The section [{section}] of {path} has no ak or no sk.", section=section, path=path))
    return Credentials(
        access, Secret(secret), Secret(token) if token else None, source=f"{path} [{section}]",
        project_id=values.get("project_id", ""),
    )


def agency(address: str = METADATA) -> Credentials:
    """The temporary key of this machine's or notebook's agency. Raises LookupError where there is none."""
    import requests

    try:
        answer = requests.get(address, timeout=METADATA_TIMEOUT, proxies={"no_proxy": "*"}, allow_redirects=False)
        if answer.status_code != 200:
            raise LookupError(f"{answer.status_code}")
        held: dict[str, Any] = answer.json()["credential"]
        return Credentials(
            str(held["access"]), Secret(str(held["secret"])), Secret(str(held["securitytoken"])),
            expires=instant(str(held["expires_at"])), source=t("the agency of this machine"),
        )
    except (requests.exceptions.RequestException, ValueError, KeyError, TypeError) as error:
        raise LookupError("no agency answers") from error


def instant(text: str) -> float:
    """Seconds since the epoch of a time such as ``2026-11-24T10:00:00.000000Z``. Raises ValueError."""
    moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
