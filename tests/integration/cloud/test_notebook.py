"""The cloud in a real kernel: a key is nowhere but where the user put it."""

import json
import os
import subprocess
from pathlib import Path

import nbformat
import pytest

from ..test_notebook import execute, notebook


@pytest.fixture(autouse=True)
def environment(monkeypatch, home, engine_base_url):
    monkeypatch.setenv("DOCKER_HOST", engine_base_url)
    monkeypatch.setenv("MODELARTS_NB_HOME", str(home))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")


def test_a_key_is_nowhere_but_where_the_user_put_it(tmp_path, admin, sandbox, image, home, engine, monkeypatch, base_image):
    """A temporary key with its token goes through login, push, submit, logs and a failure; then everything is searched."""
    made = admin("POST", "/sandbox/keys", {"seconds": 3600})
    secrets = [made["secret"], made["securitytoken"]]
    monkeypatch.setenv("MY_AK", made["access"])
    monkeypatch.setenv("MY_SK", made["secret"])
    monkeypatch.setenv("MY_TOKEN", made["securitytoken"])
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text("import os; print(sorted(os.environ))")
    probe = (
        "import subprocess, os\n"
        "told = subprocess.run(['ps', 'axww', '-o', 'args'], capture_output=True, text=True).stdout\n"
        "print('PS', any(os.environ[name] in told for name in ('MY_SK', 'MY_TOKEN')))"
    )
    book = execute(notebook(
        "%login --region sandbox --ak-env MY_AK --sk-env MY_SK --token-env MY_TOKEN",
        f"%push {image} --org secrets-of-tests", probe,
        "%obs mb obs://secrets-of-tests",
        "job = %submit --flavor modelarts.vm.cpu.2u --code code --bucket obs://secrets-of-tests "
        "-- python3 /home/ma-user/modelarts/user-job-dir/code/train.py; sleep 1",
        "%logs", probe,
        "try:\n    get_ipython().run_line_magic('job', 'of-nobody')\nexcept Exception as error:\n    print(error)",
        "%login --region sandbox --ak-env MY_AK --sk-env MY_SK --token-env MY_TOKEN",
        "from modelarts_nb.session import session; print(repr(session), session.account)",
    ), tmp_path)
    nbformat.write(book, tmp_path / "saved.ipynb")

    text = (tmp_path / "saved.ipynb").read_text()
    assert not [secret for secret in secrets if secret in text]
    assert "PS False" in text
    assert "PS True" not in text
    places = [tmp_path, home / "logs", home / "obs", Path.home() / ".docker"]
    for place in places:
        for path in place.rglob("*") if place.exists() else ():
            if path.is_file():
                content = path.read_bytes()
                assert not [secret for secret in secrets if secret.encode() in content], path
    for container in engine.containers(all=True):
        found = json.dumps(engine.inspect_container(container["Id"]))
        assert not [secret for secret in secrets if secret in found]
    told = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    assert made["secret"] not in told
    assert os.environ["MY_SK"] == made["secret"]
