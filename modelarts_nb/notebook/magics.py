"""The magics: each parses its line, calls the same function that Python users call, and lets its view show it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments
from traitlets import Enum, Unicode

from .. import api
from ..building import options as build_options
from ..building.request import DockerfileSource
from ..image import Export, Image, PushedImage
from ..session import DEFAULT_NAME, session
from ..settings import CONTRACTS, PROGRESS
from ..training import arguments as train_arguments
from ..training.run import TrainingRun
from . import shown, status


@magics_class
class ModelArtsMagics(Magics):
    """Build, try and push custom training images for ModelArts."""

    contract = Enum(CONTRACTS, "v1", help="Generation of the platform's container contract.").tag(config=True)
    push_to = Unicode("", help="HOST/ORGANIZATION that %push puts before a name without one.").tag(config=True)
    progress = Enum(PROGRESS, "auto", help="How running things are shown.").tag(config=True)
    engine = Unicode("", help="URL of the Docker Engine; empty: found.").tag(config=True)

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        for name in ("contract", "push_to", "progress", "engine"):
            self._configure(name, getattr(self, name), self.trait_defaults(name))
            self.observe(lambda change: self._configure(change.name, change.new, ""), names=name)

    @staticmethod
    def _configure(name: str, value: str, default: object) -> None:
        if value != default:
            session.config[name] = value

    @no_var_expand
    @cell_magic
    @magic_arguments()
    @argument("name", nargs="?", default=DEFAULT_NAME, help="Name to keep it under; %%build NAME builds it.")
    @argument("-C", "--context", default=".", metavar="DIR", help="Folder whose files COPY can take (default: here).")
    def dockerfile(self, line: str, cell: str) -> None:
        """Keep this cell's Dockerfile under a name, and say at once what is wrong with it.

        Nothing is built. Running the cell again replaces it::

            %%dockerfile digits -C image
            FROM swr.cn-north-4.myhuaweicloud.com/modelarts-job-dev-image/custom-cpu-base:1.3
            RUN pip install --no-cache-dir scikit-learn==1.5.2
        """
        options = _parse(self.dockerfile, line)
        source = DockerfileSource(cell, name=options.name, first_line=2, context=Path(options.context))
        shown.show(api.keep(source))

    @line_magic
    @magic_arguments()
    @argument("name", nargs="?", default="", help="A kept Dockerfile (default: the last one).")
    @argument("-t", "--tag", action="append", default=[], metavar="TAG", help="Name of the image: NAME:TAG. Repeatable.")
    @argument("-f", "--file", default="", metavar="FILE", help="Build this Dockerfile instead of a kept one.")
    @argument("-C", "--context", default=None, metavar="DIR", help="Folder whose files COPY can take.")
    @argument("--build-arg", action="append", default=[], metavar="K=V", help="A value for an ARG. Repeatable.")
    @argument("--target", default="", metavar="STAGE", help="Stop at this stage.")
    @argument("--platform", default="", metavar="P", help="For example linux/arm64.")
    @argument("--network", default="", metavar="MODE", help="Network of RUN steps: default, none or host.")
    @argument("--secret", action="append", default=[], metavar="id=ID[,src=FILE|,env=NAME]", help="For --mount=type=secret.")
    @argument("--ssh", action="append", default=[], metavar="default|ID=SOCKET", help="An ssh agent, for --mount=type=ssh.")
    @argument("--cache-from", action="append", default=[], metavar="IMAGE", help="Also use that image's steps. Repeatable.")
    @argument("--label", action="append", default=[], metavar="K=V", help="A label of the image. Repeatable.")
    @argument("--add-host", action="append", default=[], metavar="HOST:IP", help="A name that RUN steps resolve. Repeatable.")
    @argument("-o", "--output", default="", metavar="DIR|type=tar,dest=FILE", help="Bring the files out; make no image.")
    @argument("--builder", default="", metavar="URL", help="A BuildKit at tcp://… or unix://…, which pushes what it builds.")
    @argument("--no-cache", action="store_true", help="Run every step again.")
    @argument("--pull", action="store_true", help="Ask the registry for newer base images.")
    @argument("--log", default="", metavar="FILE", help="Where the whole log goes.")
    @argument("-q", "--quiet", action="store_true", help="Show nothing unless it fails.")
    def build(self, line: str) -> Image | Export | PushedImage:
        """Build an image with BuildKit, show every step while it runs, and return the Image.

        With ``--output`` the files of the built stage come out, as an Export; with ``--builder`` the image is pushed.

        Examples::

            %build -t digits:v1
            %build digits -t digits:v2 --build-arg PYTHON=3.11 --no-cache
            %build digits --secret id=token,env=HUB_TOKEN --target wheels --output wheels
        """
        options = _parse(self.build, line)
        if options.name and options.file:
            raise UsageError("NAME and -f FILE are two Dockerfiles; give one of them.")
        image = api.build(
            Path(options.file) if options.file else options.name, tag=options.tag, context=options.context,
            build_args=_pairs("--build-arg", options.build_arg), target=options.target, platform=options.platform,
            network=options.network, no_cache=options.no_cache, pull=options.pull, log=options.log,
            secrets=dict(map(build_options.secret_option, options.secret)),
            ssh=dict(map(build_options.ssh_option, options.ssh)), cache_from=options.cache_from,
            labels=_pairs("--label", options.label), builder=options.builder,
            add_hosts=dict(map(build_options.host_option, options.add_host)),
            output=build_options.output_option(options.output) if options.output else None,
            progress="quiet" if options.quiet else "",
        )
        return shown.already(self.shell, image)

    @line_magic
    @magic_arguments()
    @argument("image", nargs="?", default="", help="Image to run (default: the last one built).")
    @argument("--code", default=None, metavar="DIR", help="Folder with the training code.")
    @argument("--data", action="append", default=[], metavar="NAME=PATH", help="An input. Repeatable.")
    @argument("--output", action="append", default=[], metavar="NAME=PATH", help="An output and its folder here. Repeatable.")
    @argument("--env", action="append", default=[], metavar="K=V", help="An environment variable. Repeatable.")
    @argument("--contract", default="", choices=("", *CONTRACTS), help="Generation of the container contract.")
    @argument("--access-method", default="parameter", choices=("parameter", "env"),
              help="Tell the command where inputs and outputs are by --NAME=PATH, or by variables.")
    @argument("--nodes", type=int, default=1, metavar="N", help="Containers that train together.")
    @argument("--gpus", type=int, default=0, metavar="G", help="GPUs for each node.")
    @argument("--npus", type=int, default=0, metavar="G", help="Ascend NPUs for each node.")
    @argument("--memory", default="", metavar="M", help="Memory of each node, for example 8g.")
    @argument("--timeout", default="", metavar="T", help="Stop after this time: 90s, 10m, 2h.")
    @argument("--network", default="isolated", choices=("isolated", "bridge", "host"),
              help="isolated: the nodes see each other and nothing else, as on the platform.")
    @argument("--log", default="", metavar="FILE", help="Where the whole log goes.")
    @argument("-q", "--quiet", action="store_true", help="Show nothing unless it fails.")
    def train(self, line: str) -> TrainingRun:
        """Run a command in the image exactly as ModelArts would, and return the TrainingRun.

        The command stands behind “--”. Examples::

            %train --code train --output train_url=out -- bash /home/work/run_train.sh python train/train.py
            %train digits:v1 --contract v2 --nodes 2 --code train -- python /home/ma-user/modelarts/user-job-dir/train/train.py
        """
        before, separator, command = line.partition(" -- ") if not line.startswith("-- ") else ("", "-- ", line[3:])
        options = _parse(self.train, before)
        if not separator or not command.strip():
            raise UsageError("The command is missing. Write it behind “--”: %train --code DIR -- python DIR/train.py")
        spec = train_arguments.spec_options(vars(options), command.strip())
        run = api.train(options.image, log=options.log, progress="quiet" if options.quiet else "", **spec)
        return shown.already(self.shell, run)

    @line_magic
    @magic_arguments()
    @argument("image", nargs="?", default="", help="Image to push (default: the last one built).")
    @argument("--to", default="", metavar="REFERENCE", help="HOST/ORGANIZATION/NAME:TAG (default: the image's own name).")
    @argument("--log", default="", metavar="FILE", help="Where the whole log goes.")
    @argument("-q", "--quiet", action="store_true", help="Show nothing unless it fails.")
    def push(self, line: str) -> PushedImage:
        """Push an image, and return reference and digest as the registry holds them afterwards.

        Examples::

            %push --to localhost:5005/my-team/digits:v1
        """
        options = _parse(self.push, line)
        pushed = api.push(options.image, to=options.to, log=options.log, progress="quiet" if options.quiet else "")
        return shown.already(self.shell, pushed)

    @line_magic
    @magic_arguments()
    def modelarts(self, line: str) -> None:
        """Show where things stand: Engine, Dockerfile, last image, last run, and the next line to type."""
        _parse(self.modelarts, line)
        shown.show(status.status())


def _parse(magic: Callable[..., Any], line: str) -> Any:
    """The options in a magic's line. Quotes work as in a shell; options are not abbreviated."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"{error}: {line}") from error
    parser = magic.parser  # type: ignore[attr-defined]  # put there by magic_arguments
    parser.allow_abbrev = False
    return parser.parse_args(words)


def _pairs(option: str, texts: list[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not key or not separator:
            raise UsageError(f"{option} wants K=V, not “{text}”.")
        pairs[key] = value
    return pairs


