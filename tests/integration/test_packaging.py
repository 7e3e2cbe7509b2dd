"""What an installation places, and that nothing of it is left when it is taken away."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXTENSION = "share/jupyter/labextensions/modelarts-nb"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """(sdist, wheel), made from a copy of what git knows."""
    folder = tmp_path_factory.mktemp("dist")
    source = folder / "source"
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    for name in names:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    code = "from setuptools import build_meta; print(build_meta.build_sdist('..'))"
    subprocess.run([*pip, "install", "--target", str(folder / "tools"), "setuptools>=68"], check=True)
    environment = {**os.environ, "PYTHONPATH": str(folder / "tools")}
    subprocess.run([sys.executable, "-c", code], cwd=source, env=environment, check=True, capture_output=True)
    [sdist] = folder.glob("*.tar.gz")
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(folder), str(sdist)], check=True)
    [wheel] = folder.glob("*.whl")
    return sdist, wheel


def test_the_source_distribution_holds_what_the_wheel_is_made_of(built):
    with tarfile.open(built[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"labextension/package.json", "labextension/install.json", "labextension/static/remoteEntry.js"} <= names
    assert "modelarts_nb/catalog.json" in names


def test_the_wheel_holds_the_data_files_and_no_tests(built):
    names = zipfile.ZipFile(built[1]).namelist()
    assert any(name.endswith(f"data/{EXTENSION}/static/remoteEntry.js") for name in names)
    assert "modelarts_nb/catalog.json" in names
    assert "modelarts_nb/messages/zh_CN/form.json" in names
    assert "modelarts_nb/py.typed" in names
    assert not [name for name in names if name.startswith(("tests", "benchmarks", "labextension"))]


def test_jupyterlab_finds_the_extension_and_uninstalling_leaves_nothing(built, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    before = files(tmp_path / "venv")
    pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--no-deps", "--no-compile", str(built[1])], check=True)
    place = tmp_path / "venv" / EXTENSION
    assert json.loads((place / "install.json").read_text())["packageName"] == "modelarts_nb"
    environment = {**os.environ, "JUPYTER_PATH": str(tmp_path / "venv/share/jupyter"), "JUPYTER_CONFIG_DIR": str(tmp_path)}
    listed = subprocess.run([sys.executable, "-m", "jupyter", "labextension", "list"], env=environment, capture_output=True,
                            text=True, check=True)
    assert "modelarts-nb v0.1.0" in listed.stdout + listed.stderr
    [line] = [line for line in (listed.stdout + listed.stderr).splitlines() if "modelarts-nb v" in line]
    assert "enabled" in line
    assert "OK" in line
    subprocess.run([*pip, "uninstall", "--yes", "modelarts-nb"], check=True)
    assert files(tmp_path / "venv") == before


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts}


def test_the_extensions_version_is_the_products():
    import modelarts_nb

    assert json.loads((ROOT / "labextension/package.json").read_text())["version"] == modelarts_nb.__version__
