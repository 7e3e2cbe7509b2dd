"""``%check``."""

from __future__ import annotations

from typing import Any

from IPython.core.magic import Magics, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments

from ... import api
from ...rules.report import FORMATS
from ...settings import CONTRACTS
from .. import shown
from .parsing import parse


@magics_class
class CheckMagics(Magics):
    """Check an image before it is pushed."""

    @line_magic
    @magic_arguments()
    @argument("image", nargs="?", default="", help="Image to check (default: the last one built).")
    @argument("--base", default="", metavar="REFERENCE", help="Compare with this base (default: the one it is made from).")
    @argument("--contract", default="", choices=("", *CONTRACTS), help="Generation of the platform's rules.")
    @argument("--format", default="text", choices=FORMATS, help="text shows a table; json and sarif print the report.")
    @argument("--no-fail", action="store_true", help="Report errors without failing the cell.")
    @argument("--no-run", action="store_true", help="Start no container: packages are not imported.")
    @argument("--log", default="", metavar="FILE", help="Where the whole log goes.")
    @argument("--background", action="store_true", help="Return a handle at once, and go on while other cells run.")
    @argument("-q", "--quiet", action="store_true", help="Show nothing unless it fails.")
    def check(self, line: str) -> Any:
        """Check an image against ModelArts' rules: its files against its base, layer by layer, its settings, its packages.

        Examples::

            %check
            %check digits:v1 --contract v2
            %check digits:v1 --base swr.cn-north-4.myhuaweicloud.com/modelarts-job-dev-image/custom-cpu-base:1.3
            %check digits:v1 --format sarif --no-fail
        """
        options = parse(self.check, line)
        silent = options.quiet or options.format != "text"
        report = api.check(
            options.image, base=options.base, contract=options.contract, run=not options.no_run,
            fail=not options.no_fail and options.format == "text", log=options.log, progress="quiet" if silent else "",
            background=options.background,
        )
        if options.format != "text" and not options.background:
            shown.printed(report.formatted(options.format))
            if not options.no_fail and not report.passed:
                raise api.checks_failed(report)
        return shown.already(self.shell, report)
