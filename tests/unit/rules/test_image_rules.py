"""Rules on images without an Engine: exports made byte by byte, and the report in its formats."""

import json

import pytest
from sarif_pydantic import Sarif

from modelarts_nb.catalog import builtin
from modelarts_nb.dockerfile import parse_dockerfile
from modelarts_nb.layers.archive import ImageArchive
from modelarts_nb.rules.image import RULES, judge
from modelarts_nb.rules.image.facts import BaseFacts, Trial
from modelarts_nb.rules.image.gather import Subject, gather
from modelarts_nb.rules.lint import suppressed
from modelarts_nb.rules.model import Finding, Severity
from modelarts_nb.rules.report import CheckReport

from ..layers.making import layer, old_export

PASSWD = b"root:x:0:0::/root:/bin/sh\nwork:x:1101:1101::/home/work:/bin/bash\nma-user:x:1000:100::/home/ma-user:/bin/bash\n"
BASE = layer(
    ("bin/bash", b"sh"), ("etc/passwd", PASSWD), ("home/work", {"type": b"5", "mode": 0o755, "uid": 1101, "gid": 1101}),
    ("cache", {"type": b"5", "mode": 0o755, "uid": 1101, "gid": 1101}), ("usr/bin/tool", {"data": b"t", "mode": 0o755}),
)


def facts(*upper, dockerfile=None, trial=None, base=1, contract="v1", **settings):
    archive = ImageArchive()
    archive.feed(old_export(BASE, *upper, **settings))
    archive.close()
    found = BaseFacts("base:1", base, official=True, compared=True)
    subject = Subject("x:1", builtin().limits(contract), 1000, "linux/amd64", found, dockerfile)
    return gather(subject, archive.image(), trial or Trial())


def codes(*upper, **options):
    return {each.code for each in judge(facts(*upper, **options)) if each.severity is not Severity.NOTE}


def test_codes_are_unique_and_of_images():
    assert len({rule.code for rule in RULES}) == len(RULES)
    assert all("MA101" <= rule.code <= "MA199" for rule in RULES)


def test_a_clean_image_has_no_finding():
    assert codes(layer(("opt/x", b"1")), User="work") == set()


def test_a_layer_that_is_missing_or_broken_is_an_error():
    assert "MA101" in codes(layer(("opt/x", b"1"))[:700])
    assert "MA101" in codes(b"")


def test_settings_of_the_wrong_type_raise_nothing():
    for value in (7, None, "x", [1], {"a": 1}):
        codes(User=value, Env=value, Entrypoint=value, Cmd=value, WorkingDir=value, Volumes=value, Labels=value)


def test_without_a_base_setuid_files_are_told_in_one_line():
    upper = layer(("usr/bin/su", {"data": b"s", "mode": 0o4755}), ("usr/bin/sudo", {"data": b"s", "mode": 0o4755}))
    [finding] = [each for each in judge(facts(upper, base=0)) if each.code == "MA108"]
    assert finding.severity is Severity.WARNING
    assert "/usr/bin/sudo" in finding.evidence


def test_a_setuid_file_of_a_package_names_it():
    listed = ("var/lib/dpkg/info/sudo.list", b"/.\n/usr/bin\n/usr/bin/sudo\n")
    upper = layer(("usr/bin/sudo", {"data": b"s", "mode": 0o4755}), listed)
    [finding] = [each for each in judge(facts(upper)) if each.code == "MA108"]
    assert "sudo" in finding.evidence
    assert "leave the package sudo out" in finding.fix


def test_a_comment_above_the_instruction_ignores_it_with_its_reason():
    text = "FROM base:1\n# modelarts: ignore=MA103 the audit was asked\nRUN step 1\n"
    dockerfile = parse_dockerfile(text)
    found = judge(facts(layer(("usr/bin/tool", {"data": b"T", "mode": 0o755})), dockerfile=dockerfile, User="work"))
    [finding] = [each for each in suppressed(found, dockerfile) if each.code == "MA103"]
    assert (finding.line, finding.ignored) == (3, "the audit was asked")
    report = CheckReport("x:1", "sha256:0", "v1", (finding,))
    assert report.passed
    Sarif.model_validate(json.loads(report.to_sarif()))
    assert json.loads(report.to_sarif())["runs"][0]["results"][0]["suppressions"][0]["kind"] == "inSource"


def test_no_secret_is_in_a_report():
    key = b"-----BEGIN RSA PRIVATE KEY-----\nsentinel-2"
    upper = layer(("root/.netrc", b"machine x login y password sentinel-1"), ("root/.ssh/id_rsa", key))
    found = judge(facts(upper, Env=["HF_TOKEN=sentinel-3", "URL=https://me:sentinel-4@x/"], User="work"))
    report = CheckReport("x:1", "sha256:0", "v1", found)
    assert {"MA120", "MA121"} <= {each.code for each in found}
    assert "sentinel" not in str(report) + report.to_json() + report.to_sarif()


def test_the_trial_is_judged():
    trial = Trial(failed="no such file", imports=(("numpy", "ImportError: x"),), denied=("/cache",))
    assert {"MA115", "MA126"} <= codes(trial=trial, User="work")


def test_v2_wants_its_own_home_and_not_the_cache():
    assert "MA115" in codes(contract="v2", User="ma-user", Env=["PYTHONUNBUFFERED=1"])


@pytest.mark.parametrize("path", ["/a", "/a b", "/ä\u202e", "/<x>&\"'", ""])
def test_sarif_is_valid_whatever_is_in_a_finding(path):
    finding = Finding("MA103", Severity.ERROR, f"what {path}", "fix", 3, 4, path, 2, "RUN x", "e\nf")
    report = CheckReport("localhost:5000/x:1", "sha256:0", "v1", (finding,), origin="cell", first_line=2)
    log = json.loads(report.to_sarif())
    Sarif.model_validate(log)
    [result] = log["runs"][0]["results"]
    assert log["version"] == "2.1.0"
    assert result["message"]["text"]
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 4, "endLine": 5}
    assert " " not in result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]


def test_the_text_names_place_line_and_fix():
    finding = Finding("MA108", Severity.ERROR, "A new file.", "chmod u-s /x", 2, 2, "/x", 2, "RUN chmod u+s /x", "4755 0:0")
    text = str(CheckReport("x:1", "sha256:0", "v1", (finding,), origin="cell", first_line=2, base="b:1"))
    for part in ("1 violation", "x:1 against b:1", "MA108", "/x 4755 0:0", "cell, line 3: RUN chmod u+s /x", "→ chmod u-s /x"):
        assert part in text


def test_texts_made_to_keep_a_pattern_busy_do_not():
    netrc = b"machine x\n" * 100_000
    busy = "PASSWORD" * 200_000
    judge(facts(layer(("root/.netrc", netrc)), Env=[f"A={busy}"], Cmd=["sh", "-c", f"x {'>' * 100_000} {busy}"], User="work"))
