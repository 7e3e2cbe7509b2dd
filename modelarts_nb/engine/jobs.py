"""A training job as containers: one for each node, on a network of their own, under the contract's plan.

However it ends, the containers and the network are gone afterwards; those of a kernel that was killed are removed by
``sweep``, which every run begins with. A lasting job stays until its owner removes it, and another process can take it up.
"""

from __future__ import annotations

import functools
import ipaddress
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ..errors import EngineAPIError, EngineError, SettingsError
from ..events import Event, Vertex, VertexLog, VertexStatus, VertexWarning
from ..messages import mark, t
from ..text import size
from ..training.contract import NodePlan, plan
from ..training.run import NodeResult
from ..training.spec import JobSpec
from . import delivery, gauges, images, marks, output
from .accelerators import devices
from .discovery import Engine
from .failures import mapped
from .images import hang_up
from .streaming import call, pump

T = TypeVar("T")
SAMPLING = 0.25  # seconds between two looks at memory and CPU
GAUGING = 1.0  # seconds between two looks at the accelerators
SILENCE = 5.0  # seconds without a line before it is worth a word that all came at the end
# Older Engines give also an internal network's containers a default route, and leave the rest to firewall rules, if any:
# a bridge without an address leads nowhere
NO_GATEWAY = {"com.docker.network.bridge.inhibit_ipv4": "true"}
SEVERAL = mark("{file} was written by several nodes; {node}'s is kept.")
GRACE = 5.0  # seconds that other nodes may go on after one has failed


@dataclass
class Outcome:
    """How a job ended. ``collected``: local folders by output; ``files``: what was delivered as code."""

    nodes: list[NodeResult] = field(default_factory=list)
    started: float = 0.0
    finished: float = 0.0
    timed_out: bool = False
    collected: dict[str, Path] = field(default_factory=dict)
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lasting:
    """A job that outlives the process that runs it, and is taken up by the next.

    ``owner``: whom its containers are marked with. ``written(node)``: how many bytes of a node's log were kept already.
    ``since``: when it was started, in seconds since the epoch (0: now).
    """

    owner: str
    written: Callable[[str], int]
    since: float = 0.0


@dataclass
class _Node:
    """One node while it runs."""

    plan: NodePlan
    container: str = ""
    running: bool = False
    stream: Any = None
    over: threading.Event = field(default_factory=threading.Event)
    began: float = 0.0
    spoke: float = 0.0  # when its first line came
    peak: int = 0
    exit_code: int | None = None
    oom_killed: bool = False
    stopped: bool = False


def run(
    engine: Engine, spec: JobSpec, job_id: str, lasting: Lasting | None = None
) -> Generator[Event | None, None, Outcome]:
    """Run the job; events as they come, then how it ended. A command that fails is an outcome, not an exception.

    A ``lasting`` job that was started before is taken up where it stands, and not removed at the end.
    Raises SettingsError for paths and devices that are not there, EngineAPIError for an image that is not there.
    """
    job = _Job(engine, spec, job_id, lasting)
    try:
        if not job.take_up():
            yield from job.prepare()
            yield from job.deliver()
        yield from job.follow()
        yield from job.collect()
        return job.outcome
    finally:
        job.hang_up()
        if lasting is None:
            marks.remove(engine, job_id)


class _Job:
    def __init__(self, engine: Engine, spec: JobSpec, job_id: str, lasting: Lasting | None) -> None:
        self.engine, self.client, self.spec, self.job_id, self.lasting = engine, engine.client, spec, job_id, lasting
        self.marks = marks.labels(job_id, lasting.owner if lasting is not None else "")
        self.outcome = Outcome()
        self.nodes: list[_Node] = []
        self.listings: dict[str, delivery.Listing] = {}

    def call(self, doing: str, function: Callable[[], T]) -> Generator[None, None, T]:
        """The value of a blocking request; an interrupt waits for it, so that what it makes is known."""
        with mapped(doing):
            return (yield from call(function))

    def take_up(self) -> bool:
        """Whether this job was started before; what there is of one that was not is removed."""
        found = marks.containers(self.engine, self.job_id) if self.lasting is not None else {}
        if all(state == "created" for _, state in found.values()):
            if found:
                marks.remove(self.engine, self.job_id)
            return False
        for index in range(self.spec.nodes):
            node = _Node(plan(self.spec, self.job_id, index))
            name = f"{self._name}-{node.plan.name}"
            if name not in found:
                raise EngineError(t("The container {name} is gone.", name=name))
            node.container, state = found[name]
            node.running = state != "created"
            self.nodes.append(node)
        return True

    def prepare(self) -> Generator[Event | None, None, None]:
        """See that everything is there, then make network and containers."""
        image = images.inspect(self.engine, self.spec.image)
        if self.engine.architecture and not image.platform.endswith(f"/{self.engine.architecture}"):
            yield VertexWarning("", t(
                "The image is for {platform}, this Engine's machine is {architecture}.",
                platform=image.platform, architecture=self.engine.architecture,
            ))
        options = devices(self.engine, self.spec)
        yield from self.call(t("Removing what a killed kernel left"), lambda: marks.sweep(self.engine))
        addresses = yield from self._network()
        for index in range(self.spec.nodes):
            node = _Node(plan(self.spec, self.job_id, index, addresses))
            self.nodes.append(node)
            create = functools.partial(self._create, node, index, addresses, options)
            node.container = yield from self.call(t("Creating a container"), create)

    def _network(self) -> Generator[None, None, tuple[str, ...]]:
        """Make the private network; the address that each node will have.

        Addresses are part of the contract's variables, so they must be known before the containers are made, and the Engine
        gives fixed ones only on a network whose range was given: it is asked for a free range first.
        """
        if self.spec.network == "host":
            return ("127.0.0.1",) * self.spec.nodes
        internal = self.spec.network == "isolated"

        def make() -> tuple[str, ...]:
            make_network = functools.partial(
                self.client.create_network, driver="bridge", internal=internal, labels=self.marks,
                options=NO_GATEWAY if internal and not self.engine.podman else None,
            )
            draft = make_network(f"{self._name}-draft")["Id"]
            subnet = self.client.inspect_network(draft)["IPAM"]["Config"][0]["Subnet"]
            self.client.remove_network(draft)
            pool = {"Driver": "default", "Config": [{"Subnet": subnet}]}
            make_network(self._name, ipam=pool)
            hosts = ipaddress.ip_network(subnet).hosts()
            next(hosts)  # the bridge's own
            return tuple(str(next(hosts)) for _ in range(self.spec.nodes))

        return (yield from self.call(t("Making the job's network"), make))

    @property
    def _name(self) -> str:
        return f"modelarts-nb-{self.job_id}"

    def _create(self, node: _Node, index: int, addresses: tuple[str, ...], options: dict[str, Any]) -> str:
        made = node.plan
        host = self.spec.network == "host"
        limits: dict[str, Any] = {"mem_limit": self.spec.memory, "memswap_limit": self.spec.memory} if self.spec.memory else {}
        if self.spec.cpus:
            limits["nano_cpus"] = int(self.spec.cpus * 1e9)
        if self.lasting is not None:
            limits["log_config"] = {"Type": "json-file", "Config": {}}  # another log driver might not give back what it got
        configuration = self.client.create_host_config(network_mode="host" if host else self._name, **limits, **options)
        endpoint = self.client.create_endpoint_config(aliases=list(made.aliases), ipv4_address=addresses[index])
        container = self.client.create_container(
            self.spec.image, command=[], entrypoint=list(made.argv), user=str(made.uid), working_dir=made.working_dir,
            environment=dict(made.environment), hostname=None if host else made.hostname, labels=self.marks,
            name=f"{self._name}-{made.name}", host_config=configuration, stdin_open=False, tty=False,
            networking_config=None if host else self.client.create_networking_config({self._name: endpoint}),
        )
        return str(container["Id"])

    def deliver(self) -> Generator[Event | None, None, None]:
        """Bring code and inputs into every node."""
        for item in self.nodes[0].plan.deliveries:
            what = t("The code folder") if item.source == self.spec.code else t("The input")
            found = self.listings[item.target] = delivery.listing(item.source, what)
            if item.source == self.spec.code:
                self.outcome.files = tuple(entry.name for entry in found.items)
                yield from delivery.warnings(found, f"{what} {item.source}")
        total = sum(found.size for found in self.listings.values()) * len(self.nodes)
        count = sum(len(found.items) for found in self.listings.values())
        name = t("deliver code and inputs ({count} files, {size})", count=count, size=size(total))
        vertex = Vertex("deliver", name, started=time.time())
        yield vertex
        sent = [0]

        def add(length: int) -> None:
            sent[0] += length

        for node in self.nodes:
            chunks = delivery.archive(node.plan, self.listings, add)
            with mapped(t("Delivering files")):
                for _ in call(functools.partial(self.client.put_archive, node.container, "/", chunks)):
                    yield VertexStatus("files", "deliver", t("files"), sent[0], total)
        yield Vertex("deliver", vertex.name, started=vertex.started, completed=time.time())

    def follow(self) -> Generator[Event | None, None, None]:
        """Start the nodes and follow them until the last has ended."""
        self.outcome.started = (self.lasting.since if self.lasting is not None else 0.0) or time.time()
        for node in self.nodes:
            yield from self._start(node)
        running = [node for node in self.nodes if node.exit_code is None]
        items = pump([self._logs(node) for node in running] + [self._usage(node) for node in running], self.hang_up)
        passed = time.time() - self.outcome.started
        deadline = time.monotonic() + self.spec.timeout - passed if self.spec.timeout else float("inf")
        failed_at = float("inf")
        try:
            while running:
                item = next(items)
                if isinstance(item, _Node):
                    yield from self._ended(item)
                    running.remove(item)
                    if item.exit_code and not item.stopped:
                        failed_at = min(failed_at, time.monotonic())
                else:
                    yield item
                if time.monotonic() > deadline and not self.outcome.timed_out:
                    self.outcome.timed_out = True
                    self._kill(running)
                if time.monotonic() > failed_at + GRACE:
                    self._kill([node for node in running if not node.stopped])
        finally:
            items.close()
        self.outcome.finished = time.time()

    def _start(self, node: _Node) -> Generator[Event | None, None, None]:
        """Attach, so that no line is lost, then start. A lasting job's lines are kept by the Engine."""
        node.began = time.time()
        begun = Vertex(node.plan.name, node.plan.name, started=node.began)
        if node.running:
            yield begun
            return
        if self.lasting is None:
            node.stream = output.attach(self.client, node.container)
        try:
            yield from self.call(t("Starting the command"), lambda: self.client.start(node.container))
            yield begun  # not before: whoever hears of it relies on it
        except EngineAPIError as error:
            if "/bin/bash" not in error.message:
                raise
            yield begun
            yield VertexLog(node.plan.name, b"/bin/bash: no such file in this image\n", 2)
            node.exit_code = 127
            if node.stream is not None:
                hang_up(node.stream)
            yield self._result(node)

    def _logs(self, node: _Node) -> Iterator[Event | _Node | None]:
        if self.lasting is None:
            pieces = output.attached(self.client, node.stream)
        else:
            done = self.lasting.written(node.plan.name)
            kept = output.kept(self.client, node.container, done, node.over, functools.partial(setattr, node, "stream"))
            pieces = ((1, data) for data in kept)
        for stream, data in pieces:
            node.spoke = node.spoke or time.time()
            yield VertexLog(node.plan.name, data, stream, time.time())
        yield node

    def _usage(self, node: _Node) -> Iterator[Event | _Node | None]:
        """Memory and CPU four times a second, for as long as the container runs.

        Single samples: the Engine's stream gives one a second, which is all that a short run lasts.
        """
        url = self.client._url("/containers/{0}/stats", node.container)
        before: dict[str, Any] = {}
        devices, due = bool(self.spec.gpus or self.spec.npus), 0.0
        while not node.over.wait(SAMPLING):
            answer = self.client._get(url, params={"stream": False, "one-shot": True})
            if answer.status_code != 200:
                return  # it has been removed
            sample = answer.json()
            memory = sample.get("memory_stats") or {}
            used = int(memory.get("usage") or 0) - int((memory.get("stats") or {}).get("total_inactive_file") or 0)
            if used <= 0:
                continue
            node.peak = max(node.peak, used)
            yield VertexStatus("memory", node.plan.name, t("memory"), used, self.spec.memory)
            yield VertexStatus("cpu", node.plan.name, "cpu", _cpu(before, sample))
            before = sample
            if devices and time.monotonic() > due:
                due = time.monotonic() + GAUGING
                gauge = gauges.read(self.client, node.container, npu=bool(self.spec.npus))
                devices = gauge is not None
                if gauge is not None:
                    yield VertexStatus("gpu", node.plan.name, "NPU" if self.spec.npus else "GPU", gauge.percent)
                    yield VertexStatus("gpu-memory", node.plan.name, "memory", gauge.memory)

    def _ended(self, node: _Node) -> Iterator[Event]:
        name = node.plan.name
        with mapped(t("Asking how a container ended")):
            node.over.set()
            node.exit_code = int(self.client.wait(node.container, timeout=30)["StatusCode"])
            state = self.client.inspect_container(node.container)["State"]
        node.oom_killed = bool(state.get("OOMKilled"))
        if node.spoke - node.began > max(SILENCE, 0.9 * (time.time() - node.began)):
            yield VertexWarning(
                "",
                t("{node} printed nothing until its end: in the cloud you would wait for every line as well.", node=name),
                (t("Python keeps its output back where there is no terminal: ENV PYTHONUNBUFFERED=1 in the Dockerfile."),),
            )
        yield self._result(node)

    def _result(self, node: _Node) -> Vertex:
        assert node.exit_code is not None
        self.outcome.nodes.append(NodeResult(node.plan.name, node.exit_code, node.peak, node.oom_killed, node.stopped))
        ended = t("stopped") if node.stopped else t("exit code: {code}", code=node.exit_code)
        error = ended if node.exit_code else ""
        return Vertex(node.plan.name, node.plan.name, started=node.began, completed=time.time(), error=error)

    def _kill(self, nodes: list[_Node]) -> None:
        for node in nodes:
            node.stopped = True
            try:
                with mapped(t("Stopping a container")):
                    self.client.kill(node.container)
            except EngineAPIError as error:
                if error.status not in (404, 409):  # it has ended by itself meanwhile
                    raise

    def collect(self) -> Generator[Event | None, None, None]:
        """Bring the outputs out, worker-0's last, so that its files stand where several nodes wrote the same name."""
        self.outcome.nodes.sort(key=lambda result: result.name)
        if not self.spec.outputs:
            return
        vertex = Vertex("collect", t("collect outputs"), started=time.time())
        yield vertex
        written: dict[tuple[str, str], str] = {}
        total = 0
        for node in reversed(self.nodes):
            for name, place in node.plan.outputs.items():
                for file, length in self._fetch(node, place, self.spec.outputs[name]):
                    if (name, file) in written:
                        yield VertexWarning("", t(SEVERAL, file=f"{name}/{file}", node=node.plan.name))
                    written[name, file] = node.plan.name
                    total += length
                    yield VertexStatus("files", "collect", t("files"), total)
        self.outcome.collected = {name: path.absolute() for name, path in self.spec.outputs.items()}
        yield Vertex("collect", vertex.name, started=vertex.started, completed=time.time())

    def _fetch(self, node: _Node, place: str, target: Path) -> Iterator[tuple[str, int]]:
        try:
            with mapped(t("Reading {path}", path=place)):
                chunks, _ = self.client.get_archive(node.container, place)
                yield from delivery.unpack(chunks, target)
        except EngineAPIError as error:
            if error.status != 404:  # the command removed the folder: then there is nothing to bring
                raise
        except OSError as error:
            raise SettingsError(
                t("The output cannot be written to {path}: {reason}.", path=target, reason=error.strerror)
            ) from error

    def hang_up(self) -> None:
        """End what reads from the Engine."""
        for node in self.nodes:
            node.over.set()
            if node.stream is not None:
                hang_up(node.stream)


def _cpu(earlier: dict[str, Any], sample: dict[str, Any]) -> int:
    """Percent of one core between two samples, as ``docker stats`` counts it."""
    now, before = sample.get("cpu_stats") or {}, earlier.get("cpu_stats") or {}
    used = (now.get("cpu_usage") or {}).get("total_usage", 0) - (before.get("cpu_usage") or {}).get("total_usage", 0)
    system = now.get("system_cpu_usage", 0) - before.get("system_cpu_usage", 0) if before else 0
    return round(used / system * (now.get("online_cpus") or 1) * 100) if system > 0 and used > 0 else 0
