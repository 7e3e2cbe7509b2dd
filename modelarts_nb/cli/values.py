"""Results and failures as a terminal, or a script, reads them."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping
from typing import Any

from ..errors import ModelArtsError
from ..image import Export, Image, PushedImage
from ..messages import t
from ..rules.model import Finding, Severity
from ..rules.report import CheckReport
from ..table import Table
from ..training.run import TrainingRun


def tell(value: Any, *, as_json: bool) -> None:
    """Print a value: what the next command of a script needs of it, or all of it as one line of JSON."""
    print(json.dumps(plain(value), ensure_ascii=False) if as_json else told(value))


def told(value: Any) -> str:
    """A value as text: an image by the name that it is used by, the rest as it shows itself."""
    if isinstance(value, Image):
        return value.reference or value.id
    if isinstance(value, PushedImage):
        return value.pinned
    if isinstance(value, TrainingRun):
        return value.log_path
    if isinstance(value, str | Export | CheckReport | Table):
        return str(value)
    from ..notebook import shown
    from .verbs import in_terminal

    return in_terminal(shown.bundle(value)["text/plain"])


def plain(value: Any) -> Any:
    """A value as JSON values. A secret is ``***``, a path its text."""
    if isinstance(value, CheckReport):
        return value.to_dict()
    if isinstance(value, Table):
        items = value.items or tuple(dict(zip(value.columns, row, strict=True)) for row in value.rows)
        return {"title": value.title, "items": plain(items)}
    if type(value).__name__ == "Account":  # it holds connections, and keys
        return {"region": value.region, "project": value.project.name, "project_id": value.project.id,
                "registry": value.client.region.registry, "key": value.client.identity.current().masked}
    if isinstance(value, Severity):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        held = {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)
                if not field.name.startswith("_")}
        return held | {name: getattr(value, name) for name in ("pinned", "exit_code", "passed") if hasattr(value, name)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def tell_failure(error: ModelArtsError, *, as_json: bool) -> None:
    """Say on standard error what happened and what to do; with ``as_json`` print it as a value too."""
    from .verbs import in_terminal

    print(in_terminal("\n".join(filter(None, f"modelarts-nb: {error}".split("\n")))), file=sys.stderr)
    if as_json:
        print(json.dumps({"error": failure(error)}, ensure_ascii=False))


def failure(error: ModelArtsError) -> dict[str, Any]:
    """An error as JSON values: its kind, what it says, and what it carries."""
    from .verbs import in_terminal

    found: dict[str, Any] = {
        "type": type(error).__name__, "message": in_terminal(error.message), "hint": in_terminal(error.hint),
        "log_path": error.log_path,
    }
    for name in ("origin", "line", "instruction", "exit_code", "status", "error_code", "request_id", "run"):
        if getattr(error, name, None):
            found[name] = plain(getattr(error, name))
    findings = [each for each in getattr(error, "findings", ()) if isinstance(each, Finding)]
    return found | ({"findings": plain(findings)} if findings else {})


def tell_usage(error: Exception) -> None:
    """Say on standard error what is wrong with the words of a command."""
    from .verbs import in_terminal

    print(f"modelarts-nb: {in_terminal(str(error))}", file=sys.stderr)


def tell_interrupt(error: BaseException) -> None:
    """Say that it was interrupted, and what goes on all the same."""
    from .verbs import in_terminal

    lines: list[str] = getattr(error, "_render_traceback_", list)()
    said = [line for line in lines if line != "KeyboardInterrupt"] or [t("modelarts-nb: interrupted")]
    print(in_terminal("\n".join(said)), file=sys.stderr)
