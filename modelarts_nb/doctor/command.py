"""``modelarts-nb doctor``. Exit code 0: nothing failed; 1: something did."""

from __future__ import annotations

import argparse
from typing import Any


def add(groups: Any) -> None:
    """Add the command to argparse's ``groups``."""
    text = "what of Docker, JupyterLab and the way to the cloud works here, and what mends the rest"
    parser: argparse.ArgumentParser = groups.add_parser("doctor", help=text, description=text, allow_abbrev=False)
    parser.add_argument("--region", default="", metavar="REGION", help="look at the way to this region (sandbox: the one here)")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Print the report; the exit code."""
    from . import examine

    report = examine(options.region)
    print(report.as_json() if options.json else report.text())  # noqa: T201  # a terminal program prints
    return 0 if report.passed else 1
