"""The texts of ``%build``'s options as values: secrets, ssh agents, outputs, hosts, as ``docker build`` writes them."""

from __future__ import annotations

from pathlib import Path

from ..errors import SettingsError
from ..messages import t
from .request import EnvVariable, Output

AGENT = "SSH_AUTH_SOCK"  # the variable that names the socket of one's ssh agent


def secret_option(text: str) -> tuple[str, Path | EnvVariable]:
    """``id=NAME[,src=FILE|,env=VARIABLE]``; without a source: the variable NAME, else the file NAME, as in docker."""
    fields = _fields("--secret", text, {"id", "src", "source", "env", "type"})
    name, kind = fields.get("id", ""), fields.get("type", "")
    if not name:
        raise SettingsError(
            t("--secret {text}: it has no id.", text=text), t("Write --secret id=NAME,src=FILE or id=NAME,env=VARIABLE.")
        )
    source = fields.get("src") or fields.get("source", "")
    if source and fields.get("env"):
        raise SettingsError(t("--secret {text}: it is a file or a variable, not both.", text=text))
    if kind == "env" and source:
        return name, EnvVariable(source)
    if source or kind == "file":
        return name, Path(source or name).expanduser()
    return name, EnvVariable(fields.get("env") or name)


def ssh_option(text: str) -> tuple[str, Path | EnvVariable]:
    """``default`` or ``ID[=SOCKET]``; without a socket: the agent of ``SSH_AUTH_SOCK``."""
    name, _, socket = text.partition("=")
    if not name:
        raise SettingsError(t("--ssh {text}: it has no name.", text=text), t("Write --ssh default, or --ssh NAME=SOCKET."))
    return name, Path(socket).expanduser() if socket else EnvVariable(AGENT)


def output_option(text: str) -> Output:
    """``DIR``, ``type=local,dest=DIR`` or ``type=tar,dest=FILE``."""
    if "=" not in text:
        return Output(Path(text).expanduser())
    fields = _fields("--output", text, {"type", "dest"})
    if fields.get("type") not in ("local", "tar") or not fields.get("dest"):
        raise SettingsError(
            t("--output {text} is none of the ways out.", text=text),
            t("Write --output DIR, --output type=local,dest=DIR or --output type=tar,dest=FILE; images go on with %push."),
        )
    return Output(Path(fields["dest"]).expanduser(), tar=fields["type"] == "tar")


def host_option(text: str) -> tuple[str, str]:
    """``NAME:ADDRESS`` or ``NAME=ADDRESS``; an IPv6 address may stand in brackets."""
    name, separator, address = text.partition("=") if "=" in text else text.partition(":")
    if not name or not separator or not address:
        raise SettingsError(
            t("--add-host {text}: it is no NAME:ADDRESS.", text=text), t("For example --add-host mirror:10.0.0.7")
        )
    return name, address.removeprefix("[").removesuffix("]")


def _fields(option: str, text: str, known: set[str]) -> dict[str, str]:
    fields = {}
    for part in text.split(","):
        key, separator, value = part.partition("=")
        if not separator or key.strip() not in known:
            raise SettingsError(
                t("{option} {text}: “{part}” is not understood.", option=option, text=text, part=part),
                t("It takes {known}.", known=", ".join(sorted(known))),
            )
        fields[key.strip()] = value
    return fields
