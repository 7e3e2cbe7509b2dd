"""What is planted and what is clean: the pages docs/rules/MA0NN.md as values, everyday lines, documented first-run failures."""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

from modelarts_nb.dockerfile import parse_dockerfile
from modelarts_nb.rules.code import Code, CodeFile
from modelarts_nb.rules.command import Job
from modelarts_nb.rules.lint import DOCKERFILE_RULES, RULES, errors, lint, lint_job
from modelarts_nb.rules.written import Target

FOLDER = Path(__file__).parents[3] / "docs" / "rules"
BEGIN, END = "<!-- MA0: written by python -m tests.unit.rules.planted -->", "<!-- end of MA0 -->"
OURS = re.compile(r"MA0\d\d")


def pages():
    """Code to text, of the rules on what is written."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("MA*.md")) if OURS.fullmatch(path.stem)}


def block(text, title):
    """The code block of a section."""
    section = text.split(f"\n## {title}\n", 1)[1]
    return re.search(r"```\w*\n(.*?)```", section, re.DOTALL).group(1)


def judge(text, title):
    """The codes that the block trips, each with its severity."""
    options = json.loads(re.search(r"<!-- with: (.*) -->", text).group(1))
    kind, body = options.pop("kind"), block(text, title)
    if kind == "dockerfile":
        found = lint(parse_dockerfile(body), Target(**options))
    elif kind == "command":
        environment = options.pop(f"{title.lower()}_environment", {})
        options = {name: value for name, value in options.items() if not name.endswith("_environment")
            or name.startswith("image")}
        found = lint_job(Job(command=body.strip(), environment=environment, **options))
    else:
        found = lint_job(job(kind, body, options))
    return {(each.code, each.severity.value) for each in found if not each.ignored}


def job(kind, body, options):
    """A job whose code folder is the block."""
    if kind == "files":
        files = [CodeFile(name, int(size)) for name, size in (line.split() for line in body.splitlines())]
    else:
        files = [CodeFile("start.py" if kind == "python" else "start.sh", len(body), body)]
    script = "train.py" if kind == "files" else files[0].path
    command = f"{'bash' if kind == 'sh' else 'python'} {script}"
    return Job(command, contract=options.get("contract", "v1"), code=Code(tuple(files), scripts=(script,), **options))


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
    "apt-get install -y iputils-ping", "rm -rf /var/lib/apt/lists/*",
    "apt-get update && apt-get install -y --no-install-recommends git",
    "mkdir -p /data && chown 1101 /data", "curl -fsSL https://x.y/z.tgz | tar -xz -C /opt", "pip install -r requirements.txt",
    "groupadd -g 100 ma-group || true", "python -c 'import torch'", "git config --system http.sslVerify true",
    "chmod 755 /home/work/start.sh", "chmod 2775 /data/", "find / -name '*.pyc' -delete",
    "ln -sf /usr/local/cuda-10.0 /usr/local/cuda",
]
SETUID = [
    "apt-get install -y openssh-server", "apt-get install -y nginx cron", "apt-get install -y sudo", "chmod u+s /opt/tool",
    "chmod 4755 /opt/tool", "chmod 2755 /opt/tool", "chmod 06755 /opt/tool", "chmod +s /opt/tool", "chmod g=rxs /opt/tool",
    "install -m 4755 tool /usr/local/bin/tool", "install -m4755 tool /opt/tool", "yum install -y sudo",
    "bash -c 'chmod u+s /opt/tool'",
    "cd /opt && chmod a+x tool && chmod u+s tool", "apt-get update \\\n && apt-get install -y vim \\\n    sudo",
]
CLEAN = [
    "apt-get install -y sudo && chmod u-s /usr/bin/sudo", "chmod u+s /opt/tool\nRUN chmod 755 /opt/tool",
    "mkdir -p /data/shared && chmod 2775 /data/shared", "chown alice /opt/tool && chmod 4755 /opt/tool",
    "chmod -R -s /usr/local/lib", "apt-get install -y cron && find / -perm /6000 -type f -exec chmod a-s {} +",
    "install -d -m 2775 /data/shared", "echo chmod u+s /opt/tool", "chmod 0755 /opt/tool", "apt-get remove -y sudo",
]
SEED = """\
FROM swr.cn-north-1.myhuaweicloud.com/eiwizard/custom-gpu-cuda9-inner-moxing-cp36:1.2
ENV BUILD_PATH /root/work

RUN pip install -i https://pypi.tuna.tsinghua.edu.cn/simple pip -U && \\
    pip config set global.index-url https://pypi.tuna.tsinghua.edu.cn/simple && \\
    pip install --upgrade pip && pip --no-cache-dir install numpy==1.15 tensorflow-gpu==1.15 && \\
     echo success
"""
DOCKERFILE_ROWS = {
    4: ("RUN true\nWORKDIR /data/x", "v2", "MA012"), 5: ("RUN chown -R 1102:1102 /home/ma-user", "v2", "MA013"),
    7: ("RUN pip install tensorflow-gpu==1.15", "v1", "MA031"), 10: ("RUN chmod u+s /opt/tool", "v1", "MA020"),
    11: ("RUN pip install -U pip && apt-get -y upgrade", "v1", "MA024"), 13: ("", "v1", "MA001"),
    14: ("RUN conda activate train", "v1", "MA042"), 16: ("CMD python t.py > /tmp/log", "v1", "MA041"),
    17: ("RUN bash Miniconda3-Linux-aarch64.sh", "v1", "MA006"),
}
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
    (6, "v2", f"python {V2}/code/train.py", {"train.py": "import urllib.request\nurllib.request.urlretrieve('http://a/b')\n"},
    "MA083"),
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


@dataclass
class Row:
    """A row of the table: how often a rule's fault was planted and found, and how often clean text raised it."""

    planted: int = 0
    found: int = 0
    clean: int = 0
    false_alarms: int = 0


def counted():
    """Code to Row. A false alarm: a page's good text that trips the rule at all, or a clean or everyday line that it stops."""
    rows = {rule.code: Row() for rule in sorted(RULES, key=lambda rule: rule.code)}

    def plant(code, found):
        rows[code].planted += 1
        rows[code].found += code in found

    for code, text in pages().items():
        plant(code, {found for found, _ in judge(text, "Bad")})
        for other, page in pages().items():
            rows[code].clean += 1
            rows[code].false_alarms += code in {found for found, _ in judge(page, "Good")}
            rows[code].false_alarms += code != other and code in {found for found, _ in judge(page, "Bad")}
    for line in SETUID:
        found = {each.code for each in lint(parse_dockerfile(f"{BASE}RUN {line}\n"))}
        plant("MA021" if " install -y" in line else "MA020", found)
    for line in [*EVERYDAY, *CLEAN]:
        stopped = {each.code for each in errors(lint(parse_dockerfile(f"{BASE}RUN {line}\n")))}
        for rule in DOCKERFILE_RULES:
            rows[rule.code].clean += 1
            rows[rule.code].false_alarms += rule.code in stopped
    for row, (lines, contract, code) in DOCKERFILE_ROWS.items():
        text = f"{row_base(row)}{lines}\n"
        plant(code, {each.code for each in lint(parse_dockerfile(text), Target(contract=contract))})
    for code in ("MA031", "MA032"):
        plant(code, {each.code for each in lint(parse_dockerfile(SEED))})
    for _, contract, command, files, code in JOB_ROWS:
        plant(code, {each.code for each in lint_job(row_job(contract, command, files))})
    return rows


def row_base(row):
    """The base image that a row's Dockerfile stands on."""
    return {7: BASE.replace("cpu", "gpu-cuda9"), 13: "FROM ubuntu:18.04\n"}.get(row, BASE)


def row_job(contract, command, files):
    """The job of a row, without a folder."""
    made = tuple(
        CodeFile(name, text if isinstance(text, int) else len(text), None if isinstance(text, int) else text)
        for name, text in files.items()
    )
    job = Job(command, contract, "code", places=("train_url",), image_environment={})
    return replace(job, code=Code(made, contract, ("train_url",), job.scripts))


def table():
    """The README's table."""
    lines = ["| Rule | What it finds | Severity | Planted | Found | Clean texts | False alarms |",
        "|---|---|---|---|---|---|---|"]
    by_code = {rule.code: rule for rule in RULES}
    for code, row in counted().items():
        rule = by_code[code]
        lines.append(
            f"| [{code}]({code}.md) | {rule.title} | {rule.severity.value} | {row.planted} | {row.found} | {row.clean} | "
            f"{row.false_alarms} |"
        )
    return "\n".join(lines)


def main():
    path = FOLDER / "README.md"
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(rf"(?s)({BEGIN}\n).*?(\n{END})", lambda found: found[1] + table() + found[2], text),
        encoding="utf-8")


if __name__ == "__main__":
    main()
