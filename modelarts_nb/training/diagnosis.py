"""What a failed run means: which documented first-run failure it is, and what to change.

Each cause is one small unit: a pattern over what the run left behind, and words. Numbers are rows of the platform's own
troubleshooting pages as collected in docs/first-run-failures.md; 0 is a failure that no row lists.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..messages import mark, t
from ..rules.generations import COUNTERPARTS
from ..text import size
from .contract import boot_paths
from .spec import JobSpec

LINES, LINE_WIDTH = 60, 500  # how much of the output is looked at


@dataclass(frozen=True)
class Diagnosis:
    """A cause: its row (0: none), what happened, what to change."""

    row: int
    message: str
    fix: str


@dataclass(frozen=True)
class Evidence:
    """What a failed node left: its exit code, its last lines, what was delivered as code, and how it was ended."""

    spec: JobSpec
    exit_code: int
    lines: Sequence[str]
    files: Sequence[str] = ()
    oom_killed: bool = False
    timed_out: bool = False
    peak_memory: int = 0

    @property
    def text(self) -> str:
        """The last lines as one text; bounded, as the patterns' time grows with the square of a line's length."""
        return "\n".join(line[:LINE_WIDTH] for line in self.lines[-LINES:])


def diagnose(evidence: Evidence) -> Diagnosis | None:
    """The first cause that fits; None where none does."""
    return next((found for cause in _CAUSES if (found := cause(evidence)) is not None), None)


def _timed_out(evidence: Evidence) -> Diagnosis | None:
    if not evidence.timed_out:
        return None
    last = next((line for line in reversed(evidence.lines) if line.strip()), t("nothing"))
    return Diagnosis(
        0,
        t("It ran longer than {limit:g} s and was stopped. Its last line was: {line}", limit=evidence.spec.timeout, line=last),
        t("Give it more time (--timeout), or see what it waits for; a job in the cloud would go on, and cost."),
    )


def _out_of_memory(evidence: Evidence) -> Diagnosis | None:
    if not evidence.oom_killed and not (evidence.exit_code == 137 and evidence.spec.memory):
        return None
    limit = t(" of {size}", size=size(evidence.spec.memory)) if evidence.spec.memory else ""
    seen = evidence.peak_memory  # 0: too short to be sampled
    peak = t(" (peak seen: {size})", size=size(seen)) if seen else ""
    return Diagnosis(
        0, t("It was killed for memory: it reached the limit{limit}{peak}.", limit=limit, peak=peak),
        t("Use a smaller batch or a larger flavor; --memory sets the limit of a local run."),
    )


def _boot_file(evidence: Evidence) -> Diagnosis | None:
    found = re.search(
        r"can't open file '([^']+)'|(\S+?): No such file or directory|cannot access '([^']+)'", evidence.text
    )
    if not found or evidence.exit_code == 0:
        return None
    missing = next(group for group in found.groups() if group)
    base, code = boot_paths(evidence.spec)
    name = missing.rpartition("/")[2]
    if name not in evidence.spec.command:
        return None
    matches = [file for file in evidence.files if file.rpartition("/")[2] == name]
    if not matches:
        no_code = t("No code was delivered: --code DIR is missing.")
        where = t("The code folder has no {name}.", name=name) if evidence.spec.code else no_code
        return Diagnosis(1, t("The file {path} does not exist in the container.", path=missing), where)
    return Diagnosis(
        1,
        t(
            "The file {path} does not exist in the container: the code folder's own name is kept below {base}.",
            path=missing, base=base.name,
        ),
        t("It is at {path} : write that in the command.", path=code / matches[0]),
    )


def _code_download(evidence: Evidence) -> Diagnosis | None:
    if "Get object key failed" not in evidence.text and "DLS_APP_URL is empty" not in evidence.text:
        return None
    return Diagnosis(
        0, t("run_train.sh found no code to download."),
        t("Name the folder with the training code: %train --code DIR …; it must not be empty."),
    )


def _arguments(evidence: Evidence) -> Diagnosis | None:
    found = re.search(r"(\S+): error: unrecognized arguments: (.+)", evidence.text)
    places = [name for name in (*evidence.spec.inputs, *evidence.spec.outputs) if found and f"--{name}=" in found.group(2)]
    if not found or not places:
        return None
    return Diagnosis(
        2,
        t(
            "{program} does not know --{name}, which the platform appends to the command.",
            program=found.group(1), name=places[0],
        ),
        t(
            "Add parser.add_argument('--{name}'), or read only what you know: arguments, _ = parser.parse_known_args(); "
            "or take it from a variable: --access-method env.",
            name=places[0],
        ),
    )


def _wrong_program(evidence: Evidence) -> Diagnosis | None:
    names = [*evidence.spec.inputs, *evidence.spec.outputs]
    found = re.search(r"(\S+?): (?:unrecognized option|invalid option|illegal option|unknown option).*", evidence.text)
    if not names or not found or evidence.spec.access_method != "parameter":
        return None
    if not any(f"--{name}" in evidence.text for name in names) and "--" not in found.group(0):
        return None
    return Diagnosis(
        15,
        t(
            "--{name}=… went to the last command, {program}, not to the training.",
            name=names[0], program=found.group(1).rpartition("/")[2],
        ),
        t("Let the training script be the last command, or take the paths from variables: --access-method env."),
    )


def _no_execute_bit(evidence: Evidence) -> Diagnosis | None:
    found = re.search(r"(\S+\.(?:sh|py|bin|run)|\./\S+): Permission denied", evidence.text)
    if not found:
        return None
    name = found.group(1)
    program = "python" if name.endswith(".py") else "bash"
    return Diagnosis(
        3, t("{path} has no execute bit: object storage does not keep it.", path=name),
        t("Start it by its interpreter: {command}", command=f"{program} {name}"),
    )


def _not_permitted(evidence: Evidence) -> Diagnosis | None:
    found = re.search(
        r"PermissionError: \[Errno 13\] Permission denied: '([^']+)'"
        r"|cannot (?:create|touch|open)[^‘']*[‘']([^’']+)[’']: Permission denied|(/\S+?): Permission denied", evidence.text,
    )
    if not found:
        return None
    path = next(group for group in found.groups() if group)
    uid = 1101 if evidence.spec.contract == "v1" else 1000
    return Diagnosis(
        4, t("{path} cannot be written or read by uid {uid}, as which the platform runs the command.", path=path, uid=uid),
        t(
            "In the Dockerfile: RUN mkdir -p DIR && chown -R {uid} DIR, or write below an output, the home folder or /cache.",
            uid=uid,
        ),
    )


def _no_network(evidence: Evidence) -> Diagnosis | None:
    found = re.search(
        r"Network is unreachable|No route to host|Temporary failure in name resolution|Name or service not known"
        r"|Could not resolve host|nodename nor servname|Failed to resolve", evidence.text,
    )
    if not found or evidence.spec.network != "isolated":
        return None
    return Diagnosis(
        6,
        t("It reached for the network ({words}), and training nodes have no way to the internet.", words=found.group(0)),
        t("Put weights and data into the image or an input (--data NAME=PATH). To see it work here: --network host."),
    )


def _cuda_library(evidence: Evidence) -> Diagnosis | None:
    found = re.search(r"(lib(?:cu|nv)\w+\.so[.\d]*): cannot open shared object file", evidence.text)
    if not found:
        return None
    return Diagnosis(
        7, t("{name} is not in the image: a package was built for another CUDA than the image's.", name=found.group(1)),
        t("Choose a base image with that CUDA version, or the package's build for the image's CUDA."),
    )


def _other_contract(evidence: Evidence) -> Diagnosis | None:
    prefixes = r"(?:DLS|BATCH)_" if evidence.spec.contract == "v2" else r"(?:MA|VC)_"
    found = re.search(rf"KeyError: '({prefixes}\w+)'|({prefixes}\w+): (?:unbound variable|parameter not set)", evidence.text)
    if not found:
        return None
    name = found.group(1) or found.group(2)
    return Diagnosis(
        8, t("{name} is not set: it belongs to the other generation of the contract.", name=name),
        t(
            "Under {contract} use {counterpart}, or run under the other one: --contract {other}.",
            contract=evidence.spec.contract, counterpart=COUNTERPARTS.get(name) or t("its counterpart"),
            other="v1" if evidence.spec.contract == "v2" else "v2",
        ),
    )


def _conda(evidence: Evidence) -> Diagnosis | None:
    text = evidence.text
    asked = re.search(r"\bconda activate (\S+)|\bsource activate (\S+)", evidence.spec.command)
    if not (asked or "CondaError: Run 'conda init'" in text or "Your shell has not been properly configured" in text):
        return None
    return Diagnosis(
        14, t("`conda activate` does nothing here: the command does not run in a login shell."),
        t(
            "Call the environment's python by its path (/home/ma-user/anaconda3/envs/NAME/bin/python), or put it first in PATH "
            "with ENV in the Dockerfile."
        ),
    )


def _missing_module(evidence: Evidence) -> Diagnosis | None:
    found = re.search(r"(?:ModuleNotFoundError|ImportError): No module named '?([\w.]+)'?", evidence.text)
    if not found:
        return None
    module = found.group(1).split(".")[0]
    local = [file for file in evidence.files if file.rpartition("/")[2] == f"{module}.py" or file.startswith(f"{module}/")]
    if local:
        message = t("Python does not find {module}, which is in the code folder.", module=module)
        return Diagnosis(0, message, t("Add its folder to PYTHONPATH: --env PYTHONPATH=…"))
    return Diagnosis(
        0, t("The image has no Python module {module}.", module=module),
        t("Add it in the Dockerfile: RUN pip install --no-cache-dir {module}", module=module),
    )


def _not_found(evidence: Evidence) -> Diagnosis | None:
    found = re.search(r"(?:line \d+: )?(\S+?): (?:command not found|not found|no such file in this image)", evidence.text)
    if evidence.exit_code != 127 or not found:
        return None
    return Diagnosis(
        0, t("{name} is not in the image.", name=found.group(1)), t("Install it in the Dockerfile, or correct the command.")
    )


def _by_words(evidence: Evidence) -> Diagnosis | None:
    for pattern, message, fix in _WORDS:
        if re.search(pattern, evidence.text, re.IGNORECASE):
            return Diagnosis(0, t(message), t(fix))
    return None


_WORDS = (
    (
        r"CUDA out of memory|cudaErrorMemoryAllocation",
        mark("The GPU's memory is full."), mark("Use a smaller batch, or more GPUs."),
    ),
    (
        r"No space left on device",
        mark("The disk is full."), mark("Free space on the Engine's machine: see `docker system df`."),
    ),
    (
        r"exec format error|cannot execute binary",
        mark("The program is for another processor."), mark("Build with --platform."),
    ),
)


def _by_exit_code(evidence: Evidence) -> Diagnosis | None:
    meaning = {
        137: (t("It was killed (signal 9)."), t("Most often for memory of the machine; see --memory.")),
        139: (
            t("It crashed (segmentation fault)."), t("Often a compiled package that does not fit the image's libraries."),
        ),
        143: (t("It was asked to end (signal 15)."), ""),
    }.get(evidence.exit_code)
    return Diagnosis(0, *meaning) if meaning else None


# The most telling first; a cause that only looks at words stands behind those that also look at the spec
_CAUSES: tuple[Callable[[Evidence], Diagnosis | None], ...] = (
    _timed_out, _out_of_memory, _code_download, _boot_file, _arguments, _wrong_program, _no_execute_bit, _other_contract,
    _no_network, _cuda_library, _conda, _not_permitted, _missing_module, _not_found, _by_words, _by_exit_code,
)
