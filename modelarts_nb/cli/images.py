"""``build``, ``check`` and ``push``."""

from __future__ import annotations

import json
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from IPython.core.error import UsageError

from .. import api
from ..building.request import DockerfileSource
from ..errors import SettingsError
from ..messages import t
from ..notebook.magics import BuildMagics, CheckMagics, PushMagics
from ..notebook.view import findings
from ..rules.model import Severity
from ..rules.words import counted
from ..session import Kept, session
from . import notebooks, verbs
from .values import plain, tell
from .verbs import escaped

FAILED = 1


def add(groups: verbs.Groups) -> None:
    """The commands of images."""
    cell = escaped(t("The %%dockerfile cell of this name, or in the cell of this number (default: each of the notebook)."))
    build = verbs.add(
        groups, BuildMagics, "build", _build,
        about=t("Build the image of a Dockerfile, or those of a notebook's %%dockerfile cells, and print its name."),
        said={"name": t("A notebook, a Dockerfile, or a folder with one (default: here).")},
    )
    build.add_argument("--cell", default="", metavar="NAME|N", help=cell)
    check = verbs.add(
        groups, CheckMagics, "check", _check,
        about=t("Check an image, a notebook's %%dockerfile cells or a Dockerfile against the platform's rules."),
        said={"image": t("An image, a notebook, or a Dockerfile.")},
    )
    check.add_argument("--cell", default="", metavar="NAME|N", help=cell)
    verbs.add(groups, PushMagics, "push")


def _build(options: Namespace) -> int:
    if notebooks.is_notebook(options.name):
        return _build_cells(options)
    if options.cell:
        raise UsageError(t("--cell chooses from a notebook's cells."))
    if not options.file:
        options.file, options.context = _dockerfile(Path(options.name), options.context)
        options.name = ""
    tell(verbs.call(BuildMagics, "build", options), as_json=options.json)
    return 0


def _build_cells(options: Namespace) -> int:
    """The cells of a notebook, each under its name: a magic finds them in the session, as in a kernel."""
    cells = notebooks.dockerfiles(Path(options.name), options.cell)
    _one_each(cells, options)
    for cell in cells:
        session.keep(cell.source)
        own = Namespace(**{**vars(options), "name": cell.source.name})
        tell(verbs.call(BuildMagics, "build", own), as_json=options.json)
    return 0


def _dockerfile(path: Path, context: str | None) -> tuple[str, str | None]:
    """(file, build context) of a Dockerfile, or of the folder that has one."""
    if path.is_dir():
        return str(path / "Dockerfile"), str(path) if context is None else context
    return str(path), context


def _one_each(cells: Sequence[notebooks.DockerfileCell], options: Namespace) -> None:
    """Raise UsageError where several cells would make one thing."""
    if len(cells) > 1 and (options.tag or options.output):
        raise UsageError(t("-t and -o are of one image; this notebook has {count}. Choose: --cell NAME.", count=len(cells)))
    twice = [name for name, times in Counter(cell.source.name for cell in cells).items() if times > 1]
    if twice:
        raise UsageError(
            t("Several cells keep a Dockerfile “{name}”. Give them other names, or choose: --cell NUMBER.", name=twice[0])
        )


def _check(options: Namespace) -> int:
    name = options.image
    written = notebooks.is_notebook(name) or _is_dockerfile(name)
    if options.cell and not notebooks.is_notebook(name):
        raise UsageError(t("--cell chooses from a notebook's cells."))
    if not written:
        return _check_image(options)
    if options.format == "sarif":
        raise UsageError(t("SARIF is of images; of what is written there are text and JSON."))
    if notebooks.is_notebook(name):
        sources = [cell.source for cell in notebooks.dockerfiles(Path(name), options.cell)]
    else:
        sources = [_source(Path(name))]
    kept = [api.review(source, contract=options.contract) for source in sources]
    as_json = options.json or options.format == "json"
    tell_kept: Callable[[Kept], None] = _tell_as_json if as_json else _tell_as_text
    for each in kept:
        tell_kept(each)
    return 0 if all(map(_passed, kept)) or options.no_fail else FAILED


def _check_image(options: Namespace) -> int:
    """An image: its report is the value, so that nothing else is shown."""
    kind = "json" if options.json and options.format == "text" else options.format
    own = Namespace(**{**vars(options), "format": "text", "no_fail": True, "quiet": True})
    report = verbs.call(CheckMagics, "check", own)
    if not options.quiet or kind != "text":
        print(report.formatted(kind))
    return 0 if report.passed or options.no_fail else FAILED


def _is_dockerfile(name: str) -> bool:
    """Whether a word names a Dockerfile: an image's name has no capital letter."""
    file = Path(name).name
    return file.startswith("Dockerfile") or file.endswith(".Dockerfile")


def _source(path: Path) -> DockerfileSource:
    try:
        return DockerfileSource(path.read_text(encoding="utf-8"), origin=str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(t("The Dockerfile {path} cannot be read: {reason}.", path=path, reason=error)) from error


def _passed(kept: Kept) -> bool:
    return not any(each.severity is Severity.ERROR and not each.ignored for each in kept.findings)


def _tell_as_text(kept: Kept) -> None:
    name = f" ({kept.source.name})" if kept.source.name else ""
    print(f"{kept.source.origin}{name}{t(': ')}{counted(kept.findings)}")
    for line in findings.lines(kept.findings, kept.source.first_line):
        print(line)


def _tell_as_json(kept: Kept) -> None:
    first = kept.source.first_line
    found = [replace(each, line=each.line and each.line + first - 1, end_line=each.end_line and each.end_line + first - 1)
             for each in kept.findings]
    print(json.dumps({"origin": kept.source.origin, "name": kept.source.name, "passed": _passed(kept),
                      "findings": plain(found)}, ensure_ascii=False))
