"""What one kernel has done so far: Dockerfiles by name, the last image, the last run. Nothing of it is hidden state that a
result depends on: every value can be given by name instead."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .building.request import DockerfileSource
from .building.shell import FailedStep, Shell
from .errors import SettingsError
from .image import Image, PushedImage
from .messages import t
from .rules.model import Finding
from .rules.report import CheckReport
from .settings import Secret
from .training.cloudjob import Job
from .training.run import TrainingRun
from .training.spec import JobSpec

DEFAULT_NAME = "default"


@dataclass(frozen=True)
class Kept:
    """What ``%%dockerfile`` answers: the Dockerfile as it was kept, how much is in it, and what is wrong with it.

    ``findings`` count their lines in the Dockerfile's own text; ``source.first_line`` turns them into the cell's.
    """

    source: DockerfileSource
    stages: int
    instructions: int
    findings: tuple[Finding, ...] = ()


@dataclass
class Session:
    """The state of one kernel. ``current`` is the name of the Dockerfile that was kept last; ``config`` holds the
    settings made with ``%config``."""

    config: dict[str, str] = field(default_factory=dict)
    dockerfiles: dict[str, DockerfileSource] = field(default_factory=dict)
    current: str = ""
    image: Image | None = None
    run: TrainingRun | None = None
    pushed: PushedImage | None = None
    account: Any = None  # cloud.account.Account of the last %login; Any, as the session stands below the cloud
    logins: dict[str, tuple[str, Secret]] = field(default_factory=dict, repr=False)  # registry host → login, in memory only
    job: Job | None = None  # in the cloud: the last one that was submitted or followed
    spec: JobSpec | None = None  # of the last run, for the parity report
    checked: CheckReport | None = None
    failed: FailedStep | None = None  # of the last build, where it failed at an instruction
    shell: Shell | None = None  # the one that is open

    def keep(self, source: DockerfileSource) -> None:
        """Keep a Dockerfile under its name; one of the same name is replaced."""
        self.dockerfiles[source.name] = source
        self.current = source.name

    def dockerfile(self, name: str = "") -> DockerfileSource:
        """The Dockerfile of that name, else the one that was kept last. Raises SettingsError."""
        found = self.dockerfiles.get(name or self.current)
        if found is None:
            known = ", ".join(self.dockerfiles) or t("none yet")
            raise SettingsError(
                t("There is no Dockerfile “{name}” here.", name=name) if name else t("There is no Dockerfile yet."),
                t(
                    "Kept: {known}. Write one in a cell that starts with %%dockerfile NAME, or give a file: %build -f FILE.",
                    known=known,
                ),
            )
        return found

    def image_name(self, name: str = "") -> str:
        """The image asked for, else the one that was built last. Raises SettingsError."""
        if name:
            return name
        if self.image is None:
            raise SettingsError(t("No image was built here yet."), t("Run %build first, or name an image."))
        return self.image.reference or self.image.id


session = Session()  # of this kernel
