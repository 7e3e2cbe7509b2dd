"""Every documented first-run failure is recognised by what it prints, and a run that only looks like it is not."""

from pathlib import Path

import pytest

from modelarts_nb.training.diagnosis import Evidence, diagnose
from modelarts_nb.training.spec import JobSpec


def evidence(*lines, exit_code=1, files=(), oom_killed=False, timed_out=False, **spec):
    spec = {"image": "i:1", "command": "python train.py", "contract": "v2", "code": Path("code"), **spec}
    return Evidence(JobSpec(**spec), exit_code, lines, files, oom_killed, timed_out, 5_000_000)


# (row of docs/first-run-failures, a word of the message or fix, the evidence, its clean twin)
CASES = {
    "boot file": (1, "user-job-dir/code/train.py", evidence(
        "python: can't open file '/home/ma-user/modelarts/user-job-dir/train.py': [Errno 2] No such file or directory",
        command="python $MA_JOB_DIR/train.py", files=("train.py", "util.py"), exit_code=2,
    ), evidence("can't open file '/data/labels.txt'", files=("train.py",))),
    "no code": (1, "--code DIR is missing", evidence(
        "python: can't open file '/home/ma-user/train.py': [Errno 2] No such file or directory", code=None, exit_code=2,
    ), evidence("FileNotFoundError: [Errno 2] No such file or directory: 'labels.txt'", code=None)),
    "arguments": (2, "parse_known_args", evidence(
        "train.py: error: unrecognized arguments: --train_url=/home/ma-user/modelarts/outputs/train_url_0",
        outputs={"train_url": Path("o")}, exit_code=2,
    ), evidence("train.py: error: unrecognized arguments: --epoch=3", outputs={"train_url": Path("o")}, exit_code=2)),
    "execute bit": (3, "bash /home/ma-user/run.sh", evidence("/bin/bash: line 1: /home/ma-user/run.sh: Permission denied",
                    exit_code=126), evidence("run.sh: all is well")),
    "not permitted": (4, "chown", evidence("PermissionError: [Errno 13] Permission denied: '/opt/cache'"),
                      evidence("no permission was asked for")),
    "network": (6, "--network host", evidence("OSError: [Errno 101] Network is unreachable"),
                evidence("OSError: [Errno 101] Network is unreachable", network="host")),
    "names": (6, "--data", evidence("socket.gaierror: [Errno -3] Temporary failure in name resolution"), evidence("resolved")),
    "cuda": (7, "libcudart.so.10.2", evidence(
        "ImportError: libcudart.so.10.2: cannot open shared object file: No such file or directory"), evidence("CUDA is fine")),
    "other contract": (8, "MA_NUM_HOSTS", evidence("KeyError: 'DLS_TASK_NUMBER'"),
                       evidence("KeyError: 'DLS_TASK_NUMBER'", contract="v1")),
    "other contract, v1": (8, "--contract v2", evidence("bash: MA_NUM_HOSTS: unbound variable", contract="v1"),
                           evidence("bash: MY_NUM: unbound variable", contract="v1")),
    "conda": (14, "login shell", evidence("CommandNotFoundError: Your shell has not been properly configured"),
              evidence("conda 4.10")),
    "wrong program": (15, "--access-method env", evidence(
        "ls: unrecognized option '--model=/x'", command="python train.py; ls", outputs={"model": Path("o")}, exit_code=2,
    ), evidence("ls: unrecognized option '--model=/x'", command="ls --model=/x")),
    "no download": (0, "--code DIR", evidence("Get object key failed", contract="v1", exit_code=127), evidence("got it")),
    "timeout": (0, "last words", evidence("last words", timed_out=True, timeout=3.0, exit_code=137), evidence("last words")),
    "memory": (0, "limit of", evidence(exit_code=137, oom_killed=True, memory=1 << 26), evidence(exit_code=2, memory=1 << 26)),
    "module": (0, "pip install --no-cache-dir sklearn", evidence("ModuleNotFoundError: No module named 'sklearn.svm'"),
               evidence("module named sklearn")),
    "own module": (0, "PYTHONPATH", evidence("ModuleNotFoundError: No module named 'util'", files=("src/util.py",)),
                   evidence("util")),
    "not found": (0, "nvcc is not in the image", evidence("bash: line 1: nvcc: command not found", exit_code=127),
                  evidence("nvcc: command not found", exit_code=1)),
    "disk": (0, "disk is full", evidence("OSError: [Errno 28] No space left on device"), evidence("space")),
    "crash": (0, "segmentation", evidence("nothing", exit_code=139), evidence("nothing", exit_code=9)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_failure_is_recognised_and_its_twin_is_not(name):
    row, words, sick, clean = CASES[name]
    found = diagnose(sick)
    assert found is not None
    assert found.row == row
    assert words in f"{found.message} {found.fix}"
    other = diagnose(clean)
    assert other is None or (other.row, other.message) != (found.row, found.message)


def test_a_failure_without_a_known_cause_has_none():
    assert diagnose(evidence("Traceback", "ValueError: shapes do not fit")) is None


@pytest.mark.parametrize("line", ["(" * 5000, "a: " * 20_000, "/" * 50_000, "--" * 30_000 + ": unrecognized option"])
def test_only_so_much_is_looked_at_as_can_be_in_no_time(line):
    lots = evidence(*[line] * 1000, outputs={"model": Path("o")})
    assert len(lots.text) < 31_000
    diagnose(lots)
