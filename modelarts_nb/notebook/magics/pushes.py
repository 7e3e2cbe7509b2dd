"""``%push``."""

from __future__ import annotations

from IPython.core.magic import Magics, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments

from ... import api
from ...image import PushedImage
from .. import shown
from .parsing import parse


@magics_class
class PushMagics(Magics):
    """Push an image to its registry."""

    @line_magic
    @magic_arguments()
    @argument("image", nargs="?", default="", help="Image to push (default: the last one built).")
    @argument("--to", default="", metavar="REFERENCE", help="HOST/ORGANIZATION/NAME:TAG (default: the image's own name).")
    @argument("--log", default="", metavar="FILE", help="Where the whole log goes.")
    @argument("--background", action="store_true", help="Return a handle at once, and go on while other cells run.")
    @argument("--no-check", action="store_true", help="Push without checking the image against the platform's rules.")
    @argument("-q", "--quiet", action="store_true", help="Show nothing unless it fails.")
    def push(self, line: str) -> PushedImage | api.Background:
        """Push an image, and return reference and digest as the registry holds them afterwards.

        Examples::

            %push --to localhost:5005/my-team/digits:v1
        """
        options = parse(self.push, line)
        pushed: PushedImage | api.Background = api.push(
            options.image, to=options.to, log=options.log, progress="quiet" if options.quiet else "",
            background=options.background, check=not options.no_check,
        )
        return shown.already(self.shell, pushed)
