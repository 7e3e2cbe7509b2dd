"""``%submit``: the same line as ``%train``, and where it runs."""

from __future__ import annotations

from typing import Any

from IPython.core.magic import Magics, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments

from ... import api
from ...messages import t
from ...training.obspath import place
from ...training.spec import pairs, time_span
from .. import shown
from .parsing import parse_with_command


@magics_class
class SubmitMagics(Magics):
    """Run a training command in the cloud."""

    @line_magic
    @magic_arguments()
    @argument("image", nargs="?", default="", help="Image to run (default: the last one built); pushed first if need be.")
    @argument("--flavor", default="", metavar="F", help="What it runs on; %%flavors lists them.")
    @argument("--nodes", type=int, default=1, metavar="N", help="Containers that train together.")
    @argument("--pool", default="", metavar="P", help="A dedicated resource pool.")
    @argument("--region", default="", metavar="R", help="Region (default: that of %%login).")
    @argument("--org", default="", metavar="O", help="SWR's organization for the image.")
    @argument("--code", default="", metavar="DIR|obs://", help="Folder with the training code.")
    @argument("--data", action="append", default=[], metavar="NAME=PATH|obs://", help="An input. Repeatable.")
    @argument("--output", action="append", default=[], metavar="NAME=PATH|obs://",
              help="An output; to a folder here it is brought when the job has completed. Repeatable.")
    @argument("--env", action="append", default=[], metavar="K=V", help="An environment variable. Repeatable.")
    @argument("--access-method", default="parameter", choices=("parameter", "env"),
              help="Tell the command where inputs and outputs are by --NAME=PATH, or by variables.")
    @argument("--local-code-dir", default="", metavar="PLACE",
              help="Folder in the container below which the code folder is put (v2).")
    @argument("--working-dir", default="", metavar="PLACE", help="Folder in the container where the command starts (v2).")
    @argument("--name", default="", metavar="NAME", help="The job's name (default: the image's, and the time).")
    @argument("--description", default="", metavar="TEXT", help="The job's description.")
    @argument("--auto-stop", default="", metavar="T", help="Stop it after this time: 30m, 2h (whole hours in the cloud).")
    @argument("--log", default="", metavar="obs://", help="Where the platform puts the log files.")
    @argument("--bucket", default="", metavar="obs://", help="Where folders of this machine go.")
    @argument("--no-check", action="store_true", help="Push without checking the image against the platform's rules.")
    @argument("--dry-run", action="store_true", help="Check everything, show the request, create nothing.")
    @argument("--detach", action="store_true", help="Create the job and do not follow it.")
    @argument("-q", "--quiet", action="store_true", help="Show nothing unless it fails.")
    def submit(self, line: str) -> Any:
        """Run a command in the image as a training job, follow it, and return the Job.

        The command stands behind “--”. Interrupting the cell leaves the job running. Examples::

            %submit --flavor modelarts.vm.cpu.8u --code digits -- python /home/ma-user/modelarts/user-job-dir/digits/train.py
            %submit --flavor modelarts.vm.cpu.8u --data data_url=obs://my-bucket/mnist --dry-run -- python train.py
        """
        missing = t("The command is missing. Write it behind “--”: %submit --flavor F --code DIR -- python DIR/train.py")
        options = parse_with_command(self.submit, line, missing)
        result = api.submit(
            options.image,
            options.command,
            code=place(options.code) if options.code else None,
            inputs={name: place(text) for name, text in pairs(options.data, "--data", "NAME=PATH").items()},
            outputs={name: place(text) for name, text in pairs(options.output, "--output", "NAME=PATH").items()},
            env=pairs(options.env, "--env", "K=V"),
            access_method=options.access_method,
            local_code_dir=options.local_code_dir,
            working_dir=options.working_dir,
            flavor=options.flavor,
            pool=options.pool,
            nodes=options.nodes,
            name=options.name,
            region=options.region,
            organization=options.org,
            bucket=options.bucket,
            log_to=options.log,
            auto_stop=time_span(options.auto_stop),
            description=options.description,
            dry_run=options.dry_run,
            follow=not options.detach, check=not options.no_check,
            progress="quiet" if options.quiet else "",
        )
        return shown.already(self.shell, result) if not options.quiet else result
