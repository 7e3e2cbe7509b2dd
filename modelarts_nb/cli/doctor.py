"""``doctor``: what works here, and what mends the rest."""

from __future__ import annotations

from argparse import Namespace

from ..messages import t
from . import verbs


def add(groups: verbs.Groups) -> None:
    """The command."""
    text = t("Look at Docker, JupyterLab and the way to the cloud, and say what mends what does not work.")
    parser = groups.add_parser("doctor", help=text, description=text, allow_abbrev=False)
    place = t("The way to this region, too (sandbox: the one here).")
    parser.add_argument("--region", default="", metavar="REGION", help=place)
    parser.add_argument("--json", action="store_true", help=t("Print the result as JSON."))
    parser.set_defaults(command=_doctor)


def _doctor(options: Namespace) -> int:
    """1 where something failed; what was not checked counts for nothing."""
    from ..doctor import examine

    report = examine(options.region)
    print(report.as_json() if options.json else report)
    return 0 if report.passed else 1
