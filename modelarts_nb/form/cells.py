"""The cells that a choice stands for: one pure function from ``Choice`` to texts.

A Dockerfile that a person wrote stays theirs: of ``Choice.kept`` only four things are the form's, and only where they
differ from the choice: the image of the last stage's ``FROM``, one ``RUN pip install`` that does nothing else, the ``COPY`` of
``requirements.txt``, and the last ``USER``. All other lines keep every byte.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from dataclasses import dataclass, replace

from ..catalog import Catalog
from ..dockerfile import Instruction, parse_dockerfile
from ..errors import InvalidReference
from ..reference import ImageReference, parse_reference
from .choice import REQUIREMENTS, Choice

PLACE = f"/tmp/{REQUIREMENTS}"  # noqa: S108  # a path in the image


@dataclass(frozen=True)
class Install:
    """A ``RUN pip install`` that the form can read back: packages, or a file of them, and an index."""

    requirements: tuple[str, ...] = ()
    file: str = ""
    mirror: str = ""


def cells(choice: Choice, catalog: Catalog) -> tuple[str, ...]:
    """The cells, in their order: the Dockerfile, then build, training and push where they are chosen.

    Raises InvalidReference where the image's name is none, DockerfileSyntaxError where the kept text is none.
    """
    image = choice.image
    found = [f"%%dockerfile {choice.name}\n{dockerfile_text(choice, catalog).rstrip()}", f"%build {choice.name} -t {image}"]
    if choice.code:
        found.append(f"%train {image} --contract {choice.contract} --code {shlex.quote(choice.code)} -- {command(choice)}")
    if choice.destination:
        found.append(f"%push {image} --to {choice.destination}")
    return tuple(found)


def command(choice: Choice) -> str:
    """The start command as the platform's console would take it."""
    folder = posixpath.basename(posixpath.normpath(choice.code.replace("\\", "/")))
    if choice.contract == "v1":
        return f"bash /home/work/run_train.sh python {shlex.quote(f'/home/work/user-job-dir/{folder}/{choice.boot}')}"
    return f"python {shlex.quote(f'/home/ma-user/modelarts/user-job-dir/{folder}/{choice.boot}')}"


def base_reference(choice: Choice, catalog: Catalog) -> str:
    """The image behind ``FROM``; "" where none is chosen."""
    base = next((base for base in catalog.all_bases if base.name == choice.base), None)
    return str(ImageReference(choice.registry, base.repository, choice.tag)) if base is not None and choice.registry else ""


def dockerfile_text(choice: Choice, catalog: Catalog) -> str:
    """The Dockerfile: a new one, or the kept one with what differs changed."""
    user = catalog.limits(choice.contract).user
    wanted = _wanted(choice)
    if choice.kept:
        return _amended(choice.kept, base_reference(choice, catalog), wanted, user)
    lines = [f"FROM {base_reference(choice, catalog) or 'BASE'}", *_install_lines(wanted), f"USER {user}"]
    return "\n".join(lines) + "\n"


def _wanted(choice: Choice) -> Install:
    if choice.source == "requirements":
        return Install(file=PLACE, mirror=choice.mirror)
    return Install(choice.requirements if choice.source != "none" else (), mirror=choice.mirror)


def _install_lines(install: Install) -> list[str]:
    lines = [f"COPY {REQUIREMENTS} {PLACE}"] if install.file == PLACE else []
    return [*lines, *_run_lines(install)]


def _run_lines(install: Install) -> list[str]:
    if not install.file and not install.requirements:
        return []
    words = ["RUN pip install --no-cache-dir", f"-i {install.mirror}" if install.mirror else ""]
    words.append(f"-r {install.file}" if install.file else "")
    first = " ".join(filter(None, words))
    rest = [shlex.quote(line) for line in install.requirements]
    if len(rest) <= 1 and len(first) + len("".join(rest)) < 100:
        return [" ".join([first, *rest])]
    return [f"{first} \\", *(f"    {line} \\" for line in rest[:-1]), f"    {rest[-1]}"] if rest else [first]


_PIP = re.compile(r"(?:python3?\s+-m\s+)?pip3?\s+install\s")
_SHELL = re.compile(r"[&|;<>$`()\n]")


def read_install(instruction: Instruction) -> Install | None:
    """What a RUN installs, where that is all it does and each of its options is known; else None: it is not the form's."""
    text = instruction.arguments
    if instruction.keyword != "RUN" or instruction.flags or instruction.exec_form or instruction.heredocs:
        return None
    if not _PIP.match(text) or _SHELL.search(re.sub(r"'[^'$`]*'|\"[^\"$`]*\"", "", text)):
        return None
    try:
        words = shlex.split(text[_PIP.match(text).end():])  # type: ignore[union-attr]
    except ValueError:
        return None
    return _read_words(words)


def _read_words(words: list[str]) -> Install | None:
    requirements: list[str] = []
    given = {"-i": "", "-r": ""}
    while words:
        word, equals, value = words.pop(0).partition("=")
        short = {"--index-url": "-i", "--requirement": "-r"}.get(word, word)
        if short in given:
            given[short] = value if equals else words.pop(0) if words else ""
        elif word.startswith("-") and word != "--no-cache-dir":
            return None
        elif word != "--no-cache-dir":
            requirements.append(word + equals + value)
    file = given["-r"]
    if bool(requirements) == bool(file) or (file and posixpath.basename(file) != REQUIREMENTS):
        return None
    return Install(tuple(requirements), file, given["-i"])


def find_install(instructions: tuple[Instruction, ...]) -> tuple[Instruction, Install] | None:
    """The last RUN of these that the form can read."""
    read = [(instruction, read_install(instruction)) for instruction in instructions]
    return next(((instruction, install) for instruction, install in reversed(read) if install is not None), None)


def _amended(text: str, base: str, wanted: Install, user: str) -> str:
    """The text with what is the form's changed where it differs; from the end to the start, so that lines stay in place."""
    stage = parse_dockerfile(text).stage("")
    assert stage is not None  # a parsed Dockerfile has a stage
    lines = text.split("\n")
    found = find_install(stage.instructions)
    users = [instruction for instruction in stage.instructions if instruction.keyword == "USER"]
    copies = [i for i in stage.instructions if i.keyword == "COPY" and i.words[:1] == (REQUIREMENTS,) and len(i.words) == 2]
    if wanted.file and found is not None and found[1].file:
        wanted = replace(wanted, file=found[1].file)  # where it lies is the person's
    edits: list[tuple[int, int, list[str]]] = []
    if users and users[-1].arguments.strip() in ("work", "ma-user") and users[-1].arguments.strip() != user:
        edits.append((users[-1].line - 1, users[-1].end_line, [f"USER {user}"]))
    copy = [f"COPY {REQUIREMENTS} {PLACE}"] if wanted.file == PLACE and not copies else []
    if found is not None and found[1] != wanted:
        edits.append((found[0].line - 1, found[0].end_line, [*copy, *_run_lines(wanted)]))
    elif found is None and (wanted.file or wanted.requirements):
        after = users[-1].line - 1 if users and users[-1].arguments.strip() == user else stage.origin.end_line
        edits.append((after, after, [*copy, *_run_lines(wanted)]))
    if copies and not wanted.file and found is not None and found[1].file:
        edits.append((copies[-1].line - 1, copies[-1].end_line, []))
    if base and not _same_image(stage.base, base):
        edits.append((stage.origin.line - 1, stage.origin.end_line, _with_base(stage.origin, base, lines)))
    for start, end, new in sorted(edits, key=lambda edit: edit[0], reverse=True):
        lines[start:end] = new
    return "\n".join(lines)


def _same_image(one: str, other: str) -> bool:
    try:
        return parse_reference(one).tagged() == parse_reference(other).tagged()
    except InvalidReference:
        return False


def _with_base(origin: Instruction, new: str, lines: list[str]) -> list[str]:
    """FROM's lines with the image replaced: platform, stage name, comments and spaces stay."""
    block = "\n".join(lines[origin.line - 1 : origin.end_line])
    return _FROM.sub(lambda found: found[1] + new, block, count=1).split("\n")


_FROM = re.compile(r"(\s*FROM\s+(?:(?:--\S+|\\)\s+)*)\S+", re.IGNORECASE)
