"""What is in the stand-in base image, and what its tools do in a container without a terminal, as the platform has none."""

import io
import tarfile
import time
from pathlib import PurePosixPath

import pytest

RUN_TRAIN = ["bash", "/home/work/run_train.sh"]


class Job:
    """One container of the base image; ``obs``: files by key, in object storage as a local run has it."""

    def __init__(self, engine, image, command, obs=None, environment=None, user="1101:1101"):
        self.engine = engine
        config = engine.create_host_config(network_mode="none")
        self.id = engine.create_container(
            image, command, user=user, working_dir="/home/work", environment=environment or {}, host_config=config
        )["Id"]
        if obs:
            engine.put_archive(self.id, "/", packed({f"run/modelarts_nb/obs/{key}": text for key, text in obs.items()}))

    def start(self):
        self.engine.start(self.id)
        return self

    def run(self):
        """(exit code, standard output and error)."""
        self.start()
        code = self.engine.wait(self.id, timeout=60)["StatusCode"]
        return code, self.log()

    def log(self):
        return self.engine.logs(self.id).decode()

    def file(self, path):
        """(mode, content) of a file in it."""
        chunks, _ = self.engine.get_archive(self.id, path)
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
            entry = archive.next()
            return entry.mode & 0o7777, archive.extractfile(entry).read().decode()


def packed(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        folders = {str(folder) for path in files for folder in PurePosixPath(path).parents}
        for folder in sorted(folder for folder in folders if folder.startswith("run/modelarts_nb/obs")):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode, entry.uid, entry.gid = tarfile.DIRTYPE, 0o755, 1101, 1101
            archive.addfile(entry)
        for path, text in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode, entry.uid, entry.gid = len(text), 0o755, 1101, 1101
            archive.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


@pytest.fixture
def job(engine, base_image):
    made = []

    def make(command, **options):
        made.append(Job(engine, base_image, command, **options))
        return made[-1]

    yield make
    for one in made:
        engine.remove_container(one.id, force=True, v=True)


def shell(job, script, **options):
    code, said = job(["/bin/sh", "-ec", script], **options).run()
    assert code == 0, said
    return said.splitlines()


def test_the_users_and_folders_of_the_contract_are_there(job):
    assert shell(job, "id -u work; id -g work; getent passwd 1100 | cut -d: -f4; id -u ma-user; id -g ma-user") == [
        "1101", "1101", "1100", "1000", "100",
    ]
    assert shell(job, "stat -c '%u:%g %a %n' /cache /home/work /home/ma-user; stat -c '%u %n' /home/ma-user/.bashrc") == [
        "1101:1101 755 /cache", "1101:1101 755 /home/work", "1000:100 755 /home/ma-user", "1000 /home/ma-user/.bashrc",
    ]


def test_the_tools_are_there_and_only_root_can_change_them(job):
    assert shell(job, "cd /home/work; stat -c '%u %a %n' run_train.sh utils.sh ip_mapper.py modelarts-downloader.py") == [
        "0 755 run_train.sh", "0 755 utils.sh", "0 755 ip_mapper.py", "0 755 modelarts-downloader.py",
    ]


@pytest.mark.parametrize("user", ["1101:1101", "1000:100"])
def test_both_generations_users_can_write_at_home_and_only_v1s_in_cache(job, user):
    script = 'touch ~/x && echo home; touch /cache/x 2>/dev/null && echo cache || :'
    assert shell(job, script, user=user) == (["home", "cache"] if user == "1101:1101" else ["home"])


def test_python_is_there_under_both_names_with_a_pip_for_root(job):
    assert shell(job, "python -c 'print(1)'; python3 -c 'print(2)'") == ["1", "2"]
    lines = shell(job, "pip install --dry-run --no-index --no-deps /nowhere 2>&1 || :", user="0")
    assert not any("externally-managed" in line for line in lines), lines
    assert shell(job, "python3 -m venv /tmp/v && /tmp/v/bin/python -c 'print(3)'") == ["3"]


def test_it_says_that_it_is_a_stand_in_and_presets_nothing_that_the_platform_does_not(engine, base_image):
    config = engine.inspect_image(base_image)["Config"]
    assert config["Labels"]["modelarts-nb.stand-in"] == "true"
    assert "not Huawei's image" in config["Labels"]["modelarts-nb.stand-in.note"]
    assert {entry.partition("=")[0] for entry in config["Env"]} == {"PATH", "LANG"}
    assert not config["User"]
    assert not config["Entrypoint"]


def test_there_is_nothing_setuid_that_a_plain_debian_has_not(job):
    found = shell(job, "find / -xdev -user root -perm /6000 -type f 2>/dev/null | sort || :", user="0")
    assert not [path for path in found if path.startswith(("/home", "/usr/local", "/opt", "/cache"))]


def test_run_train_fetches_the_code_and_runs_the_command_there_as_it_is_documented(job):
    script = (
        "import os, sys\n"
        "print(os.getcwd(), os.getuid(), os.environ['DLS_USER_JOB_DIR'], os.environ['PYTHONUNBUFFERED'])\n"
        "print(sys.argv[1:], os.environ['PYTHONPATH'].split(':'))\n"
        "print('to the error stream', file=sys.stderr)\n"
        "import digits.pkg\n"
    )
    code, said = job(
        [*RUN_TRAIN, "python", "/home/work/user-job-dir/digits/train.py", "--epochs", "2 and more"],
        obs={"bucket/job1/code/digits/train.py": script, "bucket/job1/code/digits/pkg/__init__.py": "print('imported')"},
        environment={"DLS_APP_URL": "s3://bucket/job1/code/digits/", "DLS_TASK_INDEX": "3", "PYTHONPATH": "/opt/own"},
    ).run()
    assert said.splitlines() == [
        "/home/work/user-job-dir 1101 /home/work/user-job-dir 1",
        "['--epochs', '2 and more'] ['/home/work/user-job-dir', '/opt/own']",
        "to the error stream",
        "imported",
    ]
    assert code == 0


def test_what_object_storage_brings_has_no_execute_bit(job):
    one = job(
        [*RUN_TRAIN, "/home/work/user-job-dir/code/run.sh"], obs={"b/code/run.sh": "#!/bin/sh\necho ran\n"},
        environment={"DLS_APP_URL": "s3://b/code/"},
    )
    code, said = one.run()
    assert code == 126
    assert "Permission denied" in said
    assert one.file("/home/work/user-job-dir/code/run.sh") == (0o644, "#!/bin/sh\necho ran\n")


@pytest.mark.parametrize("url", ["s3://bucket/other/", "s3://bucket/../../etc/", "file:///etc/", "", "s3://", "s3://bucket/.."])
def test_code_that_cannot_be_fetched_is_told_and_ends_with_127(job, url):
    code, said = job(
        [*RUN_TRAIN, "echo", "it ran"], obs={"bucket/code/train.py": ""}, environment={"DLS_APP_URL": url}
    ).run()
    assert code == 127
    assert "App download error" in said
    assert "it ran" not in said
    if url == "s3://bucket/other/":
        assert "modelarts-downloader.py: Get object key failed: 'Contents'" in said


def test_a_command_that_is_not_there_ends_with_127(job):
    code, said = job([*RUN_TRAIN, "no-such-program"], obs={"b/code/a": ""}, environment={"DLS_APP_URL": "s3://b/code/"}).run()
    assert code == 127
    assert "no-such-program" in said
    assert "download error" not in said


@pytest.mark.parametrize("number", [1, 42, 137])
def test_the_exit_code_of_the_command_is_kept(job, number):
    one = job([*RUN_TRAIN, "sh", "-c", f"exit {number}"], obs={"b/code/a": ""}, environment={"DLS_APP_URL": "s3://b/code/"})
    assert one.run()[0] == number


@pytest.mark.parametrize(
    "command",
    [
        ["python", "-c", "import time; print('first'); time.sleep(60)"],
        ["sh", "-c", "(echo first; sleep 60) | cut -c1-"],  # a program that keeps lines back when nobody watches
    ],
    ids=["python", "stdio"],
)
def test_lines_come_while_the_command_runs(job, command):
    one = job([*RUN_TRAIN, *command], obs={"b/code/a": ""}, environment={"DLS_APP_URL": "s3://b/code/"}).start()
    deadline = time.monotonic() + 10
    while one.log() != "first\n":
        assert time.monotonic() < deadline, f"after 10 s there is {one.log()!r}"
        time.sleep(0.05)
    assert one.engine.inspect_container(one.id)["State"]["Running"]


def test_the_log_is_kept_and_uploaded_when_that_is_asked_for(job):
    environment = {
        "DLS_APP_URL": "s3://b/code/", "DLS_TASK_INDEX": "1", "DLS_USE_UPLOADER": "1", "DLS_UPLOAD_LOG_OBS_DIR": "s3://b/logs/",
    }
    one = job([*RUN_TRAIN, "sh", "-c", "echo out; echo err >&2; exit 5"], obs={"b/code/a": ""}, environment=environment)
    assert one.run() == (5, "out\nerr\n")
    assert one.file("/tmp/dls-task-1.log")[1] == "out\nerr\n"
    assert one.file("/run/modelarts_nb/obs/b/logs/dls-task-1.log")[1] == "out\nerr\n"


def test_an_upload_that_fails_is_told_and_changes_no_exit_code(job):
    environment = {"DLS_APP_URL": "s3://b/code/", "DLS_USE_UPLOADER": "1", "DLS_UPLOAD_LOG_OBS_DIR": "nonsense"}
    code, said = job([*RUN_TRAIN, "true"], obs={"b/code/a": ""}, environment=environment).run()
    assert code == 0
    assert "log upload to nonsense failed" in said


@pytest.mark.parametrize("value", ["", "0"])
def test_nothing_is_uploaded_unless_asked_for(job, value):
    environment = {"DLS_APP_URL": "s3://b/code/", "DLS_USE_UPLOADER": value, "DLS_UPLOAD_LOG_OBS_DIR": "nonsense"}
    assert job([*RUN_TRAIN, "true"], obs={"b/code/a": ""}, environment=environment).run() == (0, "")


def test_ip_mapper_prints_the_address_of_the_interface_it_finds(job):
    assert shell(job, "python /home/work/ip_mapper.py lo") == ["127.0.0.1"]
    code, said = job(["python", "/home/work/ip_mapper.py"]).run()
    assert (code, said) == (1, "no address\n"), "without a network there is neither ib0 nor eth0"
