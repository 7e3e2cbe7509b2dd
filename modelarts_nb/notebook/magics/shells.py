"""``%shell`` and ``%%shell``."""

from __future__ import annotations

import sys

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments

from ... import api
from ...building.shell import Shell
from ...messages import t
from ...session import session
from ...settings import CONTRACTS
from .. import shown
from .modelarts import shows_widgets
from .parsing import parse


@magics_class
class ShellMagics(Magics):
    """Look around where a build failed, or in an image."""

    @no_var_expand
    @line_cell_magic("shell")
    @magic_arguments("shell")
    @argument("image", nargs="?", default="", help="Image (default: where the last build failed; else the last one built).")
    @argument("--code", default=None, metavar="DIR", help="Folder with the training code, brought as %%train brings it.")
    @argument("--contract", default="", choices=("", *CONTRACTS), help="Generation of the container contract.")
    @argument("--network", default="isolated", choices=("isolated", "bridge", "host"),
              help="isolated: none, as on the platform. After a failed build it has the build's network.")
    @argument("--stop", action="store_true", help="End it, and remove all that was made for it.")
    @argument("--log", default="", metavar="FILE", help="Where the whole log goes.")
    @argument("-q", "--quiet", action="store_true", help="Show nothing unless it fails.")
    def open_shell(self, line: str, cell: str | None = None) -> Shell | None:
        """Open a shell where the last build failed, or in an image; %%shell runs a script in it.

        After a failed build it stands right before the instruction that failed: same files, user, folder, ARG and ENV, but
        none of the build's secrets; that instruction's command comes as the next cell. In an image it is as %train would
        start it. One shell is open at a time, and stays: files, exported variables and the folder are there for the next
        script. In a terminal it is an interactive one. It ends with --stop, with another one, and with the kernel. Examples::

            %shell
            %shell digits:v1 --code digits
            %shell --stop

            %%shell
            id; pip list
        """
        options = parse(self.open_shell, line)
        if options.stop:
            if cell is not None:
                raise UsageError(t("%%shell runs a script; %shell --stop ends the shell."))
            print(t("The shell has ended.") if api.stop_shell() else t("No shell was open."))  # noqa: T201  # the answer
            return None
        before = session.shell
        quiet = options.quiet or cell is not None
        opened = api.shell(
            options.image, contract=options.contract, code=options.code, network=options.network, log=options.log,
            progress="quiet" if quiet else "",
        )
        if cell is not None:
            api.run_in_shell(cell, opened, log=options.log, quiet=options.quiet)
            return None
        if getattr(self.shell, "kernel", None) is None and sys.stdin.isatty() and sys.stdout.isatty() and api.enter(opened):
            return None
        if opened.script and opened is not before and self.shell is not None and shows_widgets(self.shell):
            self.shell.set_next_input(f"%%shell\n{opened.script}", replace=False)
        return opened if opened is before and not quiet else shown.already(self.shell, opened)
