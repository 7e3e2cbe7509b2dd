"""How much each case does: little in `make test`, all of it in `make stress`. The one place that decides."""

import os

FULL = os.environ.get("MODELARTS_NB_STRESS") == "full"


def of(short, full):
    return full if FULL else short
