"""``check``: an image against the platform's rules and its base."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from ..building.request import DockerfileSource
from ..errors import ChecksFailed
from ..events import Event
from ..imports import whole
from ..messages import t
from ..rules.report import CheckReport
from ..session import session
from ..text import Redactor
from .background import pending, until
from .current import catalog, connect, credentials, current_settings
from .following import Following, log_path

SHOWN = 8  # errors that the message names


def check(
    image: str = "", *, base: str = "", contract: str = "", run: bool = True, fail: bool = True, log: str | Path = "",
    progress: str = "", background: bool = False,
) -> Any:
    """Check an image against the platform's rules, file by file against its base, and return the CheckReport.

    ``image``: as in ``train``. ``base``: the image that its files are compared with ("": the official one that it is made
    from). ``contract``: v1 or v2 ("": of the settings). ``run``: also start it as the contract's user, without a network.
    ``fail``: findings of error severity raise ChecksFailed, which carries the report; else they are only reported.
    ``background``: a Background is returned at once. Raises EngineAPIError where the image or the base is not there.
    """
    whole("docker", "modelarts_nb.workflows")
    from .. import workflows
    from ..notebook.view.card import CHECK

    build = pending(image)
    name = image or (build.subject if build else session.image_name())
    engine = connect()
    following = Following(CHECK, name, log_path(log, "check"), progress, Redactor())

    def workflow() -> Generator[Event | None, None, CheckReport]:
        yield from until(build)
        request = workflows.CheckRequest(
            name, base, contract or current_settings().contract, source_of(engine, name), run
        )
        return (yield from workflows.check(engine, request, catalog(), credentials(engine)))

    def done(report: CheckReport) -> CheckReport:
        session.checked = report
        if fail and not report.passed:
            raise failed(report)
        return report

    return following.run(workflow(), done, background=background)


def failed(report: CheckReport, hint: str = "") -> ChecksFailed:
    """The error that a report with errors is."""
    lines = [f"  {each.code} {each.message} {each.path}".rstrip() for each in report.errors[:SHOWN]]
    more = len(report.errors) - len(lines)
    lines += [t("  … and {count} more", count=more)] if more else []
    return ChecksFailed(
        f"{report.image}: {report.title}",
        hint or t("Each has a fix in the table above; --no-fail only reports. %check? tells more."), report.findings, report,
        told=lines, first_line=report.first_line,
    )


def source_of(engine: Any, name: str) -> DockerfileSource | None:
    """The Dockerfile of a cell that the image was built from by this kernel; None: it was not."""
    from ..engine import images

    built = session.image
    if built is None or not built.dockerfile or images.inspect(engine, name).id != built.id:
        return None
    return session.dockerfiles.get(built.dockerfile)
