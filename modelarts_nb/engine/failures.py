"""docker-py's and requests' errors as ours: mapped here, once, with the cause kept."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from ..errors import EngineAPIError, EngineError, EngineUnavailable
from ..messages import mark, t

GONE_HINT = mark("See whether it still runs: %modelarts status shows the Engine; `modelarts-nb engine status` a private one.")
_NO_SPACE = re.compile(r"no space left on device", re.IGNORECASE)
_NO_IMAGE = re.compile(r"no such image|not found: does not exist|manifest unknown|manifest for .* not found", re.IGNORECASE)
_REPEATED = re.compile(r"^(no such image: (\S+)): (?=No such image: \2$)", re.IGNORECASE)  # the Engine says it twice
_WANTS_LOGIN = re.compile(r"no basic auth credentials|unauthorized|authentication required|denied", re.IGNORECASE)
_UNREACHABLE = re.compile(r"connection refused|no such host|i/o timeout|network is unreachable|EOF$", re.IGNORECASE)

# What an Engine's sentence means for the user: (pattern, hint), the first that matches
_HINTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        _NO_SPACE,
        mark("The Engine's disk is full. `docker system df` shows what takes it, `docker builder prune` frees caches."),
    ),
    (_NO_IMAGE, mark("Check the name and tag; build it with %build, or see `docker images` for what the Engine has.")),
    (_WANTS_LOGIN, mark("The registry wants a login, or this account may not: `docker login HOST`, then try again.")),
    (
        _UNREACHABLE,
        mark("The registry did not answer. Is its address right, and does it run? (`modelarts-nb sandbox status`)"),
    ),
)


def hint_for(text: str) -> str:
    """What to do about an Engine's message; "" where it is none that people meet often."""
    return next((t(hint) for pattern, hint in _HINTS if pattern.search(text)), "")


@contextlib.contextmanager
def mapped(doing: str) -> Iterator[None]:
    """Raise the errors of docker-py inside as EngineUnavailable or EngineAPIError; ``doing`` says what failed."""
    import docker.errors
    import requests.exceptions
    import urllib3.exceptions

    gone = (requests.exceptions.ConnectionError, requests.exceptions.Timeout, requests.exceptions.ChunkedEncodingError)
    try:
        yield
    except EngineError:
        raise
    except docker.errors.APIError as error:
        text = _REPEATED.sub("", str(error.explanation or error))
        raise EngineAPIError(_while(doing, text), hint_for(text), status=error.status_code or 0) from error
    except (*gone, urllib3.exceptions.HTTPError, ConnectionError, BrokenPipeError) as error:
        raise EngineUnavailable(t("{doing}: the Docker Engine went away.", doing=doing), t(GONE_HINT)) from error
    except docker.errors.DockerException as error:
        raise EngineError(_while(doing, error)) from error


def _while(doing: str, reason: object) -> str:
    return t("{doing}: {reason}", doing=doing, reason=reason)
