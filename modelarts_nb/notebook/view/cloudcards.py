"""What the cards of the cloud say: the words of each kind of work, the rows of each kind of result."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from ...cloud.account import Account
from ...messages import mark, t
from ...text import duration
from ...training.cloudjob import Job
from ...workflows.submits import Preflight
from .card import Fact, Work, facts

SUBMIT = Work("submit", mark("Submitting"), mark("Job completed"), mark("Job failed"), stop=mark("Look away"), lines_after=4)
FOLLOW = Work("follow", mark("Following job"), mark("Job completed"), mark("Job failed"), stop=mark("Look away"), lines_after=4)
PREFLIGHT = Work("preflight", mark("Checking"), mark("Checked"), mark("Check failed"))
TRANSFER = Work("transfer", mark("Transferring"), mark("Transferred"), mark("Transfer failed"))
DOWNLOAD = Work("download", mark("Downloading"), mark("Downloaded"), mark("Download failed"))
REQUEST_LINES = 200


def head(value: object) -> tuple[str, str]:
    """(title, what it is about) of a result's card."""
    if isinstance(value, Account):
        return t("Logged in"), value.region
    if isinstance(value, Preflight):
        return t("Preflight passed") if value.passed else t("Preflight failed"), value.region
    if isinstance(value, Job):
        return t("Training job"), value.name
    return "", ""


@facts.register
def _(result: Account) -> Sequence[Fact]:
    held = result.client.identity.current()
    kind = t("temporary key {key}", key=held.masked) if held.token is not None else t("key {key}", key=held.masked)
    expires = t("does not expire")
    if held.expires:
        left = duration(max(0.0, held.expires - time.time()))
        renewed = t("renewed by itself") if result.client.identity.renewable else t("then %login once more")
        expires = t("in {time}; {renewed}", time=left, renewed=renewed)
    elif held.token is not None:
        expires = t("not told; then %login once more")
    return [
        Fact(t("Region"), f"{result.region} ({result.client.region.en})"),
        Fact(t("Project"), f"{result.project.name} · {result.project.id}"),
        Fact(t("Key"), kind), Fact(t("Found in"), held.source), Fact(t("Expires"), expires),
        Fact(t("Registry"), result.client.region.registry, code=True),
        Fact(t("Next"), "%push --org ORGANIZATION", code=True),
    ]


@facts.register
def _(result: Job) -> Sequence[Fact]:
    rows = [Fact(t("Job"), f"{result.name} · {result.id}", code=True), Fact(t("Phase"), result.phase)]
    if result.ends:
        said = [f"{end.task}: " + (t("exit code {code}", code=end.exit_code) if end.exit_code is not None else end.message)
                for end in result.ends]
        rows.append(Fact(t("Tasks"), " · ".join(said)))
    nodes = t("1 node") if result.nodes == 1 else t("{count} nodes", count=result.nodes)
    where = " · ".join(filter(None, (result.region, result.flavor, nodes)))
    rows.append(Fact(t("Where"), where))
    if result.duration:
        rows.append(Fact(t("Time"), duration(result.duration)))
    rows += [Fact(t("Output"), f"{name} → {url}", code=True) for name, url in result.outputs.items()]
    if result.outputs and result.succeeded:
        rows.append(Fact(t("Next"), f"%job {result.id} --download out", code=True))
    elif not result.ended:
        rows.append(Fact(t("Next"), f"%logs {result.id} --follow", code=True))
    return rows


@facts.register
def _(result: Preflight) -> Sequence[Fact]:
    rows = [
        Fact(line.name, f"{t(line.outcome.value)} · {line.text}" + (f". {line.hint}" if line.hint else ""))
        for line in result.lines
    ]
    rows.append(Fact(t("Request"), f"POST {result.path}", code=True))
    lines = json.dumps(_shown(result.request), indent=1, ensure_ascii=False).split("\n")
    return [*rows, *(Fact("", line, code=True) for line in lines[:REQUEST_LINES])]


def _shown(request: object) -> object:
    """The request with the values of variables hidden: people put tokens there."""
    if not isinstance(request, dict):
        return request
    algorithm = dict(request.get("algorithm") or {})
    algorithm["environments"] = dict.fromkeys(algorithm.get("environments") or {}, "***")
    return {**request, "algorithm": algorithm}
