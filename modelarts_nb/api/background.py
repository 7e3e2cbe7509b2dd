"""Work that goes on while other cells run: what ``--background`` returns, and how later verbs wait for it.

It ends with its kernel: a build's session is part of this process, and what else it started is stopped at exit.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from ..errors import SettingsError
from ..events import Event, Vertex
from ..messages import mark, t
from ..text import duration

RUNNING, DONE, FAILED, CANCELLED = mark("running"), mark("done"), mark("failed"), mark("cancelled")
AT_EXIT = 5.0  # seconds that a kernel which ends waits for what it cancels


class Background:
    """A build, push or run in the background. ``subject`` is what it makes, ``provides`` the images that others can wait for.

    ``state`` is one of ``running``, ``done``, ``failed``, ``cancelled``; ``result`` what came out, ``error`` what ended it.
    """

    def __init__(self, kind: str, subject: str, path: Path, provides: tuple[str, ...] = ()) -> None:
        self.kind, self.subject, self.log_path, self.provides = kind, subject, str(path), provides
        self.result: Any = None
        self.error: BaseException | None = None
        self.stop = threading.Event()
        self._began = time.time()
        self._ended = 0.0
        self._thread: threading.Thread | None = None

    def start(self, work: Callable[[], Any]) -> Background:
        """Begin; ``work`` gives the result and looks at ``stop``."""

        def run() -> None:
            try:
                self.result = work()
            except BaseException as error:
                self.error = error
            self._ended = time.time()

        self._thread = threading.Thread(target=run, name="modelarts_nb-background", daemon=True)
        started.append(self)
        self._thread.start()
        return self

    @property
    def state(self) -> str:
        """Where it stands."""
        if self._thread is None or self._thread.is_alive():
            return RUNNING
        if self.error is None:
            return DONE
        return CANCELLED if isinstance(self.error, KeyboardInterrupt) else FAILED

    @property
    def seconds(self) -> float:
        """How long it has taken."""
        return (self._ended or time.time()) - self._began

    @property
    def log(self) -> str:
        """What it has printed so far."""
        try:
            return Path(self.log_path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def wait(self, timeout: float | None = None) -> Any:
        """The result, once it is there. Its own error is raised; TimeoutError after ``timeout`` seconds.

        An interrupt ends the waiting, not the work.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.state == RUNNING:
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"{self}")
            assert self._thread is not None
            self._thread.join(0.1)
        if self.error is not None:
            raise self.error
        return self.result

    def cancel(self) -> None:
        """Stop it; returns when it has stopped."""
        self.stop.set()
        if self._thread is not None:
            self._thread.join()

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}: {t(self.state)}, {duration(self.seconds)}"

    __repr__ = __str__


started: list[Background] = []  # of this kernel, in the order in which they began


def pending(image: str = "") -> Background | None:
    """The last build that goes on and makes ``image``; of any image for ""."""
    for work in reversed(started):
        if work.provides and work.state == RUNNING and (not image or image in work.provides):
            return work
    return None


def until(build: Background | None) -> Generator[Event | None, None, None]:
    """Events while ``build`` goes on. Raises SettingsError where it does not come to a good end."""
    if build is None:
        return
    name = t("wait for the build of {image}", image=build.subject)
    began = time.time()
    yield Vertex("background", name, started=began)
    while build.state == RUNNING:
        time.sleep(0.05)
        yield None
    failed = build.error is not None
    yield Vertex("background", name, started=began, completed=time.time(), error=build.state if failed else "")
    if failed:
        raise SettingsError(
            t("The build of {image}, which this waited for, has not come to a good end: {error}", image=build.subject,
              error=str(build.error).split("\n")[0] or t(build.state)),
            t("Mend it and build again, or name another image."),
        )


@atexit.register
def _stop_all() -> None:
    """A kernel that ends leaves nothing running."""
    deadline = time.monotonic() + AT_EXIT
    for work in started:
        work.stop.set()
    for work in started:
        if work._thread is not None:
            work._thread.join(max(0.0, deadline - time.monotonic()))
