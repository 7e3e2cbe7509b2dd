import pytest

from modelarts_nb.building.failure import hint_for, meaningful


@pytest.mark.parametrize(
    ("log", "word"),
    [
        ("ERROR: No matching distribution found for scikit-lern==1.5", "scikit-lern==1.5"),
        ("ERROR: Cannot install a==1 and b==2 because these package versions have conflicting dependencies.", "loosen"),
        ("E: Unable to locate package libfoo", "apt-get update"),
        ("E: Failed to fetch http://x  404  Not Found", "apt-get update"),
        ("write /x: no space left on device", "docker system df"),
        ("ssl.SSLCertVerificationError: CERTIFICATE_VERIFY_FAILED", "id=ca"),
        ("Temporary failure in name resolution", "--network host"),
        ("pull access denied, repository does not exist", "docker login"),
        ("localhost:5005/x/y:1: not found", "check name and tag"),
        ("exec /bin/sh: exec format error", "--platform"),
        ("process did not complete successfully: exit code: 137", "memory"),
        ("ProxyError('Unable to connect to proxy', OSError('Tunnel connection failed: 407'))", "HTTP_PROXY"),
        ("SSL: self-signed certificate in certificate chain", "id=ca"),
        ("unauthorized: authentication required", "docker login"),
        ("no match for platform in manifest: not found", "--platform"),
        ("/bin/tool: cannot execute binary file", "--platform"),
        ("OSError: [Errno 122] Disk quota exceeded", "docker system df"),
        ("mkdir: cannot create directory: Permission denied", "USER root"),
    ],
)
def test_causes_that_people_meet_have_a_hint(log, word):
    assert word in hint_for(["something before", log])


def test_an_unknown_cause_has_none():
    assert hint_for(["it just did not work"]) == ""


def test_braces_in_a_log_do_no_harm():
    assert "{x}" in hint_for(["No matching distribution found for {x}"])


def test_the_lines_that_matter_are_kept():
    lines = ["Collecting a", "", "   ━━━━ 10%", "ERROR: it failed", "[notice] A new release of pip is available", "--"]
    assert meaningful(lines) == ["Collecting a", "ERROR: it failed"]
