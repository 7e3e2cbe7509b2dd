"""The magics of the cloud: each parses its line and calls what Python users call."""

import subprocess
import sys
from pathlib import Path

import pytest
from IPython.core.error import UsageError

from modelarts_nb import api
from modelarts_nb.errors import SettingsError
from modelarts_nb.notebook import shown
from modelarts_nb.notebook.view import cloudcards
from modelarts_nb.notebook.view.card import facts
from modelarts_nb.table import table
from modelarts_nb.training.cloudjob import parse_job
from modelarts_nb.training.obspath import ObsPath
from modelarts_nb.workflows.submits import Preflight


@pytest.fixture
def calls(monkeypatch):
    made = {}
    for name in (
        "login",
        "docker_login",
        "submit",
        "push",
        "push_to_region",
        "jobs",
        "job",
        "logs",
        "stop",
        "download",
        "compare",
        "flavors",
        "engines",
        "images",
        "register_image",
        "unregister_image",
        "swr_table",
        "obs",
    ):
        monkeypatch.setattr(api, name, lambda *args, _name=name, **options: made.setdefault(_name, (args, options)) and "said")
    return made


def test_submit_is_trains_line_and_where_it_runs(shell, calls):
    shell.run_line_magic(
        "submit",
        "digits:v1 --flavor f --nodes 2 --pool p --region r --org o --code digits --data a=obs://bkt/in --data b=here "
        "--output train_url=obs://bkt/out --env A=1 --name n --auto-stop 2h --log obs://bkt/log --dry-run "
        "-- cd x && python t.py -- y",
    )
    (image, command), options = calls["submit"]
    assert (image, command) == ("digits:v1", "cd x && python t.py -- y")
    assert options["code"] == Path("digits")
    assert options["inputs"] == {"a": ObsPath("bkt", "in"), "b": Path("here")}
    assert options["outputs"] == {"train_url": ObsPath("bkt", "out")}
    assert (options["auto_stop"], options["nodes"], options["dry_run"], options["check"]) == (7200, 2, True, True)


@pytest.mark.parametrize(
    "line",
    [
        "submit --flavor f",
        "submit --flavor f --data x -- true",
        "submit --flavor f --data a=obs://B/x -- true",
        "login --docker x",
        "login --ak AKIA",
        "push --to h/o/n:1 --org o",
        "images unregister",
        "images burn",
        "obs burn x",
        "stop",
        "flavors TPU",
    ],
)
def test_wrong_usage(shell, calls, line):
    name, _, rest = line.partition(" ")
    with pytest.raises((UsageError, SettingsError)):
        shell.run_line_magic(name, rest)
    assert not calls


@pytest.mark.parametrize(("line", "name"), [
    ("push --org o --region r", "push_to_region"), ("push --to h/o/n:1", "push"), ("login --region r", "login"),
    ("login --docker", "docker_login"), ("jobs", "jobs"), ("job i", "job"), ("job i --compare", "compare"),
    ("job i --download d", "download"), ("logs i --task worker-0", "logs"), ("stop i", "stop"), ("flavors GPU", "flavors"),
    ("engines", "engines"), ("images", "images"), ("images register h/o/n:1", "register_image"),
    ("images unregister i", "unregister_image"), ("swr tags o/n", "swr_table"), ("obs ls obs://bkt", "obs"),
])
def test_each_line_calls_its_function(shell, calls, line, name):
    shell.run_line_magic(*line.partition(" ")[::2])
    assert list(calls) == [name]


def test_a_key_where_nobody_can_be_asked_says_where_to_put_one(shell, monkeypatch, tmp_path):
    for name in ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MODELARTS_NB_METADATA", "http://127.0.0.1:9/")
    monkeypatch.setattr("getpass.getpass", lambda text: (_ for _ in ()).throw(EOFError()))
    with pytest.raises(SettingsError) as caught:
        api.login("cn-north-4")
    assert "--ak-env" in caught.value.hint


def test_the_metadata_address_is_another_only_on_this_machine(monkeypatch):
    from modelarts_nb.api.logins import _metadata

    monkeypatch.setenv("MODELARTS_NB_METADATA", "http://evil.example/")
    assert _metadata() == "http://169.254.169.254/openstack/latest/securitykey"


def test_addresses_of_another_cloud_by_settings(monkeypatch):
    from modelarts_nb.api.logins import chosen_region

    for name in ("iam", "swr", "modelarts", "obs"):
        monkeypatch.setenv(f"MODELARTS_NB_ENDPOINT_{name.upper()}", f"https://{name}.eu-de.otc.t-systems.com")
    monkeypatch.setenv("MODELARTS_NB_ENDPOINT_REGISTRY", "swr.eu-de.otc.t-systems.com")
    found = chosen_region(api.current_settings(region="eu-de"))
    assert (found.iam, found.registry) == ("https://iam.eu-de.otc.t-systems.com", "swr.eu-de.otc.t-systems.com")
    assert found.modelarts == "https://modelarts.eu-de.otc.t-systems.com"
    monkeypatch.setenv("MODELARTS_NB_ENDPOINT_IAM", "iam.without.scheme")
    with pytest.raises(SettingsError, match="no URL"):
        chosen_region(api.current_settings(region="eu-de"))


HOSTILE = "<script>alert(1)</script>\x1b[31m"


def test_what_the_cloud_says_is_escaped_in_cards_and_tables():
    job = parse_job({"metadata": {"name": HOSTILE, "id": "i"}, "status": {"phase": HOSTILE}})
    for value in (job, table(HOSTILE, ["a"], [[HOSTILE]])):
        said = shown.bundle(value)
        assert "<script>" not in said["text/html"]
    assert "\x1b" not in shown.bundle(table("t", ["a"], [[HOSTILE]]))["text/plain"]


def test_the_request_of_a_dry_run_hides_the_values_of_variables():
    request = {"algorithm": {"environments": {"TOKEN": "hunter2"}}}
    said = "\n".join(row.text for row in facts(Preflight((), request, "/v2/p/training-jobs", "r")))
    assert "TOKEN" in said
    assert "hunter2" not in said
    assert cloudcards.head(Preflight((), {}))[0] == "Preflight passed"


def test_login_imports_nothing_heavier_than_requests(tmp_path):
    code = (
        "import sys\n"
        "from modelarts_nb import api\n"
        "try:\n    api.login('cn-north-4')\nexcept Exception as error:\n    print(type(error).__name__)\n"
        "assert 'requests' in sys.modules\n"
        "heavy = {'docker', 'obs', 'ipywidgets', 'hpack', 'nbformat', 'moto', 'huaweicloudsdkcore'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    environment = {
        "PATH": "/usr/bin", "HOME": str(tmp_path), "HUAWEICLOUD_SDK_AK": "A", "HUAWEICLOUD_SDK_SK": "S",
        "MODELARTS_NB_ENDPOINT_IAM": "http://127.0.0.1:9", "MODELARTS_NB_HOME": str(tmp_path),
    }
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, env=environment)
