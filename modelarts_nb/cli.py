"""``modelarts-nb``: the private Engine, the sandbox and checks, from a terminal.

Exit codes: 0 done; 1 an expected failure, told on standard error; 2 wrong usage; 3 ``status``: it does not run.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Sequence

from . import __version__
from .errors import EngineUnavailable, ModelArtsError
from .messages import mark, t

NOT_RUNNING = 3
_LABELS = {  # of what ``status`` shows
    "url": mark("url"), "pid": mark("pid"), "data": mark("data"), "registry": mark("registry"),
    "base_image": mark("base image"), "recipe": mark("recipe"), "source": mark("source"),
    "region": mark("region"), "api": mark("api"), "swr": mark("swr"), "obs": mark("obs"), "key": mark("key"),
    "access": mark("access"),
}


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    options = _parser().parse_args(words)
    command: Callable[[argparse.Namespace], int] = options.command
    from .notebook import language

    try:
        language.apply(in_kernel=False)
        return command(options)
    except ModelArtsError as error:
        print(f"modelarts-nb: {error.message}", file=sys.stderr)
        if error.hint:
            print(error.hint, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="modelarts-nb", description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("--version", action="version", version=__version__)
    groups = parser.add_subparsers(metavar="COMMAND", required=True)
    engine = _group(groups, "engine", "a private Docker Engine on a socket of its own (root, Linux)")
    up = _verb(engine, "up", "start it; on Debian and Ubuntu install it first where it is missing", _engine_up)
    up.add_argument("--unless-found", action="store_true", help="do nothing where another Engine answers")
    up.add_argument("--no-install", action="store_true", help="install nothing")
    _verb(engine, "status", "whether it runs, and where", _engine_status).add_argument("--json", action="store_true")
    down = _verb(engine, "down", "stop it", _engine_down)
    down.add_argument("--purge", action="store_true", help="delete its images and containers too")
    sandbox = _group(groups, "sandbox", "a ModelArts region on this machine: registries, OBS, training jobs")
    up = _verb(sandbox, "up", "start it, and make the base image where it is missing", _sandbox_up)
    ports = "the first of four ports on loopback (default 5005): practice registry, APIs, the region's registry, OBS"
    up.add_argument("--port", type=int, default=0, metavar="N", help=ports)
    up.add_argument("--from", dest="base", default="", metavar="IMAGE", help="make the base image from this image")
    up.add_argument("--no-install", action="store_true", help="install nothing")
    _verb(sandbox, "status", "whether it runs, and where", _sandbox_status).add_argument("--json", action="store_true")
    down = _verb(sandbox, "down", "stop it", _sandbox_down)
    down.add_argument("--purge", action="store_true", help="delete all that it keeps, and the base image")
    check = groups.add_parser("check", help="check an image against the platform's rules", allow_abbrev=False)
    check.set_defaults(command=_check)
    check.add_argument("image")
    check.add_argument("--base", default="", metavar="REFERENCE", help="compare with this base")
    check.add_argument("--contract", default="", choices=("v1", "v2"), help="generation of the platform's rules")
    check.add_argument("--format", default="text", choices=("text", "json", "sarif"))
    check.add_argument("--no-fail", action="store_true", help="exit with 0 whatever is found")
    check.add_argument("--no-run", action="store_true", help="start no container")
    return parser


def _group(groups: argparse._SubParsersAction, name: str, text: str) -> argparse._SubParsersAction:  # type: ignore[type-arg]
    parser: argparse.ArgumentParser = groups.add_parser(name, help=text, description=text, allow_abbrev=False)
    return parser.add_subparsers(metavar="up|status|down", required=True)


def _verb(
    group: argparse._SubParsersAction,  # type: ignore[type-arg]  # argparse keeps its type to itself
    name: str, text: str, command: Callable[[argparse.Namespace], int],
) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = group.add_parser(name, help=text, description=text, allow_abbrev=False)
    verb.set_defaults(command=command)
    return verb


def _engine_up(options: argparse.Namespace) -> int:
    from . import api
    from .engine import private

    if options.unless_found and not private.status().running:
        try:
            print(t("found: {name}", name=api.connect().name))
            return 0
        except EngineUnavailable:
            pass  # so there is none
    found = private.up(install=not options.no_install, say=print)
    print(t("private Docker Engine: {url} (pid {pid})", url=found.url, pid=found.pid))
    return 0


def _engine_status(options: argparse.Namespace) -> int:
    from .engine import private

    return _status(options, private.status(), t("private Docker Engine"))


def _engine_down(options: argparse.Namespace) -> int:
    from .engine import private

    private.down(purge=options.purge)
    print(t("private Docker Engine: down"))
    return 0


def _sandbox_up(options: argparse.Namespace) -> int:
    from . import api
    from .sandbox import region

    found = region.up(api.connect(), port=options.port, base=options.base, install=not options.no_install, say=print)
    no_storage = t("none (pip install 'modelarts_nb[sandbox]')")
    print(t("registry: {address} (pid {pid})", address=found.registry, pid=found.pid))
    print(t("base image: {reference}", reference=found.base_image))
    print(t("region: {name}", name=found.region))
    for name, value in ((t("APIs"), found.api), ("SWR", found.swr), ("OBS", found.obs or no_storage)):
        print(f"  {name}{t(': ')}{value}")
    print("  " + t("access key: {key}, in {path}", key=found.key, path=found.access))
    return 0


def _sandbox_status(options: argparse.Namespace) -> int:
    from .sandbox import region

    return _status(options, region.status(), t("sandbox"))


def _sandbox_down(options: argparse.Namespace) -> int:
    from . import api
    from .sandbox import region

    engine = None
    if options.purge:
        try:
            engine = api.connect()
        except EngineUnavailable:
            print(t("No Engine answers: the base image stays in it."), file=sys.stderr)
    region.down(purge=options.purge, engine=engine)
    print(t("sandbox: down"))
    if going_on := region.running_jobs():
        print(t(
            "Training jobs whose containers go on: {count}. `modelarts-nb sandbox up` takes them up again; "
            "`modelarts-nb sandbox down --purge` removes them and everything else of the sandbox.", count=going_on,
        ))
    return 0


def _check(options: argparse.Namespace) -> int:
    from . import api

    report = api.check(
        options.image, base=options.base, contract=options.contract, run=not options.no_run, fail=False, progress="quiet"
    )
    print(report.formatted(options.format))
    return 0 if report.passed or options.no_fail else 1


def _status(options: argparse.Namespace, found: object, what: str) -> int:
    values = dataclasses.asdict(found)  # type: ignore[call-overload]  # both are dataclasses
    if options.json:
        print(json.dumps(values))
    else:
        print(f"{what}{t(': ')}{t('running') if values['running'] else t('not running')}")
        for name, value in values.items():
            if name != "running" and value and values["running"]:
                print(f"  {t(_LABELS[name])}{t(': ')}{value}")
    return 0 if values["running"] else NOT_RUNNING


if __name__ == "__main__":
    sys.exit(main())
