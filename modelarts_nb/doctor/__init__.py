"""``doctor``: what of this machine, its Engine, JupyterLab and the way to a region is as it should be, and what mends the rest.

Each module has two halves: judgements, values in and lines out, and below them what looks at the real thing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future

from ..catalog import Region
from ..errors import ModelArtsError
from ..messages import t
from ..settings import Settings
from . import engines, jupyter, machine, network
from .model import Line, Report, State, failed, passed, report, unchecked

__all__ = ["Line", "Report", "State", "examine"]

SECONDS = 30.0  # for all of it; each answer has a shorter limit of its own
Check = tuple[str, Callable[[], list[Line]]]  # the line that stands for it where it does not answer, and how it is made


def examine(region: str = "", *, in_kernel: bool = False) -> Report:
    """The report. ``region``: where to look at the way to the cloud ("": the setting; none: that part is not checked).

    ``in_kernel``: whether a Jupyter server started this process. Nothing is changed; no key leaves this machine but in a signed
    call to that region.
    """
    environment = network.environment()
    settings, place, lines = _where(region)
    ahead: list[float] = []
    checks = _here(settings, environment, in_kernel=in_kernel) + _ways(place, settings, ahead.append, environment)
    lines += run(checks, SECONDS)
    return report([*lines, network.clock(ahead)])


def run(checks: Sequence[Check], seconds: float) -> list[Line]:
    """The lines of all checks, which run at once. One that has not ended after ``seconds`` in all is told as not checked."""
    works = [(name, _started(look)) for name, look in checks]
    deadline = time.monotonic() + seconds
    lines: list[Line] = []
    for name, work in works:
        try:
            lines += work.result(max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            lines.append(unchecked(name, t("no answer within {seconds:.0f} s", seconds=seconds)))
        except ModelArtsError as error:
            lines.append(failed(name, error.message, error.hint))
        except Exception as error:  # one broken check must not hide what the others found
            said = t("the check itself failed: {error}", error=f"{type(error).__name__}: {error}")
            lines.append(failed(name, said, t("Please report it.")))
    return lines


def _started(look: Callable[[], list[Line]]) -> Future[list[Line]]:
    """The check at work in a thread that holds nobody up: looking up a name has no limit of its own."""
    work: Future[list[Line]] = Future()

    def go() -> None:
        try:
            work.set_result(look())
        except BaseException as error:
            work.set_exception(error)

    threading.Thread(target=go, name="modelarts_nb-doctor", daemon=True).start()
    return work


def _where(region: str) -> tuple[Settings, Region | None, list[Line]]:
    """The settings, the region to look at, and what there is to say about both."""
    from .. import api
    from ..api.logins import chosen_region

    try:
        settings = api.current_settings(region=region)
    except ModelArtsError as error:
        return Settings(), None, [failed("settings", error.message, error.hint), unchecked("region", t("no region"))]
    lines = [passed("settings", t("contract {contract}", contract=settings.contract))]
    if not settings.region:
        return settings, None, [*lines, unchecked("region", t("none chosen"), "modelarts-nb doctor --region REGION")]
    try:
        found = chosen_region(settings)
    except ModelArtsError as error:
        return settings, None, [*lines, failed("region", error.message, error.hint)]
    return settings, found, [*lines, passed("region", found.id)]


def _here(settings: Settings, environment: Mapping[str, str], *, in_kernel: bool) -> list[Check]:
    return [
        ("engine", lambda: engines.look_at_engine(settings.engine, environment)),
        ("python", machine.look_at_python),
        ("logs-disk", machine.look_at_logs),
        ("files", lambda: machine.look_at_files(environment)),
        ("jupyterlab", lambda: jupyter.look_at_jupyter(in_kernel=in_kernel)),
    ]


def _ways(
    place: Region | None, settings: Settings, told: Callable[[float], None], environment: Mapping[str, str]
) -> list[Check]:
    """The checks of the network: those of the region are not made where there is none."""
    from ..api.logins import known_identity

    ca = settings.ca_bundle
    checks: list[Check] = [
        ("ca", lambda: network.bundles(settings, environment)),
        ("proxy", lambda: network.look_at_proxy(environment)),
        ("dns", lambda: network.look_at_names(place, environment)),
        ("key", lambda: network.look_at_key(place, settings, ca, known_identity)),
        ("login", lambda: network.look_at_login(place)),
        ("practice", lambda: network.look_at_practice(told)),
    ]
    for name, url in (network.services(place) if place is not None else {}).items():
        checks.append((name, lambda name=name, url=url: network.look_at_service(name, url, ca, told)))  # type: ignore[misc]
    return checks
