"""Rules on an image's configuration and accounts: what a job finds when its command starts."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from ...layers import places
from ...messages import mark, t
from ..making import Seen, paste, rule
from ..model import Severity
from .facts import ImageFacts, shown

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
ARCHITECTURES = {"amd64": b"ld-linux-x86-64.so.2", "arm64": b"ld-linux-aarch64.so.1"}
V1_NAMES = re.compile(r"\b(?:DLS_\w+|BATCH_\w+)\b")
V2_NAMES = re.compile(r"\b(?:MA_(?:JOB_DIR|NUM_\w+|CURRENT_\w+|TASK_NAME|VJ_NAME|MOUNT_PATH)|VC_\w+)\b")
GROUPS = {"v1": "work", "v2": "ma-group"}
RESERVED = re.compile(r"(?:MA_|DLS_|BATCH_|VC_)")
# Names that hold a secret, and values that are one by their form: AWS-style and Huawei keys, GitHub, Hugging Face, PEM
SECRET_NAME = re.compile(
    r"(?:^|_)(?:PASS(?:WORD|WD|PHRASE)?|SECRET(?:_?(?:ACCESS_?)?KEY)?|SK|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|CREDENTIALS?)$",
    re.IGNORECASE,
)
SECRET_VALUE = re.compile(
    r"\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{30,}|\bhf_[A-Za-z]{30,}|-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----"
    r"|://[^/\s:@'\"$]+:(?P<password>[^/\s@'\"$]{3,})@"
)
_HISTORY_SECRET = re.compile(
    r"\b(?P<name>[A-Za-z_]{0,60}(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|SECRET_?KEY)[A-Za-z_]{0,60})=(?P<value>[^\s'\"]{4,}|['\"][^'\"]{4,})",
    re.IGNORECASE,
)


def said(
    facts: ImageFacts,
    keyword: str,
    part: str,
    message: str,
    fix: str = "",
    *,
    path: str = "",
    evidence: str = "",
    severity: Severity | None = None,
) -> Seen:
    """What was seen in a setting, with the instruction and the line that made it."""
    by = facts.made_by(keyword, part)
    text = f"ENV {part}=…" if keyword == "ENV" and by.text else by.text  # its values may be secrets
    return Seen(message, fix, by.line, by.end_line, path, by.layer, text, evidence, severity)


@rule("MA113", WARNING, mark("User is not the contract's"), "develop-modelarts-0079 (uid 1000); custom images (uid 1101)")
def user(facts: ImageFacts) -> Iterator[Seen]:
    name, limits = facts.user, facts.limits
    known = facts.users.get(name)
    uid = int(name) if name.isdigit() else known[0] if known else 0 if name in ("", "root") else None
    fix = paste(f"USER {next((n for n, a in facts.users.items() if a[0] == limits.uid), limits.user)}")
    if uid is None:
        yield said(
            facts,
            "USER",
            "",
            t("USER {name} is not in the image's /etc/passwd: nothing starts.", name=name),
            fix,
            severity=ERROR,
            evidence=f"USER {name}",
        )
    elif uid != limits.uid:
        yield said(
            facts,
            "USER",
            "",
            t(
                "The image's user is {user}; jobs of this generation run as uid {uid}, and see what that user may.",
                user=name or "root",
                uid=limits.uid,
            ),
            fix,
            evidence=f"USER {name or 'root'} ({uid})",
            severity=WARNING if facts.contract == "v2" else NOTE,
        )


@rule(
    "MA114", ERROR, mark("Account of the contract missing"), "docker-modelarts_0029 (user and group); custom_base Dockerfiles"
)
def accounts(facts: ImageFacts) -> Iterator[Seen]:
    limits = facts.limits
    holder = next((name for name, (uid, _, _) in facts.users.items() if uid == limits.uid), "")
    account = f"useradd -d {limits.home} -m -u {limits.uid} -g {limits.gid} -s /bin/bash {limits.user}"
    fix = paste(f"groupadd -g {limits.gid} {GROUPS[facts.contract]}; {account}")
    if not holder:
        yield Seen(
            t("There is no account with uid {uid}, as which jobs run.", uid=limits.uid),
            fix,
            path="/etc/passwd",
            evidence=t("{count} accounts", count=len(facts.users)),
        )
    elif facts.users[holder][2].rstrip("/") != limits.home:
        yield Seen(
            t("The home of uid {uid} is not {home}.", uid=limits.uid, home=limits.home),
            paste(f"usermod -d {limits.home} {holder}"),
            path="/etc/passwd",
            evidence=f"{holder}: {facts.users[holder][2]}",
            severity=WARNING,
        )


@rule("MA117", WARNING, mark("Entrypoint"), "develop-modelarts-1416 (the command is the job's); unverified: whether it is used")
def entrypoint(facts: ImageFacts) -> Iterator[Seen]:
    words = facts.command("Entrypoint")
    if words and words != ("",):
        yield said(
            facts,
            "ENTRYPOINT",
            "",
            t("The image has an ENTRYPOINT; a job starts its own command, and what the entrypoint prepares may be missing."),
            "ENTRYPOINT []",
            evidence=" ".join(words),
        )


@rule("MA118", ERROR, mark("Architecture"), "ModelArts.2763 (image and flavor differ); flavors are X86_64 and AARCH64")
def architecture(facts: ImageFacts) -> Iterator[Seen]:
    system, _, name = facts.platform.partition("/")
    name = name.partition("/")[0]
    if system != "linux" or name not in ARCHITECTURES:
        yield Seen(
            t("The image is for {platform}; jobs run on linux/amd64 or linux/arm64.", platform=facts.platform),
            paste("%build --platform linux/amd64"),
            evidence=facts.platform,
        )
        return
    loaders = {found.path.rpartition(b"/")[2] for found in facts.marked(places.LOADER)}
    if loaders and ARCHITECTURES[name] not in loaders:
        yield Seen(
            t("The image says {platform}, but its programs are for another processor.", platform=facts.platform),
            t("Build it FROM a base for {platform}.", platform=facts.platform),
            evidence=", ".join(sorted(map(shown, loaders))),
        )


@rule("MA120", ERROR, mark("Secret in the configuration or history"), "whoever can pull an image reads both")
def secrets(facts: ImageFacts) -> Iterator[Seen]:
    fix = t("Take it out, change the secret, and give it to the line that needs it: RUN --mount=type=secret.")
    for name, value in facts.env.items():
        if value and (SECRET_NAME.search(name) or SECRET_VALUE.search(value)) and not _placeholder(value):
            yield said(
                facts,
                "ENV",
                name,
                t("The environment variable {name} holds a secret.", name=name),
                fix,
                evidence=f"ENV {name}=***",
            )
    for entry in facts.history:
        found = _HISTORY_SECRET.search(entry.text) or SECRET_VALUE.search(entry.text)
        if found and not entry.text.startswith("ENV ") and not _placeholder(found.groupdict().get("value") or "…"):
            name = found.groupdict().get("name") or t("a login in an address")
            yield Seen(
                t("A secret stands in the image's history: {name}.", name=name),
                fix,
                entry.line,
                entry.end_line,
                layer=entry.layer,
                evidence=f"{name}=***",
            )


def _placeholder(value: str) -> bool:
    value = value.strip("'\"")
    return value.startswith("$") or value.lower() in ("none", "null", "false", "true", "changeme", "xxx", "***", "")


@rule("MA122", WARNING, mark("Python's output is buffered"), "OTC docker-modelarts_0029 (ENV PYTHONUNBUFFERED=1)")
def buffered(facts: ImageFacts) -> Iterator[Seen]:
    has_python = facts.packages or "python" in " ".join(facts.env).lower()
    if not facts.env.get("PYTHONUNBUFFERED") and has_python:
        yield Seen(
            t("Python keeps its output back, so that a job's log shows nothing until the end."),
            paste("ENV PYTHONUNBUFFERED=1"),
            evidence="PYTHONUNBUFFERED",
            severity=NOTE if facts.contract == "v1" else WARNING,  # v1's run_train.sh sets it
        )


@rule("MA123", WARNING, mark("Output goes to a file"), "custom images 2.1.1 (logs go to standard output)")
def redirected(facts: ImageFacts) -> Iterator[Seen]:
    for name in ("Entrypoint", "Cmd"):
        text = " ".join(facts.command(name))
        found = re.search(r"(?:^|[^<>&\d-])(?:[12]|&)?>>?\s*(?!/dev/(?:std|null)|&)(?P<file>[\w./${}-]+)", text)
        if found and "| tee" not in text:
            yield said(
                facts,
                name.upper(),
                "",
                t("The start command writes its output to a file, where a job's log does not see it."),
                t("Write to standard output, or to both: command 2>&1 | tee FILE"),
                evidence=f"{name.upper()} {text}"[:200],
            )


@rule("MA129", WARNING, mark("Variable of the platform"), "develop-modelarts-0104; OTC permission_denied (migration table)")
def variables(facts: ImageFacts) -> Iterator[Seen]:
    for name in facts.env:
        if RESERVED.match(name):
            yield said(
                facts,
                "ENV",
                name,
                t("The image sets {name}; the platform sets variables of that kind itself.", name=name),
                t("Take ENV {name} out.", name=name),
                evidence=f"ENV {name}",
            )
    other = V1_NAMES if facts.contract == "v2" else V2_NAMES
    for name in ("Entrypoint", "Cmd"):
        for used in sorted(set(other.findall(" ".join(facts.command(name))))):
            yield said(
                facts,
                name.upper(),
                used,
                t("The start command reads {name}, which {contract} jobs do not have.", name=used, contract=facts.contract),
                t("Read the variables of {contract}.", contract=facts.contract),
                evidence=f"{name.upper()}: {used}",
            )


@rule(
    "MA130", ERROR, mark("No bash"), "develop-modelarts-1416 (commands); local runs start them by /bin/bash -c as the platform"
)
def bash(facts: ImageFacts) -> Iterator[Seen]:
    shells = {found.path for found in facts.marked(places.SHELL)} & {b"bin/bash", b"usr/bin/bash"}
    unread = any(layer.problem for layer in facts.layers)
    if not shells and not unread and not facts.problems:
        yield Seen(
            t("There is no bash in the image, which starts a job's command."), paste("apt-get install -y bash"),
            path="/bin/bash"
        )


@rule("MA131", WARNING, mark("The base's search path is lost"), "custom_base Dockerfiles (PATH, LD_LIBRARY_PATH of CUDA bases)")
def search_path(facts: ImageFacts) -> Iterator[Seen]:
    for name in ("PATH", "LD_LIBRARY_PATH", "LIBRARY_PATH"):
        before = [part for part in facts.base.env.get(name, "").split(":") if part]
        after = facts.env.get(name, "").split(":")
        lost = [part for part in before if part not in after]
        if lost:
            yield said(
                facts,
                "ENV",
                name,
                t("{name} lost what the base has in it: {parts}.", name=name, parts=", ".join(lost)),
                f"ENV {name}=…:${name}",
                evidence=f"ENV {name}={facts.env.get(name, '')}"[:200],
            )


@rule(
    "MA132", WARNING, mark("Volume over a folder of the contract"), "develop-modelarts-0104 (folders that the platform mounts)"
)
def volumes(facts: ImageFacts) -> Iterator[Seen]:
    declared = facts.config.get("Volumes")
    for place in declared if isinstance(declared, dict) else ():
        path = posixpath.normpath(str(place))
        if any(
            path == own or own.startswith(path.rstrip("/") + "/") or path.startswith(own + "/")
            for own in (facts.limits.home, "/cache")
        ):
            yield said(
                facts,
                "VOLUME",
                "",
                t("VOLUME {path} lies over a folder that the platform uses itself.", path=path),
                t("Take the VOLUME out."),
                path=path,
                evidence=f"VOLUME {path}",
            )


RULES = (
    user,
    accounts,
    entrypoint,
    architecture,
    secrets,
    buffered,
    redirected,
    variables,
    bash,
    search_path,
    volumes,
)
