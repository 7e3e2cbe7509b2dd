"""A notebook in a kernel of its own, by nbclient: what it prints as plain lines, and an end that leaves nothing running.

A signal interrupts the kernel, so that the cell which runs stops what it has started (a build, containers); the notebook is
kept as far as it went, and the kernel ends. A second signal does not wait for the cell.
"""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbclient.util import ensure_async

from ..messages import t
from ..text import clean
from . import Terminated

PAUSE = 5.0  # seconds between two lines of a display that is painted again and again


@dataclass(frozen=True)
class Ended:
    """How it ended. ``cells``: how many code cells have come to an end; ``failed``: the number, from 1 in the notebook, of the
    cell that failed with the error ``name`` and ``value`` (0: none). ``stopped``: the interrupt, where there was one."""

    cells: int
    failed: int = 0
    name: str = ""
    value: str = ""
    stopped: KeyboardInterrupt | None = None


def execute(notebook: Any, folder: Path, kernel: str, stream: TextIO) -> Ended:
    """Execute the notebook in place, in ``folder``; its outputs go to ``stream`` as lines while it runs."""
    options = {"kernel_name": kernel} if kernel else {}
    client = _Client(
        notebook, timeout=None, resources={"metadata": {"path": str(folder.absolute())}}, stream=_Lines(stream), **options
    )
    try:
        asyncio.run(client.to_the_end())
    except CellExecutionError as error:
        if client.stopped is None:
            return Ended(client.done, client.number, error.ename, error.evalue)
    except DeadKernelError:
        return Ended(client.done, client.number, "DeadKernelError", t("the kernel died"))
    except (_Stopped, asyncio.CancelledError):
        pass  # ``stopped`` says why
    return Ended(client.done, stopped=client.stopped)


class _Stopped(Exception):
    """A cell would begin after a signal."""


class _Client(NotebookClient):
    """nbclient's, which tells what it sees, and to which a signal is an interrupt of the kernel."""

    def __init__(self, notebook: Any, *, stream: _Lines, **options: Any) -> None:
        super().__init__(notebook, **options)
        self._stream = stream
        self._task: asyncio.Task[Any] | None = None
        self.number = self.done = 0
        self.stopped: KeyboardInterrupt | None = None
        self.on_notebook_start = self._listen
        self.on_cell_start = self._begin
        self.on_cell_executed = self._end

    async def to_the_end(self) -> None:
        """Execute all cells."""
        self._task = asyncio.current_task()
        await self.async_execute()

    def _listen(self, notebook: Any) -> None:
        """Signals are ours from now on: nbclient's own handlers take the kernel away from under the cell."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._stop, KeyboardInterrupt())
        loop.add_signal_handler(signal.SIGTERM, self._stop, Terminated())

    def _stop(self, why: KeyboardInterrupt) -> None:
        if self.stopped is not None and self._task is not None:
            self._task.cancel()
        self.stopped = why
        if self.km is not None:
            self._interruption = asyncio.ensure_future(ensure_async(self.km.interrupt_kernel()))

    def _begin(self, cell: Any, cell_index: int) -> None:
        if self.stopped is not None:
            raise _Stopped
        self.number = cell_index + 1

    def _end(self, cell: Any, cell_index: int, execute_reply: Any) -> None:
        self._stream.close()
        self.done += 1 if execute_reply["content"]["status"] == "ok" else 0

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        """As nbclient does; and the lines go out."""
        self._stream.feed(msg["msg_type"], msg["content"])
        return super().process_message(msg, cell, cell_index)


class _Lines:
    """Outputs as lines: streams as they come; of a display that is painted again its first line now and then, and its end."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._open = ""  # a line that is not finished
        self._painted: dict[str, tuple[float, str]] = {}  # display → (when it was last told, what it shows now)

    def feed(self, kind: str, content: Any) -> None:
        """Tell one message of the kernel."""
        if kind == "stream":
            *lines, self._open = (self._open + str(content["text"])).split("\n")
            self._print(lines)
        elif kind == "error":
            self._print("\n".join(map(str, content["traceback"])).split("\n"))
        elif kind in ("display_data", "execute_result", "update_display_data"):
            self._display((content.get("transient") or {}).get("display_id"), str(content["data"].get("text/plain", "")))

    def close(self) -> None:
        """The cell has ended: tell what its displays show, and the line that was left open."""
        self._print([self._open] if self._open else [])
        self._open = ""
        for _, text in self._painted.values():
            self._print(text.split("\n"))
        self._painted.clear()

    def _display(self, identifier: str | None, text: str) -> None:
        if not identifier:
            self._print(text.split("\n") if text else [])
            return
        now = time.monotonic()
        told = self._painted.get(identifier, (now, ""))[0]
        if now - told >= PAUSE:
            self._print(text.split("\n")[:1])
            told = now
        self._painted[identifier] = (told, text)

    def _print(self, lines: list[str]) -> None:
        for line in lines:
            print(clean(line), file=self._stream, flush=True)
