"""SWR's API: organizations, repositories, tags, lists, and what is set on them."""

import pytest

from .conftest import remove_organization

ORGANIZATIONS = "/v2/manage/namespaces"


def code(answer):
    status, _, said = answer
    return status, said["errors"][0]["errorCode"].rpartition(".")[2]


def test_an_organization_is_made_shown_and_deleted(region):
    assert region.call("POST", ORGANIZATIONS, {"namespace": "short-lived"})[0] == 201
    _, _, found = region.call("GET", f"{ORGANIZATIONS}/short-lived")
    assert found == {"id": found["id"], "name": "short-lived", "creator_name": "sandbox-user", "auth": 7}
    _, _, listed = region.call("GET", f"{ORGANIZATIONS}?filter=namespace::short")
    assert [each["name"] for each in listed["namespaces"]] == ["short-lived"]
    assert region.call("DELETE", f"{ORGANIZATIONS}/short-lived")[0] == 204
    assert code(region.call("GET", f"{ORGANIZATIONS}/short-lived")) == (404, "4040058")


@pytest.mark.parametrize("name", ["", "9lives", "Upper", "a" * 65, "a..b", "a-_b", "a___b", "ends-", "with/slash"])
def test_a_bad_name_is_refused(region, name):
    assert code(region.call("POST", ORGANIZATIONS, {"namespace": name})) == (400, "4001028")


def test_an_organization_of_somebody_else_is_taken_and_not_to_be_seen(region, organization):
    stranger = region.key(tenant="stranger")
    assert code(stranger.call("POST", ORGANIZATIONS, {"namespace": organization})) == (409, "4090060")
    assert code(stranger.call("GET", f"{ORGANIZATIONS}/{organization}")) == (404, "4040058")
    assert stranger.call("GET", ORGANIZATIONS)[2] == {"namespaces": []}
    assert code(stranger.call("DELETE", f"{ORGANIZATIONS}/{organization}")) == (404, "4040058")
    assert code(region.call("POST", ORGANIZATIONS, {"namespace": "modelarts-job-dev-image"})) == (409, "4090060")


def test_five_organizations_are_the_quota(region):
    names = [f"quota-{number}" for number in range(5)]
    try:
        used = len(region.call("GET", ORGANIZATIONS)[2]["namespaces"])
        for name in names[used:]:
            assert region.call("POST", ORGANIZATIONS, {"namespace": name})[0] == 201
        assert code(region.call("POST", ORGANIZATIONS, {"namespace": "one-more"})) == (400, "4000097")
        _, _, said = region.call("GET", "/v2/manage/projects/PROJECT/quotas")
        assert said["quotas"] == [{"quota_key": "namespace", "quota_limit": 5, "used": 5, "unit": ""}]
    finally:
        for name in names:
            region.call("DELETE", f"{ORGANIZATIONS}/{name}")


@pytest.fixture
def repositories(region, organization):
    """Five repositories without images."""
    names = ["digits", "digits/base", "mnist", "cifar", "imagenet"]
    for name in names:
        status, _, said = region.call("POST", f"{ORGANIZATIONS}/{organization}/repos", {"repository": name, "is_public": False})
        assert status == 201, said
    return names


def test_lists_come_in_pages_both_ways(region, organization, repositories):
    status, headers, first = region.call("GET", "/v2/manage/repos?limit=2&offset=1&order_column=name&order_type=asc")
    assert status == 200
    assert [each["name"] for each in first] == ["digits", "digits/base"]
    assert headers["content-range"] == "1-2/5"
    found, marker = [], ""
    while marker is not None:
        _, _, said = region.call("GET", f"/v3/manage/repos?limit=2&marker={marker}")
        found += [each["name"] for each in said["repos"]]
        marker = said.get("next_marker")
    assert sorted(found) == sorted(repositories)
    _, _, said = region.call("GET", "/v2/manage/repos?filter=namespace::tests-org%7Cname::digits%7Climit::10%7Coffset::0")
    assert {each["name"] for each in said} == {"digits", "digits/base"}
    assert code(region.call("GET", "/v2/manage/repos?limit=1001&offset=0")) == (400, "4000056")


def test_a_repository_is_changed_and_an_organization_with_one_is_not_deleted(region, organization, repositories):
    path = f"{ORGANIZATIONS}/{organization}/repos/digits$base"
    assert region.call("PATCH", path, {"is_public": True, "description": "the base", "category": "linux"})[0] == 201
    _, _, found = region.call("GET", path)
    assert (found["is_public"], found["description"], found["category"]) == (True, "the base", "linux")
    assert code(region.call("PATCH", path, {"category": "toys"})) == (400, "4000014")
    assert code(region.call("DELETE", f"{ORGANIZATIONS}/{organization}")) == (406, "4060074")
    assert code(region.call("GET", f"{ORGANIZATIONS}/{organization}/repos/nothing")) == (404, "4040113")


def test_a_user_of_the_account_may_what_he_was_given(region, organization, repositories):
    colleague = region.key(user="colleague")
    listed, access = f"{ORGANIZATIONS}/{organization}/repos", f"{ORGANIZATIONS}/{organization}/access"
    assert code(colleague.call("POST", listed, {"repository": "new"})) == (403, "4039002")
    who = {"user_id": colleague.access["user_id"], "user_name": "colleague"}
    assert region.call("POST", access, [{**who, "auth": 1}])[0] == 201
    assert code(region.call("POST", access, [{**who, "auth": 1}])) == (409, "4090076")
    assert code(region.call("POST", access, [{**who, "auth": 5}])) == (400, "4001066")
    assert colleague.call("GET", f"{listed}/mnist")[0] == 200
    assert code(colleague.call("PATCH", f"{listed}/mnist", {"is_public": True})) == (403, "4037020")
    assert region.call("PATCH", access, [{**who, "auth": 3}])[0] == 201
    assert colleague.call("PATCH", f"{listed}/mnist", {"is_public": True})[0] == 201
    assert [each["auth"] for each in region.call("GET", access)[2]["others_auths"]] == [3]
    assert region.call("DELETE", access, [who["user_id"]])[0] == 204
    assert region.call("GET", access)[2]["others_auths"] == []


def test_a_repository_is_shared_with_another_account(region, organization, repositories):
    stranger = region.key(tenant="friend")
    domains = f"{ORGANIZATIONS}/{organization}/repositories/mnist/access-domains"
    repository = f"{ORGANIZATIONS}/{organization}/repos/mnist"
    assert code(stranger.call("GET", repository)) == (404, "4040113")
    assert region.call("POST", domains, {"access_domain": "friend", "permit": "read", "deadline": "forever"})[0] == 201
    assert code(region.call("POST", domains, {"access_domain": "friend", "permit": "read"})) == (409, "4090089")
    assert stranger.call("GET", repository)[0] == 200
    assert [each["name"] for each in stranger.call("GET", "/v2/manage/shared-repositories?limit=10&offset=0")[2]] == ["mnist"]
    assert code(stranger.call("PATCH", repository, {"is_public": True})) == (403, "4037020")
    assert region.call("GET", f"{domains}/friend")[2]["exist"] is True
    over = {"access_domain": "x", "permit": "read", "deadline": "2001-01-01T00:00:00Z"}
    assert code(region.call("POST", domains, over)) == (400, "4000014")
    assert region.call("DELETE", f"{domains}/friend")[0] == 204
    assert code(stranger.call("GET", repository)) == (404, "4040113")


def test_triggers_are_made_listed_switched_and_deleted(region, organization, repositories):
    triggers = f"{ORGANIZATIONS}/{organization}/repos/mnist/triggers"
    wanted = {
        "name": "to-cce", "action": "update", "app_type": "deployments", "application": "web", "cluster_id": "c1",
        "cluster_name": "prod", "cluster_ns": "default", "container": "all", "condition": ".*", "trigger_type": "all",
        "trigger_mode": "cce", "enable": "true",
    }
    assert region.call("POST", triggers, wanted)[0] == 201
    assert code(region.call("POST", triggers, wanted)) == (400, "4000014")
    assert code(region.call("POST", triggers, {**wanted, "name": "b", "app_type": "cron"})) == (400, "4000014")
    [listed] = region.call("GET", triggers)[2]
    assert {name: listed[name] for name in wanted} == wanted
    assert region.call("PATCH", f"{triggers}/to-cce", {"enable": "false"})[0] == 201
    assert region.call("GET", f"{triggers}/to-cce")[2]["enable"] == "false"
    assert region.call("DELETE", f"{triggers}/to-cce")[0] == 204
    assert region.call("GET", triggers)[2] == []


def test_a_retention_policy_is_kept_one_a_repository(region, organization, repositories):
    retentions = f"{ORGANIZATIONS}/{organization}/repos/mnist/retentions"
    policy = {"algorithm": "or", "rules": [{"template": "tag_rule", "params": {"num": "10"}, "tag_selectors": []}]}
    status, _, made = region.call("POST", retentions, policy)
    assert status == 201
    assert code(region.call("POST", retentions, policy)) == (400, "4000014")
    [listed] = region.call("GET", retentions)[2]
    assert listed == {"id": made["id"], "scope": "", **policy}
    assert region.call("GET", f"{retentions}/histories?limit=10&offset=0")[2] == []
    changed = {"algorithm": "or", "rules": [{"template": "date_rule", "params": {"days": "30"}, "tag_selectors": []}]}
    assert region.call("PATCH", f"{retentions}/{made['id']}", changed)[0] == 201
    assert region.call("GET", f"{retentions}/{made['id']}")[2]["rules"] == changed["rules"]
    assert code(region.call("POST", retentions, {"algorithm": "and", "rules": []})) == (400, "4000014")
    assert region.call("DELETE", f"{retentions}/{made['id']}")[0] == 204


def test_synchronization_is_entered_and_there_is_no_other_region_to_copy_to(region, organization, repositories):
    sync = f"{ORGANIZATIONS}/{organization}/repos/mnist/sync_repo"
    wanted = {"remoteRegionId": "cn-north-4", "remoteNamespace": "theirs", "syncAuto": True, "override": False}
    assert region.call("POST", sync, wanted)[0] == 201
    assert region.call("GET", sync)[2][0]["remoteRegionId"] == "cn-north-4"
    by_hand = sync.replace("sync_repo", "sync_images")
    assert code(region.call("POST", by_hand, {**wanted, "imageTag": ["v1"]})) == (400, "4001158")
    assert region.call("DELETE", sync, wanted)[0] == 204
    assert code(region.call("DELETE", sync, wanted)) == (400, "4001158")


def test_what_there_is_in_all(region, organization, repositories):
    _, _, said = region.call("GET", "/v2/manage/overview")
    assert (said["domain_name"], said["repo_num"], said["image_num"]) == ("sandbox", 5, 0)


def test_an_organization_that_a_push_made_is_the_pushers(region, pushed):
    try:
        done, said = pushed("made-by-push/tiny:v1")
        assert done, said
        assert region.call("GET", f"{ORGANIZATIONS}/made-by-push")[2]["auth"] == 7
    finally:
        remove_organization(region, "made-by-push")
