"""%train's engine room: real containers under the contract, what is in them, and what is left of them."""

import functools
import os
import re
import socket
import subprocess
import textwrap

import pytest

import modelarts_nb
from modelarts_nb.engine import marks
from modelarts_nb.errors import EngineAPIError, RunFailed, SettingsError
from modelarts_nb.services import start_time

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def train(base_image, tmp_path):
    return functools.partial(modelarts_nb.train, base_image, log=tmp_path / "run.log", progress="quiet")


@pytest.fixture(autouse=True)
def nothing_left(engine):
    yield
    assert engine.containers(all=True, filters={"label": marks.LABEL}) == []
    assert engine.networks(filters={"label": marks.LABEL}) == []


def printed(run, node="worker-0"):
    """The lines that a node printed, out of the log."""
    number = re.search(rf"^#(\d+) {node}$", run.log, re.MULTILINE).group(1)
    return re.findall(rf"^#{number} \d+\.\d\d (.*)$", run.log, re.MULTILINE)


def code(folder, **files):
    (folder / "code").mkdir()
    for name, text in files.items():
        (folder / "code" / name.replace("__", ".")).write_text(textwrap.dedent(text))
    return folder / "code"


def failure(train, command, **options):
    with pytest.raises(RunFailed) as caught:
        train(command=command, **options)
    return caught.value


@pytest.mark.parametrize(("contract", "user", "place"), [
    ("v1", "1101 1101", "/home/work"), ("v2", "1000 100", "/home/ma-user"),
])
def test_user_and_working_directory_and_no_terminal(train, contract, user, place):
    run = train(command='echo "$(id -u) $(id -g)"; pwd; test -t 1 || echo no terminal; shopt -q login_shell || echo no login',
                contract=contract)
    assert printed(run) == [user, place, "no terminal", "no login"]


V1 = {
    "DLS_TASK_INDEX": "0", "DLS_TASK_NUMBER": "1", "DLS_JOB_ID": r"job\w+", "DLS_USE_UPLOADER": "0", "BATCH_JOB_ID": r"job\w+",
    "BATCH_TASK_CURRENT_HOST_IP": r"\d+\.\d+\.\d+\.\d+", "BATCH_TASK_CURRENT_INSTANCE": r"job\w+-custom-0",
    "BATCH_CURRENT_HOST": r"job\w+-custom-0", "BATCH_CURRENT_PORT": r"\d+", "DLS_APP_URL": r"s3://.+/code/",
    "DLS_DATA_URL": r"s3://.+/data/", "DLS_TRAIN_URL": r"s3://.+/model/",
}
V2 = {
    "MA_HOME": "/home/ma-user", "MA_JOB_DIR": "/home/ma-user/modelarts/user-job-dir",
    "MA_MOUNT_PATH": "/home/ma-user/modelarts",
    "MA_LOG_DIR": "/home/ma-user/modelarts/log", "WORKSPACE": "/home/ma-user/modelarts/user-job-dir/code",
    "MA_CURRENT_IP": r"\d+\.\d+\.\d+\.\d+", "MA_NUM_GPUS": "0", "MA_TASK_NAME": "worker", "MA_NUM_HOSTS": "1",
    "VC_WORKER_NUM": "1", "VC_TASK_INDEX": "0", "VC_WORKER_HOSTS": r"modelarts-job-\w+-worker-0\.modelarts-job-\w+",
    "MA_CURRENT_INSTANCE_NAME": r"modelarts-job-\w+-worker-0",
}


@pytest.mark.parametrize(("contract", "expected"), [("v1", V1), ("v2", V2)])
def test_the_environment_is_the_contracts(train, tmp_path, contract, expected):
    (tmp_path / "d").write_text("1")
    run = train(
        command="env; true", contract=contract, code=code(tmp_path, a__py="1"), inputs={"data": tmp_path / "d"},
        outputs={"model": tmp_path / "out"}, env={"OWN": "mine", "MODELARTS": "x=y"},
    )
    found = dict(line.split("=", 1) for line in printed(run) if "=" in line)
    for name, pattern in expected.items():
        assert re.fullmatch(pattern, found[name]), (name, found[name])
    assert (found["OWN"], found["MODELARTS"]) == ("mine", "x=y")
    other = "MA_|VC_" if contract == "v1" else "DLS_|BATCH_"
    assert [name for name in found if re.match(other, name)] == []


@pytest.mark.parametrize("contract", ["v1", "v2"])
def test_the_nodes_see_each_other(train, tmp_path, contract):
    hosts = "[os.environ[f'BATCH_CUSTOM{n}_HOSTS'].split(':')[0] for n in (0, 1)]"
    index = "DLS_TASK_INDEX"
    if contract == "v2":
        hosts, index = "os.environ['VC_WORKER_HOSTS'].split(',')", "VC_TASK_INDEX"
    folder = code(tmp_path, talk__py=f"""
        import os, socket, time
        hosts = {hosts}
        if os.environ["{index}"] == "0":
            with socket.create_server(("0.0.0.0", 29500)) as server:
                connection, address = server.accept()
                print("heard", connection.recv(99).decode(), address[0] == socket.gethostbyname(hosts[1]))
        else:
            for attempt in range(100):
                try:
                    socket.create_connection((hosts[0], 29500)).sendall(b"hello from 1")
                    break
                except OSError:
                    time.sleep(0.1)
    """)
    where = "/home/ma-user/modelarts/user-job-dir/code"
    command = f"python3 {where}/talk.py" if contract == "v2" else (
        "bash /home/work/run_train.sh python3 /home/work/user-job-dir/code/talk.py")
    run = train(command=command, contract=contract, nodes=2, code=folder)
    assert "heard hello from 1 True" in printed(run)
    assert [node.exit_code for node in run.nodes] == [0, 0]


def test_there_is_no_way_out_of_the_nodes_unless_it_is_opened(train, engine):
    gateway = engine.inspect_network("bridge")["IPAM"]["Config"][0]["Gateway"]
    with socket.create_server((gateway, 0)) as outside:  # this machine, which the way out begins with
        port = outside.getsockname()[1]
        reach = f"python3 -c 'import socket; socket.create_connection((\"{gateway}\", {port}), 10); print(\"out\")'"
        assert printed(train(command=reach, contract="v2", network="bridge")) == ["out"]
        assert printed(train(command=reach, contract="v2", network="host")) == ["out"]
        error = failure(train, reach, contract="v2")
    assert "no way to the internet" in error.message


def test_the_code_comes_as_object_storage_delivers_it(train, tmp_path):
    folder = code(tmp_path, run__sh="echo ran\n", a__txt="content")
    (folder / "run.sh").chmod(0o755)
    (folder / "inside").symlink_to("a.txt")
    (folder / "outside").symlink_to("/etc/passwd")
    run = train(command="cd $MA_JOB_DIR/code; ls; cat inside; echo; test -L inside || echo a file; bash run.sh",
                contract="v2", code=folder)
    assert printed(run) == ["a.txt", "inside", "run.sh", "content", "a file", "ran"]
    assert "outside is a link to a place outside" in str(run.log) or "1 entries do not reach" in run.log
    error = failure(train, "$MA_JOB_DIR/code/run.sh", contract="v2", code=folder)
    assert "no execute bit" in error.message
    assert "bash /home/ma-user/modelarts/user-job-dir/code/run.sh" in error.hint


@pytest.mark.parametrize("contract", ["v1", "v2"])
def test_inputs_and_outputs_go_in_and_come_back(train, tmp_path, contract):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.csv").write_text("1,2,3")
    folder = code(tmp_path, t__py="""
        import argparse, pathlib
        parser = argparse.ArgumentParser()
        parser.add_argument("--data"), parser.add_argument("--model")
        found = parser.parse_args()
        target = pathlib.Path(found.model, "sub"); target.mkdir()
        (target / "copy.csv").write_text(pathlib.Path(found.data, "x.csv").read_text() + "!")
    """)
    start = "python3 $MA_JOB_DIR/code/t.py" if contract == "v2" else (
        "bash /home/work/run_train.sh python3 /home/work/user-job-dir/code/t.py")
    run = train(command=start, contract=contract, code=folder, inputs={"data": tmp_path / "data"},
                outputs={"model": tmp_path / "out"})
    assert (tmp_path / "out" / "sub" / "copy.csv").read_text() == "1,2,3!"
    assert run.outputs == {"model": tmp_path / "out"}


def test_paths_by_variables_where_asked(train, tmp_path):
    outputs = {"model": tmp_path / "o"}
    run = train(command="echo $model; echo done > $model/f", contract="v2", access_method="env", outputs=outputs)
    assert printed(run) == ["/home/ma-user/modelarts/outputs/model_0"]
    assert (tmp_path / "o" / "f").read_text() == "done\n"


def test_outputs_of_a_failed_run_are_not_lost(train, tmp_path):
    outputs = {"model": tmp_path / "o"}
    error = failure(train, "echo half > $model/f; exit 3", contract="v2", access_method="env", outputs=outputs)
    assert (tmp_path / "o" / "f").read_text() == "half\n"
    assert error.run.exit_code == 3
    assert "exit code 3" in error.message


def test_two_nodes_that_write_the_same_name_are_told(train, tmp_path):
    command = "echo $VC_TASK_INDEX > $model/f"
    run = train(command=command, contract="v2", nodes=2, access_method="env", outputs={"model": tmp_path})
    assert (tmp_path / "f").read_text() == "0\n"
    assert "written by several nodes" in run.log


def test_a_run_out_of_memory_says_so(train):
    error = failure(train, "python3 -c 'x = bytearray(300_000_000); print(len(x))'", memory=64 << 20, contract="v2")
    assert "killed for memory" in error.message
    assert "67.1 MB" in error.message
    assert error.run.nodes[0].oom_killed


def test_a_run_that_takes_too_long_is_stopped(train):
    error = failure(train, "echo waiting for the moon; sleep 100", timeout=1.0, contract="v2")
    assert "waiting for the moon" in error.message
    assert error.run.seconds < 15


@pytest.mark.parametrize(("command", "contract", "words"), [
    ("no-such-program", "v2", "no-such-program is not in the image"),
    ("python3 $MA_JOB_DIR/train.py", "v2", "code/train.py"),
    ("bash /home/work/run_train.sh python3 /home/work/user-job-dir/train.py", "v1", "code/train.py"),
    ("python3 $MA_JOB_DIR/code/arguments.py", "v2", "add_argument('--model')"),
    ("python3 $MA_JOB_DIR/code/needs.py", "v2", "pip install --no-cache-dir nowhere_to_be_found"),
    ("python3 -c 'import os; os.environ[\"DLS_TASK_INDEX\"]'", "v2", "VC_TASK_INDEX"),
    ("mkdir /opt/mine", "v2", "uid 1000"),
    ("bash -c 'kill -9 $$'; exit $?", "v2", "memory"),
])
def test_a_first_run_failure_says_what_to_change(train, tmp_path, command, contract, words):
    folder = code(tmp_path, train__py="print(1)", needs__py="import nowhere_to_be_found",
                  arguments__py="import argparse\nargparse.ArgumentParser().parse_args()")
    options = {"outputs": {"model": tmp_path / "o"}} if "arguments" in command else {}
    error = failure(train, command, contract=contract, code=folder, **options)
    assert words in f"{error.message} {error.hint}"


def test_a_failing_node_ends_the_others_and_is_the_one_that_is_named(train):
    error = failure(train, "test $VC_TASK_INDEX = 0 && sleep 100; exit 4", nodes=2, contract="v2")
    assert error.message.startswith("worker-1: ")
    assert [(node.exit_code, node.stopped) for node in error.run.nodes] == [(137, True), (4, False)]


def test_an_image_without_bash(connected, base_image, tmp_path):
    archive = tmp_path / "empty.tar"
    (tmp_path / "f").write_text("nothing")
    subprocess.run(["tar", "-cf", archive, "-C", tmp_path, "f"], check=True)
    connected.client.import_image(src=str(archive), repository="empty", tag="1")
    with pytest.raises(RunFailed, match="/bin/bash is not in the image"):
        modelarts_nb.train("empty:1", command="true", contract="v2", progress="quiet")


def test_what_cannot_be_a_job_is_refused(train, tmp_path, connected):
    with pytest.raises(SettingsError, match="nowhere is not here"):
        train(command="true", code=tmp_path / "nowhere")
    with pytest.raises(SettingsError, match="GPU"):
        train(command="true", gpus=1)
    with pytest.raises(SettingsError, match="NPU"):
        train(command="true", npus=1)
    with pytest.raises(EngineAPIError, match="of-nobody"):
        modelarts_nb.train("of-nobody:1", command="true", progress="quiet")


def test_a_hundred_thousand_lines_are_all_in_the_log(train):
    run = train(command="seq -f 'line %.0f' 1 100000", contract="v2")
    assert printed(run) == [f"line {number}" for number in range(1, 100_001)]


def test_what_a_killed_kernel_left_is_removed_and_what_others_run_stays(train, engine, base_image):
    def leave(job, pid, began):
        labels = {marks.LABEL: job, marks.OWNER: f"{socket.gethostname()} {pid} {began}"}
        engine.create_network(f"left-{job}", labels=labels)
        container = engine.create_container(base_image, command=["sleep", "60"], labels=labels)["Id"]
        engine.start(container)
        return container

    dead, alive = leave("dead", os.getpid(), "1"), leave("alive", 1, start_time(1))
    train(command="true", contract="v2")
    left = {container["Id"] for container in engine.containers(all=True, filters={"label": marks.LABEL})}
    assert left == {alive}
    assert dead not in left
    engine.remove_container(alive, force=True)
    engine.remove_network("left-alive")
