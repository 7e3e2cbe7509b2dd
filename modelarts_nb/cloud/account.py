"""One identity in one region and project: what ``%login`` makes, and every other call starts from. It stays in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..settings import Secret
from . import iam, swr
from .client import Client
from .iam import Project
from .obsstore import Store
from .swr import RegistryLogin


@dataclass
class Account:
    """``workspace``: ModelArts' workspace. Nothing of it is written anywhere."""

    client: Client
    project: Project
    workspace: str = "0"
    _login: RegistryLogin | None = field(default=None, repr=False)

    @property
    def region(self) -> str:
        """The region's id."""
        return self.client.region.id

    def store(self) -> Store:
        """Object storage, for one transfer or one question."""
        client = self.client
        return Store(client.region, client.identity, ca=client.ca, patience=client.patience)

    def registry_login(self, *, renewed: bool = False) -> RegistryLogin:
        """A login to the region's registry that is still good; ``renewed``: another one, as the last was refused."""
        if renewed or self._login is None or not self._login.good():
            self._login = swr.registry_login(self.client, self.project.name, renewed=renewed)
        return self._login

    def credentials_for(self, host: str) -> tuple[str, Secret] | None:
        """The login for a registry host, as the registry client asks for it; None for any other registry."""
        if host != self.client.region.registry:
            return None
        login = self.registry_login()
        return login.user, login.password

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no output, log or error may hold."""
        login = (self._login.password.reveal(),) if self._login is not None else ()
        return (*self.client.identity.current().secrets, *login)


def open_account(client: Client, *, project: str = "", project_id: str = "", workspace: str = "0") -> Account:
    """The account behind a client. ``project``: its name, "" for the region's own; ``project_id``: no look-up is made.

    Raises CloudError.
    """
    found = Project(project_id, project or client.region.id) if project_id else iam.project(client, project)
    client.project_id = found.id
    return Account(client, found, workspace)
