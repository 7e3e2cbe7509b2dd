"""``%freeze``."""

from __future__ import annotations

from IPython.core.magic import Magics, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments

from ...session import DEFAULT_NAME
from .. import shown
from .modelarts import shows_widgets
from .parsing import parse


@magics_class
class FreezeMagics(Magics):
    """Turn this kernel's packages into a Dockerfile cell."""

    @line_magic
    @magic_arguments()
    @argument("name", nargs="?", default=DEFAULT_NAME, help="Name of the Dockerfile; %%build NAME builds it.")
    @argument("--base", default="", metavar="REF", help="Image to start from (default: the catalogue's nearest).")
    @argument("--python", default="", metavar="X.Y", help="Take a base image with this Python (default: this kernel's).")
    @argument("--all", action="store_true", help="Everything that is installed here, not only what the cells import.")
    def freeze(self, line: str) -> None:
        """Turn what this kernel has imported into a %%dockerfile cell with pinned versions.

        The cell comes below this one; in a terminal it is printed. Nothing is built. What no package index has (a package
        from a folder or a repository, a build for one CUDA, a module of your own) stands in it as a comment that says how to
        bring it. Examples::

            %freeze digits
            %freeze digits --base swr.cn-north-4.myhuaweicloud.com/modelarts-job-dev-image/custom-cpu-base:1.3
            %freeze --all --python 3.9
        """
        from .. import freezing

        options = parse(self.freeze, line)
        result = freezing.frozen(
            self.shell, name=options.name, base=options.base, python=options.python, everything=options.all
        )
        shown.show(result)
        freezing.deliver(self.shell, result, attended=shows_widgets(self.shell))
