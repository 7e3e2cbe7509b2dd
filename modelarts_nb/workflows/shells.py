"""A shell where a build failed, or in an image as the platform would start it; and scripts in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator

from ..building import shell as core
from ..dockerfile import parse_dockerfile
from ..dockerfile.cut import Cut, before
from ..engine import build as engine_build
from ..engine import delivery, images, marks, shells
from ..engine.discovery import Engine
from ..errors import RunFailed, SettingsError
from ..events import Event
from ..messages import t
from ..training.contract import plan
from ..training.spec import JobSpec

PROXIES = frozenset({"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"})


def at_failure(
    engine: Engine, failed: core.FailedStep, job: str
) -> Generator[Event | None, None, core.Shell]:
    """A shell in a container from the last good step, with the variables that the failing step had, and no secrets.

    BuildKit keeps no image of it: the same Dockerfile is built up to there, which the cache answers. Raises SettingsError
    where there is nothing before the step, BuildFailed where what was built before is no longer in the cache and fails.
    """
    request = failed.request
    dockerfile = parse_dockerfile(request.source.text)
    cut = before(dockerfile, failed.instruction, request.build_args)
    if cut is None or cut.empty:
        raise SettingsError(
            t("There is no file yet before {step}, so that there is no shell to open.", step=str(failed.instruction)[:80]),
            t("Name an image: %shell IMAGE."),
        )
    throwaway = dataclasses.replace(
        request, source=dataclasses.replace(request.source, text=cut.text), tags=(), target="", no_cache=False, pull=False,
        labels=marks.labels(job), output=None, builder="", ssh={},
    )
    image = yield from engine_build.build(engine, throwaway)
    network = request.network or engine.build_network or "bridge"
    container = f"modelarts-nb-shell-{job}"
    proxies = {name: value for name, value in request.build_args.items() if name.lower() in PROXIES and "@" not in value}
    made = core.Start(
        image, container, environment={**proxies, **cut.arguments}, hosts=request.add_hosts,
        network="bridge" if network == "default" else network,
    )
    yield from shells.start(engine, made, job)
    program = shells.program(engine, container)
    user = str(images.configuration(engine, image).get("User") or "")
    return core.Shell(
        container, job, _subject(failed), core.terminal_line(engine.url, container, program, podman=engine.podman), user,
        cut.shell, str(failed.instruction), cut.script, tuple(_notes(cut)),
    )


def _subject(failed: core.FailedStep) -> str:
    return t("before line {line} of {name}", line=failed.instruction.line + failed.request.source.first_line - 1,
             name=failed.request.source.name or failed.request.source.origin)


def _notes(cut: Cut) -> Generator[str, None, None]:
    kinds = sorted({part.partition("=")[2] for mount in cut.mounts for part in mount.split(",") if part.startswith("type=")})
    if cut.mounts:
        yield t("Without the step's own mounts ({kinds}).", kinds=", ".join(kinds) or "bind")


def in_image(engine: Engine, spec: JobSpec, job: str) -> Generator[Event | None, None, core.Shell]:
    """A shell in the image as ``%train`` would start it: user, folders, variables, network, code. Raises EngineAPIError."""
    images.inspect(engine, spec.image)
    made = plan(spec, job, 0)
    listings = {each.target: delivery.listing(each.source, t("The code folder")) for each in made.deliveries}
    container = f"modelarts-nb-shell-{job}"
    network = {"isolated": "none"}.get(spec.network, spec.network)
    start = core.Start(
        spec.image, container, str(made.uid), made.working_dir, "" if network == "host" else made.hostname, made.environment,
        network,
    )
    yield from shells.start(engine, start, job)
    done = False
    try:
        yield from shells.deliver(engine, container, delivery.archive(made, listings, lambda _: None))
        program = shells.program(engine, container)
        done = True
    finally:
        if not done:
            marks.remove(engine, job)
    line = core.terminal_line(engine.url, container, program, podman=engine.podman)
    notes = (t("No network, as on the platform; --network bridge gives one."),) if network == "none" else ()
    return core.Shell(container, job, spec.image, line, str(made.uid), (program, "-c"), notes=notes)


def run_script(engine: Engine, shell: core.Shell, script: str) -> Generator[Event | None, None, int]:
    """Run a script in the shell; returns 0. Raises RunFailed for another exit code, SettingsError for a script too long."""
    if len(script.encode(errors="surrogateescape")) > core.LONGEST:
        raise SettingsError(
            t("The script has more than {limit} bytes.", limit=core.LONGEST), t("Make it two.")
        )
    code = yield from shells.execute(engine, shell, script)
    if code:
        raise RunFailed(t("The script ended with exit code {code}.", code=code))
    return code
