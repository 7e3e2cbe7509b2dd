"""What a failed run means: which documented first-run failure it is, and what to change.

Each cause is one small unit: a pattern over what the run left behind, and words. Numbers are rows of the platform's own
troubleshooting pages as collected in docs/first-run-failures.md; 0 is a failure that no row lists.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
    last = next((line for line in reversed(evidence.lines) if line.strip()), "nothing")
    return Diagnosis(
        0, f"It ran longer than {evidence.spec.timeout:g} s and was stopped. Its last line was: {last}",
        "Give it more time (--timeout), or see what it waits for; a job in the cloud would go on, and cost.",
    )


def _out_of_memory(evidence: Evidence) -> Diagnosis | None:
    if not evidence.oom_killed and not (evidence.exit_code == 137 and evidence.spec.memory):
        return None
    limit = f" of {size(evidence.spec.memory)}" if evidence.spec.memory else ""
    peak = f" (peak seen: {size(evidence.peak_memory)})" if evidence.peak_memory else ""  # too short to be sampled
    return Diagnosis(
        0, f"It was killed for memory: it reached the limit{limit}{peak}.",
        "Use a smaller batch or a larger flavor; --memory sets the limit of a local run.",
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
        where = f"The code folder has no {name}." if evidence.spec.code else "No code was delivered: --code DIR is missing."
        return Diagnosis(1, f"The file {missing} does not exist in the container.", where)
    return Diagnosis(
        1, f"The file {missing} does not exist in the container: the code folder's own name is kept below {base.name}.",
        f"It is at {code / matches[0]} : write that in the command.",
    )


def _code_download(evidence: Evidence) -> Diagnosis | None:
    if "Get object key failed" not in evidence.text and "DLS_APP_URL is empty" not in evidence.text:
        return None
    return Diagnosis(
        0, "run_train.sh found no code to download.",
        "Name the folder with the training code: %train --code DIR …; it must not be empty.",
    )


def _arguments(evidence: Evidence) -> Diagnosis | None:
    found = re.search(r"(\S+): error: unrecognized arguments: (.+)", evidence.text)
    places = [name for name in (*evidence.spec.inputs, *evidence.spec.outputs) if found and f"--{name}=" in found.group(2)]
    if not found or not places:
        return None
    return Diagnosis(
        2, f"{found.group(1)} does not know --{places[0]}, which the platform appends to the command.",
        f"Add parser.add_argument('--{places[0]}'), or read only what you know: arguments, _ = parser.parse_known_args(); "
        "or take it from a variable: --access-method env.",
    )


def _wrong_program(evidence: Evidence) -> Diagnosis | None:
    names = [*evidence.spec.inputs, *evidence.spec.outputs]
    found = re.search(r"(\S+?): (?:unrecognized option|invalid option|illegal option|unknown option).*", evidence.text)
    if not names or not found or evidence.spec.access_method != "parameter":
        return None
    if not any(f"--{name}" in evidence.text for name in names) and "--" not in found.group(0):
        return None
    return Diagnosis(
        15, f"--{names[0]}=… went to the last command, {found.group(1).rpartition('/')[2]}, not to the training.",
        "Let the training script be the last command, or take the paths from variables: --access-method env.",
    )


def _no_execute_bit(evidence: Evidence) -> Diagnosis | None:
    found = re.search(r"(\S+\.(?:sh|py|bin|run)|\./\S+): Permission denied", evidence.text)
    if not found:
        return None
    name = found.group(1)
    program = "python" if name.endswith(".py") else "bash"
    return Diagnosis(
        3, f"{name} has no execute bit: object storage does not keep it.", f"Start it by its interpreter: {program} {name}"
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
        4, f"{path} cannot be written or read by uid {uid}, as which the platform runs the command.",
        f"In the Dockerfile: RUN mkdir -p DIR && chown -R {uid} DIR, or write below an output, the home folder or /cache.",
    )


def _no_network(evidence: Evidence) -> Diagnosis | None:
    found = re.search(
        r"Network is unreachable|No route to host|Temporary failure in name resolution|Name or service not known"
        r"|Could not resolve host|nodename nor servname|Failed to resolve", evidence.text,
    )
    if not found or evidence.spec.network != "isolated":
        return None
    return Diagnosis(
        6, f"It reached for the network ({found.group(0)}), and training nodes have no way to the internet.",
        "Put weights and data into the image or an input (--data NAME=PATH). To see it work here: --network host.",
    )


def _cuda_library(evidence: Evidence) -> Diagnosis | None:
    found = re.search(r"(lib(?:cu|nv)\w+\.so[.\d]*): cannot open shared object file", evidence.text)
    if not found:
        return None
    return Diagnosis(
        7, f"{found.group(1)} is not in the image: a package was built for another CUDA than the image's.",
        "Choose a base image with that CUDA version, or the package's build for the image's CUDA.",
    )


def _other_contract(evidence: Evidence) -> Diagnosis | None:
    prefixes = r"(?:DLS|BATCH)_" if evidence.spec.contract == "v2" else r"(?:MA|VC)_"
    found = re.search(rf"KeyError: '({prefixes}\w+)'|({prefixes}\w+): (?:unbound variable|parameter not set)", evidence.text)
    if not found:
        return None
    name = found.group(1) or found.group(2)
    return Diagnosis(
        8, f"{name} is not set: it belongs to the other generation of the contract.",
        f"Under {evidence.spec.contract} use {COUNTERPARTS.get(name, 'its counterpart')}, "
        f"or run under the other one: --contract {'v1' if evidence.spec.contract == 'v2' else 'v2'}.",
    )


def _conda(evidence: Evidence) -> Diagnosis | None:
    text = evidence.text
    asked = re.search(r"\bconda activate (\S+)|\bsource activate (\S+)", evidence.spec.command)
    if not (asked or "CondaError: Run 'conda init'" in text or "Your shell has not been properly configured" in text):
        return None
    return Diagnosis(
        14, "`conda activate` does nothing here: the command does not run in a login shell.",
        "Call the environment's python by its path (/home/ma-user/anaconda3/envs/NAME/bin/python), or put it first in PATH "
        "with ENV in the Dockerfile.",
    )


def _missing_module(evidence: Evidence) -> Diagnosis | None:
    found = re.search(r"(?:ModuleNotFoundError|ImportError): No module named '?([\w.]+)'?", evidence.text)
    if not found:
        return None
    module = found.group(1).split(".")[0]
    local = [file for file in evidence.files if file.rpartition("/")[2] == f"{module}.py" or file.startswith(f"{module}/")]
    if local:
        message = f"Python does not find {module}, which is in the code folder."
        return Diagnosis(0, message, "Add its folder to PYTHONPATH: --env PYTHONPATH=…")
    return Diagnosis(
        0, f"The image has no Python module {module}.", f"Add it in the Dockerfile: RUN pip install --no-cache-dir {module}"
    )


def _not_found(evidence: Evidence) -> Diagnosis | None:
    found = re.search(r"(?:line \d+: )?(\S+?): (?:command not found|not found|no such file in this image)", evidence.text)
    if evidence.exit_code != 127 or not found:
        return None
    return Diagnosis(0, f"{found.group(1)} is not in the image.", "Install it in the Dockerfile, or correct the command.")


def _by_words(evidence: Evidence) -> Diagnosis | None:
    for pattern, message, fix in _WORDS:
        if re.search(pattern, evidence.text, re.IGNORECASE):
            return Diagnosis(0, message, fix)
    return None


_WORDS = (
    (r"CUDA out of memory|cudaErrorMemoryAllocation", "The GPU's memory is full.", "Use a smaller batch, or more GPUs."),
    (r"No space left on device", "The disk is full.", "Free space on the Engine's machine: see `docker system df`."),
    (r"exec format error|cannot execute binary", "The program is for another processor.", "Build with --platform."),
)


def _by_exit_code(evidence: Evidence) -> Diagnosis | None:
    meaning = {
        137: ("It was killed (signal 9).", "Most often for memory of the machine; see --memory."),
        139: ("It crashed (segmentation fault).", "Often a compiled package that does not fit the image's libraries."),
        143: ("It was asked to end (signal 15).", ""),
    }.get(evidence.exit_code)
    return Diagnosis(0, *meaning) if meaning else None


# The most telling first; a cause that only looks at words stands behind those that also look at the spec
_CAUSES: tuple[Callable[[Evidence], Diagnosis | None], ...] = (
    _timed_out, _out_of_memory, _code_download, _boot_file, _arguments, _wrong_program, _no_execute_bit, _other_contract,
    _no_network, _cuda_library, _conda, _not_permitted, _missing_module, _not_found, _by_words, _by_exit_code,
)
