"""An image is audited once for each contract; what did not pass is audited again; a stopped job does not wait."""

import threading
from types import SimpleNamespace

import pytest

from modelarts_nb.sandbox.audit import Audits
from modelarts_nb.sandbox.state import Document


def job(digest="sha256:1", path="org/name", command="python train.py"):
    facts = {"image": {"path": path, "digest": digest}, "request": {"algorithm": {"command": command}}}
    return SimpleNamespace(get=facts.get)


class Looked:
    """A judge that remembers what it was asked, and says what it was told to."""

    def __init__(self, *reasons):
        self.reasons, self.asked = reasons, []

    def __call__(self, engine, reference, contract):
        self.asked.append(contract)
        yield ""
        yield from self.reasons


@pytest.fixture
def document(tmp_path):
    return Document(tmp_path / "audits.json")


def nothing():
    """The job goes on."""


def test_what_passed_is_not_audited_again_under_the_same_contract_also_after_a_restart(document):
    look = Looked()
    audits = Audits(document, look)
    for each in (job(), job(), job(command="bash /home/work/run_train.sh python x"), job("sha256:2")):
        assert audits.reasons(None, "image", each, nothing) == []
    assert look.asked == ["v2", "v1", "v2"]
    assert Audits(Document(document.path), look).reasons(None, "image", job(), nothing) == []
    assert len(look.asked) == 3


def test_what_did_not_pass_is_audited_again(document):
    look = Looked("MA108: a reason", "MA103: another")
    audits = Audits(document, look)
    for _ in range(2):
        assert audits.reasons(None, "image", job(), nothing) == ["MA108: a reason", "MA103: another"]
    assert len(look.asked) == 2


def test_the_platforms_own_images_are_not_audited(document):
    look = Looked("MA102: no base")
    own = job(path="modelarts-job-dev-image/custom-cpu-base")
    assert Audits(document, look).reasons(None, "image", own, nothing) == []
    assert look.asked == []


def test_jobs_of_one_image_wait_for_one_audit_and_a_stopped_one_does_not(document):
    begun, go = threading.Event(), threading.Event()
    asked = []

    def slow(engine, reference, contract):
        asked.append(contract)
        begun.set()
        go.wait(10)
        yield ""

    audits = Audits(document, slow)
    first, second = (threading.Thread(target=audits.reasons, args=(None, "image", job(), nothing)) for _ in range(2))
    first.start()
    assert begun.wait(10)
    second.start()

    def stopped():
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        audits.reasons(None, "image", job(), stopped)
    go.set()
    first.join(10)
    second.join(10)
    assert asked == ["v2"]
