"""Object storage: moto's server behind the sandbox's gate. The vendor's own SDK is in test_sdk.py."""

import base64
import hashlib
import hmac
import http.client
import time
from urllib.parse import quote

import pytest

from .objects import ask, send


@pytest.fixture
def bucket(region):
    assert ask(region, "PUT", "/tests-bucket")[0] == 200
    yield "/tests-bucket"
    for key in ("a", "b/c", "signed"):
        ask(region, "DELETE", f"/tests-bucket/{key}")
    assert ask(region, "DELETE", "/tests-bucket")[0] == 204


def code(answer):
    return answer[0], answer[2].partition(b"<Code>")[2].partition(b"</Code>")[0].decode()


def test_an_object_goes_in_and_comes_out(region, bucket):
    headers = {"Content-Type": "text/plain", "x-amz-meta-who": "me"}
    assert ask(region, "PUT", f"{bucket}/a", b"hello", headers=headers)[0] == 200
    status, found, body = ask(region, "GET", f"{bucket}/a")
    assert (status, body, found["x-amz-meta-who"]) == (200, b"hello", "me")
    assert found["x-sandbox"] == "modelarts-nb"
    assert found["x-obs-request-id"]
    assert code(ask(region, "GET", f"{bucket}/nothing")) == (404, "NoSuchKey")


@pytest.mark.parametrize(("change", "expected"), [
    ({"sk": "x" * 40}, (403, "SignatureDoesNotMatch")), ({"ahead": 3600}, (403, "RequestTimeTooSkewed")),
    ({"ahead": -3600}, (403, "RequestTimeTooSkewed")),
])
def test_a_wrong_key_and_a_wrong_clock_are_refused(region, bucket, change, expected):
    assert code(ask(region, "GET", bucket, **change)) == expected


def test_the_obs_signature_is_verified_too(region, bucket):
    assert ask(region, "GET", bucket, scheme="OBS")[0] == 200
    assert code(ask(region, "GET", bucket, scheme="OBS", sk="x" * 40)) == (403, "SignatureDoesNotMatch")


def test_a_temporary_key_needs_its_token_and_ends(region, bucket):
    temporary = region.key(seconds=600)
    assert ask(temporary, "GET", bucket)[0] == 200
    temporary.access["token"] = ""
    assert code(ask(temporary, "GET", bucket)) == (403, "InvalidToken")
    assert code(ask(region.key(seconds=0.001), "GET", bucket)) == (400, "ExpiredToken")


def test_no_signature_and_no_permission_are_refused(region, bucket):
    assert send(region, "GET", bucket)[0] == 403
    assert code(ask(region.key(user="poor", allowed=["iam"]), "GET", bucket)) == (403, "AccessDenied")


def test_another_accounts_bucket_is_closed_and_its_name_taken(region, bucket):
    stranger = region.key(tenant="stranger")
    assert code(ask(stranger, "GET", bucket)) == (403, "AccessDenied")
    assert code(ask(stranger, "PUT", bucket)) == (409, "BucketAlreadyExists")
    assert b"tests-bucket" not in ask(stranger, "GET", "/")[2]
    assert b"tests-bucket" in ask(region, "GET", "/")[2]


def test_a_bucket_is_where_it_was_made(region):
    body = b"<CreateBucketConfiguration><Location>cn-north-4</Location></CreateBucketConfiguration>"
    assert ask(region, "PUT", "/far-away", body)[0] == 200
    assert ask(region, "HEAD", "/far-away")[1]["x-obs-bucket-location"] == "cn-north-4"
    assert b"cn-north-4" in ask(region, "GET", "/far-away", query="location")[2]
    assert ask(region, "DELETE", "/far-away")[0] == 204
    assert code(ask(region, "GET", "/far-away")) == (404, "NoSuchBucket")


def test_a_signed_url_is_good_until_it_ends(region, bucket):
    ask(region, "PUT", f"{bucket}/signed", b"for you")
    def get(ends):
        text = f"GET\n\n\n{ends}\n{bucket}/signed"
        digest = hmac.new(region.access["sk"].encode(), text.encode(), hashlib.sha1).digest()
        signature = quote(base64.b64encode(digest).decode(), safe="")
        query = f"AWSAccessKeyId={region.access['ak']}&Expires={ends}&Signature={signature}"
        status, _, body = send(region, "GET", f"{bucket}/signed?{query}")
        return status, body

    assert get(int(time.time()) + 60) == (200, b"for you")
    assert get(int(time.time()) - 60)[0] == 403


def test_faults_strike_object_storage(region, bucket):
    ask(region, "PUT", f"{bucket}/a", b"x" * 1000)
    region.faults({"service": "obs", "status": 503}, {"service": "obs", "method": "GET", "drop_after": 100})
    assert ask(region, "GET", f"{bucket}/a")[0] == 503
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        ask(region, "GET", f"{bucket}/a")
    assert ask(region, "GET", f"{bucket}/a")[2] == b"x" * 1000
    region.faults({"service": "obs", "method": "PUT", "drop_request_after": 10})
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        ask(region, "PUT", f"{bucket}/b/c", b"y" * 1000)
    assert code(ask(region, "GET", f"{bucket}/b/c")) == (404, "NoSuchKey")
