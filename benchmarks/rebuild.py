"""A rebuild with nothing to do, through %build in a notebook's kernel and through docker's own program, in one loop."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from .parts import DOCKER, base_image, engine_url, kernel
from .timing import alternate, table

ROUNDS = 15


def main() -> None:
    text = f"FROM {base_image()}\nCOPY . /app\nRUN echo built\nUSER work\n"
    with tempfile.TemporaryDirectory() as name, kernel() as notebook:
        folder = Path(name)
        (folder / "Dockerfile").write_text(text)
        for number in range(10):
            (folder / f"module{number}.py").write_text("x = 1\n" * 100)
        list(notebook.run(f"%%dockerfile bench -C {name}\n{text}"))
        command = [DOCKER, "--host", engine_url(), "build", "--progress", "plain", "-t", "bench-cli", name]
        environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
        cases = {
            "docker build (DOCKER_BUILDKIT=1)": lambda _: subprocess.run(
                command, env=environment, check=True, capture_output=True
            ),
            "%build": lambda _: list(notebook.run("%build bench -t bench")),
        }
        alternate(cases, 2)  # the first builds it, and warms every cache
        print(table(f"no-op rebuild, {ROUNDS} rounds", alternate(cases, ROUNDS), against="docker build (DOCKER_BUILDKIT=1)"))


if __name__ == "__main__":
    main()
