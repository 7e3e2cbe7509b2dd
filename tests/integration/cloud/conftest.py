"""The sandbox's region as a user has it, its faults, and further keys."""

import json
from pathlib import Path

import pytest

from modelarts_nb.api.logins import sandbox_region
from modelarts_nb.catalog import Region
from modelarts_nb.cloud import swr
from modelarts_nb.cloud.account import open_account
from modelarts_nb.cloud.client import Client, Patience
from modelarts_nb.cloud.credentials import Credentials, Identity
from modelarts_nb.sandbox import region
from modelarts_nb.session import Session, session
from modelarts_nb.settings import Secret
from modelarts_nb.workflows import jobs

QUICK = Patience(connect=2, answer=20, attempts=4, pause=0.01, longest=0.05)


@pytest.fixture(scope="session")
def access(sandbox):
    """Addresses and key of the region."""
    return json.loads(Path(region.status().access).read_text())


@pytest.fixture(scope="session")
def here(access) -> Region:
    """The region with its addresses."""
    return sandbox_region()


def credentials(made, **options):
    token = made.get("securitytoken")
    return Credentials(made["access"], Secret(made["secret"]), Secret(token) if token else None, **options)


@pytest.fixture(scope="session")
def admin(access, here):
    """A call that only the sandbox has: admin("POST", "/sandbox/keys", {…})."""
    key = Credentials(access["ak"], Secret(access["sk"]))
    client = Client(here, Identity(key), patience=QUICK)

    def call(method, path, body=None):
        return client.send(method, "iam", path, body=body).body

    return call


@pytest.fixture(autouse=True)
def often(monkeypatch):
    """Jobs are looked at often: the sandbox has a job's whole log before it says that it has ended."""
    monkeypatch.setattr(jobs, "QUICK", 0.05)
    monkeypatch.setattr(jobs, "SETTLE", 0.1)


@pytest.fixture(scope="session", autouse=True)
def tidy(access, here):
    """The region without organizations of earlier tests, as five are all that it allows; and again at the end."""
    account = open_account(Client(here, Identity(Credentials(access["ak"], Secret(access["sk"]))), patience=QUICK))

    def empty():
        for organization in swr.organizations(account.client):
            for repository in list(swr.repositories(account.client, organization.name)):
                swr.delete_repository(account.client, organization.name, repository.name)
            swr.delete_organization(account.client, organization.name)

    empty()
    yield
    empty()


@pytest.fixture
def faults(admin):
    """faults({…}, …) tells the sandbox what to do wrong; it stops with the test."""
    admin("DELETE", "/sandbox/faults")
    yield lambda *wanted: admin("POST", "/sandbox/faults", list(wanted))
    admin("DELETE", "/sandbox/faults")


@pytest.fixture
def log_in(admin, access, here):
    """log_in(tenant=…, seconds=…, allowed=…) opens an account with a new key; without options with the sandbox's own."""

    def make(renew=None, **options):
        made = admin("POST", "/sandbox/keys", options) if options else {"access": access["ak"], "secret": access["sk"]}
        client = Client(here, Identity(credentials(made), renew), patience=QUICK)
        return open_account(client)

    return make


@pytest.fixture
def account(log_in):
    return log_in()


@pytest.fixture
def fresh_session(monkeypatch):
    """The state of a kernel that has just started."""
    for name, value in vars(Session()).items():
        monkeypatch.setattr(session, name, value)
    return session


@pytest.fixture(scope="session")
def image(connected, base_image, access, here):
    """A small image of this machine that trains, in the Engine: its name."""
    name = "modelarts-nb-tests/cloud:v1"
    connected.client.tag(base_image, "modelarts-nb-tests/cloud", tag="v1", force=True)
    yield name
    connected.client.remove_image(name, force=True)
