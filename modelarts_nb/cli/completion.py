"""``completion``: what makes a shell complete commands and options.

The scripts are shtab's (MPL-2.0): static text from the parser, so that pressing Tab starts no Python. argcomplete would
start one at every press, which takes half a second here.
"""

from __future__ import annotations

from argparse import Namespace, RawDescriptionHelpFormatter

from ..messages import t
from . import verbs

SHELLS = ("bash", "zsh", "fish")


def add(groups: verbs.Groups) -> None:
    """The command."""
    text = t("Print a script that makes a shell complete this program's commands.")
    parser = groups.add_parser("completion", help=text, description="\n".join((
        text, "", "    eval \"$(modelarts-nb completion bash)\"", "    modelarts-nb completion zsh > ~/.zfunc/_modelarts-nb",
        "    modelarts-nb completion fish > ~/.config/fish/completions/modelarts-nb.fish",
    )), allow_abbrev=False, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("shell", choices=SHELLS)
    parser.set_defaults(command=_completion)


def _completion(options: Namespace) -> int:
    import shtab

    from .parser import build

    print(shtab.complete(build(), options.shell))
    return 0
