"""The product under every Python that can be had here, with the oldest and the newest release of each dependency.

    python tests/matrix.py [3.10 3.12 …]      (make matrix)

Pythons are looked for on PATH and where pyenv keeps its own; one that is not there is told as such. For each, and for each of
the two sets, a fresh environment gets the wheel and what the unit tests need; then nothing may warn at import, ``%load_ext``
has to work, the prebuilt extension has to lie where JupyterLab looks, the unit tests have to pass, and taking the wheel away
must leave nothing. Prints the table of docs/packaging.md.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORK = ROOT / "build" / "matrix"
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
SETS = ("oldest", "newest")
NEEDED = ("pytest>=8", "pytest-timeout>=2.3", "hypothesis>=6.100", "sarif-pydantic>=0.6", "zstandard>=0.22")  # by tests/unit
SHOWN = ("docker", "ipython", "ipywidgets", "anywidget", "nbformat", "requests", "hpack")
CHECKS = {
    "import": ["-W", "error", "-c", "import modelarts_nb; from modelarts_nb import *"],
    "load": ["-W", "error", "-c", "from IPython.core.interactiveshell import InteractiveShell as S; s = S.instance(); "
             "s.run_line_magic('load_ext', 'modelarts_nb'); assert 'build' in s.magics_manager.magics['line']"],
    "command": ["-W", "error", "-m", "modelarts_nb.cli", "--version"],
    "extension": ["-c", "import sys, pathlib; assert (pathlib.Path(sys.prefix) / "
                  "'share/jupyter/labextensions/modelarts-nb/static/remoteEntry.js').is_file()"],
}


def main(wanted: list[str]) -> int:
    """The exit code: 0 where all that was run is good."""
    WORK.mkdir(parents=True, exist_ok=True)
    wheel = made()
    constraints = "\n".join(lowest(base_requirements()))
    rows = ["| Python | dependencies | versions | unit tests | seconds |", "|---|---|---|---|---|"]
    good = True
    for version in wanted or PYTHONS:
        python = found(version)
        if python is None:
            rows.append(f"| {version} | – | – | not to be had here | – |")
            continue
        for kind in SETS:
            row, passed = one(version, python, kind, wheel, constraints if kind == "oldest" else "")
            rows.append(row)
            good = good and passed
            print(row, flush=True)
    print("\n" + "\n".join(rows))
    return 0 if good else 1


def made() -> Path:
    """The wheel of what git knows, in a folder of its own."""
    source, dist = WORK / "source", WORK / "dist"
    for folder in (source, dist):
        shutil.rmtree(folder, ignore_errors=True)
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    for name in listed:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    making = [sys.executable, "-m", "pip", "--quiet", "wheel", "--no-deps", "--wheel-dir", str(dist), str(source)]
    subprocess.run(making, check=True)
    shutil.rmtree(source / "modelarts_nb")  # what is tested is the wheel; and this checkout may change meanwhile
    [wheel] = dist.glob("*.whl")
    return wheel


def found(version: str) -> str | None:
    """A Python of that version that starts; pyenv's stand-ins on PATH start only where a version is chosen."""
    kept = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    places = [*sorted(map(str, kept.glob(f"{version}.*/bin/python{version}"))), shutil.which(f"python{version}")]
    for place in filter(None, places):
        asked = subprocess.run([place, "-c", "import ensurepip, venv"], capture_output=True, check=False)
        if asked.returncode == 0:
            return place
    return None


def lowest(requirements: list[str]) -> list[str]:
    """Constraints that take the lower bound of each requirement: “docker>=7.1” becomes “docker==7.1”."""
    bounds = (re.match(r"([\w.-]+)(?:\[\w+\])?>=([\w.]+)", each) for each in requirements)
    return [f"{bound[1]}=={bound[2]}" for bound in bounds if bound]


def base_requirements() -> list[str]:
    """``install_requires``, as setup.py gives them."""
    code = (
        "import setuptools; held = {}; setuptools.setup = lambda **given: held.update(given); "
        "import runpy; runpy.run_path('setup.py'); print('\\n'.join(held['install_requires']))"
    )
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()


def one(version: str, python: str, kind: str, wheel: Path, held_back: str) -> tuple[str, bool]:
    """One row of the table, and whether everything in it is good."""
    started = time.monotonic()
    place = WORK / f"{version}-{kind}"
    shutil.rmtree(place, ignore_errors=True)
    subprocess.run([python, "-m", "venv", str(place)], check=True)
    own = str(place / "bin" / "python")
    pip = [own, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-color"]
    constraints = place / "constraints.txt"
    constraints.write_text(held_back)
    subprocess.run([*pip, "install", "--constraint", str(constraints), str(wheel), *NEEDED], check=True)
    failed = [name for name, words in CHECKS.items() if run([own, *words], place / f"{name}.log") != 0]
    if run([*pip, "check"], place / "check.log") != 0:
        failed.append("pip check")
    source = WORK / "source"
    tests = [own, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(source / "tests" / "unit"), "--rootdir", str(source)]
    if run(tests, place / "tests.log") != 0:
        failed.append("unit tests")
    said = re.findall(r"^.*\b(?:passed|failed|error).*$", (place / "tests.log").read_text(), re.MULTILINE) or ["?"]
    versions = held(own)
    run([*pip, "uninstall", "--yes", "modelarts-nb"], place / "uninstall.log")
    failed += [f"left: {path}" for path in place.rglob("*modelarts*") if "__pycache__" not in path.parts]
    counted = re.sub(r" in .*", "", said[-1].strip("= "))
    outcome = f"failed: {', '.join(failed)}; {counted}" if failed else counted
    return f"| {version} | {kind} | {versions} | {outcome} | {time.monotonic() - started:.0f} |", not failed


def held(python: str) -> str:
    """The versions that were installed, for the table."""
    code = f"from importlib.metadata import version as v; print(', '.join(n + ' ' + v(n) for n in {SHOWN!r}))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def run(words: list[str], log: Path) -> int:
    """The exit code; what was printed is in ``log``. Nothing of this checkout is importable there."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with log.open("wb") as out:
        done = subprocess.run(words, stdout=out, stderr=subprocess.STDOUT, check=False, env=environment, cwd=log.parent)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
