"""What everyday lines are said of: no error, save where they bring setuid files. Lines as measured in the project's notes on
layers; the seed tutorial's own example; and, for each documented first-run failure that is written down somewhere, one that is."""

from pathlib import Path

import pytest

from modelarts_nb.dockerfile import parse_dockerfile
from modelarts_nb.rules.lint import errors, lint
from modelarts_nb.rules.written import Target
from modelarts_nb.training.spec import JobSpec
from modelarts_nb.workflows.checks import findings_of_job

BASE = "FROM swr.cn-north-4.myhuaweicloud.com/modelarts-job-dev-image/custom-cpu-base:1.3\n"
EVERYDAY = [
    "pip install numpy", "pip install --upgrade pip setuptools wheel", "apt-get install -y vim",
    "apt-get install -y build-essential git curl", "apt-get install -y libgl1 ffmpeg", "apt-get upgrade -y", "useradd -m alice",
    "echo alice:x | chpasswd", "ln -sf /usr/share/zoneinfo/Asia/Shanghai /etc/localtime && echo Asia/Shanghai > /etc/timezone",
    "sed -i s/archive.ubuntu.com/mirrors.huaweicloud.com/ /etc/apt/sources.list", "echo export A=b >> /etc/profile",
    "echo alias ll=ls >> /etc/bash.bashrc && echo A=b >> /etc/environment", "update-ca-certificates", "ldconfig",
    "update-alternatives --install /usr/bin/python python /usr/bin/python3 1", "ln -s /usr/bin/python3 /usr/bin/python",
    "chmod -R a+rX /usr/lib/python3", "chown -R bob /usr/lib/python3/dist-packages", "chmod 0755 /usr/bin/sed",
    "chown 0:0 /usr/bin/sed", "chmod 0700 /usr/bin/sed", "touch /usr/bin/grep", "rm -rf /usr/share/doc /usr/share/man",
    "apt-get install -y iputils-ping", "rm -rf /var/lib/apt/lists/*", "apt-get update && apt-get install -y --no-install-recommends git",
    "mkdir -p /data && chown 1101 /data", "curl -fsSL https://x.y/z.tgz | tar -xz -C /opt", "pip install -r requirements.txt",
    "groupadd -g 100 ma-group || true", "python -c 'import torch'", "git config --system http.sslVerify true",
    "chmod 755 /home/work/start.sh", "chmod 2775 /data/", "find / -name '*.pyc' -delete", "ln -sf /usr/local/cuda-10.0 /usr/local/cuda",
]
SETUID = [
    "apt-get install -y openssh-server", "apt-get install -y nginx cron", "apt-get install -y sudo", "chmod u+s /opt/tool",
    "chmod 4755 /opt/tool", "chmod 2755 /opt/tool", "chmod 06755 /opt/tool", "chmod +s /opt/tool", "chmod g=rxs /opt/tool",
    "install -m 4755 tool /usr/local/bin/tool", "install -m4755 tool /opt/tool", "yum install -y sudo", "bash -c 'chmod u+s /opt/tool'",
    "cd /opt && chmod a+x tool && chmod u+s tool", "apt-get update \\\n && apt-get install -y vim \\\n    sudo",
]
CLEAN = [
    "apt-get install -y sudo && chmod u-s /usr/bin/sudo", "chmod u+s /opt/tool\nRUN chmod 755 /opt/tool",
    "mkdir -p /data/shared && chmod 2775 /data/shared", "chown alice /opt/tool && chmod 4755 /opt/tool",
    "chmod -R -s /usr/local/lib", "apt-get install -y cron && find / -perm /6000 -type f -exec chmod a-s {} +",
    "install -d -m 2775 /data/shared", "echo chmod u+s /opt/tool", "chmod 0755 /opt/tool", "apt-get remove -y sudo",
]


def stopping(line, target=None):
    return [each.code for each in errors(lint(parse_dockerfile(f"{BASE}RUN {line}\n"), target))]


@pytest.mark.parametrize("line", EVERYDAY)
@pytest.mark.parametrize("contract", ["v1", "v2"])
def test_an_everyday_line_is_no_error(line, contract):
    assert stopping(line, Target(contract=contract)) == []


@pytest.mark.parametrize("line", SETUID)
def test_a_line_that_brings_setuid_files_is_one(line):
    assert stopping(line) and set(stopping(line)) <= {"MA020", "MA021"}


@pytest.mark.parametrize("line", CLEAN)
def test_its_clean_twin_is_none(line):
    assert stopping(line) == []


SEED = """\
FROM swr.cn-north-1.myhuaweicloud.com/eiwizard/custom-gpu-cuda9-inner-moxing-cp36:1.2
ENV BUILD_PATH /root/work

RUN pip install -i https://pypi.tuna.tsinghua.edu.cn/simple pip -U && \\
    pip config set global.index-url https://pypi.tuna.tsinghua.edu.cn/simple && \\
    pip install --upgrade pip && pip --no-cache-dir install numpy==1.15 tensorflow-gpu==1.15 && \\
     echo success
"""


def test_the_tutorials_own_example_has_both_of_its_mistakes_found():
    found = errors(lint(parse_dockerfile(SEED)))
    assert [(each.code, each.line) for each in found] == [("MA031", 6), ("MA032", 6)]
    cuda, numpy = found
    assert "tensorflow-gpu==1.15 needs CUDA 10.0, the base image has CUDA 9.0" in cuda.message
    assert "numpy >=1.16.0,<2.0" in numpy.message
    repaired = SEED.replace("numpy==1.15", "numpy==1.16.4").replace(
        "eiwizard/custom-gpu-cuda9-inner-moxing-cp36:1.2", cuda.fix.partition("com/")[2])
    assert errors(lint(parse_dockerfile(repaired))) == ()


def test_the_tutorials_base_image_itself_is_judged_too():
    """Its RUN lines set setuid bits on the platform's own tools; a user's image must not."""
    text = f"{BASE}RUN wget x/dls-decryptor && chown root:root dls-decryptor && chmod 4755 dls-decryptor && mv dls-decryptor /usr/bin/\n"
    assert [each.code for each in errors(lint(parse_dockerfile(text)))] == ["MA020", "MA025"]


DOCKERFILE_ROWS = {
    4: ("RUN true\nWORKDIR /data/x", "v2", "MA012"), 5: ("RUN chown -R 1102:1102 /home/ma-user", "v2", "MA013"),
    7: ("RUN pip install tensorflow-gpu==1.15", "v1", "MA031"), 10: ("RUN chmod u+s /opt/tool", "v1", "MA020"),
    11: ("RUN pip install -U pip && apt-get -y upgrade", "v1", "MA024"), 13: ("", "v1", "MA001"),
    14: ("RUN conda activate train", "v1", "MA042"), 16: ("CMD python t.py > /tmp/log", "v1", "MA041"),
    17: ("RUN bash Miniconda3-Linux-aarch64.sh", "v1", "MA006"),
}


@pytest.mark.parametrize("row", DOCKERFILE_ROWS)
def test_a_first_run_failure_is_seen_in_the_dockerfile(row):
    lines, contract, code = DOCKERFILE_ROWS[row]
    base = {7: BASE.replace("cpu", "gpu-cuda9"), 13: "FROM ubuntu:18.04\n"}.get(row, BASE)
    assert code in {each.code for each in lint(parse_dockerfile(f"{base}{lines}\n"), Target(contract=contract))}


V1, V2 = "/home/work/user-job-dir", "/home/ma-user/modelarts/user-job-dir"
JOB_ROWS = [  # row, contract, command, files, codes that must be there
    (1, "v1", f"bash /home/work/run_train.sh python {V1}/train.py", {"train.py": ""}, "MA074"),
    (1, "v2", f"python {V2}/code/main.py", {"train.py": ""}, "MA074"),
    (1, "v2", "python ${MA_JOB_DIR}/train.py", {"train.py": ""}, "MA074"),
    (2, "v2", f"python {V2}/code/train.py", {"train.py": "import argparse\nargparse.ArgumentParser().parse_args()\n"}, "MA080"),
    (3, "v2", f"{V2}/code/run.sh", {"run.sh": "python train.py \"$@\"\n"}, "MA076"),
    (3, "v2", f"bash {V2}/code/run.sh", {"run.sh": "./prepare.sh\npython train.py \"$@\"\n"}, "MA084"),
    (4, "v2", f"python {V2}/code/train.py", {"train.py": "open('/data/m.bin', 'wb')\n"}, "MA088"),
    (6, "v2", f"python {V2}/code/train.py", {"train.py": "m = AutoModel.from_pretrained('bert-base')\n"}, "MA083"),
    (6, "v2", f"python {V2}/code/train.py", {"train.py": "import urllib.request\nurllib.request.urlretrieve('http://a/b')\n"}, "MA083"),
    (6, "v2", f"bash {V2}/code/run.sh", {"run.sh": "wget https://a/b\npython train.py \"$@\"\n"}, "MA083"),
    (8, "v2", f"python {V2}/code/train.py", {"train.py": "import os\nos.environ['BATCH_CUSTOM0_HOSTS']\n"}, "MA081"),
    (8, "v2", f"python {V2}/code/train.py --n $DLS_TASK_NUMBER", {"train.py": ""}, "MA075"),
    (14, "v2", f"conda activate x && python {V2}/code/train.py", {"train.py": ""}, "MA070"),
    (15, "v2", f"python {V2}/code/train.py && echo done", {"train.py": ""}, "MA071"),
    (15, "v2", f"python {V2}/code/train.py &", {"train.py": ""}, "MA071"),
    (15, "v2", f"bash -c 'python {V2}/code/train.py'", {"train.py": ""}, "MA071"),
    (15, "v2", f"bash {V2}/code/run.sh", {"run.sh": "python train.py\n"}, "MA086"),
    (16, "v2", f"python {V2}/code/train.py > log", {"train.py": ""}, "MA072"),
    (16, "v2", f"python {V2}/code/train.py", {"train.py": ""}, "MA073"),
    (16, "v2", f"python {V2}/code/train.py", {"train.py": "import logging\nlogging.basicConfig(filename='a.log')\n"}, "MA085"),
    (20, "v2", f"python {V2}/code/train.py", {"train.py": "", **{f"data/{n}.txt": "" for n in range(1200)}}, "MA082"),
    (20, "v2", f"python {V2}/code/train.py", {"train.py": "", "weights.bin": 60_000_000}, "MA082"),
]


@pytest.mark.parametrize(("row", "contract", "command", "files", "code"), JOB_ROWS)
def test_a_first_run_failure_is_seen_in_the_command_or_the_code(tmp_path, row, contract, command, files, code):
    spec = job(tmp_path, contract, command, files)
    assert code in {each.code for each in findings_of_job(spec, {})}


def job(tmp_path, contract, command, files):
    folder = tmp_path / "code"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        if isinstance(content, int):
            with Path(folder, name).open("wb") as file:
                file.truncate(content)
        else:
            (folder / name).write_text(content)
    return JobSpec("i", command, contract=contract, code=folder, outputs={"train_url": tmp_path})


GOOD_CODE = """\
import argparse, logging, os, sys
logging.basicConfig(stream=sys.stdout, level=logging.INFO)
parser = argparse.ArgumentParser()
parser.add_argument("--train_url", default="/cache/out")
args, _ = parser.parse_known_args()
model = AutoModel.from_pretrained(os.path.join(args.train_url, "bert"))
data = torchvision.datasets.MNIST("/cache/mnist", download=False)
os.makedirs(args.train_url, exist_ok=True)
"""


@pytest.mark.parametrize(("contract", "command"), [
    ("v1", f"bash /home/work/run_train.sh python {V1}/code/train.py"),
    ("v2", f"python -u {V2}/code/train.py"), ("v2", f"cd {V2}/code && python -u train.py"),
    ("v2", "PYTHONUNBUFFERED=1 python ${MA_JOB_DIR}/code/train.py"), ("v2", f"bash {V2}/code/run.sh"),
])
def test_a_good_job_is_told_nothing(tmp_path, contract, command):
    files = {"train.py": GOOD_CODE, "run.sh": 'set -e\npython -u "$(dirname "$0")/train.py" "$@"\n'}
    assert findings_of_job(job(tmp_path, contract, command, files), {}) == ()
