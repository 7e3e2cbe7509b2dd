"""``%%dockerfile`` and ``%build``."""

from __future__ import annotations

from pathlib import Path

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments

from ... import api
from ...building import options as build_options
from ...building.request import DockerfileSource
from ...image import Export, Image, PushedImage
from ...messages import t
from ...session import DEFAULT_NAME
from .. import shown
from ..shown import Started
from .parsing import pairs, parse


@magics_class
class BuildMagics(Magics):
    """Keep a Dockerfile, build it."""

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
        options = parse(self.dockerfile, line)
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
    @argument("--no-check", action="store_true", help="Build also what the platform's rules find errors in.")
    @argument("--no-provenance", action="store_true",
              help="No labels that say which notebook, git commit and Dockerfile made the image.")
    @argument("--log", default="", metavar="FILE", help="Where the whole log goes.")
    @argument("--background", action="store_true", help="Return a handle at once, and go on while other cells run.")
    @argument("-q", "--quiet", action="store_true", help="Show nothing unless it fails.")
    def build(self, line: str) -> Image | Export | PushedImage | api.Background:
        """Build an image with BuildKit, show every step while it runs, and return the Image.

        With ``--output`` the files of the built stage come out, as an Export; with ``--builder`` the image is pushed.

        Examples::

            %build -t digits:v1
            %build digits -t digits:v2 --build-arg PYTHON=3.11 --no-cache
            handle = %build digits --background
            %build digits --secret id=token,env=HUB_TOKEN --target wheels --output wheels
        """
        options = parse(self.build, line)
        if options.name and options.file:
            raise UsageError(t("NAME and -f FILE are two Dockerfiles; give one of them."))
        image = api.build(
            Path(options.file) if options.file else options.name, tag=options.tag, context=options.context,
            build_args=pairs("--build-arg", options.build_arg), target=options.target, platform=options.platform,
            network=options.network, no_cache=options.no_cache, pull=options.pull, log=options.log,
            secrets=dict(map(build_options.secret_option, options.secret)),
            ssh=dict(map(build_options.ssh_option, options.ssh)), cache_from=options.cache_from,
            labels=pairs("--label", options.label), builder=options.builder,
            add_hosts=dict(map(build_options.host_option, options.add_host)),
            output=build_options.output_option(options.output) if options.output else None,
            check=not options.no_check, provenance=False if options.no_provenance else None,
            progress="quiet" if options.quiet else "", background=options.background,
        )
        return shown.already(self.shell, image)

    @line_magic
    @magic_arguments()
    @argument("--cancel", action="store_true", help="Stop all that go on.")
    def builds(self, line: str) -> None:
        """List what was started with --background in this kernel, and where it stands.

        A handle has ``wait()``, ``cancel()``, ``log``, ``state`` and ``result``. All of them end with their kernel.
        """
        options = parse(self.builds, line)
        for work in api.started if options.cancel else ():
            work.cancel()
        shown.show(Started(tuple(api.started)))
