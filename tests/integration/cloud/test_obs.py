"""Folders to and from object storage: the sandbox's S3 server, through the official SDK."""

import gc
import json
import threading
import warnings
from dataclasses import replace

import pytest

from modelarts_nb import workflows
from modelarts_nb.api import objects
from modelarts_nb.cloud import obs, obsstore
from modelarts_nb.cloud.obsstore import Store
from modelarts_nb.engine import delivery
from modelarts_nb.errors import CloudError, SettingsError
from modelarts_nb.events import VertexStatus
from modelarts_nb.training.obspath import ObsPath, parse_obs

from ...conftest import drain
from .conftest import QUICK

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def bucket(account):
    """A bucket of the test's own, emptied and deleted at the end."""
    name = "transfers-of-tests"
    store = account.store()
    store.ask("create", lambda client: client.createBucket(name, location=account.region))
    yield name
    store = account.store()
    for each in store.objects(name, ""):
        store.ask("delete", lambda client, key=each.key: client.deleteObject(name, key))
    store.ask("delete", lambda client: client.deleteBucket(name))


@pytest.fixture
def folder(tmp_path):
    """A folder with odd names, an empty file, and one that goes in parts."""
    root = tmp_path / "digits"
    (root / "sub folder").mkdir(parents=True)
    (root / "train.py").write_text("print('hello')\n")
    (root / "sub folder" / "数据 +&%~.txt").write_text("内容")
    (root / "empty").touch()
    (root / "big.bin").write_bytes(bytes(range(256)) * 80_000)  # 20 MB: three parts
    (root / ".git").mkdir()
    (root / ".git" / "HEAD").write_text("x")
    return root


def send(account, folder, to):
    return drain(workflows.send(account, folder, to, "--data x"))


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*")
            if path.is_file() and ".git" not in path.parts}


def test_a_folder_there_and_back(account, bucket, folder, tmp_path):
    to = ObsPath(bucket, "code/digits")
    sent, events = send(account, folder, to)
    assert (sent.files, sent.unchanged) == (4, 0)
    assert any(isinstance(event, VertexStatus) and event.total > 20_000_000 for event in events)
    back = tmp_path / "back"
    brought, _ = drain(workflows.bring(account, to, back))
    assert contents(back) == contents(folder)
    assert brought.files == 4
    again, _ = drain(workflows.bring(account, to, back))
    assert again.files <= 1, "only the one that came in parts has no MD5 to compare"


def test_only_what_changed_is_sent(account, bucket, folder):
    to = ObsPath(bucket, "data")
    send(account, folder, to)
    unchanged, _ = send(account, folder, to)
    assert (unchanged.files, unchanged.unchanged) == (0, 4)
    (folder / "train.py").write_text("print('other')\n")
    changed, _ = send(account, folder, to)
    assert (changed.files, changed.unchanged) == (1, 3)


def test_an_object_that_somebody_else_replaced_is_sent_again(account, bucket, folder):
    to = ObsPath(bucket, "data")
    send(account, folder, to)
    account.store().ask("put", lambda client: client.putContent(bucket, "data/train.py", "print('hacks')\n"))
    again, _ = send(account, folder, to)
    assert again.files == 1


def test_without_notes_contents_are_compared(account, bucket, folder, monkeypatch, tmp_path):
    to = ObsPath(bucket, "data")
    send(account, folder, to)
    monkeypatch.setenv("MODELARTS_NB_HOME", str(tmp_path / "another-home"))
    again, _ = send(account, folder, to)
    assert again.unchanged == 3, "all but the one that went in parts"


def test_more_objects_than_one_list_holds(account, bucket, tmp_path, monkeypatch):
    monkeypatch.setattr(obsstore, "PAGE", 50)
    root = tmp_path / "many"
    root.mkdir()
    for number in range(123):
        (root / f"file {number}").write_text(str(number))
    to = ObsPath(bucket, "many")
    sent, _ = send(account, root, to)
    assert sent.files == 123
    assert len(list(account.store().objects(bucket, "many/"))) == 123
    again, _ = send(account, root, to)
    assert again.unchanged == 123


@pytest.mark.parametrize("fault", [
    {"status": 503, "times": 3}, {"status": 500, "times": 2}, {"method": "PUT", "drop_request_after": 1000, "times": 2},
    {"method": "PUT", "drop_after": 0, "times": 2}, {"method": "GET", "drop_after": 10, "times": 2},
])
def test_an_upload_goes_on_where_it_broke(account, bucket, folder, faults, fault, tmp_path):
    to = ObsPath(bucket, "broken")
    faults({"service": "obs", **fault})
    send(account, folder, to)
    drain(workflows.bring(account, to, tmp_path / "back"))
    assert contents(tmp_path / "back") == contents(folder)


def test_parts_that_arrived_are_not_sent_twice(account, bucket, folder, faults, admin):
    to = ObsPath(bucket, "parts")
    faults({"service": "obs", "method": "PUT", "path": "partNumber=3", "status": 503, "times": 0})
    with pytest.raises(CloudError):
        send(account, folder, to)
    admin("DELETE", "/sandbox/faults")
    # were part 1 or 2 sent again, it would be refused for good
    faults({"service": "obs", "method": "PUT", "path": "partNumber=[12]", "status": 400, "times": 0})
    send(account, folder, to)
    assert {each.key for each in account.store().objects(bucket, "parts/")} >= {"parts/big.bin"}


@pytest.mark.parametrize("at", [0, 100, 5_000_000])
def test_a_download_goes_on_where_it_broke(account, bucket, folder, faults, tmp_path, at):
    to = ObsPath(bucket, "down")
    send(account, folder, to)
    faults({"service": "obs", "method": "GET", "path": "big.bin|train.py", "drop_after": at, "times": 3})
    drain(workflows.bring(account, to, tmp_path / "back"))
    assert contents(tmp_path / "back") == contents(folder)


def test_an_interrupt_ends_the_transfer_and_the_next_one_completes_it(account, bucket, folder, tmp_path):
    to = ObsPath(bucket, "stopped")
    generator = workflows.send(account, folder, to, "--data x")
    for event in generator:
        if isinstance(event, VertexStatus):
            break
    generator.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("modelarts_nb") and t.is_alive()]
    send(account, folder, to)
    drain(workflows.bring(account, to, tmp_path / "back"))
    assert contents(tmp_path / "back") == contents(folder)


def test_a_key_that_would_leave_the_folder_is_refused(account, bucket, tmp_path):
    account.store().ask("put", lambda client: client.putContent(bucket, "evil/a/../../escaped", "x"))
    with pytest.raises(SettingsError, match="cannot be a file"):
        drain(workflows.bring(account, ObsPath(bucket, "evil"), tmp_path / "in" / "here"))
    assert not list(tmp_path.rglob("escaped"))


def test_a_link_in_the_folder_is_not_written_through(account, bucket, folder, tmp_path):
    to = ObsPath(bucket, "links")
    send(account, folder, to)
    back = tmp_path / "back"
    back.mkdir()
    (tmp_path / "outside").write_text("mine")
    (back / "train.py").symlink_to(tmp_path / "outside")
    drain(workflows.bring(account, to, back))
    assert (tmp_path / "outside").read_text() == "mine"
    assert contents(back) == contents(folder)


def test_a_bucket_that_is_not_there(account, folder):
    with pytest.raises(CloudError) as caught:
        send(account, folder, parse_obs("obs://nobodys-bucket-at-all/x"))
    assert caught.value.status == 404
    assert "spelt right" in caught.value.hint
    assert account.store().bucket("nobodys-bucket-at-all", "", write=True).exists is False


def test_a_bucket_of_somebody_else(account, log_in, bucket, folder):
    other = log_in(tenant="somebody-else")
    with pytest.raises(CloudError) as caught:
        send(other, folder, ObsPath(bucket, "x"))
    assert caught.value.status == 403
    assert other.store().bucket(bucket, "", write=True).readable is False


def test_what_is_known_of_a_bucket(account, bucket):
    found = account.store().bucket(bucket, "out/", write=True)
    assert (found.exists, found.location, found.readable, found.writable) == (True, "sandbox", True, True)
    assert list(account.store().objects(bucket, "")) == [], "the probe is gone"


def test_a_wrong_key(here, folder, bucket):
    from modelarts_nb.cloud.credentials import Credentials, Identity
    from modelarts_nb.settings import Secret

    store = Store(here, Identity(Credentials("AKOFNOBODY0123456789", Secret("sk-of-nobody-0123456789"))), patience=QUICK)
    with pytest.raises(CloudError) as caught:
        list(store.objects(bucket, ""))
    assert caught.value.status == 403
    assert "sk-of-nobody" not in str(caught.value)


def test_a_certificate_that_does_not_verify(account, tmp_path_factory, here, folder):
    """The SDK by itself would neither check the certificate nor the name."""
    from .test_client import tls_server

    with tls_server(tmp_path_factory.mktemp("tls")) as (port, ca):
        for host, trusted, verifies in (("localhost", "", False), ("127.0.0.1", ca, False), ("localhost", ca, True)):
            region = replace(here, endpoints={**here.endpoints, "obs": f"https://{host}:{port}"})
            store = Store(region, account.client.identity, ca=trusted, patience=QUICK)
            with pytest.raises(CloudError) as caught:
                list(store.objects("bucket", ""))
            assert ("does not verify" in caught.value.message) is not verifies, (host, caught.value)
            del caught, store
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()  # the SDK drops the sockets of handshakes that fail without closing them


def test_what_is_below_a_place_is_deleted_and_a_whole_bucket_only_when_said(account, folder, monkeypatch):
    monkeypatch.setattr(objects, "account", lambda region: account)
    name = "emptied-of-tests"
    objects.make_bucket(f"obs://{name}")
    send(account, folder, ObsPath(name, "code/"))
    send(account, folder, ObsPath(name, "data/"))
    assert len(objects.obs("rm", [f"obs://{name}/code/"]).rows) == 0
    kept = len(objects.list_objects(f"obs://{name}").rows)
    assert kept == len(contents(folder))
    with pytest.raises(SettingsError, match="whole bucket"):
        objects.obs("rm", [f"obs://{name}"])
    assert len(objects.list_objects(f"obs://{name}").rows) == kept
    objects.obs("rm", [f"obs://{name}"], yes=True)
    assert account.store().bucket(name, "", write=False).exists is False


def test_notes_hold_no_secret(account, bucket, folder, home):
    send(account, folder, ObsPath(bucket, "notes"))
    texts = [path.read_text() for path in (home / "obs").glob("*.json")]
    assert texts
    assert not [text for text in texts for secret in account.secrets if secret in text]
    assert all(isinstance(json.loads(text), dict) for text in texts)


def test_the_fingerprint_of_a_code_folder(folder, home):
    def fingerprint():
        return obs.fingerprint(delivery.listing(folder, "--code").items, folder)

    first = fingerprint()
    assert fingerprint() == first
    (folder / "train.py").write_text("print('other')\n")
    assert fingerprint() != first
    (folder / "train.py").write_text("print('hello')\n")
    assert fingerprint() == first
