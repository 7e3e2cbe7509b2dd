"""A report as SARIF 2.1.0 (OASIS, sarif-v2.1.0-os): one run, its rules, a result for each finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from .. import __version__
from ..messages import t
from .image import RULES
from .model import Finding, Severity

if TYPE_CHECKING:
    from .report import CheckReport

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


def sarif(report: CheckReport) -> dict[str, Any]:
    """The log as JSON values."""
    codes = [rule.code for rule in RULES]
    driver = {
        "name": "modelarts_nb",
        "version": __version__,
        "rules": [
            {
                "id": rule.code,
                "shortDescription": {"text": t(rule.title)},
                "fullDescription": {"text": f"{t(rule.title)} ({rule.source})"},
                "defaultConfiguration": {"level": _LEVELS[rule.severity]},
                "help": {"text": f"docs/rules/{rule.code}.md"},
            }
            for rule in RULES
        ],
    }
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": [_result(report, finding, codes) for finding in report.findings],
                "properties": {
                    "image": report.image,
                    "imageId": report.image_id,
                    "base": report.base,
                    "contract": report.contract,
                },
            }
        ],
    }


def _result(report: CheckReport, finding: Finding, codes: list[str]) -> dict[str, Any]:
    text = " ".join(filter(None, (finding.message, finding.evidence, finding.fix and f"→ {finding.fix}")))
    found: dict[str, Any] = {
        "ruleId": finding.code,
        "level": _LEVELS[finding.severity],
        "message": {"text": text},
        "locations": [_location(report, finding)],
        "properties": {"path": finding.path, "layer": finding.layer, "instruction": finding.instruction, "fix": finding.fix},
    }
    if finding.code in codes:
        found["ruleIndex"] = codes.index(finding.code)
    if finding.ignored:
        found["suppressions"] = [{"kind": "inSource", "justification": finding.ignored}]
    return found


def _location(report: CheckReport, finding: Finding) -> dict[str, Any]:
    """The Dockerfile's line where there is one, else the place in the image; what was found is named in both."""
    line = report.line(finding)
    uri = quote(report.origin) if line else quote(finding.path.lstrip("/")) or quote(report.image)
    physical: dict[str, Any] = {"artifactLocation": {"uri": uri}}
    if line:
        physical["region"] = {"startLine": line, "endLine": max(line, finding.end_line + report.first_line - 1)}
    name = finding.path or report.image
    return {
        "physicalLocation": physical,
        "logicalLocations": [{"fullyQualifiedName": f"{report.image}:{name}", "kind": "resource"}],
    }
