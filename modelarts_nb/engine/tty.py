"""The terminal of this process, tied to a command in a container: what ``docker exec -it`` does."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..errors import EngineAPIError
from ..messages import t
from .discovery import Engine
from .failures import mapped


def interact(engine: Engine, container: str, command: Sequence[str]) -> bool:
    """Run the command with this terminal until it ends. False, and nothing done: not over this kind of connection."""
    client = engine.client
    with mapped(t("Running in a container")):
        made = client.exec_create(
            container, list(command), stdin=True, tty=True, environment={"TERM": os.environ.get("TERM", "xterm")}
        )["Id"]
        stream = client.exec_start(made, tty=True, socket=True)
    connection = getattr(stream, "_sock", stream)
    if type(connection) is not socket.socket:  # over TLS and ssh bytes may wait where select does not see them
        stream.close()
        return False
    connection.settimeout(None)
    try:
        with _raw(sys.stdin.fileno()), _resized(client, made) as fit:
            _relay(connection, sys.stdin.fileno(), sys.stdout.fileno(), fit)
    finally:
        stream.close()
    return True


def _relay(connection: socket.socket, typed: int, shown: int, began: Callable[[], None]) -> None:
    """Carry bytes both ways until the command has ended; ``began`` is called when its first ones come."""
    silent = True
    while True:
        ready, _, _ = select.select([connection.fileno(), typed], [], [])
        if connection.fileno() in ready:
            data = connection.recv(65536)
            if not data:
                return
            if silent:
                silent = False
                began()  # a size that was told before the command had started is lost
            while data:
                data = data[os.write(shown, data):]
        if typed in ready:
            data = os.read(typed, 65536)
            if not data:
                return
            connection.sendall(data)


@contextlib.contextmanager
def _raw(terminal: int) -> Iterator[None]:
    """Every key goes through as it is, Ctrl-C among them."""
    import termios
    import tty

    before = termios.tcgetattr(terminal)
    try:
        tty.setraw(terminal)
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


@contextlib.contextmanager
def _resized(client: Any, made: str) -> Iterator[Callable[[], None]]:
    """The command's terminal has this one's size, now and when it changes."""

    def fit(*_: object) -> None:
        size = os.get_terminal_size(sys.stdin.fileno())  # not shutil's: COLUMNS may be exported, and never changes
        with contextlib.suppress(EngineAPIError), mapped(t("Running in a container")):  # it may have ended
            client.exec_resize(made, height=size.lines, width=size.columns)

    before = signal.signal(signal.SIGWINCH, fit)
    try:
        fit()
        yield fit
    finally:
        signal.signal(signal.SIGWINCH, before)
