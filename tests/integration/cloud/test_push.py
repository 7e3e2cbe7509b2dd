"""Pushing to a region: a real Engine, the sandbox's registry with its logins, refusals and faults."""

from dataclasses import replace

import pytest

from modelarts_nb import workflows
from modelarts_nb.cloud import swr, swr_rules
from modelarts_nb.engine import images
from modelarts_nb.errors import CloudError, InvalidReference, RegistryError
from modelarts_nb.events import Vertex, VertexWarning
from modelarts_nb.reference import parse_reference

from ...conftest import drain


@pytest.fixture
def organization(account):
    """An organization's name that is free before and after."""
    name = "pushed-by-tests"
    yield name
    for repository in list(swr.repositories(account.client, name)):
        swr.delete_repository(account.client, name, repository.name)
    if name in {each.name for each in swr.organizations(account.client)}:
        swr.delete_organization(account.client, name)


def reference(here, organization, name="digits", tag="v1"):
    return parse_reference(f"{here.registry}/{organization}/{name}:{tag}", swr=True)


def push(connected, account, image, to):
    return drain(workflows.push_to_region(connected, account, image, to))


def names(events):
    return [event.name for event in events if isinstance(event, Vertex)]


@pytest.fixture(params=["long-term", "temporary"])
def login_kind(request, log_in):
    """Accounts whose registry logins are made in the two ways."""
    return log_in() if request.param == "long-term" else log_in(seconds=3600)


def test_the_organization_is_made_and_what_is_new_is_said(connected, login_kind, image, here, organization):
    to = reference(here, organization)
    pushed, events = push(connected, login_kind, image, to)
    assert pushed.digest.startswith("sha256:")
    assert f"organization {organization}, made now" in names(events)
    assert any("layers are new: " in name and "MB" in name for name in names(events))
    [tag] = swr.tags(login_kind.client, organization, "digits")
    assert tag.digest == pushed.digest
    again, events = push(connected, login_kind, image, to)
    assert again == pushed
    assert any("there already" in name for name in names(events))


def test_nothing_is_kept_in_dockers_own_configuration(connected, account, image, here, organization, tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    push(connected, account, image, reference(here, organization))
    assert not list(tmp_path.iterdir())


def test_an_organization_of_somebody_else(connected, account, log_in, image, here):
    other = log_in(tenant="somebody-else")
    swr.create_organization(other.client, "taken-by-other")
    try:
        with pytest.raises(CloudError) as caught:
            push(connected, account, image, reference(here, "taken-by-other"))
    finally:
        swr.delete_organization(other.client, "taken-by-other")
    assert "--org" in caught.value.hint
    assert caught.value.status in (403, 409)


def test_the_quota_of_organizations(connected, account, admin, image, here):
    had = {each.name for each in swr.organizations(account.client)}
    limit = next(each for each in swr.quotas(account.client) if each["quota_key"] == "namespace")["quota_limit"]
    made = [f"filled-{number}" for number in range(int(limit) - len(had))]
    try:
        for name in made:
            swr.create_organization(account.client, name)
        with pytest.raises(CloudError) as caught:
            push(connected, account, image, reference(here, "one-too-many"))
    finally:
        for name in made:
            swr.delete_organization(account.client, name)
    assert "quota" in caught.value.hint


@pytest.mark.parametrize("name", ["Team", "9team", "a" * 65, "te..am", "team-"])
def test_a_name_that_swr_refuses_is_told_before_anything_is_sent(here, name):
    with pytest.raises(InvalidReference):
        reference(here, name)


@pytest.fixture
def numbers(admin):
    """numbers(secret_seconds=…) changes the sandbox's numbers for one test."""
    before = admin("GET", "/sandbox/settings")
    yield lambda **wanted: admin("PUT", "/sandbox/settings", wanted)
    admin("PUT", "/sandbox/settings", before)


def test_a_login_that_expires_in_the_middle_is_renewed(connected, log_in, image, here, organization, faults, numbers):
    account = log_in(seconds=3600)
    numbers(secret_seconds=1.0, token_seconds=60)
    account.registry_login()
    numbers(secret_seconds=3600)
    # the service is so slow that the login ends while layers are sent
    faults(
        {"service": "registry", "method": "HEAD", "delay": 1.2, "times": 1},
        {"service": "registry", "method": "PUT", "delay": 1.2},
    )
    account._login = replace(account._login, expires=0.0)  # as if this machine did not know when
    pushed, events = push(connected, account, image, reference(here, organization))
    assert pushed.digest
    assert any(isinstance(event, VertexWarning) and "login" in event.short for event in events)
    assert account.registry_login().good()


def test_a_login_that_is_refused_for_good(connected, account, image, here, organization, faults):
    faults({"service": "registry", "status": 401, "error_code": "UNAUTHORIZED", "times": 0})
    with pytest.raises(RegistryError) as caught:
        push(connected, account, image, reference(here, organization))
    assert "%login" in caught.value.hint
    assert account.registry_login().password.reveal() not in str(caught.value)


def test_a_user_who_may_only_read(connected, log_in, account, image, here, organization):
    swr.create_organization(account.client, organization)
    other = log_in(user="reader")
    with pytest.raises((CloudError, RegistryError)) as caught:
        push(connected, other, image, reference(here, organization))
    assert caught.value.hint


@pytest.mark.parametrize("fault", [
    {"status": 503, "times": 2}, {"status": 429, "times": 2}, {"method": "PATCH", "drop_request_after": 300_000, "times": 2},
    {"method": "PUT", "drop_after": 0, "times": 1}, {"method": "POST", "drop_after": 0, "times": 1},
])
def test_what_is_temporary_is_tried_again(connected, account, image, here, organization, faults, fault):
    faults({"service": "registry", **fault})
    pushed, _ = push(connected, account, image, reference(here, organization))
    assert pushed.digest


def test_an_interrupt_leaves_nothing_running(connected, account, image, here, organization):
    import threading

    generator = workflows.push_to_region(connected, account, image, reference(here, organization))
    for event in generator:
        if isinstance(event, Vertex) and event.digest.startswith("layer:"):
            break
    generator.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "modelarts_nb-reader"]


def test_retag_share_and_rules(connected, account, log_in, image, here, organization):
    client = account.client
    push(connected, account, image, reference(here, organization))
    swr.retag(client, organization, "digits", "v1", "stable")
    assert {tag.name for tag in swr.tags(client, organization, "digits")} == {"v1", "stable"}
    swr.delete_tag(client, organization, "digits", "stable")
    assert swr.tag(client, organization, "digits", "stable") is None
    swr_rules.share(client, organization, "digits", "somebody-else")
    assert [each["access_domain"] for each in swr_rules.shares(client, organization, "digits")] == ["somebody-else"]
    swr_rules.unshare(client, organization, "digits", "somebody-else")
    trigger = swr_rules.cce_trigger(
        "deploy", cluster_id="c1", cluster_name="prod", namespace="default", application="web", container="web"
    )
    swr_rules.create_trigger(client, organization, "digits", trigger)
    assert [each["name"] for each in swr_rules.triggers(client, organization, "digits")] == ["deploy"]
    swr_rules.delete_trigger(client, organization, "digits", "deploy")
    swr_rules.retain(client, organization, "digits", count=10)
    [rule] = swr_rules.retentions(client, organization, "digits")
    swr_rules.delete_retention(client, organization, "digits", str(rule["id"]))
    swr_rules.sync(client, organization, "digits", "cn-east-3", organization)
    assert [each["remoteRegionId"] for each in swr_rules.syncs(client, organization, "digits")] == ["cn-east-3"]
    assert swr_rules.permissions(client, organization)
    swr_rules.grant(client, organization, "", "user-id-1", "colleague", "edit")
    assert "colleague" in {each["user_name"] for each in swr_rules.permissions(client, organization)}
    swr_rules.revoke(client, organization, "", "user-id-1")


def test_a_repository_with_a_slash_in_its_name(connected, account, image, here, organization):
    push(connected, account, image, reference(here, organization, "team/digits"))
    assert [tag.name for tag in swr.tags(account.client, organization, "team/digits")] == ["v1"]


def test_an_image_that_is_not_in_the_engine(connected, account, here, organization):
    from modelarts_nb.errors import EngineAPIError

    with pytest.raises(EngineAPIError):
        push(connected, account, "of-nobody:1", reference(here, organization))
    assert organization not in {each.name for each in swr.organizations(account.client)}, "nothing was made for it"


def test_no_vertex_of_a_push_holds_a_secret(connected, account, image, here, organization):
    _, events = push(connected, account, image, reference(here, organization))
    said = repr(events)
    assert not [secret for secret in account.secrets if secret in said]
    assert images.exists(connected, str(reference(here, organization)))
