from modelarts_nb.catalog import builtin
from modelarts_nb.dockerfile import parse_dockerfile
from modelarts_nb.form.choice import Choice, fitted
from modelarts_nb.form.freeze import freeze
from modelarts_nb.form.packages import Installed
from modelarts_nb.rules.lint import lint
from modelarts_nb.rules.model import Severity

CATALOG = builtin()
CHOICE = fitted(Choice(registry="swr.cn-north-4.myhuaweicloud.com"), CATALOG)


def made(*packages, **options):
    return freeze(packages, CHOICE, CATALOG, name="frozen", **options)


def test_what_an_index_has_is_pinned_and_the_cell_has_no_error():
    found = made(Installed("scikit-learn", "1.5.2"), Installed("numpy", "1.26.4"))
    head, text = found.cell.split("\n", 1)
    assert head == "%%dockerfile frozen"
    assert "    numpy==1.26.4 \\\n    scikit-learn==1.5.2\n" in text
    assert text.endswith("USER work")
    assert not [each for each in lint(parse_dockerfile(text)) if each.severity is Severity.ERROR]
    assert found.told == ()


def test_what_no_index_has_is_told_with_the_line_that_would_bring_it():
    found = made(
        Installed("torch", "2.1.0+cu118"), Installed("odd", "1.0+mine"),
        Installed("lib", "0.1", "vcs", "lib @ git+https://example.com/lib@0123abc"),
        Installed("local", "0.2", "editable", place="src/local"), Installed("far", "0.3", "folder"),
        Installed("wheel-file", "1", "file"), Installed("mkl", "2023", "conda"),
    )
    text = found.cell.split("\n", 1)[1]
    assert "torch==2.1.0 \\" in text or "torch==2.1.0\n" in text
    for line in (
        "#   RUN pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cu118 torch==2.1.0+cu118",
        "#   RUN pip install --no-cache-dir 'lib @ git+https://example.com/lib@0123abc'",
        "#   COPY src/local /tmp/local", "#   RUN pip install --no-cache-dir /tmp/local", "#   COPY far /tmp/far",
    ):
        assert line in text.split("\n")
    assert "mkl==2023" in text
    assert len(found.told) == 7
    assert not any(name in "".join(found.pinned) for name in ("lib", "local", "far", "wheel-file"))
    assert [made.keyword for made in parse_dockerfile(text).stages[0].instructions] == ["RUN", "USER"]


def test_a_base_of_ones_own_other_pythons_and_modules_that_are_no_packages():
    found = made(base="localhost:5005/me/base:1", here="3.11", there="3.9", own=("mine.py", "a lib"), unknown=("ghost",))
    assert found.cell.startswith("%%dockerfile frozen\nFROM localhost:5005/me/base:1\n# ")
    assert found.cell.endswith("\nUSER work")
    assert "Python 3.11, the image Python 3.9" in found.told[0]
    assert "#   COPY a?lib /home/work/a?lib/" in found.cell.split("\n")
    assert found.told[-1] == "No package here holds the module ghost."


def test_hostile_metadata_stay_in_their_comment():
    found = made(Installed("x\nRUN evil", "1\nUSER root", "vcs", "x @ git+https://h/x@1\nRUN evil"))
    assert [made.keyword for made in parse_dockerfile(found.cell.split("\n", 1)[1]).stages[0].instructions] == ["USER"]
