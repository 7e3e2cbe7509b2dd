"""The whole command line as one parser. A module a family of commands; each has ``add``, which makes its own."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from .. import __version__
from ..messages import t
from . import catalog, completion, doctor, images, jobs, profile, runs, services

FAMILIES = (images, jobs, runs, catalog, services, doctor, profile, completion)  # in the order of the help
WITH_COMMAND = ("train", "submit")  # what stands behind “--” is run


def build() -> argparse.ArgumentParser:
    """The parser."""
    root = argparse.ArgumentParser(
        prog="modelarts-nb", allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter,
        description=t("Build, check, try, push and submit custom training images for ModelArts."),
        epilog="\n".join((
            t("Values go to standard output, everything else to standard error. Exit codes:"),
            "    0  " + t("done"),
            "    1  " + t("failed: findings of error severity, a build, a run, a job, a cell"),
            "    2  " + t("wrong usage"),
            "    3  " + t("status: it does not run"),
            "  130  " + t("interrupted (143: SIGTERM); what was started is stopped"),
        )),
    )
    root.add_argument("--version", action="version", version=__version__)
    groups = root.add_subparsers(metavar=t("COMMAND"), required=True)
    for family in FAMILIES:
        family.add(groups)
    return root


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The options of a command: ``command`` is what runs it. Raises SystemExit for wrong usage."""
    words = list(words)
    behind: list[str] = []
    if words[:1] and words[0] in WITH_COMMAND and "--" in words:
        place = words.index("--")
        words, behind = words[:place], words[place + 1 :]
    options = build().parse_args(words)
    options.json = getattr(options, "json", False)
    options.behind = behind
    return options
