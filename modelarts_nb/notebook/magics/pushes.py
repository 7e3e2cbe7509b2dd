"""``%push``."""

from __future__ import annotations

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments

from ... import api
from ...image import PushedImage
from ...messages import t
from .. import shown
from .parsing import parse


@magics_class
class PushMagics(Magics):
    """Push an image to its registry."""

    @line_magic
    @magic_arguments()
    @argument("image", nargs="?", default="", help="Image to push (default: the last one built).")
    @argument("--to", default="", metavar="REFERENCE", help="HOST/ORGANIZATION/NAME:TAG (default: the image's own name).")
    @argument("--region", default="", metavar="R", help="Push to this region's registry (default: that of %%login).")
    @argument("--org", default="", metavar="O", help="SWR's organization; made when the name is free.")
    @argument("--name", default="", metavar="N", help="Name in the registry (default: the image's own).")
    @argument("--tag", default="", metavar="T", help="Tag in the registry (default: the image's own).")
    @argument("--log", default="", metavar="FILE", help="Where the whole log goes.")
    @argument("--background", action="store_true", help="Return a handle at once, and go on while other cells run.")
    @argument("--no-check", action="store_true", help="Push without checking the image against the platform's rules.")
    @argument("-q", "--quiet", action="store_true", help="Show nothing unless it fails.")
    def push(self, line: str) -> PushedImage | api.Background:
        """Push an image, and return reference and digest as the registry holds them afterwards.

        Examples::

            %push --region cn-north-4 --org my-team
            %push --to localhost:5005/my-team/digits:v1
        """
        options = parse(self.push, line)
        to_region = options.region or options.org or options.name or options.tag
        if options.to and to_region:
            raise UsageError(
                t("--to names the whole place; --region, --org, --name and --tag make one. Give one of the two.")
            )
        common = {
            "log": options.log, "progress": "quiet" if options.quiet else "", "background": options.background,
            "check": not options.no_check,
        }
        pushed: PushedImage | api.Background
        if to_region:
            pushed = api.push_to_region(
                options.image, region=options.region, organization=options.org, name=options.name, tag=options.tag, **common
            )
        else:
            pushed = api.push(options.image, to=options.to, **common)
        return shown.already(self.shell, pushed)
