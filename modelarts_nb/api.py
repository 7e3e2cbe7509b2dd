"""The product from Python: ``build``, ``train``, ``push``, ``status``. The magics are thin over these."""

from __future__ import annotations

import os
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from . import paths
from .building.request import BuildRequest, DockerfileSource, EnvVariable, Output
from .errors import ModelArtsError, RunFailed, SettingsError
from .follow import follow
from .image import Export, Image, PushedImage
from .logfile import LogFile
from .reference import ImageReference, parse_reference
from .session import Kept, session
from .settings import Secret, Settings, from_environment, merge
from .text import Redactor
from .trace import Trace
from .training.run import TrainingRun

if TYPE_CHECKING:
    from .engine.discovery import Engine


def current_settings(**arguments: str) -> Settings:
    """Settings as they stand: defaults < file < environment < ``%config`` < arguments."""
    return merge(paths.settings_file(), from_environment(os.environ), session.config, arguments)


def connect(url: str = "") -> Engine:
    """The Docker Engine that is used here. Raises EngineUnavailable.

    Asking an Engine who it is takes as long as a build that has nothing to do, so that the answer is kept as long as
    the Engine answers and nothing says that another one is meant.
    """
    from .engine import discovery, private

    url = url or current_settings().engine
    asked = (url, os.environ.get("DOCKER_HOST", ""), os.environ.get("DOCKER_CONTEXT", ""), private.url())
    kept = _engines.get(asked)
    if kept is not None:
        if kept.alive():
            return kept
        kept.close()
    _engines.clear()
    _engines[asked] = discovery.connect(url, private_url=asked[-1])
    return _engines[asked]


_engines: dict[tuple[str, ...], Engine] = {}


def keep(source: DockerfileSource) -> Kept:
    """Keep a Dockerfile under its name, and say what is in it and what is wrong with it.

    Raises DockerfileSyntaxError; a Dockerfile of that name that was kept before stays then.
    """
    from . import workflows

    parsed = workflows.parse(source)
    session.keep(source)
    instructions = sum(len(stage.instructions) for stage in parsed.stages)
    return Kept(source, len(parsed.stages), instructions)


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
    log: str | Path = "",
    progress: str = "",
) -> Image | Export | PushedImage:
    """Build an image and return it.

    ``dockerfile`` is the name of a ``%%dockerfile`` cell ("": the last one), a path, or a DockerfileSource. The other
    arguments are ``docker build``'s. Proxy settings of this machine become Docker's predefined build arguments; its CA
    bundle and pip configuration are offered as the build secrets ``ca`` and ``pip.conf`` (see building/site.py).
    ``secrets``, by id: the value (bytes or text), a file (Path), or an EnvVariable. ``ssh``, by id: the socket of an agent.
    ``output``: the files of the built stage go there, and an Export is returned instead. ``builder``: the URL of a
    stand-alone BuildKit, which pushes the image to its tag's registry; a PushedImage is returned.
    Raises DockerfileSyntaxError, BuildFailed, EngineUnavailable, SettingsError.
    """
    from . import workflows
    from .notebook.view.card import BUILD

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
    workflows.parse(source)  # a mistake in the text is said without asking for an Engine
    redact = Redactor([*_secret_values(request), *(value.decode(errors="replace") for value in own.values())])
    following = _Following(BUILD, tags[0] if tags else source.name, _log(log, "build"), progress, redact)
    if builder:
        built = following.run(workflows.build_elsewhere(request, _stored_logins(), following.trace))
        session.pushed = built if isinstance(built, PushedImage) else session.pushed
        return cast("Export | PushedImage", built)
    if output is None:
        following.next_line = f"%train {tags[0] if tags else ''} --code DIR -- python DIR/train.py".replace("  ", " ")
    result: Image | Export = following.run(workflows.build(connect(), request, following.trace))
    result = replace(result, log_path=str(following.log.path))
    session.image = result if isinstance(result, Image) else session.image
    return result


def _secret(name: str, source: bytes | str | Path | EnvVariable) -> bytes:
    """A secret's value, as it is now. Errors name the secret and never its value."""
    if isinstance(source, EnvVariable):
        if source.name not in os.environ:
            raise SettingsError(f"The secret {name} is to come from the environment variable {source.name}, which is not set.")
        return os.environb[os.fsencode(source.name)]
    if isinstance(source, Path):
        try:
            return source.read_bytes()
        except OSError as error:
            raise SettingsError(f"The secret {name} cannot be read: {source}: {error.strerror}.") from error
    return source.encode() if isinstance(source, str) else source


def _agent(name: str, socket: str | Path | EnvVariable) -> Path:
    """The socket of an ssh agent."""
    place = os.environ.get(socket.name, "") if isinstance(socket, EnvVariable) else str(socket)
    if not place or not Path(place).exists():
        raise SettingsError(
            f"There is no ssh agent for “{name}”" + (f" at {place}." if place else "."),
            "Start one and give it your key (`ssh-agent`, `ssh-add`), or name its socket: --ssh NAME=SOCKET.",
        )
    return Path(place)


def train(image: str = "", *, log: str | Path = "", progress: str = "", **options: Any) -> TrainingRun:
    """Run a command in an image as ModelArts would, and return the run.

    ``image``: a reference or id; "": the last one built here. ``options`` are the fields of ``training.spec.JobSpec``
    (command, code, inputs, outputs, env, contract, nodes, gpus, memory, timeout, …).
    Raises SettingsError for options that make no job, RunFailed (carrying the run) when the command fails.
    """
    from . import workflows
    from .notebook.view.card import TRAIN
    from .training.spec import JobSpec

    options.setdefault("contract", current_settings().contract)
    spec = JobSpec(image=session.image_name(image), **options)
    engine = connect()
    nodes = f"{spec.nodes} node{'s' if spec.nodes != 1 else ''}"
    path, job_id = _log(log, "train"), uuid.uuid4().hex[:10]
    following = _Following(TRAIN, f"{spec.image} · {spec.contract} · {nodes}", path, progress, Redactor())
    following.next_line = f"%push {spec.image}"
    try:
        run = following.run(workflows.train(engine, spec, job_id, following.trace))
    except RunFailed as error:
        if isinstance(error.run, TrainingRun):
            session.run = error.run = replace(error.run, log_path=str(path))
        raise
    session.run = replace(run, log_path=str(path))
    return session.run


def push(image: str = "", *, to: str = "", log: str | Path = "", progress: str = "") -> PushedImage:
    """Push an image and return where it is: reference and digest as the registry says them afterwards.

    ``image``: as in ``train``. ``to``: the reference to push to; "": the image's own where that names a registry, else
    below ``push_to`` of the settings. Raises InvalidReference, RegistryError, EngineUnavailable.
    """
    from . import workflows
    from .notebook.view.card import PUSH

    name = session.image_name(image)
    reference = _destination(name, to)
    engine = connect()
    following = _Following(PUSH, str(reference), _log(log, "push"), progress, Redactor())
    credentials = _credentials(engine)
    session.pushed = following.run(workflows.push(engine, name, reference, credentials))
    return session.pushed


@dataclass
class _Following:
    """One workflow with its trace, log and view."""

    work: Any
    subject: str
    path: Path
    progress: str
    redact: Redactor
    next_line: str = ""

    def __post_init__(self) -> None:
        self.trace = Trace(self.redact)
        self.log = LogFile(self.path, self.redact)

    def run(self, workflow: Any) -> Any:
        from .notebook.view.live import choose

        progress = self.progress or current_settings().progress
        view = choose(progress, self.work, self.subject, str(self.path), self.next_line)
        try:
            return follow(workflow, self.trace, self.log, view)
        except ModelArtsError as error:
            error.log_path = str(self.path)
            raise


def _source(dockerfile: str | Path | DockerfileSource, context: str | Path | None) -> DockerfileSource:
    if isinstance(dockerfile, DockerfileSource):
        source = dockerfile
    elif isinstance(dockerfile, Path):
        try:
            text = dockerfile.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"The Dockerfile {dockerfile} cannot be read: {error}.") from error
        source = DockerfileSource(text, origin=str(dockerfile), context=Path.cwd())
    else:
        source = session.dockerfile(dockerfile)
    if context is not None:
        source = replace(source, context=Path(context))
    if source.context is not None and not source.context.is_dir():
        raise SettingsError(
            f"The build context {source.context} is not a folder here.",
            "-C names the folder whose files COPY can take; it is relative to the notebook's working directory "
            f"({Path.cwd()}).",
        )
    return source


def _site() -> Any:
    from .building.site import ca_bundle_path, site

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


def _log(log: str | Path, kind: str) -> Path:
    if log:
        return Path(log)
    return paths.logs() / f"{kind}-{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 1000:03d}.log"


def _destination(name: str, to: str) -> ImageReference:
    if to:
        return parse_reference(to).tagged()
    if name.startswith("sha256:"):
        raise SettingsError("This image has no name.", "Say where it goes: %push --to HOST/ORGANIZATION/NAME:TAG.")
    reference = parse_reference(name).tagged()
    if reference.host:
        return reference
    prefix = current_settings().push_to
    if not prefix:
        raise SettingsError(
            f"Where shall {reference} go?",
            "%push --to HOST/ORGANIZATION/NAME:TAG, or set MODELARTS_NB_PUSH_TO=HOST/ORGANIZATION once.",
        )
    return parse_reference(f"{prefix.rstrip('/')}/{reference}")


def _credentials(engine: Any) -> Any:
    """Docker's stored logins, credential helpers included, as the registry client wants them."""
    return _logins(engine.client._auth_configs)


def _stored_logins() -> Any:
    """The same, where no Engine is asked."""
    from docker import auth

    return _logins(auth.load_config())


def _logins(configs: Any) -> Any:
    def login(host: str) -> tuple[str, Secret] | None:
        from docker import auth
        from docker.errors import DockerException

        try:
            found = auth.resolve_authconfig(configs, host or None)
        except DockerException:
            return None  # a broken credential helper: the registry will say that it wants a login
        if not found or not (found.get("username") or found.get("Username")):
            return None
        return (
            found.get("username") or found.get("Username") or "",
            Secret(found.get("password") or found.get("Password") or ""),
        )

    return login
