"""``%modelarts``, and the settings that ``%config ModelArtsMagics`` holds."""

from __future__ import annotations

from typing import Any

from IPython.core.magic import Magics, line_magic, magics_class
from IPython.core.magic_arguments import magic_arguments
from traitlets import Enum, Unicode

from ...session import session
from ...settings import CONTRACTS, PROGRESS
from .. import shown, status
from .parsing import parse


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

    @line_magic
    @magic_arguments()
    def modelarts(self, line: str) -> None:
        """Show where things stand: Engine, Dockerfile, last image, last run, and the next line to type."""
        parse(self.modelarts, line)
        shown.show(status.status())
