"""What can go wrong, as one tree.

    ModelArtsError(message, hint)
    ├── SettingsError            a setting, option or argument that cannot be used
    ├── InvalidReference         an image reference or name that the registry would refuse
    ├── DockerfileSyntaxError    what the Engine would refuse to parse, with line and caret
    ├── ChecksFailed             findings of error severity; carries them
    ├── EngineError
    │   ├── EngineUnavailable    no Engine answers, or it went away
    │   ├── EngineAPIError       the Engine answered with an error; carries its status
    │   ├── BuildFailed          an instruction failed; carries where
    │   └── RunFailed            a training command failed; carries the run
    ├── RegistryError            a registry answered with an error; carries status and code
    ├── CloudError               Huawei Cloud answered with an error; carries its code and request id
    └── SandboxError             the private Engine or the sandbox could not be brought up or down

Foreign errors (docker, requests, OSError) are mapped once, where they enter, with the cause kept (``raise … from``).
Retries look at ``temporary``, never at text. No error carries a secret.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .messages import mark, t

CELL = mark("cell")  # the origin of a text that was written in the notebook; others are paths


def place(origin: str) -> str:
    """Where a text stands, as a user reads it: “cell”, or the path."""
    return t(CELL) if origin == CELL else origin


def at(origin: str, line: int, message: str) -> str:
    """The message behind its place: “cell, line 3: …”; ``origin`` is ``CELL`` or a path."""
    return t("{origin}, line {line}: {message}", origin=place(origin), line=line, message=message)


class ModelArtsError(Exception):
    """An expected failure: what happened (``message``) and what to do next (``hint``, may be empty).

    In IPython it shows as these two, without a traceback, and still fails its cell.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    log_path = ""  # the file with everything that was printed, where there is one

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> list[str]:
        """What is shown: what happened and where, then what to do, then where to read more."""
        lines = [self.message]
        if self.hint:
            lines += ["", self.hint]
        if self.log_path:
            lines += ["", t("Full log: {path}", path=self.log_path)]
        return lines

    def _render_traceback_(self) -> list[str]:
        """The lines that IPython shows in place of a traceback."""
        first, *rest = self._lines()
        return [f"{type(self).__name__}: {first}", *rest]


class SettingsError(ModelArtsError):
    """A setting, option or argument cannot be used."""


class InvalidReference(ModelArtsError):
    """An image reference does not follow the grammar or the registry's naming rules."""


class DockerfileSyntaxError(ModelArtsError):
    """The Engine would refuse this Dockerfile.

    ``line`` counts from 1 in the Dockerfile's own text, ``column`` from 1 in that line (0: the whole line);
    ``text`` is the line itself. ``origin`` names where the text came from ("cell", or a path), and
    ``first_line`` is the number, there, of the Dockerfile's line 1 (2 in a ``%%dockerfile`` cell).
    """

    def __init__(
        self, message: str, *, line: int, column: int = 0, text: str = "", hint: str = "",
        origin: str = "Dockerfile", first_line: int = 1,
    ) -> None:
        super().__init__(message, hint)
        self.line = line
        self.column = column
        self.text = text
        self.origin = origin
        self.first_line = first_line

    def _lines(self) -> list[str]:
        shown = self.line + self.first_line - 1
        lines = [at(self.origin, shown, self.message)]
        if self.text:
            lines.append(f"  {self.text}")
            if self.column:
                lines.append("  " + " " * (self.column - 1) + "^")
        if self.hint:
            lines += ["", self.hint]
        return lines


class ChecksFailed(ModelArtsError):
    """One or more findings of error severity; ``findings`` holds them all, ``report`` the CheckReport of an image.

    ``told``: those of error severity as lines of text. ``first_line``: the number that the Dockerfile's line 1 has where the
    user sees it.
    """

    def __init__(
        self, message: str, hint: str = "", findings: Sequence[Any] = (), report: object = None, *, told: Sequence[str] = (),
        first_line: int = 1,
    ) -> None:
        super().__init__(message, hint)
        self.findings = tuple(findings)
        self.report = report
        self.told = tuple(told)
        self.first_line = first_line

    def _lines(self) -> list[str]:
        first, *rest = super()._lines()
        return [first, *self.told, *rest]


class EngineError(ModelArtsError):
    """Something between us and the Docker Engine failed."""


class EngineUnavailable(EngineError):
    """No Engine answers, or it went away in the middle."""


class EngineAPIError(EngineError):
    """The Engine answered with an error; ``status`` is its HTTP status (0 where it came inside a stream)."""

    def __init__(self, message: str, hint: str = "", *, status: int = 0) -> None:
        super().__init__(message, hint)
        self.status = status
        self.temporary = status in (429, 502, 503, 504)


class BuildFailed(EngineError):
    """A build failed. ``instruction`` is the text of the failing one, ``line`` its line where it was written
    (0: unknown), ``exit_code`` of its command (None: not a command), ``log_tail`` its last meaningful lines,
    ``log_path`` the file with all of them."""

    def __init__(
        self, message: str, hint: str = "", *, instruction: str = "", origin: str = "", line: int = 0,
        exit_code: int | None = None, log_tail: Sequence[str] = (), log_path: str = "",
    ) -> None:
        super().__init__(message, hint)
        self.instruction = instruction
        self.origin = origin
        self.line = line
        self.exit_code = exit_code
        self.log_tail = tuple(log_tail)
        self.log_path = log_path

    def _lines(self) -> list[str]:
        first, *rest = super()._lines()
        if self.line:
            first = at(self.origin, self.line, first)
        return [first, *(f"  {line[:400]}" for line in self.log_tail), *rest]


class RunFailed(EngineError):
    """A training run failed; ``run`` is the ``TrainingRun`` as far as it went, with log and exit codes."""

    def __init__(self, message: str, hint: str = "", *, run: object = None) -> None:
        super().__init__(message, hint)
        self.run = run


class RegistryError(ModelArtsError):
    """A registry refused or failed. ``status`` is HTTP's, ``code`` the registry's own (``DENIED``, …)."""

    def __init__(self, message: str, hint: str = "", *, status: int = 0, code: str = "") -> None:
        super().__init__(message, hint)
        self.status = status
        self.code = code
        self.temporary = status in (408, 429, 500, 502, 503, 504)


class CloudError(ModelArtsError):
    """Huawei Cloud refused or failed, in its own words, with the request id that its support asks for."""

    def __init__(
        self, message: str, hint: str = "", *, status: int = 0, error_code: str = "", error_msg: str = "",
        request_id: str = "",
    ) -> None:
        super().__init__(message, hint)
        self.status = status
        self.error_code = error_code
        self.error_msg = error_msg
        self.request_id = request_id
        self.temporary = status in (408, 429, 500, 502, 503, 504)


class SandboxError(ModelArtsError):
    """The private Engine or the sandbox could not be brought up, found or taken down."""
