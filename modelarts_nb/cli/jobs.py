"""``train``, ``submit``, ``login``, and what looks after jobs and images in the cloud."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from argparse import Namespace

from ..messages import t
from ..notebook.magics import JobMagics, LoginMagics, SubmitMagics, TrainMagics
from . import verbs


def add(groups: verbs.Groups) -> None:
    """The commands of runs and jobs."""
    verbs.add(groups, TrainMagics, "train", about=t(
        "Run the command behind “--” in an image exactly as ModelArts would, and print where its log is."))
    verbs.add(groups, SubmitMagics, "submit", about=t(
        "Run the command behind “--” as a training job in the cloud, and follow it. An interrupt leaves the job running."))
    verbs.add(groups, LoginMagics, "login", _login, about=t(
        "Try the keys for a region, and show who one is there. They come from variables, a file, or a prompt without echo."))
    verbs.add(groups, JobMagics, "jobs")
    verbs.add(groups, JobMagics, "job", about=t("Show a job; bring its outputs."))
    verbs.add(groups, JobMagics, "logs", _logs)
    for name in ("stop", "flavors", "engines", "images", "obs", "swr"):
        verbs.add(groups, JobMagics, name)


def _login(options: Namespace) -> int:
    code = verbs.told(LoginMagics, "login", options)
    print(
        t("No key is kept. Other commands log in by themselves: HUAWEICLOUD_SDK_AK and _SK, or ~/.huaweicloud/credentials, and "
          "--region R or MODELARTS_NB_REGION."),
        file=sys.stderr,
    )
    return code


def _logs(options: Namespace) -> int:
    if options.follow:
        return verbs.told(JobMagics, "logs", options)
    printed = io.StringIO()  # the magic prints them
    with contextlib.redirect_stdout(printed):
        verbs.bound(JobMagics, "logs")(options)
    text = printed.getvalue()
    if options.json:
        text = json.dumps({"log": text}, ensure_ascii=False) + "\n"
    sys.stdout.write(text if not text or text.endswith("\n") else f"{text}\n")
    return 0
