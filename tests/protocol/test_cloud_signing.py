"""Our signature is the official SDK's, whatever the request; the SDK's models take the bodies that we send."""

from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from modelarts_nb.cloud import signing, swr_rules
from modelarts_nb.settings import Secret
from modelarts_nb.training.cloudjob import Target, body
from modelarts_nb.training.obspath import parse_obs
from modelarts_nb.training.spec import JobSpec

from ..oracle import Oracle

NOW = datetime(2026, 11, 24, 10, 44, 27, tzinfo=timezone.utc)
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), min_size=1, max_size=12)
# what can stand in a header: no control characters; the SDK trims, so that edges are plain
VALUE = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp", "Zs")), max_size=20)
SEGMENT = TEXT.filter(lambda text: "/" not in text and "%" not in text)


@pytest.fixture(scope="module")
def official():
    oracle = Oracle()
    yield oracle
    oracle.close()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "post", "PUT", "DELETE", "PATCH"]),
    segments=st.lists(SEGMENT, max_size=5), slash=st.booleans(),
    query=st.lists(st.tuples(TEXT, st.text(st.characters(codec="utf-8"), max_size=12)), max_size=4),
    payload=st.text(st.characters(codec="utf-8"), max_size=40), project=VALUE, token=VALUE,
    kind=st.sampled_from(["application/json", "application/json;charset=UTF-8", "application/octet-stream", ""]),
    access=st.text("ABCDEFGHIJ0123456789", min_size=1, max_size=20), secret=TEXT,
)
@example(
    "GET", ["v2", "项目", "a b~c"], True, [("名", "值 +&=/"), ("a", ""), ("a", "B"), ("A", "b")], "", "p", "t", "", "A", "密"
)
def test_the_signature_is_the_official_one(
    official, method, segments, slash, query, payload, project, token, kind, access, secret
):
    path = "/" + "/".join(segments) + ("/" if slash else "")
    headers = {}
    if kind:
        headers["Content-Type"] = kind
    if project:
        headers["X-Project-Id"] = project
    request = signing.Request(method, "modelarts.cn-north-4.myhuaweicloud.com", path, query, headers, payload.encode())
    signed = signing.sign(request, access, Secret(secret), NOW, Secret(token) if token else None)
    theirs = official.ask(
        ask="sign", method=method, host=request.host, path=path, query=query, body=payload, access=access, secret=secret,
        headers={**headers, **({"X-Security-Token": token} if token else {}), "X-Sdk-Date": "20261124T104427Z"},
    )
    assert signed["Authorization"] == theirs["authorization"]
    assert theirs["uri"] == path + (f"?{signing.query_string(query)}" if query else "")


def test_a_header_with_an_underscore_is_sent_and_not_signed(official):
    request = signing.Request("GET", "h", "/", headers={"X_Own": "1", "X-Own": "2"})
    signed = signing.sign(request, "A", Secret("S"), NOW)
    assert signed["X_Own"] == "1"
    theirs = official.ask(
        ask="sign", method="GET", host="h", path="/", query=[], body="", access="A", secret="S",
        headers={"X_Own": "1", "X-Own": "2", "X-Sdk-Date": "20261124T104427Z"},
    )
    assert signed["Authorization"] == theirs["authorization"]
    assert "x_own" not in signed["Authorization"]


def test_the_long_term_registry_password_is_the_one_of_the_manual():
    """printf AK | openssl dgst -binary -sha256 -hmac SK, in hexadecimal (swr_01_1000)."""
    found = signing.registry_password("RVHVMX4AI2UZHCBSDOW5", Secret("secret-key"))
    assert len(found.reveal()) == 64
    assert found.reveal() == _openssl("RVHVMX4AI2UZHCBSDOW5", "secret-key")


def _openssl(access, secret):
    import subprocess

    command = ["openssl", "dgst", "-sha256", "-hmac", secret, "-hex"]
    return subprocess.run(command, input=access, capture_output=True, text=True, check=True).stdout.split()[-1]


def full():
    spec = JobSpec(
        "org/digits:v1", "python train.py", contract="v2", env={"A": "1"}, inputs={"data_url": Path("x")},
        outputs={"train_url": Path("y")},
    )
    target = Target(
        "digits-1", "org/digits:v1", flavor="modelarts.vm.cpu.8u", pool="pool1", nodes=2, description="说明",
        code=parse_obs("obs://bucket/code/digits"), inputs={"data_url": parse_obs("obs://bucket/in")},
        outputs={"train_url": parse_obs("obs://bucket/out")}, log=parse_obs("obs://bucket/log"), auto_stop=5400,
    )
    return body(spec, target)


def test_the_sdks_model_of_a_job_takes_our_request_whole(official):
    request = full()
    again = official.ask(ask="parse", module="huaweicloudsdkmodelarts.v1", model="Job", body=request)
    assert again == request


def test_a_job_with_nothing_but_a_command(official):
    request = body(JobSpec("o/i:1", "true", contract="v2"), Target("n", "o/i:1", flavor="f"))
    assert official.ask(ask="parse", module="huaweicloudsdkmodelarts.v1", model="Job", body=request) == request
    assert "code_dir" not in request["algorithm"]
    assert "auto_stop" not in request["spec"]


@pytest.mark.parametrize(("model", "request_body"), [
    ("CreateTriggerRequestBody", swr_rules.cce_trigger(
        "t", cluster_id="c", cluster_name="n", namespace="default", application="web", container="web")),
    ("CreateRetentionRequestBody", swr_rules.retention_body(days=30)),
    ("CreateRetentionRequestBody", swr_rules.retention_body(count=10)),
    ("CreateImageSyncRepoRequestBody", swr_rules.sync_body("cn-east-3", "org", override=True)),
    ("CreateRepoDomainsRequestBody", swr_rules.share_body("other-account", "forever")),
])
def test_the_sdks_models_take_the_rules_that_we_set(official, model, request_body):
    assert official.ask(ask="parse", module="huaweicloudsdkswr.v2", model=model, body=request_body) == request_body
