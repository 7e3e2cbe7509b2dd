"""MA070 to MA079: the start command of a job."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

from ..catalog import Catalog, Limits, builtin
from ..messages import mark, t
from . import shell
from .folder import Code
from .generations import OTHER_NAMES, other_generation
from .making import Seen, paste, rule
from .output import activates, to_file
from .written import NOTE, WARNING

_START = "HW develop-modelarts-1416"


@dataclass(frozen=True)
class Job:
    """The subject of the rules on commands: what is started, and with what.

    ``code_name``: the last folder of the code directory ("": no code); ``code``: what is in it; ``places``: names of inputs and
    outputs; ``image_environment``: the image's own variables (None: not known).
    """

    command: str
    contract: str = "v1"
    code_name: str = ""
    code: Code | None = None
    places: tuple[str, ...] = ()
    access_method: str = "parameter"
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    image_environment: Mapping[str, str] | None = field(default=None, repr=False)
    catalog: Catalog = field(default_factory=builtin, repr=False)
    local_code_dir: str = ""

    @cached_property
    def commands(self) -> tuple[shell.Command, ...]:
        """The simple commands of the command line."""
        return tuple(shell.commands(self.command))

    @property
    def limits(self) -> Limits:
        """The contract's limits and user."""
        return self.catalog.limits(self.contract)

    @property
    def folder(self) -> PurePosixPath:
        """Where the platform puts the code folder: its name is kept below this one."""
        home = PurePosixPath(self.limits.home)
        if self.contract == "v1":
            return home / "user-job-dir"
        return PurePosixPath(self.local_code_dir) if self.local_code_dir else home / "modelarts/user-job-dir"

    @property
    def appends(self) -> bool:
        """Whether the platform appends ``--NAME=PATH`` to the last command."""
        return bool(self.places) and self.access_method == "parameter"

    @property
    def scripts(self) -> tuple[str, ...]:
        """The words of the command that name scripts."""
        return tuple(word.text for command in self.commands for word in command.words if re.search(r"\.(?:py|sh)\Z", word.text))


@rule("MA070", WARNING, mark("`conda activate` in the start command"), _START)
def command_activates_nothing(job: Job) -> Iterator[Seen]:
    if any(command.name in shell.SHELLS and command.has("l", "--login") for command in job.commands):
        return
    for command, name, _ in activates(job.commands):
        yield Seen(
            t("`{command}` does nothing in the start command: it does not run in a login shell.",
              command=" ".join(word.text for word in command.words[:2])),
            t("Call the environment's python by its path (…/envs/{name}/bin/python), or put it first in PATH with ENV in the "
              "Dockerfile.", name=name),
        )


_NO_TRAINING = frozenset(
    "echo ls cat tee sleep true false exit wait cp mv rm cd date tail head grep export printf kill sync test [ set source "
    ". pip "
    "pip3 mkdir chmod chown nvidia-smi npu-smi env fi done esac } :".split()
)


def last_command(command: str) -> list[str]:
    """The words of the last simple command: what is appended lands there."""
    found = [each for each in shell.commands(command) if not each.nested]
    return [word.text for word in found[-1].words] if found else []


@rule("MA071", WARNING, mark("arguments that reach the wrong program"),
    f"{_START}: the last command must be the training script")
def arguments_reach_the_script(job: Job) -> Iterator[Seen]:
    outer = [each for each in job.commands if not each.nested]
    if not job.appends or not outer:
        return
    last, name = outer[-1], job.places[0]
    fix = t("Let the training script be the last command, or use --access-method env.")
    tail = job.command.rstrip()
    if last.after in ("&", ";", "\n", ")") or tail.endswith(("&", ";")):
        yield Seen(
            t("--{name}=… will be appended behind “{sign}”, where no command takes it.", name=name, sign=tail[-1:]), fix
        )
    elif _ends_in_comment(tail):
        yield Seen(t("--{name}=… will be appended to the comment at the end.", name=name), fix)
    elif last.name in shell.SHELLS and last.value("-c", "-lc", "-ec", "-xc") is not None:
        yield Seen(
            t("--{name}=… will be appended behind the text that `{shell} -c` runs, and no script sees it.", name=name,
              shell=last.name), fix,
        )
    elif last.name in _NO_TRAINING or (last.name not in shell.SHELLS and last.before == "|"):
        yield Seen(t("--{name}=… will be appended to `{program}`, the last command.", name=name, program=last.name), fix)


def _ends_in_comment(text: str) -> bool:
    line = text.rpartition("\n")[2]
    words = shell.commands(line)
    return bool(re.search(r"(?:^|\s)#", line)) and all(word.end <= line.rfind("#") for each in words for word in each.words)


@rule("MA072", WARNING, mark("output of the command goes to a file"), "OTC docker-modelarts_0029")
def command_shows_output(job: Job) -> Iterator[Seen]:
    for command in job.commands:
        file = to_file(command)
        if file and not command.captured and command.name not in ("echo", "printf", "cat", "env", "date"):
            yield Seen(
                t("The command writes its output to a file, {file}: the platform shows only standard output.", file=file),
                t("Leave the redirection out, or use `2>&1 | tee {file}` inside a script.", file=file),
            )


@rule("MA073", WARNING, mark("command whose Python buffers its output"), "OTC docker-modelarts_0029")
def command_is_unbuffered(job: Job) -> Iterator[Seen]:
    if job.image_environment is None or "run_train.sh" in job.command:
        return
    given = {**job.image_environment, **job.environment}.get("PYTHONUNBUFFERED", "")
    exported = "PYTHONUNBUFFERED=" in job.command
    for command in job.commands:
        python = re.fullmatch(r"python[\d.]*", command.name)
        if python and not given and not exported and not command.has("u") and "-c" not in command.arguments:
            yield Seen(
                t("Python keeps its output back here: neither the image nor the job sets PYTHONUNBUFFERED."),
                t("Add ENV PYTHONUNBUFFERED=1 to the Dockerfile, or --env PYTHONUNBUFFERED=1, or start `python -u`."),
            )
            return


@rule("MA074", WARNING, mark("path that the code folder does not have"), "OTC failed_to_find_the_boot_file")
def paths_exist(job: Job) -> Iterator[Seen]:
    base = str(job.folder)
    for text in dict.fromkeys(job.scripts):
        known = text.replace("${MA_JOB_DIR}", base).replace("$MA_JOB_DIR", base)
        rest = known.removeprefix(f"{base}/")
        if rest == known or "$" in rest:
            continue
        first, _, inner = rest.partition("/")
        if not job.code_name:
            yield Seen(t("No code folder is given, so {path} will not be there.", path=text), paste("--code DIR"))
        elif first != job.code_name:
            yield Seen(
                t("{path} leaves out the code folder's own name: it is kept below {base}.", path=text, base=job.folder.name),
                f"{base}/{job.code_name}/{rest if not inner or not job.code or rest in job.code.names else inner}",
            )
        elif job.code is not None and inner not in job.code.names:
            close = next((name for name in job.code.names if name.rpartition("/")[2] == inner.rpartition("/")[2]), "")
            yield Seen(
                t("The code folder has no {file}.", file=inner), f"{base}/{job.code_name}/{close}" if close else "",
            )


@rule("MA075", WARNING, mark("variable of the other generation in the command"), "OTC permission_denied (migration table)")
def command_uses_its_generation(job: Job) -> Iterator[Seen]:
    texts = [job.command, *job.environment.values()]
    names = {found.group() for text in texts for found in OTHER_NAMES[job.contract].finditer(text)
             if text[: found.start()].endswith(("$", "${"))}
    for name in sorted(names - job.environment.keys()):
        yield other_generation(name, job.contract)


@rule("MA076", WARNING, mark("script started without its interpreter"), "OTC permission_denied")
def scripts_have_an_interpreter(job: Job) -> Iterator[Seen]:
    for command in job.commands:
        first = command.words[0].text if command.words else ""
        delivered = first.startswith(("./", "../")) or "user-job-dir" in first or "$MA_JOB_DIR" in first.replace("{", "")
        if re.search(r"\.(?:sh|py)\Z", first) and (delivered or not first.startswith("/")):
            program = "python" if first.endswith(".py") else "bash"
            yield Seen(
                t("{script} is started directly, but object storage keeps no execute bit: Permission denied.", script=first),
                f"{program} {first}",
            )


@rule("MA077", WARNING, mark("variable with one of the platform's names"), "HW develop-modelarts-0104")
def variables_are_ones_own(job: Job) -> Iterator[Seen]:
    for name in sorted(job.environment):
        if name.startswith("MA_"):
            yield Seen(t("{name}: names that start with MA_ are the platform's own.", name=name), t("Choose another name."))


@rule("MA078", WARNING, mark("start of the other generation"),
    "ModelArts-Lab custom_image (run_train.sh); OTC permission_denied")
def start_is_of_this_generation(job: Job) -> Iterator[Seen]:
    uses = "run_train.sh" in job.command
    if job.contract == "v2" and re.search(r"/home/work/(?:run_train|user-job-dir)", job.command):
        yield Seen(
            t("/home/work is the home of v1: under v2 there is no run_train.sh, and the code lies below {folder}.",
              folder=str(job.folder)),
            paste(f"python {job.folder}/{job.code_name or 'DIR'}/train.py"),
        )
    if job.contract == "v1" and "/home/ma-user" in job.command:
        yield Seen(
            t("/home/ma-user is the home of v2: under v1 run_train.sh brings the code to {folder}.", folder=str(job.folder)),
            paste(f"bash /home/work/run_train.sh python {job.folder}/{job.code_name or 'DIR'}/train.py"),
        )
    if job.contract == "v1" and job.code_name and not uses and str(job.folder) in job.command:
        yield Seen(
            t("Without run_train.sh nothing brings the code to {folder} under v1.", folder=str(job.folder)),
            paste(f"bash /home/work/run_train.sh {job.command}"),
        )


@rule("MA079", WARNING, mark("command that never ends or asks somebody"), _START)
def command_ends(job: Job) -> Iterator[Seen]:
    for command in job.commands:
        endless = command.name == "sleep" and command.operands[:1] in (("infinity",), ("inf",))
        follows = command.name == "tail" and command.has("f", "--follow") and command.after != "&"
        if endless or follows or command.name in ("jupyter", "jupyter-lab", "jupyter-notebook", "tensorboard"):
            yield Seen(
                t("`{command}` never ends: the job runs, and costs, until somebody stops it.", command=command.name),
                t("Let the command end with the training."),
            )
    if re.search(r"(?:^|[;&|\s])sudo\s", job.command):
        yield Seen(
            t("sudo is not in the base images, and an image that brings it does not pass the audit."),
            t("Prepare what needs root in the Dockerfile."), severity=NOTE,
        )


RULES = (
    command_activates_nothing, arguments_reach_the_script, command_shows_output, command_is_unbuffered, paths_exist,
    command_uses_its_generation, scripts_have_an_interpreter, variables_are_ones_own, start_is_of_this_generation, command_ends,
)
