"""What a check found, as one value: for Python, and as text, JSON and SARIF."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from ..errors import place
from ..messages import t
from ..text import duration, size
from .image.facts import LayerFacts
from .model import Finding, Severity

FORMATS = ("text", "json", "sarif")
SIGNS = {Severity.ERROR: "✕", Severity.WARNING: "!", Severity.NOTE: "·"}


@dataclass(frozen=True)
class Waste:
    """A file that a later layer hides. ``size`` in bytes; ``layer`` has it, ``by`` hides it, both from 1."""

    path: str
    size: int
    layer: int
    by: int


@dataclass(frozen=True)
class CheckReport:
    """What ``%check`` returns.

    ``findings``: the worst first. ``layers`` from the base up; ``layers_read`` of them could be read whole. ``base``: what the
    files were compared with ("": nothing). ``size`` and ``base_size`` in bytes. ``origin`` and ``first_line``: where the
    Dockerfile's lines are seen. ``tried``: what was imported in a container; ``not_tried``: why no container was started.
    """

    image: str
    image_id: str
    contract: str
    findings: tuple[Finding, ...] = ()
    layers: tuple[LayerFacts, ...] = field(default=(), repr=False)
    base: str = ""
    base_layers: int = 0
    size: int = 0
    base_size: int = 0
    limit: int = 0
    files: int = 0
    wasted: tuple[Waste, ...] = field(default=(), repr=False)
    caches: tuple[tuple[int, str, int], ...] = field(default=(), repr=False)
    rules: int = 0
    tried: tuple[str, ...] = ()
    not_tried: str = ""
    origin: str = ""
    first_line: int = 1
    seconds: float = field(default=0.0, compare=False)
    log_path: str = field(default="", compare=False, repr=False)

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """The findings of one severity that are not ignored."""
        return tuple(each for each in self.findings if each.severity is severity and not each.ignored)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What the platform would refuse."""
        return self.of(Severity.ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What may fail."""
        return self.of(Severity.WARNING)

    @property
    def passed(self) -> bool:
        """No error was found."""
        return not self.errors

    @property
    def layers_read(self) -> int:
        """How many layers could be read whole."""
        return sum(not layer.problem for layer in self.layers)

    def line(self, finding: Finding) -> int:
        """The line of a finding where the user sees it, in the cell or file (0: none)."""
        return finding.line + self.first_line - 1 if finding.line else 0

    @property
    def title(self) -> str:
        """“2 violations, 1 warning”, “No violations”."""
        errors, warnings = len(self.errors), len(self.warnings)
        parts = [
            (t("1 violation") if errors == 1 else t("{count} violations", count=errors)) if errors else "",
            (t("1 warning") if warnings == 1 else t("{count} warnings", count=warnings)) if warnings else "",
        ]
        return t(", ").join(filter(None, parts)) or t("No violations")

    @property
    def summary(self) -> str:
        """“9 of 9 layers read · 1.4 s”."""
        read = t("{read} of {total} layers read", read=self.layers_read, total=len(self.layers))
        return f"{read} · {duration(self.seconds)}"

    def __str__(self) -> str:
        return "\n".join(text_lines(self))

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values; lines count where the user sees them."""
        values = asdict(self)
        values["findings"] = [
            {**asdict(each), "severity": each.severity.value, "line": self.line(each),
             "end_line": each.end_line + self.first_line - 1 if each.line else 0}
            for each in self.findings
        ]
        values["passed"] = self.passed
        return values

    def to_json(self) -> str:
        """The same as a text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)

    def to_sarif(self) -> str:
        """SARIF 2.1.0, for code scanning in CI."""
        from .sarif import sarif

        return json.dumps(sarif(self), indent=2, ensure_ascii=False)

    def formatted(self, kind: str) -> str:
        """As one of ``FORMATS``."""
        return {"json": self.to_json, "sarif": self.to_sarif}.get(kind, self.__str__)()


def text_lines(report: CheckReport) -> Iterator[str]:
    """The report for terminals and logs."""
    against = t(" against {base}", base=report.base) if report.base else ""
    yield f"{report.title}: {report.image}{against} · {report.summary}"
    for finding in report.findings:
        if not finding.ignored:
            yield from _finding_lines(report, finding)
    if report.not_tried:
        yield "  " + t("Not started: {reason}", reason=report.not_tried)
    yield from ("  " + row for row in layer_rows(report))


def _finding_lines(report: CheckReport, finding: Finding) -> Iterator[str]:
    seen = " ".join(filter(None, (finding.path, finding.evidence)))
    yield f"  {SIGNS[finding.severity]} {finding.code} {finding.message}"
    if seen:
        yield f"      {seen}"
    line = report.line(finding)
    if line:
        yield "      " + t("{origin}, line {line}: {instruction}", origin=place(report.origin), line=line,
                           instruction=finding.instruction[:100])
    elif finding.layer:
        yield "      " + t("layer {number}: {instruction}", number=finding.layer, instruction=finding.instruction[:100])
    if finding.fix:
        yield "      → " + finding.fix


def layer_rows(report: CheckReport) -> list[str]:
    """One line a layer: number, size, what of it is hidden, what made it."""
    rows = []
    for layer in report.layers:
        hidden = t(", {size} hidden", size=size(layer.wasted)) if layer.wasted else ""
        made = layer.instruction or t("imported file system")
        base = t(" (base)") if layer.base else ""
        rows.append(f"{layer.number:>3} {size(layer.size):>8}{hidden}  {made[:100]}{base}")
    return rows
