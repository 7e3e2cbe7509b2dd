"""What an installation places, and that nothing of it is left when it is taken away."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from modelarts_nb.doctor import machine

ROOT = Path(__file__).parents[2]
SHARED = {"share", "share/jupyter", "share/jupyter/labextensions"}  # pip keeps folders that all extensions share
EXTENSION = "share/jupyter/labextensions/modelarts-nb"
PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """(sdist, wheel), made without any network from a copy of what git knows; the wheel from the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    source = folder / "source"
    for name in tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    subprocess.run([*PIP, "install", "--target", str(folder / "tools"), "setuptools>=70.1"], check=True)
    environment = {**os.environ, "PYTHONPATH": str(folder / "tools")}
    alone = ["unshare", "--net"]
    code = "from setuptools import build_meta; print(build_meta.build_sdist('..'))"
    subprocess.run([*alone, sys.executable, "-c", code], cwd=source, env=environment, check=True, capture_output=True)
    [sdist] = folder.glob("*.tar.gz")
    making = [*alone, *PIP, "wheel", "--no-index", "--no-build-isolation", "--no-deps", "--wheel-dir", str(folder), str(sdist)]
    subprocess.run(making, env=environment, check=True)
    [wheel] = folder.glob("*.whl")
    return sdist, wheel


def tracked(under="."):
    listed = subprocess.run(["git", "ls-files", under], cwd=ROOT, capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()


def test_the_source_distribution_holds_what_the_wheel_is_made_of(built):
    with tarfile.open(built[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "setup.py", "pyproject.toml", *tracked("labextension"), *tracked("modelarts_nb")} <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith(("build", "tests/integration"))]


def test_the_wheel_holds_all_of_the_package_and_nothing_else(built):
    with zipfile.ZipFile(built[1]) as archive:
        names = archive.namelist()
    assert {name.partition("/")[0] for name in names} == {
        "modelarts_nb", "modelarts_nb-0.1.0.data", "modelarts_nb-0.1.0.dist-info",
    }
    assert {name for name in names if name.startswith("modelarts_nb/")} == set(tracked("modelarts_nb"))
    data = {name.partition(".data/data/")[2] for name in names if ".data/" in name}
    assert data == {f"{EXTENSION}/{name.partition('/')[2]}" for name in tracked("labextension")}
    assert any(name.endswith("/LICENSE") for name in names)


def test_the_metadata_says_what_was_tested(built):
    with zipfile.ZipFile(built[1]) as archive:
        said = Parser().parsestr(archive.read("modelarts_nb-0.1.0.dist-info/METADATA").decode())
    versions = {value.rpartition(" ")[2] for value in said.get_all("Classifier") if "Python :: 3." in value}
    assert versions == {f"3.{minor}" for minor in range(machine.OLDEST[1], machine.NEWEST[1] + 1)}
    assert said["Requires-Python"] == ">=" + ".".join(map(str, machine.OLDEST))
    base = [value for value in said.get_all("Requires-Dist") if "extra" not in value]
    assert base
    assert not [value for value in base if "<" in value or "==" in value], "an upper bound needs a reason: say it in setup.py"


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """(Python of an environment with the wheel alone, its tree before)."""
    place = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    before = tree(place)
    pip = [str(place / "bin/python"), *PIP[1:]]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", str(built[1])], check=True)
    return place / "bin/python", before


def test_jupyterlab_finds_the_extension(installed, tmp_path):
    share = installed[0].parents[1] / "share/jupyter"
    assert json.loads((share / "labextensions/modelarts-nb/install.json").read_text())["packageName"] == "modelarts_nb"
    environment = {**os.environ, "JUPYTER_PATH": str(share), "JUPYTER_CONFIG_DIR": str(tmp_path)}
    listed = subprocess.run([sys.executable, "-m", "jupyter", "labextension", "list"], env=environment, capture_output=True,
                            text=True, check=True)
    [line] = [line for line in (listed.stdout + listed.stderr).splitlines() if "modelarts-nb v0.1.0" in line]
    assert "enabled" in line
    assert "OK" in line


PROGRAM = """
import modelarts_nb
from modelarts_nb import CheckReport, ModelArtsError

try:
    report: CheckReport = modelarts_nb.check("digits:v1", fail=False)
    passed: bool = report.passed
except ModelArtsError as error:
    hint: str = error.hint
"""


@pytest.mark.parametrize(("more", "good"), [("", True), ("number: int = report\n", False)])
def test_a_users_program_is_type_checked_against_the_installed_wheel(installed, tmp_path, more, good):
    (tmp_path / "program.py").write_text(PROGRAM + more)
    words = ["--strict", "--python-executable", str(installed[0]), "--cache-dir", str(installed[0].parents[2] / "types"),
             "--config-file", os.devnull]
    done = subprocess.run([sys.executable, "-m", "mypy", *words, "program.py"], cwd=tmp_path, capture_output=True, text=True,
                          check=False)
    assert (done.returncode == 0) is good, done.stdout


def test_nothing_warns_at_import():
    code = "import modelarts_nb; from modelarts_nb import *; import modelarts_nb.cli.parser"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_uninstalling_leaves_nothing(installed):
    python, before = installed
    subprocess.run([str(python), "-c", "import modelarts_nb.catalog"], check=True)  # it is used, so that there is bytecode
    assert tree(python.parents[1]) != before
    subprocess.run([str(python), *PIP[1:], "uninstall", "--yes", "modelarts-nb"], check=True)
    assert tree(python.parents[1]) - SHARED == before


def tree(folder):
    """Every file and folder, but for the bytecode of what has nothing to do with us."""
    paths = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    return {path for path in paths if "modelarts" in path or "__pycache__" not in path}


def test_the_extensions_version_is_the_products():
    import modelarts_nb

    assert json.loads((ROOT / "labextension/package.json").read_text())["version"] == modelarts_nb.__version__
