"""Images built on the real Engine with one violation each, and clean twins: (rule, what, lines, options)."""

from dataclasses import dataclass, field

from modelarts_nb.building.request import BuildRequest, DockerfileSource
from modelarts_nb.catalog import builtin, load
from modelarts_nb.engine import build as engine_build
from modelarts_nb.rules.model import Severity
from modelarts_nb.workflows import CheckRequest, check

from ..conftest import drain
from ..unit.layers.making import old_export


@dataclass(frozen=True, eq=False)
class Case:
    """One image. ``line``: of the Dockerfile, FROM being 1, that must be named (0: none); ``path`` must be named."""

    code: str
    what: str
    lines: str
    severity: str = "error"
    contract: str = "v1"
    line: int = 0
    path: str = ""
    run: bool = False
    limits: dict = field(default_factory=dict)
    alone: bool = False  # in an image of its own: it would hide others, or be hidden


PACKAGE = (
    "RUN p=$(python3 -c 'import site;print(site.getsitepackages()[0])') && mkdir -p $p/{name} $p/{name}-1.0.dist-info && "
    "echo '{code}' > $p/{name}/__init__.py && cd $p/{name}-1.0.dist-info && echo {name} > top_level.txt && "
    "touch REQUESTED METADATA RECORD"
)
CAPABILITY = (
    "RUN cp /bin/true /opt/net && python3 -c \"import os; os.setxattr('/opt/net', 'security.capability', "
    "bytes.fromhex('0100000200200000000000000000000000000000'))\""
)
_DISTS = ("RUN for d in {dists}; do mkdir -p /usr/local/lib/python3.11/dist-packages/$d.dist-info; "
          "touch /usr/local/lib/python3.11/dist-packages/$d.dist-info/METADATA; done")
USER = "ENV PYTHONUNBUFFERED=1\nUSER ma-user"

PLANTED = [
    Case("MA103", "a byte appended to a program", "RUN echo >> /usr/bin/which.debianutils", line=2, path="/usr/bin/which.debianutils"),
    Case("MA103", "a program replaced by a link", "RUN echo\nRUN ln -sf /opt/find /usr/bin/find", line=3, path="/usr/bin/find", alone=True),
    Case("MA103", "/bin, a link, replaced by a folder", "RUN cp -a /usr/bin /b && python3 -c \"import os; os.rename('/bin', '/old'); "
         "os.rename('/b', '/bin')\"", line=2, path="/bin", alone=True),
    Case("MA104", "a program removed", "RUN rm /usr/bin/find", line=2, path="/usr/bin/find"),
    Case("MA104", "a folder removed and made again", "RUN rm -rf /usr/lib/python3/dist-packages && mkdir /usr/lib/python3/dist-packages",
         line=2, path="/usr/lib/python3/dist-packages", alone=True),
    Case("MA105", "mode of a program", "RUN chmod 0700 /usr/bin/sed", line=2, path="/usr/bin/sed"),
    Case("MA105", "owner of a folder's files", "RUN useradd bob && chown -R bob /usr/lib/python3/dist-packages", line=2,
         path="/usr/lib/python3/dist-packages"),
    Case("MA106", "run_train.sh edited", "RUN echo >> /home/work/run_train.sh", line=2, path="/home/work/run_train.sh"),
    Case("MA106", "a tool removed", "RUN rm /home/work/utils.sh", line=2, path="/home/work/utils.sh"),
    Case("MA107", "a file of /etc removed", "RUN rm /etc/debian_version", "warning", line=2, path="/etc/debian_version"),
    Case("MA108", "setuid root", "RUN cp /bin/true /usr/local/bin/evil && chmod 4755 /usr/local/bin/evil", line=2,
         path="/usr/local/bin/evil"),
    Case("MA108", "setgid root below /opt", "RUN cp /bin/true /opt/evil\nRUN chmod 2755 /opt/evil", line=3, path="/opt/evil"),
    Case("MA108", "setuid on a base file", "RUN chmod u+s /usr/bin/find", line=2, path="/usr/bin/find", alone=True),
    Case("MA108", "a hard link to a base's setuid file", "RUN ln /usr/bin/su /opt/su2", line=2, path="/opt/su2"),
    Case("MA109", "a file capability", CAPABILITY, "warning", line=2, path="/opt/net"),
    Case("MA110", "larger than the limit", "RUN echo", limits={"image_bytes": 100_000_000, "advised_bytes": 90_000_000}),
    Case("MA110", "larger than advised", "RUN echo", "warning", limits={"advised_bytes": 100_000_000}),
    Case("MA111", "a layer larger than SWR takes", "RUN head -c 2000000 /dev/zero > /opt/x", line=2, limits={"layer_bytes": 1_000_000}),
    Case("MA112", "101 layers", "\n".join(f"RUN echo {n} > /opt/{n}" for n in range(101)), "warning", alone=True),
    Case("MA113", "USER root under v2", "USER root", "warning", "v2", 2, alone=True),
    Case("MA113", "USER that does not exist", "USER ghost", line=2, alone=True),
    Case("MA114", "no account 1101", "RUN sed -i /^work:/d /etc/passwd", path="/etc/passwd", alone=True),
    Case("MA114", "no account 1000", "RUN sed -i /^ma-user:/d /etc/passwd", contract="v2", path="/etc/passwd", alone=True),
    Case("MA115", "home of root", "RUN chown root:root /home/work", line=2, path="/home/work", alone=True),
    Case("MA115", "/cache closed", "RUN chmod 555 /cache", line=2, path="/cache", alone=True),
    Case("MA115", "/cache gone", "RUN rm -rf /cache", path="/cache", alone=True),
    Case("MA115", "folders of root in the home", "RUN mkdir -p /home/work/data/a", "warning", line=2, path="/home/work/data"),
    Case("MA115", "home of root, started", "RUN chown root:root /home/ma-user", contract="v2", path="/home/ma-user", run=True, alone=True),
    Case("MA116", "files of 1102", "RUN mkdir /home/ma-user/.pip && touch /home/ma-user/.pip/pip.conf && chown -R 1102 /home/ma-user/.pip",
         "warning", "v2", 2, "/home/ma-user/.pip"),
    Case("MA117", "an entrypoint", 'ENTRYPOINT ["/opt/start.sh"]', "warning", line=2),
    Case("MA120", "a token in ENV", "ENV HF_TOKEN=hf_abcdefgh", line=2),
    Case("MA120", "a password in a RUN", "RUN DB_PASSWORD=correct-horse true", line=2),
    Case("MA120", "a login in an address", "RUN true http://me:correct-horse@mirror.example/simple", line=2),
    Case("MA121", "a private key", "RUN mkdir /root/.ssh && printf -- '-----BEGIN OPENSSH PRIVATE KEY-----\\nx\\n' > /root/.ssh/id_rsa",
         line=2, path="/root/.ssh/id_rsa"),
    Case("MA121", "a login removed in a later layer", "RUN printf 'machine x login y password z123' > /root/.netrc\nRUN rm /root/.netrc",
         line=2, path="/root/.netrc"),
    Case("MA122", "no PYTHONUNBUFFERED under v2", "RUN echo", "warning", "v2", alone=True),
    Case("MA123", "output to a file", "CMD python train.py > /tmp/train.log", "warning", line=2, alone=True),
    Case("MA124", "tensorflow-gpu 1.15 beside CUDA 9", _DISTS.format(dists="tensorflow_gpu-1.15.0") + " && mkdir -p /usr/local/cuda/lib64 && "
         "echo x > /usr/local/cuda/lib64/libcudart.so.9.0.176", line=2, alone=True),
    Case("MA124", "tensorflow-gpu 1.15 without CUDA", _DISTS.format(dists="tensorflow_gpu-1.15.0"), "warning", line=2, alone=True),
    Case("MA133", "numpy 1.15 beside tensorflow-gpu 1.15", _DISTS.format(dists="numpy-1.15.0 tensorflow_gpu-1.15.0"), line=2, alone=True),
    Case("MA125", "part of a driver", "RUN mkdir -p /usr/lib/nvidia && echo x > /usr/lib/nvidia/libcuda.so.470.57.02", line=2,
         path="/usr/lib/nvidia/libcuda.so.470.57.02"),
    Case("MA126", "a package that wants a library", PACKAGE.format(name="broken", code="import ctypes; ctypes.CDLL(\"libcudart.so.9.0\")"),
         line=2, run=True),
    Case("MA126", "a package that root alone may read", PACKAGE.format(name="closed", code="") + " && chmod 600 $p/closed/__init__.py", line=2, run=True),
    Case("MA127", "a file made and removed", "RUN head -c 12000000 /dev/zero > /opt/x\nRUN rm /opt/x", "note", line=3),
    Case("MA128", "pip's cache", "RUN mkdir -p /root/.cache/pip/http && head -c 2000000 /dev/zero > /root/.cache/pip/http/x", "note", line=2),
    Case("MA128", "apt's lists", "RUN mkdir -p /var/lib/apt/lists && head -c 12000000 /dev/zero > /var/lib/apt/lists/x", "warning", line=2),
    Case("MA129", "a variable of the platform", "ENV DLS_TASK_INDEX=0", "warning", line=2),
    Case("MA129", "a v1 variable in a v2 command", "CMD python train.py --rank $DLS_TASK_INDEX", "warning", "v2", 2, alone=True),
    Case("MA130", "bash removed", "RUN rm /usr/bin/bash", path="/bin/bash", alone=True),
    Case("MA131", "PATH without the base's", "ENV PATH=/opt/bin:/usr/bin", "warning", line=2, alone=True),
    Case("MA132", "a volume over /cache", "VOLUME /cache", "warning", line=2, path="/cache"),
]
CLEAN = [
    Case("MA103", "time only; below /usr/local", "RUN touch /usr/bin/grep && echo x > /usr/local/bin/own && ldconfig"),
    Case("MA104", "made and removed; documentation (a warning)", "RUN touch /usr/bin/own && rm /usr/bin/own && rm -rf /usr/share/doc"),
    Case("MA105", "the mode and owner that it has", "RUN chmod 0755 /usr/bin/sed && chown 0:0 /usr/bin/sed && chmod -R a+rX /usr/lib/python3"),
    Case("MA106", "files beside the tools", "RUN echo > /home/work/mine.sh && chmod 755 /home/work/mine.sh"),
    Case("MA107", "a new file in /etc", "RUN echo > /etc/mine.conf"),
    Case("MA108", "setuid of another owner; taken off again later", "RUN cp /bin/true /opt/a && chown 1101 /opt/a && chmod 4755 /opt/a && "
         "cp /bin/true /opt/b && chmod 4755 /opt/b\nRUN chmod u-s /opt/b"),
    Case("MA109", "a capability taken off", CAPABILITY + "\nRUN cp /bin/true /opt/net2 && mv /opt/net2 /opt/net"),
    Case("MA110", "within the limit", "RUN echo"), Case("MA111", "within the limit", "RUN head -c 2000000 /dev/zero > /opt/x"),
    Case("MA112", "20 layers", "\n".join(f"RUN echo {n} > /opt/{n}" for n in range(20))),
    Case("MA113", "the contract's user, by name and number", USER, contract="v2"), Case("MA113", "by number", "USER 1101", alone=True),
    Case("MA114", "accounts as the base has them", "RUN useradd -m alice", contract="v2", alone=True),
    Case("MA115", "files of the contract's user", "RUN mkdir -p /home/work/data && chown -R 1101:1101 /home/work/data", run=True),
    Case("MA116", "1102 is somebody's own account", "RUN useradd -m alice && touch /home/alice/x && chown alice /home/alice/x", alone=True),
    Case("MA117", "an entrypoint that is cleared", 'ENTRYPOINT ["/x"]\nENTRYPOINT []'),
    Case("MA120", "names that only sound so", "ENV TOKEN_FILE=/run/secrets/t TOKENIZERS_PARALLELISM=false MONKEY=1 API_TOKEN=\nRUN T=$TOKEN true"),
    Case("MA121", "public keys and settings without logins", "RUN mkdir /root/.ssh && echo ssh-rsa AAAA > /root/.ssh/id_rsa.pub && "
         "printf '[global]\\nindex-url = https://mirror.example/simple\\n' > /root/.pip.conf && echo registry=x > /root/.npmrc"),
    Case("MA122", "PYTHONUNBUFFERED", "ENV PYTHONUNBUFFERED=1", contract="v2"),
    Case("MA123", "tee, and errors to nothing", "CMD python train.py 2>&1 | tee /tmp/train.log", alone=True),
    Case("MA124", "tensorflow-gpu 1.15 beside CUDA 10.0, torch that brings its own", _DISTS.format(dists="tensorflow_gpu-1.15.0 torch-2.1.0")
         + " && mkdir -p /usr/local/cuda/lib64 && echo x > /usr/local/cuda/lib64/libcudart.so.10.0.130", alone=True),
    Case("MA133", "numpy 1.16", _DISTS.format(dists="numpy-1.16.4 tensorflow_gpu-1.15.0"), alone=True),
    Case("MA125", "a stub and a runtime library", "RUN mkdir -p /usr/local/cuda/lib64/stubs && echo x > /usr/local/cuda/lib64/stubs/libcuda.so && "
         "echo x > /usr/local/cuda/lib64/libcudart.so.10.0.130"),
    Case("MA126", "packages that import, and one that wants a GPU", PACKAGE.format(name="fine", code="x = 1") + "\n" + PACKAGE.format(
        name="gpu", code="raise ImportError(\"libcuda.so.1: cannot open shared object file\")"), run=True),
    Case("MA127", "made and removed in one line", "RUN head -c 12000000 /dev/zero > /opt/x && rm /opt/x"),
    Case("MA128", "caches removed in the same line", "RUN mkdir -p /root/.cache/pip && head -c 2000000 /dev/zero > /root/.cache/pip/x && rm -r /root/.cache/pip"),
    Case("MA129", "variables of one's own", "ENV MY_RANK=0\nCMD python train.py --rank $VC_TASK_INDEX", contract="v2"),
    Case("MA130", "another shell beside it", "RUN ln -s bash /usr/local/bin/zsh"),
    Case("MA131", "PATH with the base's", "ENV PATH=/opt/bin:$PATH"), Case("MA132", "a volume elsewhere", "VOLUME /data"),
    Case("MA102", "made from the base", "RUN echo"), Case("MA101", "read whole", "RUN echo"), Case("MA118", "of this machine", "RUN echo"),
    Case("MA119", "in the Engine", "RUN echo"),
]

# Every line of the measurements (shared reference "layers"), with the rules of error severity that it may break by itself
EVERYDAY = [
    ("pip install numpy", set()), ("pip install --upgrade pip setuptools wheel", set()),
    ("apt-get update && apt-get install -y --no-install-recommends vim", set()),
    ("apt-get install -y --no-install-recommends build-essential git curl", set()),
    ("apt-get install -y --no-install-recommends libgl1 ffmpeg", set()),
    ("apt-get install -y openssh-server", {"MA108"}), ("apt-get install -y nginx cron", {"MA108"}),
    ("apt-get install -y sudo", {"MA108"}), ("apt-get install -y iputils-ping", set()), ("apt-get upgrade -y", set()),
    ("useradd -m alice", set()), ("echo alice:secret | chpasswd", set()),
    ("ln -sf /usr/share/zoneinfo/Asia/Shanghai /etc/localtime && echo Asia/Shanghai > /etc/timezone", set()),
    ("sed -i s/main/main/ /etc/apt/sources.list && echo '#' >> /etc/apt/sources.list", set()),
    ("echo '#' >> /etc/profile && echo '#' >> /etc/bash.bashrc && echo A=1 >> /etc/environment", set()),
    ("update-ca-certificates", set()), ("ldconfig", set()),
    ("update-alternatives --install /usr/bin/py py /usr/bin/python3 1", set()), ("ln -s /usr/bin/python3 /usr/bin/python9", set()),
    ("chmod -R a+rX /usr/lib/python3", set()), ("chmod 0755 /usr/bin/sort && chown 0:0 /usr/bin/sort", set()),
    ("touch /usr/bin/grep", set()), ("rm -rf /usr/share/doc /usr/share/man", set()),
    # these two change what the base owns, which is what the rule forbids
    ("useradd bob && chown -R bob /usr/lib/python3/dist-packages", {"MA105"}), ("chmod 0700 /usr/bin/sed", {"MA105"}),
]


def built(connected, text, tag, **options):
    """The image's id."""
    source = DockerfileSource(text, origin="cell", first_line=1)
    image = drain(engine_build.build(connected, BuildRequest(source, (tag,), **options)))[0]
    return image, source


def checked(connected, tag, source=None, *, contract="v1", run=False, base="", limits=None, credentials=lambda host: None):
    """The report of an image."""
    catalog = load({"limits": [{"contract": contract, **limits}]}) if limits else builtin()
    return drain(check(connected, CheckRequest(tag, base, contract, source, run), catalog, credentials))[0]


class Reports:
    """Reports of cases. Those that do not disturb each other share an image, in which each has lines of its own."""

    def __init__(self, connected, base_image, cases):
        self._connected, self._base = connected, base_image
        self._groups, self._made = {}, {}
        for case in cases:
            key = (case.contract, case.run, str(case.limits), case if case.alone else None)
            self._groups.setdefault(key, []).append(case)

    def of(self, case):
        """(report, number of the line before the case's first)."""
        key, group = next((key, group) for key, group in self._groups.items() if case in group)
        starts, text = {}, f"FROM {self._base}\n"
        for each in group:
            starts[each] = text.count("\n") - 1
            text += f"{each.lines}\n"
        if key not in self._made:
            tag = f"cases:{len(self._made)}"
            _, source = built(self._connected, text, tag)
            first = group[0]
            self._made[key] = checked(
                self._connected, tag, source, contract=first.contract, run=first.run, limits=first.limits
            )
        return self._made[key], starts[case]


def hits(report, case, start):
    """The findings that a case is about."""
    return [
        each for each in report.findings
        if each.code == case.code and each.severity is Severity(case.severity)
        and (not case.line or report.line(each) == case.line + start) and (not case.path or each.path == case.path)
    ]


def loaded(connected, tag, *layers, **settings):
    """An image of these layers, as `docker load` takes it."""
    list(connected.client.load_image(old_export(*layers, tags=(tag,), **settings)))
