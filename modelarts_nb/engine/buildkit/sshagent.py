"""The user's ssh agent for ``RUN --mount=type=ssh``: its keys sign, and never leave.

Service: BuildKit's session/sshforward (``CheckAgent{ID=1}``, ``ForwardAgent`` a stream of ``{data=1}`` each way, the id in
the header ``buildkit.ssh.id``). Agent protocol: draft-miller-ssh-agent; like docker's client, only listing and signing
pass, so that a build cannot add, remove or lock keys.
"""

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from ...messages import t
from . import grpc
from .grpc import Call, Metadata, StatusError, Unary, framed
from .http2 import Buffer
from .loop import Wire
from .protobuf import Message, WireError, data
from .request import AgentSource, FromEnv

LIST, SIGN = 11, 13  # SSH_AGENTC_REQUEST_IDENTITIES, SSH_AGENTC_SIGN_REQUEST
_REFUSED = b"\0\0\0\1\5"  # SSH_AGENT_FAILURE
MAX_MESSAGE = 256 << 10  # bytes; OpenSSH's own limit
MAX_WAITING = 64  # requests that may wait for the agent
ID = "buildkit.ssh.id"

Dial = Callable[[socket.socket, Wire], None]


def methods(agents: Mapping[str, AgentSource], dial: Dial) -> dict[str, Callable[[Metadata], Call]]:
    """The service, where there are ``agents`` (by id); ``dial`` serves a connected socket."""
    if not agents:
        return {}

    def check(raw: bytes) -> bytes:
        try:
            _address(agents, Message(raw).text(1))
        except WireError as error:
            raise StatusError(grpc.INVALID_ARGUMENT, str(error)) from None
        return b""

    def forward(metadata: Metadata) -> Call:
        address = _address(agents, metadata.first(ID))
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.setblocking(False)
            sock.connect(str(address))
        except OSError as error:
            sock.close()
            text = t("the ssh agent at {address} does not answer: {reason}", address=address, reason=error.strerror)
            raise StatusError(grpc.UNAVAILABLE, text) from error
        call = ForwardedAgent()
        dial(sock, call.agent)
        return call

    return {"/moby.sshforward.v1.SSH/CheckAgent": lambda _: Unary(check), "/moby.sshforward.v1.SSH/ForwardAgent": forward}


def _address(agents: Mapping[str, AgentSource], name: str) -> Path:
    source = agents.get(name or "default")
    if source is None:
        raise StatusError(grpc.NOT_FOUND, t("no ssh agent was given under the id {name}", name=name or "default"))
    if isinstance(source, FromEnv):
        address = os.environ.get(source.name)
        if not address:
            raise StatusError(grpc.UNAVAILABLE, t("no ssh agent runs: {variable} is not set", variable=source.name))
        return Path(address)
    return source


class ForwardedAgent(Call):
    """One connection from a build step to the agent. Requests pass one at a time, so that answers keep their order."""

    def __init__(self) -> None:
        super().__init__()
        self.agent = AgentWire(self)
        self._inbox = bytearray()
        self._requests: deque[bytes] = deque()
        self._answers: list[Buffer] = []
        self._asking = False

    def received(self, message: bytes) -> None:
        """A piece of what the step says to the agent."""
        try:
            self._inbox += Message(message).bytes(1)
        except WireError as error:
            self._give_up(grpc.INVALID_ARGUMENT, str(error))
            return
        requests = _split(self._inbox)
        if requests is None or len(self._requests) + len(requests) > MAX_WAITING:
            self._give_up(grpc.RESOURCE_EXHAUSTED, t("more than an ssh agent takes"))
            return
        self._requests += requests
        self._ask()

    def _ask(self) -> None:
        while self._requests and not self._asking:
            request = self._requests.popleft()
            if len(request) > 4 and request[4] in (LIST, SIGN):
                self._asking = True
                self.agent.say(request)
            else:
                self.answered(_REFUSED)

    def answered(self, answer: bytes) -> None:
        """What the agent, or we in its name, say to the step."""
        self._answers.append(framed(data(1, answer)))
        self._asking = False
        self.wake()
        self._ask()

    def batch(self) -> list[Buffer] | None:
        """The answers so far."""
        answers, self._answers = self._answers, []
        return answers or None

    def ended(self) -> None:
        """The step closed its connection."""
        self._give_up(grpc.OK, "")

    def dropped(self, reason: str) -> None:
        """The step is gone."""
        self.agent.over = True

    def _give_up(self, code: int, message: str) -> None:
        self.agent.over = True
        self.finish(code, message)


class AgentWire:
    """The agent's side of it: a plain connection of length-prefixed messages."""

    paused = False

    def __init__(self, call: ForwardedAgent) -> None:
        self._call = call
        self._inbox = bytearray()
        self._outgoing: list[Buffer] = []
        self.over = False

    def say(self, request: bytes) -> None:
        """Ask the agent."""
        self._outgoing.append(request)

    def pull(self) -> list[Buffer]:
        """See loop.Wire."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def feed(self, data: bytes) -> None:
        """See loop.Wire."""
        self._inbox += data
        answers = _split(self._inbox)
        for answer in answers or ():
            self._call.answered(answer)
        if answers is None:
            self._call._give_up(grpc.INTERNAL, t("the ssh agent's answer is too long"))

    def lost(self, reason: str) -> None:
        """See loop.Wire."""
        self._call.finish(grpc.OK)


def _split(inbox: bytearray) -> list[bytes] | None:
    """Take the complete messages, each with its length; None where one is too long."""
    messages = []
    while len(inbox) >= 4:
        size = 4 + int.from_bytes(inbox[:4], "big")
        if size > MAX_MESSAGE:
            return None
        if len(inbox) < size:
            break
        messages.append(bytes(inbox[:size]))
        del inbox[:size]
    return messages
