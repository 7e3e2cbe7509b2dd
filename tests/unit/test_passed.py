"""What %check found nothing against is known to the sandbox's audit, and nothing else is."""

import os
from dataclasses import replace

import pytest

from modelarts_nb.catalog import builtin
from modelarts_nb.rules.model import Finding, Severity
from modelarts_nb.rules.report import CheckReport
from modelarts_nb.workflows import passed

V1, V2 = builtin().limits("v1"), builtin().limits("v2")
CLEAN = CheckReport("org/name:v1", "sha256:1", "v2", (Finding("MA113", Severity.WARNING, "a warning"),))


@pytest.fixture(autouse=True)
def own_home(monkeypatch, tmp_path):
    monkeypatch.setenv("MODELARTS_NB_HOME", str(tmp_path / "home"))


def test_an_image_is_known_under_the_limits_that_it_passed():
    assert not passed.known("sha256:1", V2)
    passed.note(CLEAN, V2)
    assert passed.known("sha256:1", V2)
    assert not passed.known("sha256:1", V1)
    assert not passed.known("sha256:2", V2)
    assert not passed.known("sha256:1", replace(V2, image_bytes=1)), "a person's own catalogue has other limits"


@pytest.mark.parametrize("ignored", ["", "it is meant"])
def test_an_error_is_not_forgiven_also_where_a_comment_ignores_it(ignored):
    passed.note(replace(CLEAN, findings=(Finding("MA108", Severity.ERROR, "setuid", ignored=ignored),)), V2)
    assert not passed.known("sha256:1", V2)


def test_the_oldest_are_forgotten(monkeypatch, tmp_path):
    monkeypatch.setattr(passed, "KEPT", 2)
    for number in range(3):
        passed.note(replace(CLEAN, image_id=f"sha256:{number}"), V2)
        for path in (tmp_path / "home" / "passed").iterdir():
            os.utime(path, (path.stat().st_mtime - 10, path.stat().st_mtime - 10))
    assert [passed.known(f"sha256:{number}", V2) for number in range(3)] == [False, True, True]
