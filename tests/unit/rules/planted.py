"""What is planted and what is clean: the pages docs/rules/MA0NN.md as values, everyday lines, documented first-run failures."""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

from modelarts_nb.dockerfile import parse_dockerfile
from modelarts_nb.rules.command import Job
from modelarts_nb.rules.folder import Code, CodeFile
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
# More of each: lines behind the base image (or a whole Dockerfile), and the code that they trip
VARIANTS = [
    ("MA001", "FROM nvcr.io/nvidia/pytorch:23.01-py3"), ("MA001", "FROM docker.io/library/python:3.9"),
        ("MA001", "FROM centos:7"),
    ("MA001", "FROM digits:v1"), ("MA002", "FROM localhost:5005/atelier/tensorflow_2_1:x"), ("MA004", "FROM localhost/"
     "modelarts-job-dev-image/custom-cpu-base:2.0"), ("MA005", "FROM localhost/modelarts-job-dev-image/custom-cpu-base:latest"),
    ("MA006", "RUN pip install torch-1.8.0-cp36-cp36m-linux_aarch64.whl"), ("MA006", "FROM --platform=linux/arm64 localhost/"
     "modelarts-job-dev-image/custom-cpu-base:1.3"),
    ("MA010", "USER root"), ("MA010", "USER 0:0"), ("MA010", "USER work\nUSER 1000"),
    ("MA011", "RUN usermod -u 1000 work"), ("MA011", "RUN deluser work"), ("MA012", "RUN chmod 600 /opt/settings.json"),
    ("MA012", "COPY --chmod=600 settings.json /opt/"), ("MA013", "COPY --chown=1000:100 a /opt/a"),
        ("MA013", "RUN chown ma-user /opt/a"),
    ("MA020", "RUN find /opt -type f -exec chmod u+s {} +"), ("MA020", "COPY --chmod=4755 a /opt/a"),
        ("MA020", "ADD --chmod=u+s a /a"),
    ("MA020", "ENV F=/opt/a\nRUN chmod 4755 $F"), ("MA020", "RUN ls /opt | xargs chmod g+s"),
        ("MA020", "RUN setcap cap_chown+ep /opt/a"),
    ("MA020", 'RUN ["chmod", "4755", "/opt/a"]'), ("MA020", "RUN if true; then chmod 4755 /opt/a; fi"),
    ("MA021", "# syntax=docker/dockerfile:1\nFROM localhost/modelarts-job-dev-image/custom-cpu-base:1.3\nRUN <<EOF\n"
     "apt-get install -y sudo\nEOF"), ("MA021", "RUN dpkg -i sudo_1.9.13_amd64.deb"), ("MA021", "RUN yum -y install polkit"),
    ("MA021", "RUN apt-get install -y -qq --no-install-recommends git=1:2.1 sudo=1.9"),
    ("MA022", "RUN cd /usr/bin && rm perl"), ("MA022", "RUN rm /bin/sh && ln -s bash /bin/sh"),
        ("MA022", "RUN rm -rf /usr/lib/*"),
    ("MA022", "RUN apt-get purge -y perl"), ("MA022", "RUN rm -rf /usr/lib/python3"), ("MA022", "RUN yum remove -y vim"),
    ("MA023", "COPY bash /bin/bash"), ("MA023", "COPY ls cat /usr/bin/"), ("MA023", "RUN echo x > /bin/ls"),
        ("MA023", "ADD a.tar.gz /"),
    ("MA023", "RUN wget -O /bin/tar http://x/tar"), ("MA023", "RUN ln -sf /opt/bash /bin/bash"),
        ("MA023", "RUN tar -xzf a.tgz -C /usr"),
    ("MA023", "RUN sed -i s/a/b/ /usr/lib/python3/dist-packages/x.py"),
        ("MA023", "RUN mv /usr/bin/python3 /usr/bin/python3.old"),
    ("MA023", "RUN cp libc-2.28.so /lib/x86_64-linux-gnu/libc.so.6"), ("MA023", "RUN chmod 0700 /usr/bin/sed"),
    ("MA024", "RUN apt-get -y dist-upgrade"), ("MA024", "RUN yum update -y"), ("MA024", "RUN apt-get install -y libc6"),
    ("MA024", "RUN python3 -m pip install -U pip"), ("MA025", "RUN rm /home/work/utils.sh"), ("MA025", "RUN rm -rf /home/work"),
    ("MA025", "RUN sed -i s/a/b/ /home/work/run_train.sh"), ("MA025", "ADD ip_mapper.py /home/work/ip_mapper.py"),
    ("MA030", "RUN sh NVIDIA-Linux-x86_64-470.57.run -s"), ("MA030", "RUN apt-get install -y cuda"),
    ("MA030", "RUN sh cuda_11.0.2_450.51.05_linux.run --silent"), ("MA030", "RUN dpkg -i nvidia-driver-470_amd64.deb"),
    ("MA031", "FROM localhost/modelarts-job-dev-image/custom-gpu-cuda9-base:1.3\nRUN pip install mindspore-gpu==1.7.0"),
    ("MA031", "FROM localhost/modelarts-job-dev-image/custom-gpu-cuda92-base:1.3\nRUN pip3 install torch==1.13.1+cu117"),
    ("MA031", "RUN pip install tensorflow-gpu==1.15.5"),
        ("MA031", "FROM localhost/modelarts-job-dev-image/custom-gpu-cuda8-base:1.3\n"
     "RUN python -m pip install 'tensorflow-gpu==1.4.1' tensorflow==1.15"),
    ("MA032", "RUN pip install tensorflow==2.4.1\nRUN pip install numpy==1.22.4"),
        ("MA032", "RUN pip install torch==2.1.0 numpy==2.0.1"),
    ("MA033", "FROM python:3.11\nRUN pip install tensorflow==1.15"),
        ("MA041", 'ENTRYPOINT ["sh", "-c", "python t.py >> /log"]'),
    ("MA042", 'RUN ["conda", "activate", "x"]'), ("MA042", "CMD conda activate x && python t.py"),
    ("MA050", "ARG NPM_TOKEN"), ("MA050", "RUN git clone https://me:s3cr3tpass@host/x"),
        ("MA050", "LABEL a=AKIAABCDEFGHIJKLMNOP"),
    ("MA051", "ADD credentials.csv /opt/"), ("MA051", "COPY .netrc /root/.netrc"),
        ("MA061", "RUN pip install -r requirements.txt"),
    ("MA062", "RUN pip install --no-cache-dir --target /root/lib scipy"),
        ("MA099", "# modelarts: ignore=MA777 it is so\nRUN true"),
]
# The twins of some: the code that they must not trip
TWINS = [
    ("MA020", "RUN find / -xdev -perm /6000 -exec chmod a-s {} +"), ("MA020", "USER work\nRUN chmod 4755 /home/work/a"),
    ("MA022", "RUN mkdir /usr/share/mine && rm -rf /usr/share/mine"),
        ("MA022", "RUN apt-get install -y gcc && apt-get purge -y gcc"),
    ("MA022", "RUN rm -rf /usr/local/lib/x /root/.cache /opt/y"), ("MA023", "COPY bin/ /usr/bin/"),
        ("MA023", "COPY tool /usr/bin/tool"),
    ("MA023", "ADD a.tar.gz /opt/"), ("MA023", "RUN ln -s /opt/tool /usr/bin/tool"),
        ("MA023", "RUN tar -czf a.tgz -C /usr share"),
    ("MA024", "RUN apt-get update"), ("MA024", "RUN pip install -U scipy"),
        ("MA030", "RUN sh cuda_11.0.2_450.51.05_linux.run --toolkit"),
    ("MA030", "RUN apt-get install -y nvidia-container-toolkit cuda-toolkit-11-0 libcudnn8"),
        ("MA041", "CMD python t.py 2>/dev/null"),
    ("MA041", "CMD ls $(cat a > b)"),
        ("MA042", "RUN . /root/miniconda3/etc/profile.d/conda.sh && conda activate x"),
    ("MA042", "RUN bash -lc 'conda activate x'"), ("MA042", 'SHELL ["/bin/bash", "-lc"]\nRUN conda activate x'),
        ("MA010", "USER 1101:1101"),
    ("MA010", "RUN useradd -u 1101 bob\nUSER bob"), ("MA012", "WORKDIR app"), ("MA012", "WORKDIR /home/work/app"),
        ("MA051", "COPY ca.pem /opt/"),
    ("MA031", "RUN pip install tensorflow-cpu==2.4.1"), ("MA032", "RUN pip install numpy tensorflow==1.15"),
        ("MA050", "ARG TOKENIZER=a"),
    ("MA006", "RUN sh Miniconda3-Linux-x86_64.sh"), ("MA061", "ENV PIP_NO_CACHE_DIR=1\nRUN pip install scipy"),
    ("MA061", "RUN --mount=type=cache,target=/root/.cache/pip pip install scipy"),
    ("MA061", "RUN pip install scipy && rm -rf /root/.cache"), ("MA025", "COPY train.sh /home/work/"),
        ("MA011", "RUN usermod -aG video work"),
]
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
    """Code to Row. A false alarm: a clean text that trips the rule, or a clean or everyday line that it stops."""
    rows = {rule.code: Row() for rule in sorted(RULES, key=lambda rule: rule.code)}
    for code, found in planted():
        rows[code].planted += 1
        rows[code].found += code in found
    for code, found in clean():
        rows[code].clean += 1
        rows[code].false_alarms += code in found
    return rows


def planted():
    """(code, what was found) of every text that has a fault."""
    for code, text in pages().items():
        yield code, {found for found, _ in judge(text, "Bad")}
    for line in SETUID:
        yield "MA021" if " install -y" in line else "MA020", codes(f"RUN {line}")
    for code, lines in VARIANTS:
        yield code, codes(lines)
    for row, (lines, contract, code) in DOCKERFILE_ROWS.items():
        text = f"{row_base(row)}{lines}\n"
        yield code, {each.code for each in lint(parse_dockerfile(text), Target(contract=contract))}
    for code in ("MA031", "MA032"):
        yield code, {each.code for each in lint(parse_dockerfile(SEED))}
    for _, contract, command, files, code in JOB_ROWS:
        yield code, {each.code for each in lint_job(row_job(contract, command, files))}


def clean():
    """(code, what was found) of every text that has not: other rules' pages, everyday lines (what stops), and twins."""
    shown = {code: ({c for c, _ in judge(text, "Good")}, {c for c, _ in judge(text, "Bad")}) for code, text in pages().items()}
    for code in shown:
        yield from ((code, good | (bad if other != code else set())) for other, (good, bad) in shown.items())
    for line in [*EVERYDAY, *CLEAN]:
        stopped = {each.code for each in errors(lint(parse_dockerfile(f"{BASE}RUN {line}\n")))}
        yield from ((rule.code, stopped) for rule in DOCKERFILE_RULES)
    for code, lines in TWINS:
        yield code, codes(lines)


def codes(lines):
    """The codes that lines behind the base image trip, or a whole Dockerfile."""
    text = f"{lines}\n" if "FROM " in lines else f"{BASE}{lines}\n"
    return {each.code for each in lint(parse_dockerfile(text)) if not each.ignored}


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
