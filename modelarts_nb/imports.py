"""Imports on first use that an interrupt cannot cut in half.

A ``KeyboardInterrupt`` in the middle of an import leaves packages whose parts are there and whose names are not, and every
later use of them fails until the kernel is restarted. Interrupts strike the main thread only: so another one imports.
"""

from __future__ import annotations

import importlib
import sys
import threading


def whole(*names: str) -> None:
    """Import these modules, each whole. An interrupt meanwhile is raised when they are there."""
    missing = [name for name in names if name not in sys.modules]
    if not missing:
        return
    failed: list[BaseException] = []
    done = threading.Event()  # not Thread.join: before Python 3.13 an interrupted one takes the thread for ended

    def load() -> None:
        try:
            for name in missing:
                importlib.import_module(name)
        except BaseException as error:  # it belongs to the thread that waits
            failed.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=load, name="modelarts_nb-import", daemon=True)
    try:
        thread.start()
        done.wait()
    except KeyboardInterrupt:
        while not done.wait(1) and thread.ident is not None:  # None: struck before the thread began
            pass
        raise
    if failed:
        raise failed[0]
