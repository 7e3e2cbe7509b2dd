"""Who may call the region: signatures, clocks, temporary keys, other accounts; the marks on every answer; its files."""

import http.client
import json
import stat
from urllib.parse import urlsplit

import pytest

PROJECTS = "/v3/projects?name=sandbox"


def test_a_signed_call_finds_the_project(region):
    status, headers, said = region.call("GET", PROJECTS)
    assert status == 200
    assert [project["id"] for project in said["projects"]] == [region.project]
    assert headers["x-sandbox"] == "modelarts-nb"
    assert headers["x-request-id"]


def test_another_regions_project_is_not_there(region):
    assert region.call("GET", "/v3/projects?name=cn-north-4")[2]["projects"] == []


def refused(answer, words):
    status, headers, said = answer
    assert status == 401
    assert said["error_code"] == "APIGW.0301"
    assert words in said["error_msg"]
    assert said["request_id"] == headers["x-request-id"]
    assert headers["x-sandbox"] == "modelarts-nb"


def test_a_call_without_a_signature_is_refused(access):
    connection = http.client.HTTPConnection(urlsplit(access["endpoints"]["iam"]).netloc, timeout=10)
    connection.request("GET", PROJECTS)
    answer = connection.getresponse()
    assert answer.status == 401
    assert json.loads(answer.read())["error_code"] == "APIGW.0301"
    connection.close()


def test_a_wrong_secret_key_is_refused(region):
    refused(region.call("GET", PROJECTS, sign_with="x" * 40), "verify aksk signature fail")


def test_an_unknown_access_key_is_refused(region):
    from .client import Region

    refused(Region(region.access, ak="NOBODYNOBODYNOBODY12").call("GET", PROJECTS), "ak not exist")


@pytest.mark.parametrize("ahead", [-3600, 3600, -16 * 60])
def test_a_clock_that_is_off_is_refused_and_told_the_time(region, ahead):
    refused(region.call("GET", PROJECTS, ahead=ahead), "signature expired")


def test_a_clock_that_is_off_by_fourteen_minutes_will_do(region):
    assert region.call("GET", PROJECTS, ahead=-14 * 60)[0] == 200


def test_a_body_that_was_changed_on_its_way_is_refused(region, monkeypatch):
    sent = http.client.HTTPConnection.request
    monkeypatch.setattr(
        http.client.HTTPConnection, "request",
        lambda self, method, path, body=None, headers=None: sent(self, method, path, body.replace(b"x", b"y"), headers),
    )
    refused(region.call("POST", "/v2/manage/namespaces", {"namespace": "xxx"}), "verify aksk signature fail")


def test_a_temporary_key_needs_its_token_and_ends(region):
    temporary = region.key(seconds=3600)
    assert temporary.call("GET", PROJECTS)[0] == 200
    token, temporary.access["token"] = temporary.access["token"], ""
    refused(temporary.call("GET", PROJECTS), "decrypt token fail")
    temporary.access["token"] = token[:-1] + ("A" if token[-1] != "A" else "B")
    refused(temporary.call("GET", PROJECTS), "decrypt token fail")


def test_an_expired_token_is_told(region):
    refused(region.key(seconds=0.001).call("GET", PROJECTS), "token expires, expires_at")


def test_a_key_without_permission_is_refused_as_each_service_does(region):
    poor = region.key(user="poor", allowed=["iam"])
    assert poor.call("GET", PROJECTS)[0] == 200
    status, _, said = poor.call("GET", "/v2/manage/namespaces")
    assert (status, said["errors"][0]["errorCode"]) == (403, "SVCSTG.SWR.4039002")
    status, _, said = poor.call("GET", "/v2/PROJECT/training-quotas")
    assert (status, said["error_code"]) == (403, "ModelArts.0103")


def test_another_accounts_project_is_closed(region):
    stranger = region.key(tenant="stranger")
    assert stranger.project != region.project
    status, _, said = stranger.call("GET", f"/v2/{region.project}/training-quotas")
    assert (status, said["error_code"]) == (403, "ModelArts.0103")


@pytest.mark.parametrize("path", ["/sandbox/faults", "/sandbox/settings"])
def test_the_sandboxs_own_calls_are_for_its_own_key(region, path):
    assert region.key(user="guest").call("GET", path)[0] == 403
    assert region.call("GET", path)[0] == 200


def test_a_call_that_is_not_there_is_told(region):
    status, _, said = region.call("GET", "/v2/PROJECT/no-such-call")
    assert (status, said["error_code"]) == (404, "APIGW.0101")


def test_a_body_that_is_too_large_is_refused(region):
    assert region.call("POST", "/v2/manage/namespaces", raw=b" " * (13 << 20))[0] == 413


def test_keys_and_state_are_for_their_owner_only(home, access):
    folder = home / "sandbox"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in ("access.json", "keys.json", "swr.json", "server.json"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600, name


def test_the_secret_key_stands_in_two_files_and_nowhere_else(home, access):
    holders = {
        path.name for path in (home / "sandbox").rglob("*")
        if path.is_file() and "registry/docker" not in str(path) and access["sk"].encode() in path.read_bytes()
    }
    assert holders == {"access.json", "keys.json"}
