from dataclasses import replace

import pytest

from modelarts_nb import catalog
from modelarts_nb.dockerfile import parse_dockerfile
from modelarts_nb.form import Choice, Folder, cells, check, dockerfile_text, reopen
from modelarts_nb.form.choice import bases, fitted, pythons, versions

CATALOG = catalog.builtin()
NORTH_4 = "swr.cn-north-4.myhuaweicloud.com"
V1 = fitted(Choice(registry=NORTH_4, target="my-org/digits:v1"), CATALOG)
V2 = fitted(replace(V1, contract="v2", processor="gpu", version="10.2"), CATALOG)
SEED = """\
FROM swr.cn-north-1.myhuaweicloud.com/eiwizard/custom-gpu-cuda9-inner-moxing-cp36:1.2
ENV BUILD_PATH /root/work

RUN pip install -i https://pypi.tuna.tsinghua.edu.cn/simple pip -U && \\
    pip config set global.index-url https://pypi.tuna.tsinghua.edu.cn/simple && \\
    pip install --upgrade pip && pip --no-cache-dir install numpy==1.15 tensorflow-gpu==1.15 && \\
     echo success
"""


def test_a_v1_choice_stands_for_four_cells():
    choice = replace(V1, source="listed", requirements=("scikit-learn==1.5.2",), code="digits")
    assert cells(choice, CATALOG) == (
        f"%%dockerfile digits\nFROM {NORTH_4}/modelarts-job-dev-image/custom-cpu-base:1.3\n"
        "RUN pip install --no-cache-dir scikit-learn==1.5.2\nUSER work",
        "%build digits -t digits:v1",
        "%train digits:v1 --contract v1 --code digits -- "
        "bash /home/work/run_train.sh python /home/work/user-job-dir/digits/train.py",
        f"%push digits:v1 --to {NORTH_4}/my-org/digits:v1",
    )


def test_a_v2_choice_has_its_own_user_paths_and_base():
    choice = replace(V2, source="requirements", mirror="https://mirror.example/simple", code="src/my code", boot="main.py")
    dockerfile, _, train, _ = cells(choice, CATALOG)
    assert dockerfile.splitlines()[1:] == [
        f"FROM {NORTH_4}/atelier/pytorch_1_8:pytorch_1.8.0-cuda_10.2-py_3.7-ubuntu_18.04-x86_64-20221118143845-d65d817",
        "COPY requirements.txt /tmp/requirements.txt",
        "RUN pip install --no-cache-dir -i https://mirror.example/simple -r /tmp/requirements.txt",
        "USER ma-user",
    ]
    assert train == (
        "%train digits:v1 --contract v2 --code 'src/my code' -- python '/home/ma-user/modelarts/user-job-dir/my code/main.py'"
    )


def test_without_code_and_organization_there_is_no_training_and_no_push():
    assert [cell.split()[0] for cell in cells(replace(V1, target="digits:v1"), CATALOG)] == ["%%dockerfile", "%build"]


def test_many_packages_stand_one_on_a_line_and_are_quoted():
    choice = replace(V1, source="imports", requirements=("numpy>=1.16,<1.19", "pandas==1.1.5", 'x==1;python_version<"3.8"'))
    text = dockerfile_text(choice, CATALOG)
    assert text.splitlines()[1:4] == [
        "RUN pip install --no-cache-dir \\", "    'numpy>=1.16,<1.19' \\", "    pandas==1.1.5 \\",
    ]
    [stage] = parse_dockerfile(text).stages
    assert [i.keyword for i in stage.instructions] == ["RUN", "USER"]


@pytest.mark.parametrize("choice", [
    V1, V2,
    replace(V1, source="listed", requirements=("numpy>=1.16,<1.19", "pandas==1.1.5"), mirror="https://m.example/simple"),
    replace(V2, source="requirements"),
    replace(V2, source="listed", requirements=("a==1",)),
])
def test_what_the_form_wrote_it_reads_back_and_writes_again_unchanged(choice):
    text = dockerfile_text(choice, CATALOG)
    again = reopen("digits", text, CATALOG, Choice(registry="localhost:5005", target="my-org/other:v1"))
    assert replace(again, kept="", version="", python="") == replace(choice, version="", python="")
    assert dockerfile_text(again, CATALOG) == text
    assert fitted(again, CATALOG).base == choice.base


def test_a_dockerfile_of_ones_own_is_kept_byte_for_byte():
    again = reopen("digits", SEED, CATALOG, V2)
    assert again.base == "eiwizard/custom-gpu-cuda9-inner-moxing-cp36"
    assert (again.contract, again.processor, again.source) == ("v1", "gpu", "none")
    assert dockerfile_text(fitted(again, CATALOG), CATALOG) == SEED


def test_only_what_was_changed_changes():
    again = reopen("digits", SEED, CATALOG, V1)
    changed = replace(again, base="custom-gpu-cuda9-base", tag="1.3", registry=NORTH_4)
    expected = SEED.replace("swr.cn-north-1.myhuaweicloud.com/eiwizard/custom-gpu-cuda9-inner-moxing-cp36:1.2",
                            f"{NORTH_4}/modelarts-job-dev-image/custom-gpu-cuda9-base:1.3")
    assert dockerfile_text(changed, CATALOG) == expected
    added = replace(again, source="listed", requirements=("pandas==1.1.5",))
    assert dockerfile_text(added, CATALOG).splitlines() == [
        SEED.splitlines()[0], "RUN pip install --no-cache-dir pandas==1.1.5", *SEED.splitlines()[1:]
    ]


OWN = """\
# syntax=docker/dockerfile:1
ARG TAG=1.3
FROM --platform=linux/amd64 localhost:5005/modelarts-job-dev-image/custom-cpu-base:1.3 AS custom-cpu-base  # no comment here
FROM golang:1.22 AS tool
RUN go build -o /tool .

from localhost:5005/modelarts-job-dev-image/custom-cpu-base:1.2 \\
   AS last
COPY --from=tool /tool /usr/local/bin/tool
RUN --mount=type=cache,target=/root/.cache pip install torch
RUN python3 -m pip install --no-cache-dir \\
    # a comment within
    numpy==1.15 scipy
RUN <<EOF
pip install heredoc
EOF
USER work
HEALTHCHECK NONE
""".replace("  # no comment here", "")


def test_stages_comments_heredocs_and_mounts_survive_a_change_of_everything():
    again = reopen("own", OWN, CATALOG, V1)
    assert (again.base, again.tag, again.requirements) == ("custom-cpu-base", "1.2", ("numpy==1.15", "scipy"))
    changed = replace(again, tag="1.3", requirements=("numpy==1.16", "scipy"), contract="v2")
    lines = OWN.splitlines()
    lines[6] = lines[6].replace(":1.2", ":1.3")
    lines[10:13] = ["RUN pip install --no-cache-dir \\", "    numpy==1.16 \\", "    scipy"]
    lines[lines.index("USER work")] = "USER ma-user"
    assert dockerfile_text(changed, CATALOG).splitlines() == lines


def test_a_requirements_file_of_ones_own_place_stays_there():
    text = "FROM python:3.11\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\nCMD x\n"
    again = reopen("own", text, CATALOG, V1)
    assert (again.source, again.base) == ("requirements", "")
    assert dockerfile_text(fitted(again, CATALOG), CATALOG) == text
    mirrored = replace(again, mirror="https://m.example/simple")
    assert "-i https://m.example/simple -r requirements.txt" in dockerfile_text(mirrored, CATALOG)
    without = replace(again, source="none")
    assert dockerfile_text(without, CATALOG) == "FROM python:3.11\nCMD x\n"


@pytest.mark.parametrize("run", [
    "RUN pip install --upgrade x", "RUN pip install x && rm -rf /root/.cache", "RUN pip install -r other.txt",
    "RUN pip install $EXTRA", "RUN pip install git+https://x.example/y.git -e .", 'RUN ["pip", "install", "x"]',
    "RUN pip download x",
])
def test_an_install_that_the_form_does_not_know_is_left_alone(run):
    text = f"FROM python:3.11\n{run}\n"
    again = reopen("own", text, CATALOG, V1)
    assert again.source == "none"
    assert dockerfile_text(fitted(again, CATALOG), CATALOG) == text


def test_a_text_that_is_no_dockerfile_opens_and_is_told():
    again = reopen("own", "FORM x\n", CATALOG, V1)
    [problem] = [p for p in check(again, CATALOG, Folder()) if p.error]
    assert problem.field == "base"
    assert "line 2" in problem.message


def test_choices_follow_each_other():
    choice = fitted(replace(V1, processor="gpu"), CATALOG)
    assert versions(choice, CATALOG) == ("10.2", "10.1", "10.0", "9.2", "9.0", "8.0")
    assert pythons(choice, CATALOG) == ("3.6",)
    narrowed = fitted(replace(choice, version="9.2"), CATALOG)
    assert narrowed.base == "custom-gpu-cuda92-base"
    assert narrowed.tag == "1.3"
    southwest = replace(narrowed, processor="ascend", contract="v2", registry="swr.cn-southwest-2.myhuaweicloud.com")
    ascend = fitted(southwest, CATALOG)
    assert ascend.version == ""
    assert versions(ascend, CATALOG) == ("8.2.rc1", "8.0.rc2", "8.0.rc1")
    assert fitted(replace(ascend, contract="v1"), CATALOG).base == "mindspore-ascend910-cp37-euleros2.8-aarch64-training"
    assert fitted(replace(V1, processor="ascend", registry="localhost:5005"), CATALOG, ("custom-cpu-base",)).base == ""
    [base] = bases(replace(V1, registry="localhost:5005"), CATALOG, ("custom-cpu-base",))
    assert base.name == "custom-cpu-base"


@pytest.mark.parametrize(("change", "field", "told"), [
    ({"target": "My-Org/x:v1"}, "target", "lower-case"),
    ({"target": ""}, "target", "names no repository"),
    ({"target": "org/x"}, "target", "tag"),
    ({"target": "docker.io/org/x:v1"}, "target", "registry"),
    ({"target": "1org/x:v1"}, "target", "organization"),
    ({"mirror": "ftp://x"}, "mirror", "address"),
    ({"mirror": "https://x/si mple"}, "mirror", "address"),
    ({"mirror": "https://[x"}, "mirror", "address"),
    ({"mirror": "https://me:pw@x/simple"}, "mirror", "password"),
    ({"requirements": ("numpy 1.2",)}, "requirements", "numpy 1.2"),
    ({"requirements": ("numpy==1; rm -rf /&&",)}, "requirements", "numpy==1"),
    ({"requirements": ("x==1;<<EOF",)}, "requirements", "x==1"),
    ({"source": "requirements"}, "source", "requirements.txt"),
    ({"source": "environment"}, "source", "environment.yml"),
    ({"code": "nowhere"}, "code", "nowhere"),
    ({"code": "a\nb"}, "code", "a\nb"),
    ({"base": "", "processor": "ascend"}, "base", "no base image"),
])
def test_a_mistake_is_told_at_its_field(change, field, told):
    choice = replace(V1, **change)
    errors = [p for p in check(choice, CATALOG, Folder(exists=False, files=())) if p.error]
    assert [p.field for p in errors] == [field]
    assert told in errors[0].message


def test_what_is_only_worth_knowing_is_no_error():
    choice = replace(V1, target="digits:v1", code="digits", source="imports", python="3.6", requirements=("a==1",))
    found = check(choice, CATALOG, Folder(scripts=("main.py",), python="3.11"))
    assert {problem.field for problem in found} == {"base", "requirements", "boot", "target"}
    assert not any(problem.error for problem in found)
    [large] = [problem for problem in check(choice, CATALOG, Folder(bytes=60_000_000)) if problem.field == "code"]
    assert "50.0 MB" in large.message
    assert not check(replace(V1, registry="localhost:5005"), CATALOG, Folder())
