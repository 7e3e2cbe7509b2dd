"""MA080 to MA089: the code folder. The subject is its list of files, with the text of those that are programs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from ..messages import mark, t
from ..text import size
from . import shell
from .folder import Code, calls, dotted, first_text
from .generations import OTHER_NAMES, other_generation
from .making import Seen, paste, rule
from .model import Severity
from .secrets import VALUE, is_secret_file
from .written import NOTE, WARNING

MANY_FILES = 1_000  # “thousands of files” (issue and first-run-failures, row 20): told from the first thousand on


@rule("MA080", Severity.WARNING, mark("arguments that the script refuses"), "OTC failed_to_parse_parameters")
def script_takes_the_arguments(code: Code) -> Iterator[Seen]:
    for file, tree in code.python:
        if tree is None or not code.places or not code.starts(file.path):
            continue
        made = list(calls(tree))
        strict = next((call for name, call in made if name.endswith(".parse_args") or name == "parse_args"), None)
        if strict is None or any(name.endswith("parse_known_args") for name, _ in made):
            continue
        known = {arg.value for name, call in made if name.endswith("add_argument") for arg in call.args
                 if isinstance(arg, ast.Constant)}
        missing = [place for place in code.places if f"--{place}" not in known]
        if missing:
            yield Seen(
                t("{file} does not know --{name}, which the platform appends to the command: unrecognized arguments.",
                  file=file.path, name=missing[0]),
                paste("args, _ = parser.parse_known_args()"), strict.lineno, path=file.path,
            )


@rule("MA081", Severity.WARNING, mark("variable of the other generation in the code"),
    "OTC permission_denied (migration table)")
def code_uses_its_generation(code: Code) -> Iterator[Seen]:
    other = OTHER_NAMES[code.contract]
    both = r"\b(?:VC_TASK_INDEX|MA_NUM_HOSTS)" if code.contract == "v2" else r"\b(?:DLS_TASK_INDEX|DLS_TASK_NUMBER)"
    for file in code.files:
        text = file.text or ""
        if re.search(both, text):
            continue  # it looks for both generations
        for number, line in enumerate(text.splitlines(), 1):
            found = other.search(line)
            if found and not line.lstrip().startswith("#"):
                yield other_generation(found.group(), code.contract, file.path, number)
                break


@rule("MA082", Severity.WARNING, mark("large code folder"), "HW develop-modelarts-0008")
def folder_is_small(code: Code) -> Iterator[Seen]:
    total, limit = sum(file.size for file in code.files), code.limits.code_bytes
    largest = sorted(code.files, key=lambda file: -file.size)[:3]
    if total > limit:
        yield Seen(
            t("The code folder has {size}: {limit} is advised, as every node downloads all of it before the start.",
              size=size(total), limit=size(limit)),
            t("Move data and weights to an input. Largest: {largest}.",
              largest=", ".join(f"{file.path} {size(file.size)}" for file in largest)),
        )
    if len(code.files) >= MANY_FILES:
        folders: dict[str, int] = {}
        for file in code.files:
            top = file.path.partition("/")[0] if "/" in file.path else "."
            folders[top] = folders.get(top, 0) + 1
        top, count = max(folders.items(), key=lambda item: item[1])
        yield Seen(
            t("The code folder has {count} files: object storage delivers them one by one.", count=f"{len(code.files):,}"),
            t("Leave out what the training does not read: {folder} holds {count} of them.", folder=top, count=f"{count:,}"),
        )


_FETCHERS = re.compile(
    r"(?:^|\.)(?:urlretrieve|urlopen|snapshot_download|hf_hub_download|download_url|download_and_extract_archive|"
    r"load_state_dict_from_url|get_file|fetch_openml|fetch_20newsgroups|fetch_california_housing|fetch_lfw_people)\Z|"
    r"(?:^|\.)hub\.load\Z|^nltk\.download\Z|^(?:wget|gdown)\.download\Z|^(?:requests|httpx)\.(?:get|post|request)\Z|^load_dataset\Z|"
    r"^datasets\.load_dataset\Z|(?:mnist|cifar10|cifar100|fashion_mnist|imdb|reuters|boston_housing)\.load_data\Z"
)
_SHELL_FETCHERS = {"wget": "", "curl": "", "git": "clone", "pip": "install", "pip3": "install", "apt-get": "", "apt": "",
    "conda": "install"}
_NODES = "OTC network_is_unreachable: training nodes have no way to the internet"


@rule("MA083", Severity.WARNING, mark("download from the internet in the code"), _NODES)
def code_needs_no_internet(code: Code) -> Iterator[Seen]:
    fix = t("Put it into the image, or give it as an input (--data NAME=PATH).")
    for file, tree in code.python:
        for name, call in calls(tree) if tree is not None else ():
            text = first_text(call)
            if _fetches(name, call, text):
                what = f"{name.rpartition('.')[2]}({text[:60]!r})" if text else name.rpartition(".")[2]
                yield Seen(t("{what} reaches for the internet, and training nodes have no way to it.", what=what), fix,
                    call.lineno,
                           path=file.path)
    for file in code.shell_files:
        for command in shell.commands(file.text or ""):
            verb = _SHELL_FETCHERS.get(command.name)
            if verb is not None and (not verb or verb in command.arguments) and "localhost" not in " ".join(command.arguments):
                index = command.name.startswith("pip") and any("MA_PIP" in text or text.endswith(".whl")
                    for text in command.arguments)
                if not index and "--no-index" not in command.arguments:
                    yield Seen(
                        t("{what} reaches for the internet, and training nodes have no way to it.",
                          what=" ".join([command.name, *command.arguments[:1]])),
                        fix, 1 + (file.text or "").count("\n", 0, command.start), path=file.path,
                    )


def _fetches(name: str, call: ast.Call, text: str | None) -> bool:
    keywords = {each.arg: each.value for each in call.keywords}
    offline = keywords.get("local_files_only")
    if isinstance(offline, ast.Constant) and offline.value is True:
        return False
    if name.endswith("from_pretrained"):
        return text is not None and not text.startswith(("/", ".", "~"))
    if _FETCHERS.search(name):
        local = text is not None and (text.startswith(("/", ".", "http://127.", "http://localhost"))
            or text in ("csv", "json", "parquet", "text"))
        return not local and getattr(keywords.get("source"), "value", "") != "local"
    download = keywords.get("download")
    return isinstance(download, ast.Constant) and download.value is True


@rule("MA084", Severity.WARNING, mark("script of the code folder started without its interpreter"), "OTC permission_denied")
def code_starts_scripts_by_interpreter(code: Code) -> Iterator[Seen]:
    for file in code.shell_files:
        for command in shell.commands(file.text or ""):
            first = command.words[0].text if command.words else ""
            if re.match(r"\.{1,2}/.*\.(?:sh|py)\Z", first) and "chmod" not in (file.text or ""):
                yield _direct(first, file.path, 1 + (file.text or "").count("\n", 0, command.start))
    for file, tree in code.python:
        for name, call in calls(tree) if tree is not None else ():
            if name in ("os.system", "subprocess.run", "subprocess.call", "subprocess.check_call", "subprocess.Popen",
                        "subprocess.check_output"):
                given = call.args[0] if call.args else None
                head = given.elts[0] if isinstance(given, (ast.List, ast.Tuple)) and given.elts else given
                words = head.value.split() if isinstance(head, ast.Constant) and isinstance(head.value, str) else []
                if words and re.match(r"\.{1,2}/.*\.(?:sh|py)\Z", words[0]):
                    yield _direct(words[0], file.path, call.lineno)


def _direct(script: str, path: str, line: int) -> Seen:
    return Seen(
        t("{script} is started directly, but object storage keeps no execute bit: Permission denied.", script=script),
        f"{'python' if script.endswith('.py') else 'bash'} {script}", line, path=path,
    )


@rule("MA085", Severity.WARNING, mark("log that goes to a file only"),
    "OTC docker-modelarts_0029; tutorial 2.1.1 (log to standard output)")
def log_is_shown(code: Code) -> Iterator[Seen]:
    fix = t("Log to standard output too: logging.StreamHandler(sys.stdout).")
    for file, tree in code.python:
        if tree is None:
            continue
        made = list(calls(tree))
        streams = any(name.endswith("StreamHandler") or name == "print" for name, _ in made)
        for called, call in made:
            handlers = {each.arg for each in call.keywords}
            to_a_file = (called.endswith("basicConfig") and "filename" in handlers) or called.endswith("FileHandler")
            if to_a_file and not streams:
                yield Seen(t("The log goes to a file only: the platform shows only standard output."), fix, call.lineno,
                    path=file.path)
                break
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and dotted(node.targets[0]) == "sys.stdout" and isinstance(node.value,
                ast.Call) and (
                dotted(node.value.func) == "open"
            ):
                yield Seen(t("sys.stdout is replaced by a file: the platform shows only standard output."), fix, node.lineno,
                           path=file.path)


@rule("MA086", Severity.WARNING, mark("shell script that passes its arguments on to nobody"), "HW develop-modelarts-1416")
def shell_passes_arguments_on(code: Code) -> Iterator[Seen]:
    for file in code.shell_files:
        text = file.text or ""
        started = code.places and code.scripts and code.starts(file.path)
        if started and not re.search(r"\$[@*1-9]|\$\{[@*1-9]|getopts|\bshift\b", text):
            yield Seen(
                t("{file} is given --{name}=… and passes it on to nobody.", file=file.path, name=code.places[0]),
                paste('python train.py "$@"'), 1, path=file.path,
            )


@rule("MA087", Severity.WARNING, mark("file that will not be read as meant"), "bash and Python themselves")
def files_are_readable(code: Code) -> Iterator[Seen]:
    for file in code.shell_files:
        if "\r\n" in (file.text or ""):
            yield Seen(
                t("{file} has Windows line ends: bash takes the carriage return for part of each line's last word.",
                    file=file.path),
                paste(f"sed -i 's/\\r$//' {file.path}"), 1, path=file.path,
            )
    for file, tree in code.python:
        if tree is None and (file.text or "").strip():
            yield Seen(
                t("{file} cannot be read as Python 3: what it does is not checked, and Python 3 will not start it.",
                    file=file.path), "",
                1, path=file.path, severity=WARNING if code.scripts and code.starts(file.path) else NOTE,
            )


_WRITERS = ("os.makedirs", "os.mkdir", "np.save", "np.savez", "numpy.save", "torch.save", "joblib.dump", "shutil.copy",
    "shutil.move")


@rule("MA088", Severity.WARNING, mark("place that the contract's user cannot write to"), "OTC permission_denied")
def places_are_writable(code: Code) -> Iterator[Seen]:
    limits = code.limits
    fine = (f"{limits.home}/", "/cache", "/tmp", "/dev/", "/var/tmp", "/proc/", "$", "{")  # noqa: S108  # in the container
    for file, tree in code.python:
        for name, call in calls(tree) if tree is not None else ():
            texts = [each.value for each in call.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
            mode = next((text for text in texts[1:] if re.fullmatch(r"[wax]b?\+?|[rwa]\+b?", text)),
                "") if name == "open" else ""
            if name not in _WRITERS and not mode:
                continue
            path = next((text for text in texts if text.startswith("/")), "")
            if path and not path.startswith(fine):
                yield Seen(
                    t("{path} is no place where uid {uid}, as whom the platform runs the command, can write.", path=path,
                      uid=limits.uid),
                    t("Write below an output, the home folder or /cache."), call.lineno, path=file.path,
                )


@rule("MA089", Severity.WARNING, mark("secret in the code folder"), "the code folder goes to object storage as it is")
def no_secret_in_code(code: Code) -> Iterator[Seen]:
    for file in code.files:
        if is_secret_file(file.path):
            yield Seen(t("{file} is of a kind that holds secrets, and goes to object storage with the code.", file=file.path),
                       t("Keep it outside of the code folder."), path=file.path)
            continue
        for number, line in enumerate((file.text or "").splitlines(), 1):
            if VALUE.search(line):
                yield Seen(t("{file} holds a secret, and goes to object storage with the code.", file=file.path),
                           t("Take it from a variable: --env NAME=VALUE."), number, path=file.path)
                break


RULES = (
    script_takes_the_arguments, code_uses_its_generation, folder_is_small, code_needs_no_internet,
    code_starts_scripts_by_interpreter, log_is_shown, shell_passes_arguments_on, files_are_readable, places_are_writable,
    no_secret_in_code,
)
