"""``%train``."""

from __future__ import annotations

from IPython.core.magic import Magics, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments

from ... import api
from ...messages import t
from ...settings import CONTRACTS
from ...training import arguments as train_arguments
from ...training.run import TrainingRun
from .. import shown
from .parsing import parse_with_command


@magics_class
class TrainMagics(Magics):
    """Run a training command as the platform would."""

    @line_magic
    @magic_arguments()
    @argument("image", nargs="?", default="", help="Image to run (default: the last one built).")
    @argument("--code", default=None, metavar="DIR|obs://", help="Folder with the training code.")
    @argument("--data", action="append", default=[], metavar="NAME=PATH|obs://", help="An input. Repeatable.")
    @argument("--output", action="append", default=[], metavar="NAME=PATH|obs://",
              help="An output and where it goes. Repeatable.")
    @argument("--env", action="append", default=[], metavar="K=V", help="An environment variable. Repeatable.")
    @argument("--contract", default="", choices=("", *CONTRACTS), help="Generation of the container contract.")
    @argument("--access-method", default="parameter", choices=("parameter", "env"),
              help="Tell the command where inputs and outputs are by --NAME=PATH, or by variables.")
    @argument("--local-code-dir", default="", metavar="PLACE",
              help="Folder in the container below which the code folder is put (v2).")
    @argument("--working-dir", default="", metavar="PLACE", help="Folder in the container where the command starts (v2).")
    @argument("--nodes", type=int, default=1, metavar="N", help="Containers that train together.")
    @argument("--gpus", type=int, default=0, metavar="G", help="GPUs for each node.")
    @argument("--npus", type=int, default=0, metavar="G", help="Ascend NPUs for each node.")
    @argument("--memory", default="", metavar="M", help="Memory of each node, for example 8g.")
    @argument("--timeout", default="", metavar="T", help="Stop after this time: 90s, 10m, 2h.")
    @argument("--network", default="isolated", choices=("isolated", "bridge", "host"),
              help="isolated: the nodes see each other and nothing else, as on the platform.")
    @argument("--log", default="", metavar="FILE", help="Where the whole log goes.")
    @argument("--background", action="store_true", help="Return a handle at once, and go on while other cells run.")
    @argument("-q", "--quiet", action="store_true", help="Show nothing unless it fails.")
    def train(self, line: str) -> TrainingRun | api.Background:
        """Run a command in the image exactly as ModelArts would, and return the TrainingRun.

        The command stands behind “--”. Examples::

            %train --code train --output train_url=out -- bash /home/work/run_train.sh python train/train.py
            %train digits:v1 --contract v2 --nodes 2 --code train -- python /home/ma-user/modelarts/user-job-dir/train/train.py
        """
        missing = t("The command is missing. Write it behind “--”: %train --code DIR -- python DIR/train.py")
        options = parse_with_command(self.train, line, missing)
        spec = train_arguments.spec_options(vars(options), options.command)
        run: TrainingRun | api.Background = api.train(
            options.image, log=options.log, progress="quiet" if options.quiet else "", background=options.background, **spec
        )
        return shown.already(self.shell, run)
