"""JupyterLab's side: what the server's environment holds, which may be another one than the kernel's.

A widget has two halves: Python in the kernel, JavaScript that the server hands to the browser. Where the server's half is
missing, the browser shows a text in place of the form and of the live view.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..messages import t
from .model import Line, failed, passed, unchecked

MANAGER, ANYWIDGET, OURS = "@jupyter-widgets/jupyterlab-manager", "anywidget", "modelarts-nb"
SECONDS = 10.0
PROGRAM = """
import glob, json, os, sys
from importlib import metadata
found = {"versions": {}, "extensions": {}, "disabled": []}
for name in ("jupyterlab", "notebook", "jupyter_server"):
    try:
        found["versions"][name] = metadata.version(name)
    except metadata.PackageNotFoundError:
        pass
def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}
try:
    from jupyter_core.paths import jupyter_config_path, jupyter_path
    places = jupyter_path("labextensions")
    configured = [os.path.join(place, "labconfig", "page_config.json") for place in jupyter_config_path()]
except ImportError:
    places, configured = [os.path.join(sys.prefix, "share", "jupyter", "labextensions")], []
configured.append(os.path.join(sys.prefix, "share", "jupyter", "lab", "settings", "page_config.json"))
for place in reversed(places):
    for path in glob.glob(os.path.join(glob.escape(place), "*", "package.json")) + glob.glob(
        os.path.join(glob.escape(place), "@*", "*", "package.json")):
        package = read(path)
        found["extensions"][str(package.get("name"))] = str(package.get("version"))
for path in reversed(configured):
    said = read(path).get("disabledExtensions") or {}
    said = said if isinstance(said, dict) else dict.fromkeys(said, True)
    for name, off in said.items():
        if off and name not in found["disabled"]:
            found["disabled"].append(name)
        if not off and name in found["disabled"]:
            found["disabled"].remove(name)
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Server:
    """What a server's environment holds: versions by package, prebuilt extensions by name, the names of those that are off."""

    python: str
    versions: Mapping[str, str] = field(default_factory=dict)
    extensions: Mapping[str, str] = field(default_factory=dict)
    disabled: tuple[str, ...] = ()


def judge(server: Server | None, kernel: Mapping[str, str], ours: str) -> list[Line]:
    """The lines. ``kernel``: versions of ipywidgets and anywidget where the kernel runs; ``ours``: the product's version."""
    if server is None:
        nothing = t("the server is not on this machine, or belongs to somebody else")
        return [unchecked(name, nothing) for name in ("jupyterlab", "widgets", "anywidget", "extension")]
    lab = server.versions.get("jupyterlab", "")
    pip = f"{server.python} -m pip install"
    if not lab:
        held = ", ".join(f"{name} {version}" for name, version in server.versions.items()) or t("no JupyterLab")
        said = t("{held} in {python}", held=held, python=server.python)
        lines = [unchecked("jupyterlab", said, f'{pip} "modelarts-nb[lab]"')]
        return lines + [unchecked(name, t("no JupyterLab")) for name in ("widgets", "anywidget", "extension")]
    said = t("JupyterLab {version}, {python}", version=lab, python=server.python)
    old = not lab.partition(".")[0].isdigit() or int(lab.partition(".")[0]) < 4
    first = failed("jupyterlab", said, f'{pip} "jupyterlab>=4"') if old else passed("jupyterlab", said)
    return [
        first, _half("widgets", MANAGER, server, f'{pip} "jupyterlab_widgets>=3"', kernel.get("ipywidgets", ""), "ipywidgets"),
        _half("anywidget", ANYWIDGET, server, f'{pip} "anywidget>=0.9"', kernel.get("anywidget", ""), "anywidget"),
        _ours(server, f"{pip} modelarts-nb", ours),
    ]


def _half(name: str, extension: str, server: Server, mend: str, kernel: str, package: str) -> Line:
    """One widget's two halves."""
    held = server.extensions.get(extension, "")
    if not kernel:
        return failed(name, t("{package} is missing in the kernel", package=package), f"%pip install {package}")
    if not held:
        said = t("{package} {version} in the kernel, and no {extension} in the server's environment", package=package,
                 version=kernel, extension=extension)
        return failed(name, said, f"{mend}   # {t('then reload the page')}")
    if _off(extension, server):
        return failed(name, t("{extension} is disabled", extension=extension), f"jupyter labextension enable {extension}")
    said = t("{package} {version} in the kernel, {extension} {held} in the server", package=package, version=kernel,
             extension=extension, held=held)
    fits = package != "ipywidgets" or kernel.partition(".")[0] != "8" or held.partition(".")[0] == "5"  # jupyterlab_widgets 3
    return passed(name, said) if fits else failed(name, said, mend)


def _ours(server: Server, mend: str, ours: str) -> Line:
    held = server.extensions.get(OURS, "")
    if not held:
        said = t("not in the server's environment: no launcher tile, no colours in Dockerfile cells")
        return failed("extension", said, f"{mend}   # {t('then reload the page')}")
    if _off(OURS, server):
        return failed("extension", t("{extension} is disabled", extension=OURS), f"jupyter labextension enable {OURS}")
    if held != ours:
        said = t("{held} in the server, {ours} in the kernel", held=held, ours=ours)
        return failed("extension", said, f"{mend}=={ours}")
    return passed("extension", t("{held}, enabled", held=held))


def _off(extension: str, server: Server) -> bool:
    """Whether an extension, or one of its plugins, is disabled."""
    return any(name == extension or name.startswith(f"{extension}:") for name in server.disabled)


# ---- probing ----------------------------------------------------------------------------------------------------------


def look_at_jupyter(*, in_kernel: bool) -> list[Line]:
    """The server that started this kernel; without a kernel, JupyterLab of this very environment."""
    from .. import __version__
    from .machine import version

    python = server_python(os.getppid()) if in_kernel else sys.executable
    kernel = {name: version(name) for name in ("ipywidgets", "anywidget")}
    return judge(ask(python) if python else None, kernel, __version__)


def server_python(pid: int) -> str:
    """The Python that a process of this machine runs, as it was called (a virtual environment's); "" where it is none."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ""
    jupyter = any("jupyter" in word for word in words[1:4])
    return words[0] if jupyter and Path(words[0]).name.startswith("python") and Path(words[0]).is_absolute() else ""


def ask(python: str) -> Server | None:
    """What that Python's environment holds; None where it does not say."""
    try:
        done = subprocess.run([python, "-c", PROGRAM], capture_output=True, timeout=SECONDS, check=True, cwd="/")
        said: dict[str, Any] = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return Server(python, said["versions"], said["extensions"], tuple(said["disabled"]))
