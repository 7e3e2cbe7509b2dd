"""The region's server: ``python -m modelarts_nb.sandbox.server FOLDER``, started and stopped by ``modelarts-nb sandbox``.

One process: the APIs, the registry's front and object storage, each on a port of loopback. All state is in FOLDER.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..api.current import catalog
from ..engine import discovery, images, marks
from ..errors import ModelArtsError
from ..settings import Secret
from ..workflows import inspections, passed
from . import audit, jobs_api, swr_api, swr_policies
from .admin import Admin
from .backend import Backend
from .faults import Faults
from .flavors import Flavors, Resources
from .front import Front
from .gate import Gate
from .iam import REGION, Keys, Projects
from .images_api import RegisteredImages
from .jobs import Jobs
from .preflight import Preflight
from .processes import owner
from .runner import Runner
from .state import Document, write_private
from .swr import PLATFORM, Swr
from .web import LOOPBACK, Routes

JOB_QUOTA = 20


class Region:
    """All of it, put together."""

    def __init__(self, folder: Path, configuration: Mapping[str, Any]) -> None:
        port = int(configuration["port"])
        self.folder, self.engine_url = folder, str(configuration["engine"])
        self.host = f"localhost:{port + 2}"
        self.settings = Document(folder / "settings.json")
        self.keys = Keys(Document(folder / "keys.json"))
        self.faults = Faults()
        self.backend = Backend(str(configuration["socket"]), port)
        self.swr = Swr(Document(folder / "swr.json"), self.settings, self.keys, self.host)
        self.front = Front(port + 2, self.faults, self.swr, self.backend)
        self.objects = _objects(folder, port + 3, self.keys, self.faults)
        self.jobs = Jobs(folder / "jobs")
        self.audits = audit.Audits(Document(folder / "audits.json"), self._judge)
        self._pulled = Document(folder / "pulled.json")
        self.runner = Runner(
            self.jobs, self.engine, owner(), self.objects, self.faults, self.image, self.audits.reasons, self._note_pulled
        )
        self.gate = Gate(port + 1, self.faults, self.keys, self._routes())
        self._write_access(port)

    def _routes(self) -> Routes:
        machine = Flavors()
        objects = self.objects
        preflight = Preflight(machine, self.swr, self.backend, objects.bucket if objects is not None else None)
        return Routes(
            Projects(), *swr_api.owners(self.swr, self.backend.delete_manifest), *swr_policies.owners(self.swr),
            Resources(machine, lambda: (self.job_quota(), len(self.jobs.unfinished()))),
            RegisteredImages(Document(self.folder / "images.json"), preflight),
            *jobs_api.owners(
                self.jobs, self.runner, preflight, self.job_quota, objects.sign_url if objects is not None else None
            ),
            Admin(self.faults, self.keys, self.settings),
        )

    def job_quota(self) -> int:
        """How many jobs may run or wait."""
        return int(self.settings.get("job_quota") or JOB_QUOTA)

    def engine(self, url: str = "") -> discovery.Engine:
        """The Engine at that place; "": the one that runs jobs. Raises EngineUnavailable."""
        return discovery.connect(url or self.engine_url)

    def image(self, image: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
        """(reference by digest, login) by which the Engine gets a job's image."""
        user, password = self.front.engine_login
        login = {"username": user, "password": password, "serveraddress": self.host}
        return f"{self.host}/{image['path']}@{image['digest']}", login

    def _judge(self, engine: discovery.Engine, reference: str, contract: str) -> Iterator[str]:
        """What %check calls an error of an image, "" while it looks. What it has found nothing against is not read again."""
        user, password = self.front.engine_login
        known = catalog()
        if passed.known(images.inspect(engine, reference).id, known.limits(contract)):
            return
        request = inspections.CheckRequest(reference, contract=contract, run=False)
        checking = inspections.check(engine, request, known, lambda host: (user, Secret(password)))
        while True:
            try:
                next(checking)
            except StopIteration as end:
                for found in end.value.errors:
                    yield " ".join(filter(None, (f"{found.code}: {found.message}", found.path, found.evidence)))
                return
            yield ""

    def _note_pulled(self, reference: str) -> None:
        with self._pulled.change() as state:
            state[reference] = True

    def _write_access(self, port: int) -> None:
        """What a client needs to use the region: where it is, and the sandbox's own key. For its owner only (0600)."""
        key = self.keys.main()
        api = f"http://{LOOPBACK}:{port + 1}"
        endpoints = dict.fromkeys(("iam", "swr", "modelarts"), api)
        if self.objects is not None:
            endpoints["obs"] = f"http://{LOOPBACK}:{port + 3}"
        write_private(self.folder / "access.json", json.dumps({
            "region": REGION, "ak": key.ak, "sk": key.sk.reveal(), "project_id": key.project_id, "domain_id": key.domain_id,
            "endpoints": endpoints, "registry": self.host, "platform_organizations": list(PLATFORM),
        }).encode())

    def serve(self) -> None:
        """Serve until the process is told to end."""
        over = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: over.set())
        self.runner.take_up()
        threading.Thread(target=self._sweep, daemon=True).start()
        servers = [self.gate, self.front, *([self.objects.server] if self.objects is not None else [])]
        for server in servers:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        over.wait()

    def _sweep(self) -> None:
        """Remove the containers of jobs that have ended or are gone, left by a sandbox that was killed."""
        try:
            engine = self.engine()
            marks.sweep(engine)
            marks.sweep_owned(engine, owner(), self.jobs.goes_on)
            engine.close()
        except ModelArtsError:
            traceback.print_exc()  # the next job says it to its user


def _objects(folder: Path, port: int, keys: Keys, faults: Faults) -> Any:
    """Object storage; None where its extra is not installed."""
    try:
        from .obs import ObjectStorage
    except ModuleNotFoundError as error:
        sys.stderr.write(f"no object storage: {error}\n")
        return None
    return ObjectStorage(folder / "obs", port, keys, faults)


def main() -> None:
    """Serve from the folder named on the command line."""
    folder = Path(sys.argv[1])
    Region(folder, json.loads((folder / "server.json").read_text())).serve()


if __name__ == "__main__":
    main()
