"""What each instruction takes: number and form of its arguments, its flags' values (moby/buildkit, instructions/parse.go)."""

from __future__ import annotations

import re
from collections.abc import Callable

from ..messages import t
from .lines import Fail
from .model import PAIRS, Flag, Instruction

Problem = tuple[str, str]  # message and hint; ("", "") for none
FINE: Problem = ("", "")
NEEDS_ARGUMENTS = frozenset({
    "ADD", "ARG", "COPY", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER", "ONBUILD", "SHELL", "STOPSIGNAL",
    "USER", "VOLUME", "WORKDIR",
})
_STAGE_NAME = re.compile(r"[a-z][a-z0-9-_.]*\Z")
_DURATION = re.compile(r"[+]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)\Z")
_DURATIONS = frozenset({"interval", "timeout", "start-period", "start-interval"})
_BOOLEANS = frozenset({"link", "keep-git-dir", "parents", "unpack"})
_MOUNT_TYPES = frozenset({"bind", "cache", "tmpfs", "secret", "ssh"})
_MOUNT_KEYS = frozenset({
    "type", "from", "source", "src", "target", "dst", "destination", "readonly", "ro", "readwrite", "rw", "required", "id",
    "sharing", "mode", "uid", "gid", "size", "env",
})
_CHOICES = {"network": ("default", "none", "host"), "security": ("insecure", "sandbox")}


def check_flag(keyword: str, flag: Flag, fail: Fail) -> None:
    """Raise where the Engine would refuse the flag's value."""
    message, hint = _flag_problem(keyword, flag)
    if message:
        raise fail(message, line=flag.span.line, column=flag.span.column, hint=hint)


def _flag_problem(keyword: str, flag: Flag) -> Problem:
    name, value = flag.name, flag.value
    if name in _BOOLEANS:
        wrong = value is not None and value.lower() not in ("true", "false")
        message = t("{keyword} --{name} is true or false, not “{value}”", keyword=keyword, name=name, value=value)
        return (message, t("Write --{name}.", name=name)) if wrong else FINE
    if value is None:
        return t("{keyword} --{name} wants a value: --{name}=…", keyword=keyword, name=name), ""
    if name in _DURATIONS and not (_DURATION.match(value) and _milliseconds(value)):
        message = t("{keyword} --{name}: “{value}” is no time span", keyword=keyword, name=name, value=value)
        return message, t("Write, for example, 30s or 1m30s.")
    if name == "retries" and not re.fullmatch(r"\+?\d{1,9}", value):
        message = t("{keyword} --retries: “{value}” is no number of tries", keyword=keyword, value=value)
        return message, t("Write a whole number, for example 3.")
    if name in _CHOICES and value not in _CHOICES[name]:
        message = t("{keyword} --{name} cannot be “{value}”", keyword=keyword, name=name, value=value)
        return message, t("One of: {list}.", list=", ".join(_CHOICES[name]))
    return _mount_problem(value) if name == "mount" else FINE


def _milliseconds(text: str) -> bool:
    """Whether a time span is 0 or has a millisecond at least."""
    seconds = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
    parts = re.findall(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", text)
    total = sum(float(number) * seconds[unit] for number, unit in parts)
    return total == 0 or total >= 0.001


def _mount_problem(text: str) -> Problem:
    for part in text.split(","):
        key, separator, value = part.partition("=")
        name = key.lower()
        if name == "type" and "$" not in value and value.lower() not in _MOUNT_TYPES:
            known = ", ".join(sorted(_MOUNT_TYPES))
            return t("unsupported mount type “{value}”", value=value), t("One of: {list}.", list=known)
        if not separator and name not in ("readonly", "ro", "readwrite", "rw", "required"):
            message = t("--mount: “{part}” is not key=value", part=part)
            return message, t("For example --mount=type=cache,target=/root/.cache/pip.")
        if name not in _MOUNT_KEYS:
            return t("--mount: unexpected key “{key}”", key=key), ""
    return FINE


def check(made: Instruction, fail: Fail) -> None:
    """Raise where the Engine would refuse the arguments by their number or form."""
    if made.keyword in NEEDS_ARGUMENTS and not made.arguments and made.keyword != "FROM":
        raise fail(t("{keyword} requires an argument", keyword=made.keyword), line=made.line)
    find = _CHECKS.get(made.keyword)
    if find is not None:
        message, hint = find(made)
        if message:
            raise fail(message, line=made.line, hint=hint)


def _from(made: Instruction) -> Problem:
    words = made.words
    if len(words) not in (1, 3) or (len(words) == 3 and words[1].upper() != "AS"):
        return t("FROM requires either one or three arguments"), t("Write FROM IMAGE, or FROM IMAGE AS NAME.")
    if len(words) == 3 and not _STAGE_NAME.match(words[2].lower()):
        message = t("invalid name for build stage: “{name}”", name=words[2])
        return message, t("It starts with a letter, then letters, digits, “-”, “_”, “.”.")
    return FINE


def _copy(made: Instruction) -> Problem:
    if len(made.words) < 2:
        message = t("{keyword} requires at least two arguments", keyword=made.keyword)
        return message, t("Write {keyword} SOURCE DESTINATION.", keyword=made.keyword)
    return FINE


def _pairs(made: Instruction) -> Problem:
    first = made.words[0]
    if "=" not in first:
        if len(re.split(r"[\t\v\f\r ]+", made.arguments, maxsplit=1)) < 2:
            message = t("{keyword} must have two arguments", keyword=made.keyword)
            return message, t("Write {keyword} NAME=VALUE.", keyword=made.keyword)
        return FINE
    for word in made.words:
        if "=" not in word:
            message = t("Syntax error - can't find = in “{word}”", word=word)
            return message, t('Put quotes around a value with spaces: NAME="A VALUE".')
        if word.startswith("="):
            return t("{keyword} names can not be blank", keyword=made.keyword), t("Write NAME=VALUE.")
    return FINE


def _arg(made: Instruction) -> Problem:
    blank = any(word.startswith("=") for word in made.words)
    if not blank:
        return FINE
    return t("{keyword} names can not be blank", keyword="ARG"), t("Write ARG NAME or ARG NAME=VALUE.")


def _volume(made: Instruction) -> Problem:
    if made.exec_form and not made.words:
        return t("{keyword} requires an argument", keyword="VOLUME"), ""
    return (t("VOLUME specified can not be an empty string"), "") if "" in made.words else FINE


def _shell(made: Instruction) -> Problem:
    good = made.exec_form and made.words
    return FINE if good else (t("SHELL requires the arguments to be in JSON form"), 'SHELL ["/bin/bash", "-c"]')


def _healthcheck(made: Instruction) -> Problem:
    kind = made.words[0].upper()
    if kind == "NONE":
        return (t("HEALTHCHECK NONE takes no arguments"), "") if len(made.words) > 1 else FINE
    if kind != "CMD":
        message = t("Unknown type “{name}” in HEALTHCHECK (try CMD)", name=made.words[0])
        return message, t("HEALTHCHECK CMD COMMAND, or HEALTHCHECK NONE.")
    return (t("Missing command after HEALTHCHECK CMD"), "") if len(made.words) < 2 or made.words[1:] == ("[]",) else FINE


_CHECKS: dict[str, Callable[[Instruction], Problem]] = {
    "FROM": _from, "COPY": _copy, "ADD": _copy, "ARG": _arg, "SHELL": _shell, "HEALTHCHECK": _healthcheck, "VOLUME": _volume,
    **dict.fromkeys(PAIRS - {"ARG"}, _pairs),
}
