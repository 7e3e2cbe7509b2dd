import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelarts_nb.errors import InvalidReference
from modelarts_nb.reference import parse_reference

DIGEST = "sha256:" + "a1" * 32


@pytest.mark.parametrize(
    ("text", "host", "organization", "repository", "tag"),
    [
        ("digits", "", "", "digits", ""),
        ("digits:v1", "", "", "digits", "v1"),
        ("library/debian:12", "", "library", "debian", "12"),
        ("localhost/digits", "localhost", "", "digits", ""),
        ("localhost:5005/team/digits:v1", "localhost:5005", "team", "digits", "v1"),
        ("swr.cn-north-4.myhuaweicloud.com/org/a/b:V_1.0-x", "swr.cn-north-4.myhuaweicloud.com", "org", "a/b", "V_1.0-x"),
        ("[::1]:5000/org/name", "[::1]:5000", "org", "name", ""),
        ("a__b/c--d/e.f", "", "a__b", "c--d/e.f", ""),
    ],
)
def test_parts(text, host, organization, repository, tag):
    reference = parse_reference(text)
    assert (reference.host, reference.organization, reference.repository, reference.tag) == (
        host, organization, repository, tag,
    )
    assert str(reference) == text


def test_a_digest_is_kept():
    reference = parse_reference(f"host.example/org/name:v1@{DIGEST}")
    assert reference.digest == DIGEST
    assert str(reference) == f"host.example/org/name:v1@{DIGEST}"
    assert reference.tagged() == reference


def test_docker_assumes_latest():
    assert str(parse_reference("digits").tagged()) == "digits:latest"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "names no repository"),
        (":v1", "names no repository"),
        ("Digits:v1", "digits:v1"),
        ("digits:", "not a tag"),
        ("digits:-x", "not a tag"),
        ("digits:" + "x" * 129, "not a tag"),
        ("digits@sha256:12", "not a digest"),
        ("a//b", "not a repository name"),
        ("a..b", "not a repository name"),
        ("-a", "not a repository name"),
        ("bad_host.:5/a", "not a registry host"),
        ("a b", "not a repository name"),
        ("x" * 256, "longer than 255"),
    ],
)
def test_what_is_wrong_is_named(text, says):
    with pytest.raises(InvalidReference) as caught:
        parse_reference(text)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("swr.cn-north-4.myhuaweicloud.com/team/digits:v1", True),
        ("swr.cn-north-4.myhuaweicloud.com/digits:v1", False),
        ("swr.cn-north-4.myhuaweicloud.com/1team/digits:v1", False),
        ("swr.cn-north-4.myhuaweicloud.com/" + "t" * 65 + "/digits:v1", False),
        ("swr.cn-north-4.myhuaweicloud.com/team/" + "d" * 129, False),
    ],
)
def test_swr_has_rules_of_its_own(text, good):
    if good:
        assert str(parse_reference(text, swr=True)) == text
    else:
        parse_reference(text)
        with pytest.raises(InvalidReference):
            parse_reference(text, swr=True)


@given(st.text(max_size=60))
def test_every_text_parses_to_itself_or_is_refused(text):
    try:
        reference = parse_reference(text)
    except InvalidReference:
        return
    assert str(reference) == text
