"""Every rule on images, planted in a real image and with a clean twin; everyday lines; what the view and the cell do."""

import json
import os
import threading
from collections import Counter
from pathlib import Path

import pytest
import requests
from sarif_pydantic import Sarif

from modelarts_nb import cli
from modelarts_nb.catalog import builtin
from modelarts_nb.engine import images
from modelarts_nb.layers.archive import ImageArchive
from modelarts_nb.reference import parse_reference
from modelarts_nb.rules.image import RULES
from modelarts_nb.rules.image.facts import BaseFacts, Trial
from modelarts_nb.rules.image.gather import Subject, gather
from modelarts_nb.rules.model import Severity
from modelarts_nb.workflows import CheckRequest, check

from ..conftest import drain
from ..unit.layers.making import layer
from .checking import CLEAN, EVERYDAY, PLANTED, Reports, built, checked, hits, loaded
from .test_notebook import execute, failure, notebook, texts

TABLE = Path(__file__).parents[2] / "docs" / "rules" / "README.md"
BEGIN, END = "<!-- MA1 -->", "<!-- end of MA1 -->"
pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture(scope="module")
def rows():
    """What was planted and found, by rule; the last test writes or compares the table."""
    return {"planted": Counter(), "found": Counter(), "clean": Counter(), "false": Counter()}


@pytest.fixture(scope="module")
def planted(connected, base_image):
    return Reports(connected, base_image, PLANTED)


@pytest.fixture(scope="module")
def clean(connected, base_image):
    return Reports(connected, base_image, CLEAN)


@pytest.mark.parametrize("case", PLANTED, ids=lambda case: f"{case.code} {case.what}")
def test_a_planted_violation_is_found_with_path_layer_and_line(planted, rows, case):
    rows["planted"][case.code] += 1
    report, start = planted.of(case)
    found = hits(report, case, start)
    assert found, [(f.code, f.severity, f.path, f.line, f.evidence) for f in report.findings]
    assert all(each.message for each in found)
    assert all(each.fix for each in found) or case.code == "MA107"
    if case.line:
        assert all(each.instruction or case.code == "MA120" for each in found)
    rows["found"][case.code] += 1


@pytest.mark.parametrize("case", CLEAN, ids=lambda case: f"{case.code} {case.what}")
def test_its_clean_twin_is_not(clean, rows, case):
    report, _ = clean.of(case)
    rows["clean"][case.code] += 1
    expected = {"MA113"} if case.contract == "v2" else set()  # a note or warning on USER, where a twin sets none
    wrong = [each for each in report.findings if each.code == case.code and each.severity is not Severity.NOTE]
    if "documentation" in case.what:
        wrong = [each for each in wrong if each.severity is Severity.ERROR]
    rows["false"][case.code] += len(wrong)
    assert not wrong
    assert not [each for each in report.errors if each.code not in expected]


def test_everyday_lines_raise_no_error_by_themselves(connected, base_image):
    lines = "".join(f"RUN {line}\n" for line, _ in EVERYDAY)
    text = f"FROM {base_image}\nENV DEBIAN_FRONTEND=noninteractive\n{lines}"
    _, source = built(connected, text, "everyday:1", network=connected.build_network)
    report = checked(connected, "everyday:1", source, run=True)
    by_line = {line: set() for line in range(3, 3 + len(EVERYDAY))}
    for each in report.errors:
        by_line[each.line].add(each.code)
    assert {line: codes for line, codes in by_line.items() if codes} == {
        line: codes for line, (_, codes) in enumerate(EVERYDAY, 3) if codes
    }
    packages = {each.evidence.partition("(")[2].rstrip(")") for each in report.errors if each.code == "MA108"}
    assert {"sudo", "openssh-client", "cron"} <= packages
    [ping] = [each for each in report.findings if each.code == "MA109"]
    assert (ping.path, ping.severity, "iputils-ping" in ping.evidence) == ("/usr/bin/ping", Severity.WARNING, True)
    assert "numpy" in report.tried
    assert [(each.code, each.evidence) for each in report.findings if each.code in ("MA101", "MA126")] == []


def test_an_image_from_elsewhere_is_not_derived(connected, base_image, rows):
    loaded(connected, "elsewhere:1", layer(("usr/bin/bash", b"x")))
    rows["planted"]["MA102"] += 1
    report = checked(connected, "elsewhere:1", base=base_image)
    [finding] = [each for each in report.findings if each.code == "MA102"]
    assert finding.severity is Severity.ERROR
    assert "are missing" in finding.evidence
    built(connected, "FROM elsewhere:1\nENV A=1\nCOPY --from=elsewhere:1 /usr/bin/bash /opt/b\n", "elsewhere:2")
    report = checked(connected, "elsewhere:2")
    [finding] = [each for each in report.findings if each.code == "MA102"]
    assert "elsewhere:1" in finding.message
    rows["found"]["MA102"] += 1
    assert [each.severity for each in checked(connected, "elsewhere:2", contract="v2").findings if each.code == "MA102"] == [
        Severity.NOTE
    ]


def test_an_image_of_another_processor(connected, rows):
    loaded(connected, "arm:1", layer(("lib64/ld-linux-x86-64.so.2", b"x")), architecture="arm64")
    rows["planted"]["MA118"] += 1
    [finding] = [each for each in checked(connected, "arm:1", run=True).findings if each.code == "MA118"]
    assert "another processor" in finding.message
    loaded(connected, "riscv:1", layer(("a", b"x")), architecture="riscv64")
    [finding] = [each for each in checked(connected, "riscv:1").findings if each.code == "MA118"]
    assert "linux/riscv64" in finding.message
    rows["found"]["MA118"] += 1


def test_an_index_in_the_registry_is_what_swr_refuses(connected, base_image, registry, rows):
    tag = f"{registry}/tests/index:1"
    built(connected, f"FROM {base_image}\nRUN echo\n", tag)
    drain(images.push(connected, parse_reference(tag)))
    rows["planted"]["MA119"] += 1
    assert not [each for each in checked(connected, tag).findings if each.code == "MA119"]
    url = f"http://{registry}/v2/tests/index/manifests/1"
    kinds = "application/vnd.docker.distribution.manifest.v2+json"
    old = requests.get(url, headers={"Accept": kinds}, timeout=10)
    index = "application/vnd.oci.image.index.v1+json"
    body = {
        "schemaVersion": 2,
        "mediaType": index,
        "manifests": [
            {
                "mediaType": kinds,
                "digest": old.headers["Docker-Content-Digest"],
                "size": len(old.content),
                "platform": {"os": "linux", "architecture": "amd64"},
            }
        ],
    }
    assert requests.put(url, data=json.dumps(body), headers={"Content-Type": index}, timeout=10).status_code == 201
    [finding] = [each for each in checked(connected, tag).findings if each.code == "MA119"]
    assert finding.severity is Severity.ERROR
    rows["found"]["MA119"] += 1


def test_a_layer_that_cannot_be_read_is_an_error(connected, engine, base_image, rows):
    """An Engine would not load it, so that its export is given to the reader with a part cut out."""
    stream = b"".join(engine.get_image(base_image))
    rows["planted"]["MA101"] += 1
    limits = builtin().limits("v1")
    place = stream.index(b"ustar", 30_000_000) - 257  # a header in the middle of the layer
    for broken in (stream[:50_000_000], stream[:place] + b"\1" * 512 + stream[place + 512 :]):
        archive = ImageArchive()
        archive.feed(broken)
        archive.close()
        facts = gather(Subject("broken:1", limits, 1, "linux/amd64", BaseFacts()), archive.image(), Trial())
        found = [finding for rule in RULES for finding in rule.check(facts)]
        assert [each.severity for each in found if each.code == "MA101"][:1] == [Severity.ERROR]
    rows["found"]["MA101"] += 1


def test_the_table_in_the_docs_is_what_was_found(rows):
    assert rows["planted"] == rows["found"]
    assert not +rows["false"]
    lines = ["| Rule | What it finds | Severity | Planted | Found | Clean twins | False alarms |"]
    lines.append("|---|---|---|---|---|---|---|")
    for rule in RULES:
        counts = (rows[name][rule.code] for name in ("planted", "found", "clean", "false"))
        told = (f"[{rule.code}]({rule.code}.md)", rule.title, rule.severity.value, *map(str, counts))
        lines.append(f"| {' | '.join(told)} |")
    table = "\n".join(lines)
    text = TABLE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    if os.environ.get("MODELARTS_NB_WRITE_TABLES"):
        TABLE.write_text(f"{before}{BEGIN}\n{table}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
        return
    assert rest.partition(END)[0].strip() == table


@pytest.fixture
def in_kernels(monkeypatch, home, engine_base_url):
    monkeypatch.setenv("DOCKER_HOST", engine_base_url)
    monkeypatch.setenv("MODELARTS_NB_HOME", str(home))


def test_an_error_fails_the_cell_and_its_card_stays(in_kernels, tmp_path, base_image):
    cell = f"%%dockerfile bad\nFROM {base_image}\n\nRUN cp /bin/true /opt/evil && chmod 4755 /opt/evil\n"
    book = notebook(cell, "%build --no-check bad", "%check")
    said = failure(book, tmp_path)
    assert "MA108" in said
    assert "/opt/evil" in said
    [card] = [output.data["text/html"] for output in book.cells[-1].outputs if "data" in output]
    assert "line 4" in card, "the cell's line, behind the magic's"
    assert "<script" not in card
    book = notebook(
        cell,
        "%build --no-check bad",
        "report = %check --no-fail --no-run",
        "print(report.passed, report.errors[0].line, report.line(report.errors[0]))",
    )
    execute(book, tmp_path)
    assert texts(book.cells[-1]).strip() == "False 3 4"


def test_json_and_sarif_are_printed_and_nothing_else(in_kernels, tmp_path, base_image):
    book = notebook(
        f"%%dockerfile good\nFROM {base_image}\nENV HF_TOKEN=hf_not_shown\n",
        "%build -q --no-check good",
        "_ = %check --format json --no-fail --no-run",
        "_ = %check --format sarif --no-fail --no-run",
    )
    execute(book, tmp_path)
    report, log = json.loads(texts(book.cells[3])), json.loads(texts(book.cells[4]))
    assert report["findings"][0]["code"] == "MA120"
    assert "hf_not_shown" not in texts(book.cells[3]) + texts(book.cells[4])
    Sarif.model_validate(log)
    [run] = log["runs"]
    assert run["results"][0]["ruleId"] == run["tool"]["driver"]["rules"][run["results"][0]["ruleIndex"]]["id"] == "MA120"


def test_the_command_line_tells_and_its_exit_code_says(in_kernels, connected, base_image, capsys):
    built(connected, f"FROM {base_image}\nRUN rm /usr/bin/find\n", "cli:1")
    assert cli.main(["check", "cli:1", "--no-run"]) == 1
    assert "MA104" in capsys.readouterr().out
    assert cli.main(["check", "cli:1", "--no-run", "--no-fail", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["passed"] is False
    assert cli.main(["check", "of-nobody:1"]) == 1
    assert "of-nobody" in capsys.readouterr().err


def test_a_push_is_checked_first_and_says_so(in_kernels, tmp_path, base_image, registry):
    book = notebook(
        f"%%dockerfile pushme\nFROM {base_image}\nRUN chmod u+s /usr/bin/find\n",
        "%build --no-check pushme",
        f"%push --to {registry}/tests/pushme:1",
    )
    assert "MA108" in failure(book, tmp_path)
    book.cells[-1].source += " --no-check"
    execute(book, tmp_path)
    assert "skipped (--no-check)" in texts(book.cells[-1])
    book = notebook(f"%%dockerfile pushme\nFROM {base_image}\n", "%build pushme", f"%push --to {registry}/tests/pushme:2")
    execute(book, tmp_path)
    assert "passed: No violations" in texts(book.cells[-1])


def test_an_interrupted_check_leaves_no_thread_and_no_container(connected, base_image, engine):
    built(connected, f"FROM {base_image}\n{PLANTED[-1].lines}\n", "interrupted:1")
    for events in (1, 3, 6):
        generator = check(connected, CheckRequest("interrupted:1"), builtin(), lambda host: None)
        for _ in range(events):
            next(generator)
        generator.close()
        assert not [thread for thread in threading.enumerate() if thread.name == "modelarts_nb-reader"]
    assert not [each for each in engine.containers(all=True) if "check-" in str(each.get("Labels"))]


def test_progress_is_told_layer_by_layer(connected, base_image):
    built(connected, f"FROM {base_image}\nRUN head -c 3000000 /dev/urandom > /opt/x\n", "progress:1")
    names = set()
    generator = check(connected, CheckRequest("progress:1", run=False), builtin(), lambda host: None)
    while True:
        try:
            event = next(generator)
        except StopIteration:
            break
        names.add(getattr(event, "name", ""))
    assert {"layer 1", "compare with the base"} <= names


def test_a_case_is_planted_for_every_rule(rows):
    missing = {rule.code for rule in RULES} - {case.code for case in PLANTED} - {"MA101", "MA102", "MA118", "MA119"}
    assert not missing
