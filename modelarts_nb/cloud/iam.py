"""IAM: the project that a region's services work in (GET /v3/projects, as the official SDK looks it up)."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import CloudError
from ..messages import t
from .client import Client, listed


@dataclass(frozen=True)
class Project:
    """A project: its id, and its name, which is the region's id unless somebody made a sub-project."""

    id: str
    name: str


def project(client: Client, name: str = "") -> Project:
    """The project of that name in the client's region; "": the region's own. Raises CloudError.

    The answer does not depend on the client's own project.
    """
    wanted = name or client.region.id
    body = client.get("iam", "/v3/projects", (("name", wanted),))
    found = [Project(str(each.get("id", "")), str(each.get("name", ""))) for each in listed(body, "projects")]
    if not found:
        raise CloudError(
            t("There is no project “{name}” for this key.", name=wanted),
            t("Is it the region that your account uses? Sub-projects are named by --project NAME."),
        )
    if len(found) > 1:
        raise CloudError(
            t("There are {count} projects “{name}”.", count=len(found), name=wanted),
            t("Choose one by its id: set MODELARTS_NB_PROJECT_ID to one of {ids}.", ids=", ".join(each.id for each in found)),
        )
    return found[0]
