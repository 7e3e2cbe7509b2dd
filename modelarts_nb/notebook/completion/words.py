"""Which words can stand at the cursor: the lines before it and what is known, to words. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ...catalog import Catalog
from ...dockerfile.parser import FLAGS

PLATFORMS = ("linux/amd64", "linux/arm64")
_FLAG_VALUES = {
    ("FROM", "platform"): PLATFORMS, ("RUN", "network"): ("default", "host", "none"),
    ("RUN", "security"): ("insecure", "sandbox"),
    ("RUN", "mount"): tuple(f"type={kind}" for kind in ("bind", "cache", "secret", "ssh", "tmpfs")),
}
_MAGIC = re.compile(r"\s*(?:[A-Za-z_][\w.]*\s*=\s*)?(%{1,2})([A-Za-z_]\w*)[ \t](.*)\Z", re.DOTALL)
_STAGE = re.compile(r"^\s*FROM\s.*\sAS\s+([A-Za-z][\w.-]*)\s*$", re.IGNORECASE)
_HEREDOC = re.compile(r"<<-?[\"']?([A-Za-z_]\w*)[\"']?")
MOST = 200  # words that are offered


@dataclass(frozen=True)
class Option:
    """An option of a magic, or (``flags`` empty) what stands at a place in its line. ``kind`` says what its value is."""

    flags: tuple[str, ...]
    choices: tuple[str, ...] = ()
    kind: str = ""
    takes_value: bool = True


@dataclass(frozen=True)
class Known:
    """What can be named: the magics with their options, and this kernel's and the catalogue's names.

    ``registry`` is the host whose base images are offered to a name without one; ``destinations`` start a ``--to``.
    """

    catalog: Catalog
    magics: Mapping[str, Sequence[Option]] = field(default_factory=dict)
    dockerfiles: Sequence[str] = ()
    images: Sequence[str] = ()
    registry: str = ""
    destinations: Sequence[str] = ()


@dataclass(frozen=True)
class Found:
    """The words, and the text before the cursor that they replace."""

    words: tuple[str, ...]
    fragment: str
    kind: str = "modelarts"


def concerns(before: Sequence[str]) -> bool:
    """Whether the cursor stands in something of ours, as far as that can be told without knowing anything."""
    return before[0].lstrip().startswith("%%dockerfile") if len(before) > 1 else "%" in before[-1]


def complete(before: Sequence[str], known: Known) -> Found:
    """What can stand at the end of ``before``, the cell's lines up to the cursor."""
    if len(before) > 1 and before[0].lstrip().startswith("%%dockerfile"):
        return _in_dockerfile(before[1:], known)
    found = _MAGIC.match(before[-1])
    options = known.magics.get(found[2]) if found else None
    return _in_magic(found[3], options, known) if found and options is not None else Found((), "")


# a magic's line


def _in_magic(line: str, options: Sequence[Option], known: Known) -> Found:
    if line.startswith("-- ") or " -- " in line:
        return Found((), "")  # a command, which is the image's
    *earlier, fragment = re.split(r"\s+", line)
    by_flag = {flag: option for option in options for flag in option.flags}
    if fragment.startswith("-"):
        flag, equals, value = fragment.partition("=")
        if equals and flag in by_flag:
            return Found(_starting(value, _values(by_flag[flag], value, known)), value)
        used = {option.flags for word in earlier if (option := by_flag.get(word)) is not None}
        offered = sorted((flag for flag in by_flag if by_flag[flag].flags not in used), key=lambda flag: (flag[1] != "-", flag))
        return Found(_starting(fragment, offered), fragment, "option")
    previous = by_flag.get(earlier[-1]) if earlier else None
    if previous is not None and previous.takes_value:
        return Found(_starting(fragment, _values(previous, fragment, known)), fragment)
    places = [option for option in options if not option.flags]
    at = sum(not word.startswith("-") and not _is_value(earlier, number, by_flag) for number, word in enumerate(earlier))
    words = _values(places[at], fragment, known) if at < len(places) else ()
    return Found(_starting(fragment, words), fragment)


def _is_value(words: Sequence[str], number: int, by_flag: Mapping[str, Option]) -> bool:
    before = by_flag.get(words[number - 1]) if number else None
    return before is not None and before.takes_value


def _values(option: Option, fragment: str, known: Known) -> Iterable[str]:
    if option.choices:
        return option.choices
    if option.kind in ("image", "base"):
        return [*known.images, *(_references(fragment, known) if option.kind == "base" else ())]
    if option.kind == "python":
        return sorted({base.python for base in known.catalog.all_bases if base.python})
    if option.kind == "region":
        return [region.id for region in known.catalog.regions(modelarts=True)]
    if option.kind == "destination":
        return [*known.destinations, *_references(fragment, known)]
    if option.kind == "name":
        return known.dockerfiles
    return PLATFORMS if option.kind == "platform" else ()


def _starting(fragment: str, words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for word in words if word.startswith(fragment) and word != fragment))[:MOST]


# a Dockerfile's line


def _in_dockerfile(lines: Sequence[str], known: Known) -> Found:
    instruction, inside_text = _instruction(lines)
    if inside_text:
        return Found((), "")
    if not re.search(r"\s", instruction):
        words = [word if instruction[:1].isupper() or not instruction else word.lower() for word in sorted(FLAGS)]
        return Found(_starting(instruction, words), instruction, "instruction")
    keyword, *_ = instruction.split(None, 1)
    keyword = keyword.upper()
    *earlier, fragment = re.split(r"\s+", instruction)
    if keyword == "ONBUILD" and len(earlier) == 1:
        return Found(_starting(fragment, sorted(FLAGS)), fragment, "instruction")
    arguments = [word for word in earlier[1:] if not word.startswith("--") and word != "\\"]
    if fragment.startswith("--") and not arguments:
        return _flag(keyword, fragment, lines, known)
    if keyword == "FROM":
        return _from(fragment, arguments, lines, known)
    if keyword == "USER" and not arguments:
        return Found(_starting(fragment, ["root", *(limits.user for limits in known.catalog.all_limits)]), fragment)
    return Found((), fragment)


def _instruction(lines: Sequence[str]) -> tuple[str, bool]:
    """The instruction at the end, its lines joined; and whether that is inside a heredoc or a comment."""
    text, heredoc = "", ""
    for number, line in enumerate(lines):
        last = number == len(lines) - 1
        if heredoc:
            if line.strip() == heredoc and not last:
                heredoc = text = ""
            elif last:
                return "", True
            continue
        if line.lstrip().startswith("#"):
            if last:
                return "", True
            continue
        text = f"{text}{line}" if text else line.lstrip()
        opened = _HEREDOC.search(text)
        if last:
            return text, False
        if opened and not line.rstrip().endswith("\\"):
            heredoc = opened[1]
        text = text.rstrip()[:-1] if text.rstrip().endswith("\\") else ""
    return text, False


def _flag(keyword: str, fragment: str, lines: Sequence[str], known: Known) -> Found:
    name, equals, value = fragment[2:].partition("=")
    if not equals:
        return Found(_starting(fragment, [f"--{flag}=" for flag in sorted(FLAGS.get(keyword, ()))]), fragment, "flag")
    words: Iterable[str] = _FLAG_VALUES.get((keyword, name), ())
    if (keyword, name) == ("COPY", "from"):
        words = [*_stages(lines), *known.images]
    return Found(_starting(value, words), value)


def _stages(lines: Sequence[str]) -> list[str]:
    return [found[1] for line in lines[:-1] if (found := _STAGE.match(line))]


def _from(fragment: str, arguments: Sequence[str], lines: Sequence[str], known: Known) -> Found:
    if arguments:
        return Found(_starting(fragment, ["AS"] if len(arguments) == 1 else []), fragment)
    words = [*_stages(lines), *known.images, *_references(fragment, known)]
    found = _starting(fragment, words)
    if not found and fragment:  # a base's own name, or a part of it: the whole reference takes its place
        region = next((region for region in known.catalog.all_regions if region.registry == known.registry), None)
        bases = known.catalog.bases(region=region.id if region else "")
        found = tuple(f"{known.registry}/{base.repository}:{base.recommended}" for base in bases
                      if fragment.lower() in base.name.lower())[:MOST]
    return Found(found, fragment, "image")


def _references(fragment: str, known: Known) -> list[str]:
    """Step by step: the hosts, then a host's repositories, then a repository's tags, newest first."""
    host, slash, path = fragment.partition("/")
    region = next((region for region in known.catalog.all_regions if region.registry == host), None)
    if not slash:
        return [f"{region.registry}/" for region in known.catalog.regions(modelarts=True)]
    if region is None and host != known.registry:
        return []
    bases = known.catalog.bases(region=region.id if region is not None else "")
    repository, colon, _ = path.partition(":")
    if colon:
        return [f"{host}/{base.repository}:{tag}" for base in bases if base.repository == repository for tag in base.tags]
    return [f"{host}/{base.repository}:" for base in bases]
