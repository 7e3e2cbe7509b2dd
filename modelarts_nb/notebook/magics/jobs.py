"""Jobs, logs, flavors, engines, images, SWR and OBS: what is in the cloud."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments

from ... import api
from ...messages import t
from .. import shown
from .parsing import parse

_REGION = argument("--region", default="", metavar="R", help="Region (default: that of %%login).")


@magics_class
class JobMagics(Magics):
    """Look after jobs and images in the cloud."""

    @line_magic
    @magic_arguments()
    @argument("--limit", type=int, default=20, metavar="N", help="How many, the newest first.")
    @_REGION
    def jobs(self, line: str) -> Any:
        """List the training jobs, the newest first."""
        options = parse(self.jobs, line)
        return api.jobs(options.limit, region=options.region)

    @line_magic
    @magic_arguments()
    @argument("job", nargs="?", default="", help="Id or name (default: the last one).")
    @argument("--download", default="", metavar="DIR", help="Bring its outputs into this folder.")
    @argument("--compare", action="store_true", help="Compare it with the last %%train: the parity report.")
    @_REGION
    def job(self, line: str) -> Any:
        """Show a job; bring its outputs; compare it with the last run on this machine."""
        options = parse(self.job, line)
        if options.compare:
            return api.compare(options.job, region=options.region)
        if options.download:
            return api.download(options.job, Path(options.download), region=options.region)
        return api.job(options.job, region=options.region)

    @line_magic
    @magic_arguments()
    @argument("job", nargs="?", default="", help="Id or name (default: the last one).")
    @argument("--task", default="", metavar="T", help="Only this task, for example worker-0.")
    @argument("--follow", action="store_true", help="Go on to its end. An interrupt leaves the job running.")
    @_REGION
    def logs(self, line: str) -> Any:
        """Print a job's log; with --follow go on until the job has ended."""
        options = parse(self.logs, line)
        found = api.logs(options.job, task=options.task, follow=options.follow, region=options.region)
        if isinstance(found, str):
            shown.show_text(found)
            return None
        return shown.already(self.shell, found)

    @line_magic
    @magic_arguments()
    @argument("job", help="Id or name.")
    @_REGION
    def stop(self, line: str) -> Any:
        """Stop a job."""
        options = parse(self.stop, line)
        return api.stop(options.job, region=options.region)

    @line_magic
    @magic_arguments()
    @argument("kind", nargs="?", default="", choices=("", "CPU", "GPU", "Ascend"), help="Only of this kind.")
    @_REGION
    def flavors(self, line: str) -> Any:
        """List what jobs can run on."""
        options = parse(self.flavors, line)
        return api.flavors(options.kind, region=options.region)

    @line_magic
    @magic_arguments()
    @_REGION
    def engines(self, line: str) -> Any:
        """List the preset frameworks."""
        return api.engines(region=parse(self.engines, line).region)

    @line_magic
    @magic_arguments()
    @argument("verb", nargs="?", default="list", choices=("list", "register", "unregister"), help="What to do.")
    @argument("image", nargs="?", default="", help="register: HOST/ORG/NAME:TAG (default: the last pushed). unregister: an id.")
    @argument("--arch", default="X86_64", choices=("X86_64", "AARCH64"), help="register: the image's processor.")
    @argument("--kind", action="append", default=[], choices=("CPU", "GPU", "ASCEND"), help="register: what it runs on.")
    @_REGION
    def images(self, line: str) -> Any:
        """List, register or unregister images in ModelArts."""
        options = parse(self.images, line)
        if options.verb == "register":
            return api.register_image(options.image, arch=options.arch, kinds=options.kind or ("CPU",), region=options.region)
        if options.verb == "unregister":
            if not options.image:
                raise UsageError(t("Which one? %images unregister ID; %images lists them."))
            return api.unregister_image(options.image, region=options.region)
        return api.images(region=options.region)

    @line_magic
    @magic_arguments()
    @argument("verb", choices=("mb", "ls", "rm", "put", "get"),
              help="Make a bucket, list, delete what is below a place, send a folder, bring one.")
    @argument("words", nargs="*", help="obs://BUCKET/PREFIX; put DIR obs://…; get obs://… DIR.")
    @argument("--yes", action="store_true", help="rm: a whole bucket.")
    @_REGION
    def obs(self, line: str) -> Any:
        """Look after object storage.

        Examples::

            %obs mb obs://my-bucket
            %obs put data obs://my-bucket/mnist
            %obs rm obs://my-bucket/mnist
        """
        options = parse(self.obs, line)
        return api.obs(options.verb, options.words, region=options.region, yes=options.yes)

    @line_magic
    @magic_arguments()
    @argument("verb", help="orgs, repos, tags, delete, retag, share, permissions, triggers, retention, sync, quotas.")
    @argument("words", nargs="*", help="What it is about: ORG, ORG/NAME or ORG/NAME:TAG, and more.")
    @argument("--create", default="", metavar="NAME", help="orgs: make one.")
    @argument("--delete", default="", metavar="NAME", help="orgs: delete an empty one.")
    @argument("--yes", action="store_true", help="delete: a whole repository.")
    @argument("--force", action="store_true", help="retag, sync: replace what is there.")
    @argument("--until", default="", metavar="UTC", help="share: until then (default: for ever).")
    @argument("--grant", default="", metavar="LEVEL", help="permissions: manage, edit or read.")
    @argument("--cce", default="", metavar="K=V,…", help="triggers: update a workload in CCE at every push.")
    @argument("--days", type=int, default=0, metavar="N", help="retention: delete tags older than this.")
    @argument("--keep", type=int, default=0, metavar="N", help="retention: keep only the newest N tags.")
    @argument("--remove", default="", metavar="WHAT", help="share, permissions, triggers, retention: take it away.")
    @_REGION
    def swr(self, line: str) -> Any:
        """Look after the region's registry.

        Examples::

            %swr orgs
            %swr tags my-team/digits
            %swr retag my-team/digits:v1 stable
            %swr retention my-team/digits --keep 10
        """
        options = parse(self.swr, line)
        return api.swr_table(options.verb, options.words, vars(options), region=options.region)
