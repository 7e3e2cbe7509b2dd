"""Each line of the preflight, both ways, and “not checked” where nothing could be found out."""

from pathlib import Path

import pytest

from modelarts_nb.rules.model import Finding, Severity
from modelarts_nb.training import preflight
from modelarts_nb.training.cloudjob import Target
from modelarts_nb.training.obspath import ObsPath
from modelarts_nb.training.preflight import Bucket, Facts, Folder, Outcome
from modelarts_nb.training.spec import JobSpec

DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
CPU = {"flavor_id": "cpu", "flavor_type": "CPU", "max_num": 2, "flavor_info": {
    "cpu": {"arch": "x86", "core_num": 8}, "memory": {"size": 32, "unit": "GB"}}}
GPU = {
    "flavor_type": "GPU",
    "flavor_info": {"cpu": {"arch": "x86", "core_num": 8}, "gpu": {"unit_num": 1, "product_name": "V100"}},
}
ASCEND = {"flavor_type": "Ascend", "flavor_info": {"cpu": {"arch": "arm", "core_num": 24}}}
FLAVORS = {"cpu": CPU, "gpu": GPU, "npu": ASCEND}
NOTHING = Facts()
MOUNT = "/home/ma-user/modelarts"


def line(name, facts=NOTHING, *, command="python train.py", code=None, code_at=None, **where):
    spec = JobSpec("o/i:1", command, contract="v2", code=code)
    target = Target(**{"name": "n", "image": "o/i:1", "flavor": "cpu", "code": code_at, **where})
    return next(each for each in preflight.judge(spec, target, facts, "cn-north-4") if each.name == name)


def image(arch="amd64", kind=DOCKER, *variables):
    return (kind, arch, variables)


@pytest.mark.parametrize(("facts", "where", "outcome", "words"), [
    (Facts(), {}, Outcome.UNKNOWN, "not asked"),
    (Facts(problems={"flavors": "403"}), {}, Outcome.UNKNOWN, "403"),
    (Facts(flavors=FLAVORS), {}, Outcome.PASSED, "8 cores x86 · 32 GB"),
    (Facts(flavors=FLAVORS), {"flavor": "nope"}, Outcome.FAILED, "cpu, gpu, npu"),
    (Facts(flavors=FLAVORS), {"nodes": 3}, Outcome.FAILED, "at most 2"),
    (Facts(flavors={"gpu": {**GPU, "max_num": 0}}), {"flavor": "gpu"}, Outcome.FAILED, "no node here Choose another"),
    (Facts(flavors=FLAVORS, image=image("arm64")), {}, Outcome.FAILED, "arm64"),
    (Facts(flavors=FLAVORS, image=image("arm64")), {"flavor": "npu"}, Outcome.PASSED, "npu"),
    (Facts(flavors=FLAVORS, image=image("arm64", DOCKER, "CUDA_VERSION")), {"flavor": "npu"}, Outcome.FAILED, "CUDA"),
    (Facts(flavors=FLAVORS, image=image("amd64", DOCKER, "ASCEND_HOME")), {"flavor": "gpu"}, Outcome.FAILED, "CANN"),
    (Facts(flavors=FLAVORS, image=image("amd64", DOCKER, "CUDA_VERSION")), {"flavor": "gpu"}, Outcome.PASSED, "V100"),
    (Facts(flavors=FLAVORS), {"flavor": "", "pool": "pool1"}, Outcome.UNKNOWN, "pool1"),
])
def test_flavor(facts, where, outcome, words):
    found = line("Flavor", facts, **where)
    assert found.outcome is outcome
    assert words in f"{found.text} {found.hint}"


@pytest.mark.parametrize(
    ("facts", "outcome", "words"),
    [
        (Facts(), Outcome.UNKNOWN, "not asked"),
        (Facts(image=image()), Outcome.PASSED, "amd64"),
        (Facts(image=image(), image_new=True), Outcome.PASSED, "will be pushed"),
        (Facts(image_missing=True), Outcome.FAILED, "%push"),
        (Facts(image=image("", "application/vnd.oci.image.index.v1+json")), Outcome.FAILED, "%build"),
    ],
)
def test_image(facts, outcome, words):
    found = line("Image", facts)
    assert found.outcome is outcome
    assert words in f"{found.text} {found.hint}"


@pytest.mark.parametrize(
    ("folder", "outcome", "words"),
    [
        (None, Outcome.UNKNOWN, ""),
        (Folder(0, 0, missing=True), Outcome.FAILED, "no folder"),
        (Folder(9, 1), Outcome.PASSED, "9 B in 1"),
        (Folder(60_000_000, 3, (("model.bin", 59_000_000),)), Outcome.PASSED, "model.bin"),
        (Folder(9, 3000), Outcome.PASSED, "advised"),
    ],
)
def test_code_folder(folder, outcome, words):
    found = line("Code folder", Facts(code=folder), code=Path("digits"))
    assert found.outcome is outcome
    assert words in f"{found.text} {found.hint}"


@pytest.mark.parametrize(
    ("bucket", "outcome", "words"),
    [
        (Bucket(), Outcome.UNKNOWN, "not asked"),
        (Bucket(exists=False), Outcome.FAILED, "no such bucket"),
        (Bucket(True, "cn-east-3", True, True), Outcome.FAILED, "cn-east-3"),
        (Bucket(True, "cn-north-4", False), Outcome.FAILED, "read"),
        (Bucket(True, "cn-north-4", True, False), Outcome.FAILED, "write"),
        (Bucket(True, "cn-north-4", True, True), Outcome.PASSED, "writable"),
        (Bucket(problem="503"), Outcome.UNKNOWN, "503"),
    ],
)
def test_bucket(bucket, outcome, words):
    found = line("Bucket bkt", Facts(buckets={"bkt": bucket}), outputs={"o": ObsPath("bkt", "out")})
    assert found.outcome is outcome
    assert words in f"{found.text} {found.hint}"


def test_a_bucket_that_is_only_read_need_not_be_writable():
    facts = Facts(buckets={"bkt": Bucket(True, "cn-north-4", True, False)})
    assert line("Bucket bkt", facts, inputs={"i": ObsPath("bkt", "in")}).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("running", "outcome"),
    [
        (None, Outcome.UNKNOWN),
        ({}, Outcome.PASSED),
        ({"j": ["/bkt/out/"]}, Outcome.FAILED),
        ({"j": ["/bkt/out/x/"]}, Outcome.FAILED),
        ({"j": ["/bkt/"]}, Outcome.FAILED),
        ({"j": ["/bkt/outer/"]}, Outcome.PASSED),
        ({"j": ["/other/out/"]}, Outcome.PASSED),
    ],
)
def test_output(running, outcome):
    assert line("Output o", Facts(running=running), outputs={"o": ObsPath("bkt", "out")}).outcome is outcome


ERROR = Finding("MA061", Severity.ERROR, "conda activate does nothing here.", "Call its python by its path.")
WARNING = Finding("MA064", Severity.WARNING, "The output goes to a file.")


@pytest.mark.parametrize(("command", "findings", "outcome", "words"), [
    (f"python {MOUNT}/user-job-dir/digits/train.py", (), Outcome.PASSED, "train.py"),
    (f"python {MOUNT}/user-job-dir/other/train.py", (), Outcome.FAILED, "digits"),
    ("conda activate x && python a.py", (WARNING, ERROR), Outcome.FAILED, "its path"),
    ("python a.py > log.txt", (WARNING,), Outcome.PASSED, "MA064"),
])
def test_command(command, findings, outcome, words):
    found = line("Command", Facts(findings=findings), command=command, code_at=ObsPath("bkt", "code/digits"))
    assert found.outcome is outcome
    assert words in f"{found.text} {found.hint}"


@pytest.mark.parametrize(("quotas", "outcome"), [
    (None, Outcome.UNKNOWN), ([], Outcome.PASSED), ([{"resource": "x", "quota": 5, "used": 5}], Outcome.FAILED),
    ([{"resource": "x", "quota": -1, "used": 5}], Outcome.PASSED), ([{"resource": "x", "quota": 5, "used": 4}], Outcome.PASSED),
])
def test_quota(quotas, outcome):
    assert line("Quota", Facts(quotas=quotas)).outcome is outcome
