"""Cells into the notebook: the kernel asks the page, over a comm, and JupyterLab's extension (``labextension``) answers.

A button's callback has no reply that could carry IPython's ``set_next_input``, and that makes one cell only. Where no
extension answers, JupyterLab closes the comm, and the form says that the cells can be copied.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

TARGET = "modelarts_nb.cells"


class Writer:
    """Writes cells below the form's own. ``told`` is called with how many were written; 0: nobody could."""

    def __init__(self, shell: Any, told: Callable[[int], None]) -> None:
        self._told = told
        self._comm: Any = None

    def write(self, cells: Sequence[str]) -> None:
        """Ask for these cells to be inserted. Only the page in which the button was pressed does it."""
        from comm import create_comm

        answered = False

        def on_message(message: Any) -> None:
            nonlocal answered
            answered = True
            self._told(int(message["content"]["data"].get("inserted", 0)))

        def on_close(_: Any) -> None:
            if not answered:
                self._told(0)

        self._comm = create_comm(target_name=TARGET, data={"cells": list(cells)})
        self._comm.on_msg(on_message)
        self._comm.on_close(on_close)
