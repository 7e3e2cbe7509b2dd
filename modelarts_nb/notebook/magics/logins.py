"""``%login``."""

from __future__ import annotations

from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments

from ... import api
from ...messages import t
from .parsing import parse


@magics_class
class LoginMagics(Magics):
    """Log in to a region of Huawei Cloud."""

    @line_magic
    @magic_arguments()
    @argument("--region", default="", metavar="R", help="For example cn-north-4; sandbox: the region on this machine.")
    @argument("--profile", default="", metavar="P", help="A section of ~/.huaweicloud/credentials (default: basic).")
    @argument("--ak-env", default="", metavar="NAME", help="The variable that holds the access key.")
    @argument("--sk-env", default="", metavar="NAME", help="The variable that holds the secret key.")
    @argument("--token-env", default="", metavar="NAME", help="The variable that holds a temporary key's security token.")
    @argument("--project", default="", metavar="NAME", help="A sub-project (default: the region's own project).")
    @argument("--docker", action="store_true", help="Ask for the docker login line of SWR's console instead.")
    def login(self, line: str) -> Any:
        """Log in to a region, and show who one is there. Keys are shown masked and stay in this kernel's memory.

        They come from the variables that are named, else HUAWEICLOUD_SDK_AK and _SK, ~/.huaweicloud/credentials, the agency of
        a ModelArts notebook; else they are asked for without echo. Never write a key into a cell. Examples::

            %login --region cn-north-4
            %login --region sandbox
            %login --region cn-north-4 --ak-env MY_AK --sk-env MY_SK
            %login --docker
        """
        options = parse(self.login, line)
        if options.docker:
            if line.split() != ["--docker"]:
                raise UsageError(t("--docker stands alone: the line is asked for, and is never part of a cell."))
            host = api.docker_login()
            print(t("Logged in to {host} for pushes from this kernel.", host=host))  # noqa: T201  # a magic's own output
            return None
        return api.login(
            options.region, profile=options.profile, access_name=options.ak_env, secret_name=options.sk_env,
            token_name=options.token_env, project=options.project,
        )
