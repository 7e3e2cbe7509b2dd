"""Completion inside our magics and ``%%dockerfile`` cells: one matcher of IPython's completer, asked before all others.

It is quick because it asks nobody: the words are the magics' own options, what this kernel holds, the catalogue, and the
names of images as they were last heard of (``images``).
"""

from __future__ import annotations

import threading
from typing import Any

from ...errors import ModelArtsError

IDENTIFIER = "modelarts_nb"


def register(shell: Any) -> None:
    """Add the matcher. Twice is fine."""
    from IPython.core.completer import context_matcher

    unregister(shell)
    if getattr(shell, "Completer", None) is None:
        return

    @context_matcher(identifier=IDENTIFIER, priority=1000)  # type: ignore[untyped-decorator]  # ours first: Python need not guess
    def matcher(context: Any) -> Any:
        return _matches(shell, context)

    shell.Completer.custom_matchers.append(matcher)
    threading.Thread(target=_warm, daemon=True, name="modelarts_nb-completion").start()


def _warm() -> None:
    """Import and read what completion knows, so that the first Tab is as quick as the others."""
    from ...catalog import builtin
    from . import known, words  # noqa: F401

    builtin()


def unregister(shell: Any) -> None:
    """Take it away again."""
    completer = getattr(shell, "Completer", None)
    if completer is not None:
        completer.custom_matchers[:] = [
            matcher for matcher in completer.custom_matchers if getattr(matcher, "matcher_identifier", "") != IDENTIFIER
        ]


def _matches(shell: Any, context: Any) -> Any:
    from IPython.core.completer import SimpleCompletion

    from . import known, words

    lines = context.full_text.split("\n")
    before = [*lines[: context.cursor_line], lines[context.cursor_line][: context.cursor_position]]
    if not words.concerns(before):
        return {"completions": []}
    try:
        found = words.complete(before, known.known(shell))
    except ModelArtsError:  # a setting or a catalogue that cannot be read: the magic itself says so when it is run
        return {"completions": []}
    return {
        "completions": [SimpleCompletion(text, type=found.kind) for text in found.words],
        "matched_fragment": found.fragment, "suppress": True, "ordered": True,
    }
