"""What the rules say before anything runs: of a Dockerfile, of a start command and its code folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from ..building.request import DockerfileSource
from ..dockerfile import Dockerfile
from ..errors import ChecksFailed, place
from ..events import Event, VertexWarning
from ..image import Image
from ..messages import t
from ..rules import hadolint
from ..rules.command import Job
from ..rules.folder import READ_LIMIT, Code, CodeFile
from ..rules.lint import errors, lint, lint_job
from ..rules.model import Finding, Severity
from ..rules.words import counted, one_line
from ..rules.written import Target
from ..trace import Trace
from ..training.spec import JobSpec

Result = TypeVar("Result")
PATIENCE = 10  # seconds that hadolint may take
MAX_FILES = 50_000  # of a code folder that are looked at; so many are told anyway


def judge(dockerfile: Dockerfile, target: Target) -> tuple[Finding, ...]:
    """All findings on a Dockerfile: ours, and hadolint's where it is installed. Raises DockerfileSyntaxError."""
    found = [*lint(dockerfile, target), *_hadolint(dockerfile)]
    return tuple(sorted(found, key=lambda each: (each.line, each.code)))


def _hadolint(dockerfile: Dockerfile) -> tuple[Finding, ...]:
    program = shutil.which(hadolint.COMMAND[0])
    if program is None:
        return ()
    try:
        said = subprocess.run(
            [program, *hadolint.COMMAND[1:]], input=dockerfile.text, capture_output=True, text=True, timeout=PATIENCE,
                check=True,
        )
        return hadolint.findings(said.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        why = str(error).splitlines()[0][:200]
        return (Finding("hadolint", Severity.NOTE, t("hadolint is installed but could not be used: {why}", why=why)),)


def checked(
    findings: tuple[Finding, ...] | None, source: DockerfileSource, trace: Trace,
    make: Callable[[], Generator[Event | None, None, Result]],
) -> Generator[Event | None, None, Result]:
    """What ``make`` makes, unless a finding stops it: ChecksFailed then, and nothing has been sent. None: nothing was checked.

    An Image comes with the findings, the Engine's own warnings among them.
    """
    stopping = errors(findings or ())
    if stopping:
        raise ChecksFailed(
            t("{origin}: nothing was built, for the platform would refuse the image ({counted}).", origin=place(source.origin),
              counted=counted(stopping)),
            t("Mend it, or say above the line why it is meant: # modelarts: ignore={code} REASON. To build it all the same: "
              "%build --no-check.", code=stopping[0].code),
            findings or (), told=[one_line(each, source.first_line, fix=True) for each in stopping],
            first_line=source.first_line,
        )
    told = [each for each in findings or () if each.severity is Severity.WARNING and not each.ignored]
    if told:
        yield VertexWarning(
            "", t("The platform's rules, {counted}:", counted=counted(told)),
            tuple(one_line(each, source.first_line) for each in told),
            ranges=tuple((each.line, each.end_line) for each in told),
        )
    result = yield from make()
    if isinstance(result, Image):
        every = (*(findings or ()), *_engines(trace))
        checks = t("skipped (--no-check)") if findings is None else counted(every)
        return replace(result, findings=every, checks=checks)
    return result


def _engines(trace: Trace) -> Iterator[Finding]:
    """The Engine's own warnings, which newer ones send with lines and a page."""
    for warning in trace.warnings:
        if warning.vertex or warning.url:
            line, end_line = warning.ranges[0] if warning.ranges else (0, 0)
            code = warning.url.rstrip("/").rpartition("/")[2] or "Engine"
            yield Finding(code, Severity.WARNING, trace.redact(warning.short), "", line, end_line)


def told_of_job(spec: JobSpec, image_environment: Mapping[str, str] | None) -> Iterator[VertexWarning]:
    """The findings on a job's command and code folder, as warnings: the run itself proves the rest."""
    for each in findings_of_job(spec, image_environment):
        where = f" ({each.path}{f', {each.line}' if each.line else ''})" if each.path else ""
        yield VertexWarning("", f"{each.message}{where}", tuple(filter(None, (each.fix, f"{each.code}"))))


def findings_of_job(spec: JobSpec, image_environment: Mapping[str, str] | None = None) -> tuple[Finding, ...]:
    """The findings on a job's command and code folder."""
    places = (*spec.inputs, *spec.outputs)
    job = Job(
        command=spec.command, contract=spec.contract, code_name=spec.code.absolute().name if spec.code is not None else "",
        local_code_dir=spec.local_code_dir, places=places, access_method=spec.access_method, environment=spec.env,
        image_environment=image_environment,
    )
    if spec.code is not None and spec.code.is_dir():
        files = read_code(spec.code)
        job = replace(job, code=Code(files, spec.contract, places if job.appends else (), job.scripts))
    return lint_job(job)


def read_code(folder: Path) -> tuple[CodeFile, ...]:
    """The files of a code folder, with the text of its programs."""
    return tuple(file for file, _ in zip(_walk(folder), range(MAX_FILES), strict=False))


def _walk(folder: Path) -> Iterator[CodeFile]:
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(root, name)
            relative = path.relative_to(folder).as_posix()
            try:
                size = path.stat().st_size
                wanted = path.suffix in (".py", ".sh", ".bash") and size <= READ_LIMIT and ".git" not in relative.split("/")
                yield CodeFile(relative, size, path.read_bytes().decode(errors="replace") if wanted else None)
            except OSError:
                yield CodeFile(relative, 0)  # the delivery will say what is wrong with it


