"""What a refusal means, in every form that the services use."""

import json

import pytest

from modelarts_nb.cloud import failures


def refused(status, body, headers=None, ahead=0.0):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return failures.refused(status, headers or {}, content, "GET h/x", ahead)


@pytest.mark.parametrize("body", [
    {"error_code": "ModelArts.0103", "error_msg": "no", "request_id": "r1"}, {"errorCode": "ModelArts.0103", "errorMsg": "no"},
    {"code": "ModelArts.0103", "message": "no"}, {"error": {"code": "ModelArts.0103", "message": "no"}},
    {"errors": [{"errorCode": "ModelArts.0103", "errorMessage": "no"}]},
])
def test_code_and_message_are_found_in_each_form(body):
    error = refused(403, body, {"x-request-id": "r1"}).error
    assert (error.error_code, error.error_msg, error.request_id, error.status) == ("ModelArts.0103", "no", "r1", 403)
    assert "r1" in error.message


@pytest.mark.parametrize(
    "body", [b"", b"<html>Bad Gateway</html>", b"\xff\x00", [], "text", {"error": None}, {"errors": []}, [[]]]
)
def test_any_other_body_is_no_trouble(body):
    assert refused(502, body).error.temporary


def test_what_a_server_says_cannot_paint_the_terminal():
    assert "\x1b" not in refused(400, {"error_code": "a", "error_msg": "\x1b[31mred", "request_id": "\x1b[0m"}).error.message


def test_a_clock_that_is_an_hour_off_is_said():
    hint = refused(401, {"error_code": "APIGW.0301", "error_msg": "signature expired"}, ahead=3600).error.hint
    assert "1 h 00 min" in hint
    assert "ahead of" in hint
    assert "behind" in refused(401, {}, ahead=-3600).error.hint
    assert "clock" not in refused(401, {}, ahead=20).error.hint


@pytest.mark.parametrize(("status", "temporary", "again"), [
    (400, False, False), (401, False, False), (403, False, False), (404, False, False), (409, False, False),
    (429, True, True), (500, True, False), (502, True, False), (503, True, True), (504, True, False),
])
def test_only_a_plain_later_is_sent_again_whatever_the_request(status, temporary, again):
    failed = refused(status, {}, {"retry-after": "7"})
    assert failed.error.temporary is temporary
    assert failed.never_arrived is again
    assert failed.wished == 7


def test_a_date_in_retry_after_is_no_trouble():
    assert refused(503, {}, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}).wished == 0


def test_an_answer_that_nests_without_end_is_an_error_like_any_other():
    assert refused(500, b"[" * 100_000).error.status == 500


@pytest.mark.parametrize("wish", ["inf", "nan", "-5", "1e999"])
def test_a_wish_to_wait_for_ever_is_none(wish):
    assert refused(503, {}, {"retry-after": wish}).wished == 0
