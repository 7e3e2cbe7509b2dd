"""What containers print: as it comes, or from what the Engine keeps of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

from ..errors import EngineError
from ..messages import t
from .failures import mapped


def attach(client: Any, container: str) -> Any:
    """The open answer that a container's output will come on; asked for before the start, so that nothing is lost."""
    with mapped(t("Attaching to a container")):
        params = {"stdout": 1, "stderr": 1, "stream": 1, "logs": 0, "stdin": 0}
        return client._post(
            client._url("/containers/{0}/attach", container), params=params, stream=True, timeout=None,
            headers={"Connection": "Upgrade", "Upgrade": "tcp"},
        )


def attached(client: Any, answer: Any) -> Iterator[tuple[int, bytes]]:
    """(1 for standard output, 2 for errors; bytes) as they come. Raises EngineError where the connection breaks."""
    from docker.utils.socket import frames_iter

    connection = client._get_raw_response_socket(answer)
    client._disable_socket_timeout(connection)
    try:
        yield from frames_iter(connection, tty=False)
    except OSError as error:
        raise EngineError(t("The connection to a container broke.")) from error


def kept(
    client: Any, container: str, done: int, over: threading.Event, opened: Callable[[Any], None]
) -> Iterator[bytes]:
    """What comes behind the first ``done`` bytes of a container's output, until it has ended or ``over`` is set.

    The Engine keeps both streams in one order, so that a number of bytes says what is new. ``opened`` is given each open
    answer, to be hung up by. Raises EngineError, EngineAPIError.
    """
    url = client._url("/containers/{0}/logs", container)
    running = True
    while not over.is_set():
        with mapped(t("Reading what a container printed")):
            answer = client._get(url, params={"stdout": 1, "stderr": 1, "follow": int(running)}, stream=True, timeout=None)
            opened(answer)
            place = 0
            for data in client._multiplexed_response_stream_helper(answer):
                place += len(data)
                if place > done:
                    yield data[done - place:]
                    done = place
            answer.close()
            if not running:
                return  # this was a look at what may have come after the log that was followed had ended
            running = bool(client.inspect_container(container)["State"]["Running"])
