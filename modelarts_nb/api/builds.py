"""``build``, and ``keep`` and ``review`` for the Dockerfile of a cell."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..building.request import BuildRequest, DockerfileSource, EnvVariable, Output
from ..errors import SettingsError
from ..image import Export, Image, PushedImage
from ..imports import whole
from ..messages import t
from ..reference import parse_reference
from ..session import Kept, session
from ..text import Redactor
from .background import Background
from .current import catalog, connect, current_settings, stored_logins
from .following import Following, log_path
from .history import Compared

if TYPE_CHECKING:
    from ..rules.written import Target


def review(source: DockerfileSource, *, contract: str = "") -> Kept:
    """What is in a Dockerfile and what is wrong with it, without keeping it. Raises DockerfileSyntaxError.

    ``contract``: the generation that the image is for ("": the settings').
    """
    whole("modelarts_nb.workflows")
    from .. import workflows

    parsed = workflows.parse(source)
    target = _target()
    findings = workflows.judge(parsed, replace(target, contract=contract or target.contract))
    instructions = sum(len(stage.instructions) for stage in parsed.stages)
    return Kept(source, len(parsed.stages), instructions, findings)


def keep(source: DockerfileSource) -> Kept:
    """Keep a Dockerfile under its name, and say what is in it and what is wrong with it.

    Raises DockerfileSyntaxError; a Dockerfile of that name that was kept before stays then.
    """
    kept = review(source)
    session.keep(source)
    return kept


def _target(request: BuildRequest | None = None) -> Target:
    """What the image is for, by the settings; with a request its build arguments, stage and platform are known too."""
    from ..rules.written import Target, region_of

    settings = current_settings()
    given = Target(
        contract=settings.contract, region="" if settings.region == "sandbox" else settings.region, push_to=settings.push_to,
        catalog=catalog(),
    )
    if request is None:
        return given
    pushed = request.tags[0] if request.tags and region_of(request.tags[0], given.catalog) else given.push_to
    return replace(
        given, push_to=pushed, platform=request.platform, stage=request.target, build_args=request.build_args,
    )


def build(
    dockerfile: str | Path | DockerfileSource = "",
    *,
    tag: str | Sequence[str] = (),
    context: str | Path | None = None,
    build_args: Mapping[str, str] | None = None,
    target: str = "",
    platform: str = "",
    network: str = "",
    no_cache: bool = False,
    pull: bool = False,
    secrets: Mapping[str, bytes | str | Path | EnvVariable] | None = None,
    ssh: Mapping[str, str | Path | EnvVariable] | None = None,
    cache_from: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    add_hosts: Mapping[str, str] | None = None,
    output: str | Path | Output | None = None,
    builder: str = "",
    check: bool = True,
    log: str | Path = "",
    progress: str = "",
    background: bool = False,
) -> Image | Export | PushedImage | Background:
    """Build an image and return it.

    ``dockerfile`` is the name of a ``%%dockerfile`` cell ("": the last one), a path, or a DockerfileSource. The other
    arguments are ``docker build``'s. Proxy settings of this machine become Docker's predefined build arguments; its CA
    bundle and pip configuration are offered as the build secrets ``ca`` and ``pip.conf`` (see building/site.py).
    ``secrets``, by id: the value (bytes or text), a file (Path), or an EnvVariable. ``ssh``, by id: the socket of an agent.
    ``output``: the files of the built stage go there, and an Export is returned instead. ``builder``: the URL of a
    stand-alone BuildKit, which pushes the image to its tag's registry; a PushedImage is returned. ``background``: a
    Background is returned at once. ``check``: the platform's rules are asked first, and a finding of error severity stops
    the build before anything is sent; with ``output`` no image is made, and they are not asked.
    Raises DockerfileSyntaxError, ChecksFailed, BuildFailed, EngineUnavailable, SettingsError.
    """
    whole("docker", "modelarts_nb.workflows")
    from .. import workflows
    from ..notebook.view.card import BUILD

    source = _source(dockerfile, context)
    site = _site()
    tags = tuple(str(parse_reference(text).tagged()) for text in ([tag] if isinstance(tag, str) and tag else tag))
    if not tags and source.name:
        tags = (f"{source.name}:latest",)
    own = {name: _secret(name, value) for name, value in (secrets or {}).items()}
    request = BuildRequest(
        source=source, tags=() if output else tags, build_args={**site.build_args, **(build_args or {})}, target=target,
        platform=platform, network=network, no_cache=no_cache, pull=pull, secrets={**site.secrets, **own},
        ssh={name: _agent(name, socket) for name, socket in (ssh or {}).items()}, cache_from=tuple(cache_from),
        labels=labels or {}, add_hosts=add_hosts or {}, builder=builder,
        output=output if isinstance(output, Output) or output is None else Output(Path(output)),
    )
    parsed = workflows.parse(source)  # a mistake in the text is said without asking for an Engine
    findings = workflows.judge(parsed, _target(request)) if check and output is None else None
    redact = Redactor([*_secret_values(request), *(value.decode(errors="replace") for value in own.values())])
    following = Following(
        BUILD, tags[0] if tags else source.name, log_path(log, "build"), progress, redact, provides=request.tags
    )

    def done(result: Image | Export | PushedImage) -> Image | Export | PushedImage:
        if isinstance(result, PushedImage):
            session.pushed = result
            return result
        result = replace(result, log_path=str(following.log.path))
        session.image = result if isinstance(result, Image) else session.image
        return result

    compared = Compared(request, parsed, following.trace, catalog().limits(current_settings().contract))
    following.adorn = lambda view: setattr(view, "more", compared.rows)
    if builder:
        elsewhere = lambda: workflows.build_elsewhere(request, stored_logins(), following.trace)  # noqa: E731
        workflow: Any = workflows.checked(findings, source, following.trace, elsewhere)
    else:
        here = lambda: workflows.build(connect(), request, following.trace)  # noqa: E731
        workflow = workflows.checked(findings, source, following.trace, here)
        if output is None:
            following.next_line = f"%train {tags[0] if tags else ''} --code DIR -- python DIR/train.py".replace("  ", " ")
    return cast("Image | Export | PushedImage | Background", following.run(workflow, done, background=background))


def _secret(name: str, source: bytes | str | Path | EnvVariable) -> bytes:
    """A secret's value, as it is now. Errors name the secret and never its value."""
    if isinstance(source, EnvVariable):
        if source.name not in os.environ:
            raise SettingsError(t(
                "The secret {name} is to come from the environment variable {variable}, which is not set.", name=name,
                variable=source.name,
            ))
        return os.environb[os.fsencode(source.name)]
    if isinstance(source, Path):
        try:
            return source.read_bytes()
        except OSError as error:
            raise SettingsError(
                t("The secret {name} cannot be read: {path}: {reason}.", name=name, path=source, reason=error.strerror)
            ) from error
    return source.encode() if isinstance(source, str) else source


def _agent(name: str, socket: str | Path | EnvVariable) -> Path:
    """The socket of an ssh agent."""
    place = os.environ.get(socket.name, "") if isinstance(socket, EnvVariable) else str(socket)
    if not place or not Path(place).exists():
        raise SettingsError(
            t("There is no ssh agent for “{name}” at {place}.", name=name, place=place) if place
            else t("There is no ssh agent for “{name}”.", name=name),
            t("Start one and give it your key (`ssh-agent`, `ssh-add`), or name its socket: --ssh NAME=SOCKET."),
        )
    return Path(place)


def _source(dockerfile: str | Path | DockerfileSource, context: str | Path | None) -> DockerfileSource:
    if isinstance(dockerfile, DockerfileSource):
        source = dockerfile
    elif isinstance(dockerfile, Path):
        try:
            text = dockerfile.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                t("The Dockerfile {path} cannot be read: {reason}.", path=dockerfile, reason=error)
            ) from error
        source = DockerfileSource(text, origin=str(dockerfile), context=Path.cwd())
    else:
        source = session.dockerfile(dockerfile)
    if context is not None:
        source = replace(source, context=Path(context))
    if source.context is not None and not source.context.is_dir():
        raise SettingsError(
            t("The build context {path} is not a folder here.", path=source.context),
            t(
                "-C names the folder whose files COPY can take; it is relative to the notebook's working directory ({here}).",
                here=Path.cwd(),
            ),
        )
    return source


def _site() -> Any:
    from ..building.site import ca_bundle_path, site

    ca_path = ca_bundle_path(os.environ)
    configs = [Path("/etc/pip.conf"), Path.home() / ".pip/pip.conf", Path.home() / ".config/pip/pip.conf"]
    if os.environ.get("PIP_CONFIG_FILE"):
        configs.append(Path(os.environ["PIP_CONFIG_FILE"]))
    texts = [_read(path).decode(errors="replace") for path in configs]
    return site(os.environ, texts, _read(Path(ca_path)) if ca_path else b"")


def _read(path: Path) -> bytes:
    """The file's content; nothing where there is none: these files are optional everywhere."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _secret_values(request: BuildRequest) -> list[str]:
    """What must not be shown: the passwords in proxy and mirror URLs."""
    texts = [*request.build_args.values(), *(v.decode(errors="replace") for k, v in request.secrets.items() if k != "ca")]
    return [password for text in texts for password in re.findall(r"://[^/\s:@]*:([^/\s@]+)@", text)]
