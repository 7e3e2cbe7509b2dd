"""MA010 to MA013: the user that a job runs as, and what that user can reach."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from ..dockerfile import Step
from ..messages import mark, t
from .making import Seen, paste, rule
from .model import Severity
from .written import Ran, Written, absolute, at, words_of

_USER = "ModelArts-Lab custom_image (uid 1101); HW docker-modelarts_0029 (uid 1000)"
_PERMISSION = "OTC error_message_permission_denied"


def _made_accounts(written: Written) -> Iterator[tuple[str, str, Ran]]:
    """(name, uid) of each ``useradd`` and ``usermod -u``; uid "" where none is given."""
    for ran in written.named("useradd", "adduser", "usermod"):
        operands = [text for text in ran.command.arguments if not text.startswith("-")]
        if operands:
            yield ran.text(operands[-1]), ran.text(ran.command.value("-u", "--uid") or ""), ran


def is_contract_user(written: Written, user: str) -> bool:
    """Whether a USER is the contract's: by uid, by its name, or by a name that the Dockerfile gives that uid."""
    name = user.split(":")[0]
    limits = written.limits
    named = {account for account, uid, _ in _made_accounts(written) if uid == str(limits.uid)}
    return name in {str(limits.uid), limits.user, *named}


@rule("MA010", Severity.WARNING, mark("final user that is not the contract's"), _USER)
def final_user(written: Written) -> Iterator[Seen]:
    last = next((step for step in reversed(tuple(written.of("USER")))), None)
    user = written.resolved.end.user
    if last is None or user in ("", "?") or is_contract_user(written, user):
        return
    limits = written.limits
    yield Seen(
        t("The image ends as user {user}; the platform runs it as uid {uid} ({name}), so what works here may be refused there.",
          user=user, uid=limits.uid, name=limits.user),
        paste(f"USER {limits.user}"), *at(last.instruction),
    )


@rule("MA011", Severity.WARNING, mark("account of the contract changed"), _USER)
def account_is_kept(written: Written) -> Iterator[Seen]:
    limits = written.limits
    for ran in written.named("userdel", "deluser", "groupdel", "delgroup"):
        if limits.user in ran.command.arguments:
            yield Seen(
                t("{command} takes away {user}, as whom the platform runs the command.", command=ran.command.name,
                    user=limits.user),
                "", ran.line, ran.end_line,
            )
    for name, uid, ran in _made_accounts(written):
        if uid and name == limits.user and uid != str(limits.uid):
            yield Seen(
                t("{user} gets uid {uid}; the platform runs the command as {wanted}.", user=name, uid=uid, wanted=limits.uid),
                f"{ran.command.name} -u {limits.uid} … {name}", ran.line, ran.end_line,
            )


@rule("MA012", Severity.WARNING, mark("place that the contract's user cannot read or write"), _PERMISSION)
def places_are_reachable(written: Written) -> Iterator[Seen]:
    limits = written.limits
    opened = _opened(written)
    last = next(iter(reversed(tuple(written.of("WORKDIR")))), None)
    directory = written.resolved.end.directory
    if last is not None and _is_roots(last, directory, written) and not _covered(directory, opened):
        yield Seen(
            t("The working directory {path} belongs to root: uid {uid} cannot write there.", path=directory, uid=limits.uid),
            paste(f"RUN mkdir -p {directory} && chown {limits.uid}:{limits.gid} {directory}"), *at(last.instruction),
        )
    for step in written.of("COPY", "ADD"):
        made = step.instruction
        mode, owner = made.flag("chmod") or "", (made.flag("chown") or "").split(":")[0]
        theirs = owner in (str(limits.uid), limits.user)
        if re.fullmatch(r"0?[0-7]00", mode) and not theirs:
            yield Seen(
                t("--chmod={mode} lets only the owner read what is copied; uid {uid} is not the owner.", mode=mode,
                    uid=limits.uid),
                paste(f"{made.keyword} --chown={limits.uid}:{limits.gid} --chmod={mode} …"), *at(made),
            )
    for ran in written.named("chmod"):
        modes = [text for text in ran.command.operands[:1] if re.fullmatch(r"0?[0-7]00", text)]
        paths = [path for path in map(ran.path, ran.command.operands[1:]) if path]
        hidden = [path for path in paths if _matters(path) and not _covered(path, opened)]
        if modes and hidden and ran.root:
            yield Seen(
                t("chmod {mode} lets only root read {path}; the platform runs the command as uid {uid}.", mode=modes[0],
                  path=hidden[0], uid=limits.uid),
                paste(f"chown {limits.uid} {hidden[0]}"), ran.line, ran.end_line,
            )


def _matters(path: str) -> bool:
    return not re.match(r"/(?:root|etc|var|tmp|run|proc|sys)(?:/|\Z)", path)


def _is_roots(step: Step, directory: str, written: Written) -> bool:
    """Whether WORKDIR makes a folder that is root's, as it does whoever USER is; the contract's places are the platform's."""
    outside = directory.startswith("/") and "?" not in directory
    own = any(_below(directory, place) for place in (written.limits.home, "/cache", "/tmp"))  # noqa: S108  # in the image
    base_has = directory in ("/", "/root", "/home", "/usr", "/opt", "/etc", "/var", "/workspace")
    return outside and not own and not base_has


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _opened(written: Written) -> list[str]:
    """The paths that the Dockerfile gives to the contract's user or to everybody."""
    found = []
    for ran in written.named("chown", "chmod", "install"):
        words = [ran.text(text) for text in ran.command.operands]
        if not words:
            continue
        owner = words[0].split(":")[0]
        theirs = ran.command.name == "chown" and is_contract_user(written, owner)
        everybody = ran.command.name == "chmod" and re.search(r"[2367]\Z|(?:a|o|ugo|^)\+[rwxX]*w", words[0])
        owned = ran.command.name == "install" and is_contract_user(written, ran.text(ran.command.value("-o", "--owner") or ""))
        if theirs or everybody or owned:
            found += [path for path in map(ran.path, words[0 if owned else 1 :]) if path]
    for step in written.of("COPY", "ADD"):
        if is_contract_user(written, step.instruction.flag("chown") or ""):
            found.append(absolute(words_of(step)[-1], step.scope.directory))
    return [path for path in found if path]


def _covered(path: str, opened: list[str]) -> bool:
    return any(_below(path, posixpath.normpath(each.rstrip("*"))) for each in opened)


@rule("MA013", Severity.WARNING, mark("owner of the other generation"), f"{_PERMISSION}: ma-user had uid 1102 in old images")
def owners_are_of_this_generation(written: Written) -> Iterator[Seen]:
    foreign = {"v1": ("1000", "ma-user", "1102"), "v2": ("1101", "work", "1102")}[written.target.contract]
    own = {account for account, uid, _ in _made_accounts(written)}
    limits = written.limits

    def told(owner: str, line: int, end_line: int) -> Iterator[Seen]:
        name = owner.split(":")[0]
        if name in foreign and name not in own:
            yield Seen(
                t("{owner} is the user of another generation; under {contract} the command runs as uid {uid} and may not write "
                  "there.", owner=name, contract=written.target.contract, uid=limits.uid),
                f"{limits.uid}:{limits.gid}", line, end_line,
            )

    for ran in written.named("chown"):
        yield from told(ran.text(ran.command.operands[0]) if ran.command.operands else "", ran.line, ran.end_line)
    for step in written.of("COPY", "ADD"):
        yield from told(step.instruction.flag("chown") or "", step.instruction.line, step.instruction.end_line)
    for name, uid, ran in _made_accounts(written):
        if name != limits.user:  # of which MA011 speaks
            yield from told(uid, ran.line, ran.end_line)


RULES = (final_user, account_is_kept, places_are_reachable, owners_are_of_this_generation)
