"""``modelarts-nb``: the magics' verbs in a terminal, for scripts and CI, and what belongs to no notebook.

The options of a verb are its magic's own (``verbs``). What a command gives stands on standard output, everything else on
standard error; with ``--json`` the value is JSON, one line a value, and a failure is one too: ``{"error": {…}}``.

Exit codes: 0 done; 1 an expected failure, told on standard error: findings of error severity, a failed build, run, job or
cell; 2 wrong usage; 3 ``status``: it does not run; 130 interrupted, 143 told to end (SIGTERM): what was started is stopped.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from ..errors import ModelArtsError

FAILED, USAGE, NOT_RUNNING, INTERRUPTED, TERMINATED = 1, 2, 3, 130, 143


class Terminated(KeyboardInterrupt):
    """SIGTERM, by which CI ends a step: everything is stopped as by an interrupt."""


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. Raises SystemExit(2) for words that are no command."""
    from IPython.core.error import UsageError

    from ..notebook import language
    from . import parser, values

    options = Namespace(json=False)
    try:
        with _ended_by_sigterm():
            language.apply(in_kernel=False)
            options = parser.parse(list(sys.argv[1:] if words is None else words))
            code: int = options.command(options)
            sys.stdout.flush()
            return code
    except ModelArtsError as error:
        values.tell_failure(error, as_json=options.json)
        return FAILED
    except UsageError as error:
        values.tell_usage(error)
        return USAGE
    except BrokenPipeError:  # whoever read the values has read enough, as in `modelarts-nb jobs | head -3`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt as error:
        values.tell_interrupt(error)
        return TERMINATED if isinstance(error, Terminated) else INTERRUPTED


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM raises ``Terminated`` here; as Python makes SIGINT a KeyboardInterrupt."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def terminate(number: int, frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
