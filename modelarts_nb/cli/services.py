"""``engine`` and ``sandbox``: up, status, down."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable
from typing import Any

from ..errors import EngineUnavailable
from ..messages import mark, t
from .verbs import Groups

NOT_RUNNING = 3
_LABELS = {  # of what ``status`` shows
    "url": mark("url"), "pid": mark("pid"), "data": mark("data"), "registry": mark("registry"),
    "base_image": mark("base image"), "recipe": mark("recipe"), "source": mark("source"),
    "region": mark("region"), "api": mark("api"), "swr": mark("swr"), "obs": mark("obs"), "key": mark("key"),
    "access": mark("access"),
}


def add(groups: Groups) -> None:
    """``engine`` and ``sandbox``, each with its verbs."""
    engine = _group(groups, "engine", t("a private Docker Engine on a socket of its own (root, Linux)"))
    up = _verb(engine, "up", t("start it; on Debian and Ubuntu install it first where it is missing"), _engine_up)
    up.add_argument("--unless-found", action="store_true", help=t("do nothing where another Engine answers"))
    up.add_argument("--no-install", action="store_true", help=t("install nothing"))
    _verb(engine, "status", t("whether it runs, and where"), _engine_status)
    down = _verb(engine, "down", t("stop it"), _engine_down)
    down.add_argument("--purge", action="store_true", help=t("delete its images and containers too"))
    sandbox = _group(groups, "sandbox", t("a ModelArts region on this machine: registries, OBS, training jobs"))
    up = _verb(sandbox, "up", t("start it, and make the base image where it is missing"), _sandbox_up)
    ports = t("the first of four ports on loopback (default 5005): practice registry, APIs, the region's registry, OBS")
    up.add_argument("--port", type=int, default=0, metavar="N", help=ports)
    up.add_argument("--from", dest="base", default="", metavar="IMAGE", help=t("make the base image from this image"))
    up.add_argument("--no-install", action="store_true", help=t("install nothing"))
    _verb(sandbox, "status", t("whether it runs, and where"), _sandbox_status)
    down = _verb(sandbox, "down", t("stop it"), _sandbox_down)
    down.add_argument("--purge", action="store_true", help=t("delete all that it keeps, and the base image"))


def _group(groups: Groups, name: str, text: str) -> Groups:
    parser: argparse.ArgumentParser = groups.add_parser(name, help=text, description=text, allow_abbrev=False)
    return parser.add_subparsers(metavar="up|status|down", required=True)


def _verb(
    group: Groups, name: str, text: str, command: Callable[[argparse.Namespace], int],
) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = group.add_parser(name, help=text, description=text, allow_abbrev=False)
    verb.add_argument("--json", action="store_true", help=t("Print the result as JSON."))
    verb.set_defaults(command=command)
    return verb


def _engine_up(options: argparse.Namespace) -> int:
    from .. import api
    from ..engine import private

    if options.unless_found and not private.status().running:
        try:
            found = api.connect()
            return _done(options, {"url": found.url}, t("found: {name}", name=found.name))
        except EngineUnavailable:
            pass  # so there is none
    started = private.up(install=not options.no_install, say=_say)
    text = t("private Docker Engine: {url} (pid {pid})", url=started.url, pid=started.pid)
    return _done(options, dataclasses.asdict(started), text)


def _engine_status(options: argparse.Namespace) -> int:
    from ..engine import private

    return _status(options, private.status(), t("private Docker Engine"))


def _engine_down(options: argparse.Namespace) -> int:
    from ..engine import private

    private.down(purge=options.purge)
    return _done(options, {"running": False}, t("private Docker Engine: down"))


def _sandbox_up(options: argparse.Namespace) -> int:
    from .. import api
    from ..sandbox import region

    found = region.up(api.connect(), port=options.port, base=options.base, install=not options.no_install, say=_say)
    no_storage = t("none (pip install 'modelarts_nb[sandbox]')")
    addresses = ((t("APIs"), found.api), ("SWR", found.swr), ("OBS", found.obs or no_storage))
    return _done(
        options, dataclasses.asdict(found), t("registry: {address} (pid {pid})", address=found.registry, pid=found.pid),
        t("base image: {reference}", reference=found.base_image), t("region: {name}", name=found.region),
        *(f"  {name}{t(': ')}{value}" for name, value in addresses),
        "  " + t("access key: {key}, in {path}", key=found.key, path=found.access),
    )


def _sandbox_status(options: argparse.Namespace) -> int:
    from ..sandbox import region

    return _status(options, region.status(), t("sandbox"))


def _sandbox_down(options: argparse.Namespace) -> int:
    from .. import api
    from ..sandbox import region

    engine = None
    if options.purge:
        try:
            engine = api.connect()
        except EngineUnavailable:
            print(t("No Engine answers: the base image stays in it."), file=sys.stderr)
    region.down(purge=options.purge, engine=engine)
    going_on = region.running_jobs()
    left = t(
        "Training jobs whose containers go on: {count}. `modelarts-nb sandbox up` takes them up again; "
        "`modelarts-nb sandbox down --purge` removes them and everything else of the sandbox.", count=going_on,
    )
    return _done(options, {"running": False, "jobs": going_on}, t("sandbox: down"), *([left] if going_on else []))


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


def _say(text: str) -> None:
    """What is going on, while it goes on."""
    print(text, file=sys.stderr, flush=True)


def _done(options: argparse.Namespace, values: dict[str, Any], *lines: str) -> int:
    """Tell how things stand now."""
    print(json.dumps(values, default=str) if options.json else "\n".join(lines))
    return 0
