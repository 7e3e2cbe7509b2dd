"""The region's registry, by Docker's own client and byte by byte: logins, owners, names, kinds of images."""

import base64
import hashlib
import hmac
import http.client
import json
import os
import time

import pytest

from modelarts_nb.errors import RegistryError
from modelarts_nb.reference import parse_reference
from modelarts_nb.registry import client as registry_client
from modelarts_nb.settings import Secret

from .conftest import BASE, archive

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def ask(region, method, path, body=None, *, login=None, headers=None):
    """One request with a token of that login ((user, password); None: none): (status, headers, body)."""
    sent = dict(headers or {})
    connection = http.client.HTTPConnection(region.registry, timeout=30)
    if login:
        words = base64.b64encode(":".join(login).encode()).decode()
        connection.request("GET", "/swr/auth/v2/registry/auth/?service=dockyard", headers={"Authorization": f"Basic {words}"})
        answer = connection.getresponse()
        said = json.loads(answer.read())
        if answer.status != 200:
            connection.close()
            return answer.status, dict(answer.getheaders()), said
        sent["Authorization"] = f"Bearer {said['token']}"
    connection.request(method, path, body=body, headers=sent)
    answer = connection.getresponse()
    found = answer.status, dict(answer.getheaders()), answer.read()
    connection.close()
    return found


def long_term(access):
    password = hmac.new(access["sk"].encode(), access["ak"].encode(), hashlib.sha256).hexdigest()
    return f"sandbox@{access['ak']}", password


def test_what_was_pushed_is_listed_pulled_and_deleted(region, organization, pushed, docker):
    done, said = pushed(f"{organization}/tiny:v1")
    assert done, said
    [repository] = region.call("GET", f"/v2/manage/repos?namespace={organization}")[2]
    assert (repository["name"], repository["num_images"]) == ("tiny", 1)
    tags = f"/v2/manage/namespaces/{organization}/repos/tiny/tags"
    [tag] = region.call("GET", tags)[2]
    assert (tag["Tag"], tag["tag_type"], tag["path"]) == ("v1", 0, f"{region.registry}/{organization}/tiny:v1")
    assert f"digest: {tag['digest']}" in said
    docker("rmi", f"{region.registry}/{organization}/tiny:v1")
    assert docker("pull", f"{region.registry}/{organization}/tiny:v1")[0]
    assert region.call("DELETE", f"{tags}/v1")[0] == 204
    docker("rmi", f"{region.registry}/{organization}/tiny:v1")
    done, said = docker("pull", f"{region.registry}/{organization}/tiny:v1")
    assert not done
    assert "manifest unknown" in said


def test_an_image_gets_another_tag_on_the_server(region, organization, pushed):
    assert pushed(f"{organization}/tiny:v1")[0]
    tags = f"/v2/manage/namespaces/{organization}/repos/tiny/tags"
    assert region.call("POST", tags, {"source_tag": "v1", "destination_tag": "stable"})[0] == 201
    status, _, said = region.call("POST", tags, {"source_tag": "v1", "destination_tag": "stable"})
    assert (status, said["errors"][0]["errorCode"]) == (409, "SVCSTG.SWR.4090006")
    assert region.call("POST", tags, {"source_tag": "v1", "destination_tag": "stable", "override": True})[0] == 201
    assert region.call("DELETE", f"{tags}/v1")[0] == 204
    login = region.login()[:2]
    reference = parse_reference(f"{region.registry}/{organization}/tiny:stable")
    manifest = registry_client.read_manifest(reference, lambda host: (login[0], Secret(login[1])))
    assert manifest.media_type == DOCKER_MANIFEST
    _, _, listed = ask(region, "GET", f"/v2/{organization}/tiny/tags/list", login=login)
    assert json.loads(listed)["tags"] == ["stable"]


def test_the_long_term_rule_and_a_temporary_secret_log_in(region, docker):
    for user, password in (long_term(region.access), region.login()[:2]):
        done, said = docker("login", "-u", user, "--password-stdin", region.registry, stdin=password)
        assert done, said


@pytest.mark.parametrize("change", ["password", "project", "key"])
def test_a_wrong_login_is_refused_in_the_registrys_words(region, docker, change):
    user, password = long_term(region.access)
    user = {"project": user.replace("sandbox@", "cn-north-4@"), "key": "sandbox@NOBODY"}.get(change, user)
    password = password[::-1] if change == "password" else password
    done, said = docker("login", "-u", user, "--password-stdin", region.registry, stdin=password)
    assert not done
    assert "unauthorized: authentication required" in said


def test_a_key_without_permission_for_swr_is_denied(region, docker):
    poor = region.key(user="poor", allowed=["iam"])
    user, password = long_term(poor.access)
    done, said = docker("login", "-u", user, "--password-stdin", region.registry, stdin=password)
    assert not done
    assert "denied: Authenticate Error" in said


def test_a_temporary_key_needs_a_temporary_secret(region):
    temporary = region.key(seconds=600)
    assert ask(region, "GET", "/v2/", login=long_term(temporary.access))[0] == 401
    user, password, ends = temporary.login()
    assert ask(region, "GET", "/v2/", login=(user, password))[0] == 200
    assert ends[:16] <= time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() + 600)), "it does not outlive its key"


def test_basic_authentication_alone_will_not_do(region):
    words = base64.b64encode(":".join(region.login()[:2]).encode()).decode()
    status, headers, said = ask(region, "GET", "/v2/", headers={"Authorization": f"Basic {words}"})
    assert status == 401
    expected = f'Bearer realm="http://{region.registry}/swr/auth/v2/registry/auth/",service="dockyard"'
    assert headers["WWW-Authenticate"] == expected
    assert json.loads(said)["errors"][0]["message"] == "authentication required"
    assert headers["X-Sandbox"] == "modelarts-nb"


def test_a_login_ends(region, organization, pushed, docker):
    region.settings(secret_seconds=1, token_seconds=1)
    user, password, _ = region.login()
    assert ask(region, "GET", "/v2/", login=(user, password))[0] == 200
    deadline = time.monotonic() + 10
    while ask(region, "GET", "/v2/", login=(user, password))[0] == 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert docker("login", "-u", user, "--password-stdin", region.registry, stdin=password)[1].count("unauthorized")


def test_a_push_to_somebody_elses_organization_is_denied(region, organization, pushed, docker):
    stranger = region.key(tenant="stranger")
    status, _, said = stranger.call("POST", "/v2/manage/namespaces", {"namespace": "strangers-own"})
    assert status == 201, said
    for name in ("strangers-own", "modelarts-job-dev-image"):
        done, said = pushed(f"{name}/tiny:v1")
        assert not done
        assert f"denied: You do not have the permission to push to {name}/tiny." in said
    stranger.call("DELETE", "/v2/manage/namespaces/strangers-own")


def test_a_push_that_would_make_one_organization_too_many_is_denied(region, organization, pushed):
    region.settings(namespace_quota=1)
    done, said = pushed("one-too-many/tiny:v1")
    assert not done
    assert "denied: You have no permission to create a namespace: The maximum number of organizations" in said


@pytest.mark.parametrize("path", ["9org/tiny", "tiny"])
def test_a_name_that_swr_does_not_take_is_refused_at_push(region, organization, pushed, path):
    done, said = pushed(f"{path}:v1")
    assert not done
    assert f"denied: invalid repository name: {path}" in said


def test_a_private_image_is_not_pulled_by_others_and_a_public_one_is(region, organization, pushed):
    assert pushed(f"{organization}/tiny:v1")[0]
    stranger = long_term(region.key(tenant="stranger").access)
    path = f"/v2/{organization}/tiny/manifests/v1"
    assert ask(region, "GET", path, login=stranger)[0] == 403
    region.call("PATCH", f"/v2/manage/namespaces/{organization}/repos/tiny", {"is_public": True})
    assert ask(region, "GET", path, login=stranger, headers={"Accept": DOCKER_MANIFEST})[0] == 200


@pytest.mark.parametrize(("kind", "body"), [
    (OCI_INDEX, {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}),
    (OCI_MANIFEST, {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": {}, "layers": []}),
    (DOCKER_MANIFEST, {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}),
    (DOCKER_MANIFEST, None),
    (DOCKER_MANIFEST, {"layers": [{"size": "much"}]}),
])
def test_ocis_kinds_and_broken_manifests_are_refused_as_swr_does(region, organization, kind, body):
    content = b"{" if body is None else json.dumps(body).encode()
    path, sent = f"/v2/{organization}/tiny/manifests/v1", {"Content-Type": kind}
    status, _, said = ask(region, "PUT", path, content, login=region.login()[:2], headers=sent)
    assert status == 400
    assert json.loads(said)["errors"][0]["message"] == "Invalid image, fail to parse 'manifest.json'"


def test_a_layer_that_is_too_large_is_refused(region, organization, pushed):
    region.settings(layer_bytes=100)
    done, said = pushed(f"{organization}/tiny:v1")
    assert not done, said
    assert region.call("GET", f"/v2/manage/repos?namespace={organization}")[2] == []


def test_the_base_image_is_read_with_any_login_and_by_nobody_without(region):
    path, _, tag = BASE.partition(":")
    stranger = long_term(region.key(tenant="stranger").access)
    assert ask(region, "HEAD", f"/v2/{path}/manifests/{tag}", login=stranger, headers={"Accept": DOCKER_MANIFEST})[0] == 200
    with pytest.raises(RegistryError, match="401"):
        registry_client.read_manifest(parse_reference(f"{region.registry}/{BASE}"))


def test_nobody_lists_everybodys_images(region):
    assert ask(region, "GET", "/v2/_catalog", login=region.login()[:2])[0] == 404


def test_an_upload_that_breaks_off_is_begun_again_by_docker(region, organization, connected, logged_in):
    reference = f"{region.registry}/{organization}/fresh:v1"
    connected.client.import_image_from_data(archive(os.urandom(100_000)), repository=reference.rpartition(":")[0], tag="v1")
    region.faults({"service": "registry", "method": "PATCH", "drop_request_after": 50_000})
    done, said = logged_in("push", reference)
    assert done, said
    assert region.call("GET", "/sandbox/faults")[2]["faults"] == [], "it did strike"


def test_the_registry_behind_cannot_be_reached_but_by_its_owner(home):
    path = home / "sandbox" / "swr.sock"
    assert path.is_socket()
    assert path.parent.stat().st_mode & 0o077 == 0
