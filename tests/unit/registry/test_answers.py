"""A registry's answers that are not as documented: an error of ours or a plain value, never a crash."""

import json

import pytest
import requests

from modelarts_nb.errors import RegistryError
from modelarts_nb.reference import parse_reference
from modelarts_nb.registry import client

HERE = parse_reference("localhost:5000/a/b:1")


@pytest.fixture
def answers(monkeypatch):
    """answers(body, status): what the registry says to everything."""
    def put(body, status=200, **headers):
        response = requests.Response()
        response.status_code, response._content = status, body if isinstance(body, bytes) else json.dumps(body).encode()
        response.headers.update(headers)
        monkeypatch.setattr(client, "_send", lambda *args: response)

    return put


@pytest.mark.parametrize("body", [
    [], {"layers": 5}, {"layers": [5, {"size": "x"}, {"size": None}], "config": "c"}, {"layers": {"a": 1}, "config": []},
])
def test_a_manifest_of_another_form_has_no_size_and_no_configuration(answers, body):
    answers(body)
    assert client.read_manifest(HERE).size == 0
    assert client.read_config(HERE) == {}


def test_a_manifest_that_nests_without_end_is_told(answers):
    answers(b"[" * 100_000)
    with pytest.raises(RegistryError, match="no JSON"):
        client.read_manifest(HERE)


@pytest.mark.parametrize("body", [{"errors": {"a": 1}}, {"errors": "x"}, {"errors": [5]}, [], b"[" * 100_000, b"\xff"])
def test_a_refusal_of_another_form_is_a_registry_error(answers, body):
    answers(body, 500)
    with pytest.raises(RegistryError):
        client.read_manifest(HERE)


@pytest.mark.parametrize("challenge", [
    "", "Bearer", "Bearer realm=", 'Bearer realm="http://[x"', 'Bearer realm="http://elsewhere.example"', "Basic", "\0 a",
])
def test_a_challenge_of_another_form_is_no_login(challenge):
    assert client._authorize(challenge, None) == ("", 0.0)


@pytest.mark.parametrize("body", [[], 5, b"no JSON", b"[" * 100_000])
def test_a_token_of_another_form_is_told(answers, body):
    answers(body)
    with pytest.raises(RegistryError):
        client._authorize('Bearer realm="https://tokens.example/t"', None)
