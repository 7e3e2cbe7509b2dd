"""Imports point down; the public names are the listed ones; loading costs nothing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import modelarts_nb

PACKAGE = Path(modelarts_nb.__file__).parent

# The floor each module stands on; a module may import its own floor and those below. The longest prefix counts.
FLOORS = {
    "errors": 0, "events": 0, "terminal": 0, "text": 0, "reference": 0, "settings": 0, "image": 0, "catalog": 0, "form": 0,
    "messages": 0, "paths": 0, "imports": 0, "services": 0, "packages": 0,
    "dockerfile": 0, "layers": 0, "rules": 0, "building": 0, "training": 0, "trace": 0, "session": 0, "table": 0,
    "logfile": 1, "follow": 2,
    "engine": 1, "engine.buildkit": 1, "registry": 1, "cloud": 1, "sandbox": 2,
    "sandbox.server": 6,  # a program of its own, which puts together what the sandbox is made of
    "workflows": 3, "notebook.view": 4, "api": 5,
    "notebook": 6, "cli": 6, "__init__": 6, "__main__": 6,
}
PURE = (
    "catalog", "form", "messages", "errors", "events", "terminal", "text", "reference", "settings", "image", "dockerfile",
    "layers", "rules", "building", "training", "trace", "table",
)
DOES_IO = {"socket", "subprocess", "requests", "docker", "urllib.request", "http.client", "threading", "shutil", "tempfile"}
NO_SIBLINGS = ("engine", "registry", "cloud")  # each talks to one system and knows none of the others


def modules() -> list[tuple[str, Path]]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts[:2] == ("sandbox", "image"):
            continue  # runs inside the base image
        found.append((".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts), path))
    return found


def floor(name: str) -> int:
    while name not in FLOORS:
        assert "." in name, f"{name}: give it a floor"
        name = name.rpartition(".")[0]
    return FLOORS[name]


def imports(name: str, path: Path) -> list[tuple[int, str]]:
    """(line, module) of all imports: of this project relative to the package, of others as ``:name``."""
    package = name.split(".") if path.name == "__init__.py" and name != "__init__" else name.split(".")[:-1]
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(node.lineno, f":{alias.name}") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.append((node.lineno, f":{node.module}"))
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1]
            if node.module:
                found.append((node.lineno, ".".join([*base, node.module])))
            else:
                found += [(node.lineno, ".".join([*base, alias.name])) for alias in node.names]
    return found


@pytest.mark.parametrize(("name", "path"), modules(), ids=lambda value: value if isinstance(value, str) else "")
def test_imports_point_down(name, path):
    for line, target in imports(name, path):
        if target.startswith(":") or name == "__init__" or target in ("__init__", "__version__"):
            continue
        assert floor(target) <= floor(name), f"{path.name}:{line} imports {target}, which stands higher"
        for sibling in NO_SIBLINGS:
            if name.split(".")[0] == sibling:
                others = [other for other in NO_SIBLINGS if other != sibling]
                assert target.split(".")[0] not in others, f"{path.name}:{line} imports its sibling {target}"


@pytest.mark.parametrize(("name", "path"), [m for m in modules() if m[0].split(".")[0] in PURE], ids=lambda v: str(v)[-30:])
def test_the_core_does_no_io(name, path):
    used = {target[1:] for _, target in imports(name, path) if target.startswith(":")}
    assert not used & DOES_IO, f"{path} imports {used & DOES_IO}"


def test_words_are_a_leaf():
    for name, path in modules():
        if name.startswith("messages"):
            assert all(target.startswith(":") for _, target in imports(name, path))


def test_the_build_session_stands_alone():
    for name, path in modules():
        if name.startswith("engine.buildkit"):
            for line, target in imports(name, path):
                allowed = target.startswith((":", "engine.buildkit")) or target in ("errors", "events", "messages")
                assert allowed, f"{path}:{line} imports {target}"


def test_public_names():
    assert sorted(modelarts_nb.__all__) == [
        "CheckReport", "Export", "Image", "ModelArtsError", "PushedImage", "TrainingRun", "build", "check", "push", "train",
    ]
    for name in modelarts_nb.__all__:
        assert getattr(modelarts_nb, name) is not None
    with pytest.raises(AttributeError):
        getattr(modelarts_nb, "nothing_of_that_name")  # noqa: B009


def test_loading_the_extension_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "shell.run_line_magic('load_ext', 'modelarts_nb')\n"
        "heavy = {'docker', 'requests', 'ipywidgets', 'hpack', 'nbformat'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert 'build' in shell.magics_manager.magics['line']\n"
        "shell.run_line_magic('reload_ext', 'modelarts_nb')\n"
        "shell.run_line_magic('unload_ext', 'modelarts_nb')\n"
        "assert 'build' not in shell.magics_manager.magics['line']\n"
    )
    subprocess.run([sys.executable, "-W", "error::DeprecationWarning:modelarts_nb", "-c", code], check=True, timeout=60)
