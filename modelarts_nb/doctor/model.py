"""What the doctor says, as values: lines, and the report that is a table of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ..messages import mark, t
from ..table import Table, table
from ..text import ljust, width


class State(Enum):
    """How one check came out."""

    PASSED = "passed"
    FAILED = "failed"
    UNCHECKED = "not checked"


WORDS = {State.PASSED: mark("✓ passed"), State.FAILED: mark("✗ failed"), State.UNCHECKED: mark("– not checked")}

# What is looked at, in the order in which it is told
TITLES = {
    "python": mark("Python"), "packages": mark("Packages"), "extras": mark("Extras"),
    "jupyterlab": mark("JupyterLab"), "widgets": mark("Widgets in JupyterLab"), "anywidget": mark("Live view in JupyterLab"),
    "extension": mark("Extension of JupyterLab"),
    "engine": mark("Docker Engine"), "socket": mark("Engine's socket"), "version": mark("Engine's version"),
    "buildkit": mark("BuildKit"), "engine-proxy": mark("Engine's proxy"), "engine-disk": mark("Engine's disk"),
    "gpu": mark("GPU"), "npu": mark("Ascend NPU"), "leftovers": mark("Left behind"),
    "logs-disk": mark("Disk of the logs"), "settings": mark("Settings"),
    "proxy": mark("Proxy"), "ca": mark("CA bundle"), "region": mark("Region"), "dns": mark("DNS"), "clock": mark("Clock"),
    "iam": mark("Region: IAM"), "swr_api": mark("Region: SWR API"), "registry": mark("Region: SWR registry"),
    "obs": mark("Region: OBS"), "modelarts": mark("Region: ModelArts"), "practice": mark("Sandbox's registry"),
    "key": mark("Access key"), "login": mark("Registry login"), "files": mark("Files with credentials"),
}


@dataclass(frozen=True)
class Line:
    """One check: ``id`` is one of ``TITLES`` and the same in every language; ``said`` is what was found, ``mend`` the command
    or the sentence that helps."""

    id: str
    state: State
    said: str
    mend: str = ""

    def as_json(self) -> dict[str, str]:
        """The line for programs."""
        return {"id": self.id, "state": self.state.value, "said": self.said, "mend": self.mend}


@dataclass(frozen=True)
class Report(Table):
    """All lines, as a table that shows itself; ``passed``: nothing failed."""

    lines: tuple[Line, ...] = field(default=(), repr=False)

    @property
    def passed(self) -> bool:
        """Whether no check failed; what was not checked counts for neither."""
        return not any(line.state is State.FAILED for line in self.lines)

    def line(self, name: str) -> Line:
        """The first line of that id. Raises KeyError."""
        return {line.id: line for line in reversed(self.lines)}[name]

    def text(self) -> str:
        """The report for a terminal: what mends a thing stands below it, as the lines are long."""
        found = [self.title]
        names = max(width(t(title)) for title in TITLES.values())
        for (state, name, said, mend), line in zip(self.rows, self.lines, strict=True):
            found.append(f"{ljust(state, 15)} {ljust(name, names)} {said}".rstrip())
            if mend and line.state is not State.PASSED:
                found.append(f"{' ' * (17 + names)}→ {mend}")
        return "\n".join(found)

    def __str__(self) -> str:
        return self.text()

    def as_json(self) -> str:
        """The report for programs: one JSON object, on one line."""
        lines: list[dict[str, Any]] = [dict(line.as_json()) for line in self.lines]
        return json.dumps({"passed": self.passed, "lines": lines}, ensure_ascii=False)


def passed(name: str, said: str) -> Line:
    """A line for what is as it should be."""
    return Line(name, State.PASSED, said)


def failed(name: str, said: str, mend: str = "") -> Line:
    """A line for what keeps something from working."""
    return Line(name, State.FAILED, said, mend)


def unchecked(name: str, said: str, mend: str = "") -> Line:
    """A line for what could not be looked at, or need not be."""
    return Line(name, State.UNCHECKED, said, mend)


def report(lines: Iterable[Line]) -> Report:
    """The report: lines in the order of ``TITLES``; texts from outside made safe to show, passwords in addresses masked."""
    places = list(TITLES)
    known = tuple(Line(line.id, line.state, masked(line.said), masked(line.mend)) for line in lines)
    ordered = tuple(sorted(known, key=lambda line: places.index(line.id)))
    count = {state: sum(line.state is state for line in ordered) for state in State}
    title = t(
        "Doctor: {failed} failed, {passed} passed, {unchecked} not checked", failed=count[State.FAILED],
        passed=count[State.PASSED], unchecked=count[State.UNCHECKED],
    )
    rows = [(t(WORDS[line.state]), t(TITLES[line.id]), line.said, line.mend) for line in ordered]
    made = table(title, (t("State"), t("Check"), t("Found"), t("What mends it")), rows, [line.as_json() for line in ordered])
    return Report(made.title, made.columns, made.rows, made.items, made.note, ordered)


# A password holds any character; the host begins behind the last “@” before the path
_PASSWORD = re.compile(r"(?<=://)([^\s/@:]*):[^\s/]*@")


def masked(text: str) -> str:
    """The text with “***” for the passwords of the addresses in it."""
    return _PASSWORD.sub(r"\1:***@", text)
