"""Where keys come from, and in which order."""

import pytest

from modelarts_nb.api.logins import parse_docker_login
from modelarts_nb.cloud.credentials import Credentials, Identity, find, instant
from modelarts_nb.errors import SettingsError
from modelarts_nb.settings import Secret

NOWHERE = "http://127.0.0.1:9/"
SENTINEL = "sk-" + "s3ntinel" * 5


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / ".huaweicloud"
    folder.mkdir()
    (folder / "credentials").write_text(
        f"[basic]\nak = AKFILE0123\nsk = {SENTINEL}%\nproject_id = p1\n[work]\nak = AKWORK0123\nsk = s\nsecurity_token = tok\n"
    )
    return tmp_path


def test_named_variables_come_first(home):
    environment = {
        "HOME": str(home),
        "HUAWEICLOUD_SDK_AK": "AKENV",
        "HUAWEICLOUD_SDK_SK": "x",
        "MY_AK": "AKMINE",
        "MY_SK": "y",
        "T": "tok",
    }
    found = find(environment, access_name="MY_AK", secret_name="MY_SK", token_name="T", metadata=NOWHERE).current()
    assert (found.access, found.secret.reveal(), found.token.reveal()) == ("AKMINE", "y", "tok")
    assert "MY_AK" in found.source


def test_then_the_sdks_variables_then_its_file_then_nothing(home, tmp_path):
    environment = {"HOME": str(home), "HUAWEICLOUD_SDK_AK": "AKENV", "HUAWEICLOUD_SDK_SK": "x"}
    assert find(environment, metadata=NOWHERE).current().access == "AKENV"
    found = find({"HOME": str(home)}, metadata=NOWHERE).current()
    assert (found.access, found.secret.reveal(), found.project_id) == ("AKFILE0123", f"{SENTINEL}%", "p1")
    assert find({"HOME": str(tmp_path / "empty")}, metadata=NOWHERE) is None


def test_a_profile_is_a_section_of_the_file(home):
    environment = {"HOME": str(home), "HUAWEICLOUD_SDK_AK": "AKENV", "HUAWEICLOUD_SDK_SK": "x"}
    assert find(environment, profile="work", metadata=NOWHERE).current().token.reveal() == "tok"
    with pytest.raises(SettingsError, match="no profile") as caught:
        find(environment, profile="nobody", metadata=NOWHERE)
    assert "basic, work" in caught.value.hint


def test_a_variable_that_is_not_set_is_named_and_no_value_is_told():
    with pytest.raises(SettingsError, match="MY_SK"):
        find({"MY_AK": "a"}, access_name="MY_AK", secret_name="MY_SK", metadata=NOWHERE)
    with pytest.raises(SettingsError, match="halves"):
        find({"MY_AK": "a"}, access_name="MY_AK", metadata=NOWHERE)


def test_a_broken_file_is_told_without_its_lines(tmp_path):
    path = tmp_path / "credentials"
    path.write_text(f"sk = {SENTINEL}\n")
    with pytest.raises(SettingsError) as caught:
        find({"HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(path)}, metadata=NOWHERE)
    error = caught.value
    assert SENTINEL not in f"{error} {error.__cause__} {error.__context__ if not error.__suppress_context__ else ''}"


def test_what_must_not_be_seen_is_masked():
    found = Credentials("AKABCDEFGHIJKLMNOP", Secret(SENTINEL), Secret("token"))
    assert found.masked == "AKAB…OP"
    assert "ABCDEFGHIJ" not in repr(found)
    assert SENTINEL not in repr(found)
    assert set(found.secrets) == {"AKABCDEFGHIJKLMNOP", SENTINEL, "token"}


def test_a_key_that_can_be_renewed_is_renewed_before_its_end_and_when_it_is_refused():
    import time

    made = iter(range(9))

    def renew():
        return Credentials(f"AK{next(made)}", Secret("s"), Secret("t"), expires=time.time() + 86400)

    identity = Identity(Credentials("OLD", Secret("s"), Secret("t"), expires=time.time() + 60), renew)
    first = identity.current()
    assert first.access == "AK0"
    assert identity.current() is first
    assert identity.current(rejected=first).access == "AK1"
    assert identity.current(rejected=first).access == "AK1", "another thread had it renewed already"
    given = Credentials("MINE", Secret("s"), expires=1.0)
    assert Identity(given).current(rejected=given) is given


@pytest.mark.parametrize("text", ["2026-11-24T10:00:00.000000Z", "2026-11-24T10:00:00Z", "2026-11-24T18:00:00+08:00"])
def test_instants(text):
    assert instant(text) == 1795514400.0


@pytest.mark.parametrize("line", [
    "docker login -u cn-north-4@AK -p pass swr.cn-north-4.myhuaweicloud.com",
    "sudo docker login --username cn-north-4@AK --password=pass https://swr.cn-north-4.myhuaweicloud.com/",
    "  docker login swr.cn-north-4.myhuaweicloud.com -p pass -u cn-north-4@AK\n",
])
def test_the_docker_login_line_of_the_console(line):
    assert parse_docker_login(line) == ("cn-north-4@AK", "pass", "swr.cn-north-4.myhuaweicloud.com")


@pytest.mark.parametrize("line", ["", f"docker login -p {SENTINEL}", f"login {SENTINEL}", f"docker login -u a -p '{SENTINEL}"])
def test_any_other_line_is_refused_and_not_quoted(line):
    with pytest.raises(SettingsError) as caught:
        parse_docker_login(line)
    assert SENTINEL not in str(caught.value)
