"""MA050 and MA051: secrets that stay in the image for everyone who can pull it. No finding repeats one."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterator

from ..messages import mark, t
from .making import Seen, paste, rule
from .model import Severity
from .written import Written, at, words_of

_SOURCE = "Docker: build secrets; SWR keeps an image's history readable for all who may pull it"
_NAME = re.compile(
    r"(?:^|_)(?:passw(?:or)?d|passwd|secret|token|api_?key|access_?key(?:_id)?|private_?key|credentials?|auth|ak|sk)(?:$|_)",
    re.IGNORECASE
)
_HARMLESS = re.compile(
    r"(?:_file|_path|_dir|_url|_host|_name|_enabled|_limit|_length|_len|_size|_id)$|^(?:max|num|n)_|tokeni[sz]er|^hf_hub|authors?$|"
    r"parallelism", re.IGNORECASE,
)
VALUE = re.compile(
    r"AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|hf_[A-Za-z0-9]{20,}|sk-[A-Za-z0-9_-]{20,}|"
    r"xox[abp]-[\w-]{10,}|-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.|://[^/\s:@$]*:[^/\s@$]+@"
)
_OPTION = re.compile(r"--?(?:password|passwd|token|api-key|secret|secret-key|access-key|auth-token)(?:=|$)", re.IGNORECASE)
_FILES = (
    "id_rsa", "id_ed25519", "id_ecdsa", "id_dsa", "*.pem", "*.p12", "*.pfx", "*.keystore", ".netrc", ".pypirc", ".env", "*.env",
    "credentials", "credentials.csv", "credentials.json", "kaggle.json", ".git-credentials", ".obsutilconfig", "obsutilconfig",
    "service-account*.json", ".npmrc", ".htpasswd", "*.kdbx",
)
_FOLDERS = (".ssh", ".aws", ".huaweicloud", ".kube", ".gnupg", ".docker", ".hcloud", ".modelarts")
_PUBLIC = ("*.pub", "ca*.pem", "*ca.pem", "*.crt", "cacert.pem", "*.example", "*.sample", "*.template", "fullchain.pem")


def names_secret(name: str) -> bool:
    """Whether a variable's name says that it holds a secret."""
    return bool(_NAME.search(name)) and not _HARMLESS.search(name)


def is_secret_file(path: str) -> bool:
    """Whether a path is of a kind that holds secrets."""
    parts = path.rstrip("/").split("/")
    name = parts[-1]
    if any(fnmatch.fnmatchcase(name, pattern) for pattern in _PUBLIC):
        return False
    return any(part in _FOLDERS for part in parts) or any(fnmatch.fnmatchcase(name, pattern) for pattern in _FILES)


def _literal(value: str) -> bool:
    bare = value.strip("\"'")
    return bool(bare) and not re.fullmatch(r"\$\{?\w+\}?|<.*>|x+|\*+|changeme|none|null|false|true|\d{1,3}", bare,
        re.IGNORECASE)


@rule("MA050", Severity.WARNING, mark("secret in ENV, ARG, LABEL or RUN"), _SOURCE)
def no_secret_in_variables(written: Written) -> Iterator[Seen]:
    fix = paste("RUN --mount=type=secret,id=NAME … $(cat /run/secrets/NAME)")
    for step in written.of("ENV", "ARG", "LABEL"):
        made = step.instruction
        spans = made.word_spans
        for word, place in zip(made.words, spans, strict=False):
            name, equals, value = word.partition("=")
            if not equals and made.keyword != "ARG":
                name, value = made.words[0], " ".join(made.words[1:])
            named = names_secret(name) and (_literal(value) or (made.keyword == "ARG" and not value))
            if named or VALUE.search(value):
                yield Seen(
                    t("{keyword} {name} keeps a secret in the image: everyone who can pull it can read it.",
                        keyword=made.keyword,
                      name=name), fix, place.line, place.end_line,
                )
            if not equals and made.keyword != "ARG":
                break
    for ran in written.ran:
        words = ran.command.arguments
        given = [after for before, after in zip(words, (*words[1:], ""), strict=False) if _OPTION.match(before)
                 and _literal(before.partition("=")[2] or after)]
        assigned = [word.text for word in ran.command.assignments if names_secret(word.text.split("=", 1)[0])
                    and _literal(word.text.split("=", 1)[1])]
        if given or assigned or any(VALUE.search(word) for word in (*words, *(each.text for each in ran.command.assignments))):
            yield Seen(
                t("{command} is given a secret: it stays in the image's history.", command=ran.command.name or "RUN"), fix,
                ran.line,
                ran.end_line,
            )


@rule("MA051", Severity.WARNING, mark("file with secrets copied into the image"), _SOURCE)
def no_secret_file(written: Written) -> Iterator[Seen]:
    for step in written.of("COPY", "ADD"):
        made = step.instruction
        if made.flag("from"):
            continue
        for source in words_of(step)[:-1]:
            if "://" not in source and is_secret_file(posixpath.normpath(source or ".")):
                yield Seen(
                    t("{file} is of a kind that holds secrets: a layer keeps it, also when a later one removes it.",
                        file=source),
                    paste("RUN --mount=type=secret,id=NAME,target=… …"), *at(made),
                )


RULES = (no_secret_in_variables, no_secret_file)
