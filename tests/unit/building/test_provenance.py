import hashlib
import json

from modelarts_nb.building.provenance import DOCKERFILE, MODIFIED, NOTEBOOK, REVISION, Origin, holds, labels
from modelarts_nb.dockerfile import parse_dockerfile

TEXT = "FROM x\nRUN y\n"


def test_only_what_is_known_is_said_and_the_same_text_says_the_same():
    digest = f"sha256:{hashlib.sha256(TEXT.encode()).hexdigest()}"
    assert labels(parse_dockerfile(TEXT), Origin()) == {DOCKERFILE: digest}
    assert labels(parse_dockerfile(TEXT), Origin("/home/someone/a.ipynb", "abc", modified=True)) == {
        DOCKERFILE: digest, NOTEBOOK: "a.ipynb", REVISION: "abc", MODIFIED: "true",
    }


def test_a_label_that_the_dockerfile_sets_is_left_to_it():
    for line in (f"LABEL {REVISION}=mine", f'LABEL "{REVISION}"="mine" other=1', f"LABEL {REVISION} mine"):
        assert REVISION not in labels(parse_dockerfile(f"{TEXT}{line}\n"), Origin(revision="abc"))


def test_a_notebook_holds_a_dockerfile_cell_of_exactly_that_text():
    lines = ["%%dockerfile d -C x\n", "FROM x\n", "RUN y"]
    cells = [{"cell_type": "markdown", "source": TEXT}, {"cell_type": "code", "source": lines}]
    book = json.dumps({"cells": cells})
    assert holds(book, TEXT)
    assert not holds(book, "FROM x\n")
    assert not holds("{}", TEXT)
    assert not holds("no notebook", TEXT)
    assert not holds('{"cells": [1]}', TEXT)
