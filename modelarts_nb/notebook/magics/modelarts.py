"""``%modelarts``, and the settings that ``%config ModelArtsMagics`` holds."""

from __future__ import annotations

from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments
from traitlets import Enum, Unicode

from ... import api
from ...messages import t
from ...session import session
from ...settings import CONTRACTS, LANGUAGES, PROGRESS, SWITCH
from .. import language, shown, status
from ..offer import Offer
from .parsing import parse

VERBS = ("form", "status", "catalog", "doctor")


@magics_class
class ModelArtsMagics(Magics):
    """Build, try and push custom training images for ModelArts."""

    contract = Enum(CONTRACTS, "v1", help="Generation of the platform's container contract.").tag(config=True)
    push_to = Unicode("", help="HOST/ORGANIZATION that %push puts before a name without one.").tag(config=True)
    progress = Enum(PROGRESS, "auto", help="How running things are shown.").tag(config=True)
    engine = Unicode("", help="URL of the Docker Engine; empty: found.").tag(config=True)
    catalog = Unicode("", help="File with regions and base images of your own.").tag(config=True)
    language = Enum(LANGUAGES, "", help="en or zh-CN; empty: as JupyterLab or the system.").tag(config=True)
    provenance = Enum(SWITCH, "on", help="Whether labels say which notebook and commit made an image.").tag(config=True)

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        for name in ("contract", "push_to", "progress", "engine", "catalog", "language", "provenance"):
            self._configure(name, getattr(self, name), self.trait_defaults(name))
            self.observe(lambda change: self._configure(change.name, change.new, None), names=name)

    def _configure(self, name: str, value: str, default: object) -> None:
        if value != default:
            session.config[name] = value
            if name == "language":
                language.apply(in_kernel=hasattr(self.shell, "kernel"))

    @line_magic
    @magic_arguments()
    @argument("verb", nargs="?", default="form", choices=VERBS, metavar="VERB",
              help="form (the default): choose an image, and let the form write the cells. status: where things stand. "
              "catalog: regions, base images and limits. doctor: what works here, and what mends the rest.")
    @argument("name", nargs="?", default="", metavar="NAME",
              help="form: open it from this kept Dockerfile. catalog: only this region. doctor: the way to this region, too.")
    def modelarts(self, line: str) -> object:
        """Choose a custom image in a form, or show where things stand.

        Examples::

            %modelarts
            %modelarts form digits
            %modelarts status
            %modelarts catalog cn-north-4
            %modelarts doctor
        """
        options = parse(self.modelarts, line)
        if options.verb == "doctor":
            from ...doctor import examine

            return examine(options.name, in_kernel=hasattr(self.shell, "kernel"))
        if options.verb == "catalog":
            shown.show(Offer(api.catalog(), options.name))
        elif options.verb == "status":
            if options.name:
                raise UsageError(t("%modelarts status takes no name."))
            shown.show(status.status())
        elif shows_widgets(self.shell):
            from ..form.widgets import open_form

            open_form(self.shell, options.name, status.by_line())
        else:
            shown.show(status.status(instead_of_form=True))
        return None


def shows_widgets(shell: Any) -> bool:
    """Whether a person sits before this cell in a front end with widgets: a kernel was asked to run it, by someone who can be
    asked back (nbclient and papermill cannot)."""
    kernel = getattr(shell, "kernel", None)
    return kernel is not None and bool(kernel.get_parent("shell").get("content", {}).get("allow_stdin"))
