"""Whether an Engine opens BuildKit to us: the two ways that builds go (buildkit/control.py, buildkit/engineapi.py)."""

from __future__ import annotations

import secrets
from typing import Any

from ..errors import ModelArtsError
from ..messages import t
from .buildkit import duplex, grpc
from .buildkit.engineapi import sentence
from .buildkit.loop import Loop
from .buildkit.wires import Upgraded, head
from .failures import mapped

CONTROL, SESSION = "/grpc", "/session"


def refusal(client: Any, path: str, seconds: float) -> str:
    """Why the Engine does not open ``CONTROL`` or ``SESSION``; "" where it does. ``client``: docker-py's.

    The connection is closed as soon as it is answered: nothing is built.
    """
    said: list[str] = []
    loop = Loop()

    def end(reason: str) -> None:
        said.append(reason)
        loop.stop()

    headers = [("Connection", "Upgrade"), ("Upgrade", "h2c")]
    if path == SESSION:
        headers += [("X-Docker-Expose-Session-Uuid", secrets.token_hex(16)), ("X-Docker-Expose-Session-Name", "doctor")]
    try:
        wire = Upgraded(
            head(client, path, [], headers), grpc.Client(), lambda: end(""),
            lambda status, text: end(f"{status or ''} {sentence(text)}".strip() or t("no answer")), lambda reason: end(reason),
        )
        with mapped(t("Asking for BuildKit")):
            loop.add(duplex.connect(client), wire)
        loop.later(seconds, lambda: end(t("no answer within {seconds:.0f} s", seconds=seconds)))
        loop.run()
    except (OSError, ModelArtsError) as error:
        loop.abandon()
        return str(error)
    return said[0] if said else t("no answer")
