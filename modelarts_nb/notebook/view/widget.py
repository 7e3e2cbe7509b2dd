"""The live view in a notebook: a widget that shows every step and every line while they come, beside a card that stays.

Two outputs of one cell. The card is plain HTML, repainted once a second: it is what a saved notebook shows after its kernel
died, and what a browser without the widget's part shows instead of it (the widget hides it while it lives). At the end the card
becomes the final one and the widget's output becomes empty, so that nothing that is saved needs a widget, a script or a kernel.
"""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from ...imports import whole
from ...messages import mark, t
from ...trace import Trace
from .card import Work
from .live import RichView
from .style import CSS
from .wire import Message, Wire

MIME = "application/vnd.jupyter.widget-view+json"
PATIENCE = 0.3  # seconds that something may take without any widget: most rebuilds are over by then
BESIDE = 1.0  # seconds between two paintings of the card beside the widget
FIRST_REPEAT = 0.25  # seconds after which all is said again unasked, then after twice as long, and so on
ALIVE = 30  # finished views whose widgets still answer a page that is opened again
SCRIPTS = ("log.js", "pane.js", "card.js", "main.js")
TEXTS: Mapping[str, str] = {
    "search": mark("Search"), "search_in": mark("Search the log of {step}"), "previous": mark("Previous match"),
    "next": mark("Next match"), "match": mark("{number} of {total}"), "none": mark("No match"), "copy": mark("Copy all"),
    "copied": mark("{count} lines copied"), "follow": mark("Follow the end"), "log": mark("Log of {step}"),
    "steps": mark("Steps"), "empty": mark("No output."), "stopping": mark("Stopping …"),
    "silent": mark("No word from the kernel for {seconds} s. If it was restarted, this has ended with it."),
    "no_way": mark("The view could not reach the server. Press the notebook's stop button instead."),
}
_alive: deque[Any] = deque()


class LiveView(RichView):
    """The widget, and the card beside it. ``cancel`` is set when the view's button is pressed and the kernel hears of it.

    ``blocking``: the cell waits for the work, so that the kernel may hear nothing; the button then interrupts it by way of
    the server.
    """

    def __init__(self, *arguments: Any, cancel: threading.Event, blocking: bool) -> None:
        super().__init__(*arguments)
        self._cancel, self._blocking = cancel, blocking
        self._wire = Wire(self._work, self._subject)
        self._widget: Any = None
        self._place: Any = None
        self._asked = threading.Event()
        self._met = False
        self._repeat, self._pause, self._beside, self._open = 0.0, FIRST_REPEAT, 0.0, 0.0

    def _heard(self, _widget: object, content: Mapping[str, object], _buffers: object) -> None:
        """A message from the browser; it may come in any thread, so that it is only noted."""
        if content.get("type") == "cancel":
            self._cancel.set()
        elif content.get("type") == "open":
            self._asked.set()

    def paint(self, trace: Trace) -> None:
        """Send what changed; now and then repaint the card."""
        now = time.monotonic()
        if self._handle is None:
            trace.keep_unread()
            super().paint(trace)
            self._open = now + (PATIENCE if self._blocking else 0.0)  # in the background the cell is there now only
        if self._widget is None:
            if now < self._open:
                super().paint(trace)
                return
            self._begin(now)
        self._send(self._wire.tick(trace, self._seconds(), self._chart(trace)))
        if self._asked.is_set() or (now >= self._repeat and not self._met):
            self._met = self._met or self._asked.is_set()
            self._asked.clear()
            self._pause *= 2
            self._repeat = now + self._pause
            self._send(self._wire.replay())
        if now >= self._beside:
            self._beside = now + BESIDE
            super().paint(trace)

    def _begin(self, now: float) -> None:
        """Show the widget."""
        from IPython.display import display

        self._widget = _widget(self._work, kernel_id() if self._blocking else "")
        self._widget.on_msg(self._heard)
        view = {MIME: {"version_major": 2, "version_minor": 0, "model_id": self._widget.model_id}}
        self._place = display(view, raw=True, display_id=True)  # type: ignore[no-untyped-call]  # IPython's
        self._repeat, self._beside = now + self._pause, now + BESIDE

    def finish(self, trace: Trace, error: BaseException | None, result: object) -> None:
        """The card becomes the final one, in place; the widget's output becomes empty."""
        super().finish(trace, error, result)
        if self._place is None:
            return
        self._place.update({}, raw=True)
        self._widget.ended = self.last  # for a page that was opened meanwhile and never heard of the two
        _alive.append(self._widget)
        if len(_alive) > ALIVE:
            _alive.popleft().close()

    def _send(self, message: Message) -> None:
        content, buffers = message
        self._widget.send(content, buffers=buffers)


@cache
def _widget_class() -> Any:
    whole("anywidget")
    import anywidget
    import traitlets

    files = resources.files(__package__) / "static"
    script = "\n".join((files / name).read_text(encoding="utf-8") for name in SCRIPTS)
    sheet = (files / "live.css").read_text(encoding="utf-8")

    class Live(anywidget.AnyWidget):
        """What the browser holds of a view besides its messages."""

        _esm = script
        _css = CSS + re.sub(r"\.ma-live(?=[ .])", ".ma-live.ma.ma.ma", sheet)  # as strong as style.py's rules
        texts = traitlets.Dict().tag(sync=True)
        kernel = traitlets.Unicode().tag(sync=True)
        ended = traitlets.Unicode().tag(sync=True)

    return Live


def _widget(work: Work, kernel: str) -> Any:
    texts = {name: t(text) for name, text in TEXTS.items()}
    return _widget_class()(texts={**texts, "stop": t(work.stop)}, kernel=kernel)


def kernel_id() -> str:
    """The kernel's id, by which its server knows it: it names the connection file so; "" where it does not."""
    from ipykernel.connect import get_connection_file

    try:
        found = re.search(r"kernel-([\w-]+)\.json$", get_connection_file())
    except RuntimeError:  # the kernel was started without a file
        return ""
    return found[1] if found else ""
