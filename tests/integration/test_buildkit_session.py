"""Builds over a session against a real Engine: what comes out, what it costs when interrupted, what stays behind."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import pytest
from docker import auth as docker_auth

from modelarts_nb.engine.buildkit import FromEnv, LocalFolder, SessionBuild, TarFile, build
from modelarts_nb.engine.buildkit.control import Control
from modelarts_nb.engine.buildkit.engineapi import EngineApi
from modelarts_nb.errors import BuildFailed, EngineUnavailable, SettingsError
from modelarts_nb.events import Vertex, VertexLog
from modelarts_nb.services import Service

from ..conftest import PATIENCE, answers, wait_until

BUSYBOX = "/bin/busybox"
BASE = "busybox-static:test"
SECRET = b"correct horse battery staple 1234"


@pytest.fixture(scope="session", autouse=True)
def busybox(engine):
    """A base image of a single static program, made here: nothing is pulled."""
    if not Path(BUSYBOX).exists():
        subprocess.run(["apt-get", "install", "-y", "-qq", "busybox-static"], check=True, capture_output=True)
    image = io.BytesIO()
    with tarfile.open(fileobj=image, mode="w") as tar:
        tar.add(BUSYBOX, "bin/busybox")
        for name in ("cat", "chmod", "env", "find", "id", "ls", "md5sum", "nc", "rm", "sh", "sleep", "sort", "wc", "yes"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    engine.import_image_from_data(image.getvalue(), repository="busybox-static", tag="test")
    return BASE


@pytest.fixture(params=[EngineApi, Control], autouse=True)
def way(request, monkeypatch):
    """Every build here is made both ways: through the Engine's own API and through BuildKit's."""
    monkeypatch.setattr("modelarts_nb.engine.buildkit.building._way", lambda client: request.param)
    return request.param


@pytest.fixture(autouse=True)
def nothing_stays_behind(engine):
    """No thread, no socket, no running process of a build is left by any test here."""
    engine._custom_adapter.pools.clear()  # docker-py keeps a connection for each address that it ever asked
    threads, sockets = set(threading.enumerate()), open_sockets()
    yield
    engine._custom_adapter.pools.clear()
    wait_until(lambda: set(threading.enumerate()) <= threads, 3, f"threads left: {threading.enumerate()}")
    wait_until(lambda: open_sockets() <= sockets, 3, "sockets left")
    assert not sleepers()


def open_sockets():
    count = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            count += str(descriptor.readlink()).startswith("socket:")
    return count


def sleepers(seconds=b"4242"):
    """Processes of `sleep 4242`, wherever they run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (folder / "cmdline").read_bytes().split(b"\0")[:2] == [b"sleep", seconds]:
                found.append(folder.name)
    return found


def run(engine, request):
    """(result, events); a failure carries the events too."""
    events = []
    building = build(engine, request)
    try:
        while True:
            event = next(building)
            if event is not None:
                events.append(event)
    except StopIteration as stop:
        return stop.value, events
    except BuildFailed as error:
        error.events = events
        raise


def output(events):
    return b"".join(e.data for e in events if isinstance(e, VertexLog)).decode()


def steps(events):
    """Name to final vertex."""
    return {e.name: e for e in events if isinstance(e, Vertex)}


def listing(engine, image, folder="/app"):
    """Every path in an image with what the Engine made of it."""
    made = engine.create_container(image, "/bin/sh")
    try:
        raw = b"".join(engine.get_archive(made["Id"], folder)[0])
    finally:
        engine.remove_container(made["Id"])
    found = {}
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        for item in tar:
            body = tar.extractfile(item).read() if item.isfile() else b""
            pax = {k: v for k, v in item.pax_headers.items() if "xattr" in k}
            found[item.name] = (item.type, oct(item.mode), item.uid, item.gid, item.linkname, body, str(pax))
    return found


def docker_cli(engine_base_url, folder, *arguments):
    """Debian's docker, whose builds speak BuildKit themselves; a newer one wants a plugin."""
    return subprocess.run(
        ["/usr/bin/docker", "--host", engine_base_url, "build", "--progress", "plain", *arguments, str(folder)],
        env={**os.environ, "DOCKER_BUILDKIT": "1"}, capture_output=True, text=True, check=True,
    ).stderr


def nasty_folder(folder, engine):
    """What file trees can hold: every kind of entry, name and mode that COPY takes on this Engine."""
    folder.mkdir()
    (folder / "a").mkdir()
    for name in ("a/z", "a-b", "a.d", "a b", "ünï-名前", "128k", "128k+1", "empty", "gone", "dropped.log", "kept.log"):
        (folder / name).write_bytes(os.urandom({"128k": 131072, "128k+1": 131073, "empty": 0}.get(name, 20)))
    with contextlib.suppress(OSError):
        if int(engine.version()["Version"].split(".")[0]) >= 28:
            raise OSError("BuildKit checks names since then: docker's own program fails in the same words")
        (Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe"))).write_bytes(b"no UTF-8")
    (folder / "link").symlink_to("a/z")
    (folder / "out").symlink_to("/etc/passwd")
    (folder / "dangling").symlink_to("nowhere")
    os.link(folder / "a/z", folder / "hard")
    os.link(folder / "a/z", folder / "a/hard")
    os.setxattr(folder / "a-b", "user.colour", b"blue")
    (folder / "a.d").chmod(0o4755)
    (folder / "sticky").mkdir()
    (folder / "sticky").chmod(0o1777)
    (folder / "deep" / "er" / "est").mkdir(parents=True)
    (folder / "deep/er/est/file").write_text("down here")
    os.chown(folder / "a b", 1234, 1234)
    os.mkfifo(folder / "fifo")
    (folder / ".dockerignore").write_text("# comment\n*.log\n!kept.log\ngone\nDockerfile\n")
    (folder / "Dockerfile").write_text(f"FROM {BASE}\nCOPY . /app\nRUN find /app | sort | md5sum\n")
    return folder


def test_a_build_of_docker_after_ours_of_the_same_folder_is_cached_and_the_same_inside(engine, engine_base_url, tmp_path):
    folder = nasty_folder(tmp_path / "context", engine)
    result, events = run(engine, SessionBuild(context=folder, tags=("ours:1",)))
    assert not steps(events)["[2/3] COPY . /app"].cached
    log = docker_cli(engine_base_url, folder, "-t", "theirs:1")
    assert log.count("CACHED") >= 2, log
    assert engine.inspect_image("theirs:1")["RootFS"] == engine.inspect_image(result.image_id)["RootFS"]
    names = listing(engine, "ours:1")
    assert "app/kept.log" in names
    assert not {"app/gone", "app/dropped.log", "app/Dockerfile"} & set(names)


def test_our_build_after_one_of_docker_of_the_same_folder_is_cached(engine, engine_base_url, tmp_path):
    folder = nasty_folder(tmp_path / "context", engine)
    docker_cli(engine_base_url, folder, "-t", "theirs:2")
    _, events = run(engine, SessionBuild(context=folder, tags=("ours:2",)))
    found = steps(events)
    assert found["[2/3] COPY . /app"].cached
    assert engine.inspect_image("theirs:2")["RootFS"] == engine.inspect_image("ours:2")["RootFS"]
    transfer = [e for e in events if getattr(e, "id", "") == "transferring context:"]
    assert max(e.current for e in transfer) < 20_000, "files that the Engine had were sent again"


def test_a_dockerfile_from_memory_leaves_the_folder_as_it_is(engine, tmp_path):
    (tmp_path / "data.txt").write_text("1")
    (tmp_path / "skipped").write_text("2")
    before = sorted(tmp_path.rglob("*"))
    request = SessionBuild(
        context=tmp_path, dockerfile=f"FROM {BASE}\nCOPY . /app\nRUN ls -a /app\n".encode(), ignore=b"skipped\n",
        no_cache=True,
    )
    _, events = run(engine, request)
    assert sorted(tmp_path.rglob("*")) == before
    assert "data.txt" in output(events)
    assert "skipped" not in output(events)


def test_two_dockerfiles_of_the_same_size_are_never_mixed_up(engine):
    for word in ("one", "two", "six"):
        _, events = run(engine, SessionBuild(dockerfile=f"FROM {BASE}\nRUN echo {word}\n".encode(), no_cache=True))
        assert output(events).strip() == word


def test_the_ignore_file_of_a_dockerfile_wins_over_the_folders_own(engine, tmp_path):
    (tmp_path / "x").write_text("x")
    (tmp_path / "y").write_text("y")
    (tmp_path / ".dockerignore").write_text("y\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "my.Dockerfile").write_text(f"FROM {BASE}\nCOPY . /app\nRUN ls /app\n")
    (tmp_path / "sub" / "my.Dockerfile.dockerignore").write_text("x\n")
    _, events = run(engine, SessionBuild(context=tmp_path, dockerfile_path=Path("sub/my.Dockerfile"), no_cache=True))
    assert output(events).split() == ["sub", "y"]


def test_options_reach_the_build(engine):
    dockerfile = (
        f"FROM {BASE} AS first\nARG WHO=nobody\nRUN echo hello $WHO; cat /etc/hosts\nFROM first AS second\nRUN false\n"
    ).encode()
    request = SessionBuild(
        dockerfile=dockerfile, target="first", build_args={"WHO": "world"}, labels={"made.by": "test"}, no_cache=True,
        add_hosts={"registry.test": "10.1.2.3"}, tags=("opts:1", "opts:2"), platform="linux/amd64",
    )
    result, events = run(engine, request)
    assert "hello world" in output(events)
    assert "10.1.2.3\tregistry.test" in output(events)
    found = engine.inspect_image(result.image_id)
    assert found["Config"]["Labels"] == {"made.by": "test"}
    assert sorted(found["RepoTags"]) == ["opts:1", "opts:2"]


@pytest.mark.parametrize("kind", ["memory", "file", "environment"])
def test_a_secret_is_there_for_its_step_and_nowhere_else(engine, tmp_path, monkeypatch, kind):
    (tmp_path / "secret").write_bytes(SECRET)
    monkeypatch.setenv("THE_SECRET", SECRET.decode())
    source = {"memory": SECRET, "file": tmp_path / "secret", "environment": FromEnv("THE_SECRET")}[kind]
    dockerfile = (
        f"FROM {BASE}\nRUN --mount=type=secret,id=token wc -c < /run/secrets/token; md5sum < /run/secrets/token\nRUN false\n"
    ).encode()
    request = SessionBuild(dockerfile=dockerfile, secrets={"token": source}, no_cache=True)
    with pytest.raises(BuildFailed) as caught:
        run(engine, request)
    assert str(len(SECRET)) in output(caught.value.events)
    assert SECRET.decode() not in repr(caught.value.events) + repr(vars(caught.value)) + repr(request)
    result, _ = run(engine, SessionBuild(dockerfile=dockerfile.replace(b"RUN false\n", b""), secrets={"token": source}))
    said = json.dumps(engine.history(result.image_id)) + json.dumps(engine.inspect_image(result.image_id))
    assert SECRET.decode() not in said


def test_a_secret_that_nobody_gave_is_an_error_that_names_it(engine):
    dockerfile = f"FROM {BASE}\nRUN --mount=type=secret,id=absent,required=true true\n".encode()
    with pytest.raises(BuildFailed, match="absent"):
        run(engine, SessionBuild(dockerfile=dockerfile))
    with pytest.raises(SettingsError, match="NOT_SET_ANYWHERE"):
        run(engine, SessionBuild(dockerfile=dockerfile, secrets={"absent": FromEnv("NOT_SET_ANYWHERE")}))


def test_a_failing_step_comes_as_a_vertex_and_then_as_build_failed(engine):
    dockerfile = f"FROM {BASE}\nRUN echo some output; exit 7\n".encode()
    with pytest.raises(BuildFailed) as caught:
        run(engine, SessionBuild(dockerfile=dockerfile))
    assert caught.value.exit_code == 7
    assert caught.value.instruction == "RUN echo some output; exit 7"
    assert "some output" in output(caught.value.events)
    assert steps(caught.value.events)["[2/2] RUN echo some output; exit 7"].error


@pytest.mark.parametrize(("dockerfile", "words"), [
    (b"FROM\n", "FROM requires"), (b"FROM " + BASE.encode() + b" AS a\nCOPY missing /x\n", "missing"), (b"", "empty"),
])
def test_what_the_engine_says_of_a_bad_dockerfile_is_the_message(engine, dockerfile, words):
    with pytest.raises(BuildFailed, match=words):
        run(engine, SessionBuild(dockerfile=dockerfile))


def test_what_cannot_be_read_is_said_before_anything_starts(engine, tmp_path):
    for request in (
        SessionBuild(context=tmp_path / "nowhere", dockerfile=b"FROM x"), SessionBuild(context=tmp_path),
        SessionBuild(dockerfile=b"FROM x", secrets={"s": tmp_path / "no"}),
        SessionBuild(dockerfile=b"FROM x", secrets={"s": b"x" * 600_000}),
    ):
        with pytest.raises(SettingsError):
            next(build(engine, request))


def test_no_engine_is_engine_unavailable(tmp_path):
    client = docker.APIClient(f"unix://{tmp_path}/no.sock", version="1.41")
    with pytest.raises(EngineUnavailable, match="No such file"):
        run(client, SessionBuild(dockerfile=b"FROM x"))
    client.close()


def until(building, condition, limit=60):
    """Take events until one is as wanted; the pauses between two of them stay short enough to repaint."""
    deadline = last = time.monotonic()
    for event in building:
        now = time.monotonic()
        assert now - last < PATIENCE, "the generator was silent for too long"
        last = now
        if event is not None and condition(event):
            return
        assert now - deadline < limit
    pytest.fail("the build ended before it was to be interrupted")


def test_closing_during_a_run_ends_its_container(engine):
    building = build(engine, SessionBuild(dockerfile=f"FROM {BASE}\nRUN echo up; sleep 4242\n".encode(), no_cache=True))
    until(building, lambda e: isinstance(e, VertexLog))
    wait_until(sleepers, PATIENCE, "the step did not begin")
    building.close()
    wait_until(lambda: not sleepers(), PATIENCE, "the container still runs")


def test_an_interrupt_thrown_in_does_the_same_and_goes_on(engine):
    building = build(engine, SessionBuild(dockerfile=f"FROM {BASE}\nRUN echo up; sleep 4242\n".encode(), no_cache=True))
    until(building, lambda e: isinstance(e, VertexLog))
    wait_until(sleepers, PATIENCE, "the step did not begin")
    with pytest.raises(KeyboardInterrupt):
        building.throw(KeyboardInterrupt())
    wait_until(lambda: not sleepers(), PATIENCE, "the container still runs")


def test_closing_in_the_middle_of_a_transfer_does_not_wait_for_its_end(engine, tmp_path):
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(64 << 30)  # it would take minutes
    building = build(engine, SessionBuild(context=tmp_path, dockerfile=f"FROM {BASE}\nCOPY . /app\n".encode()))
    until(building, lambda e: getattr(e, "id", "") == "transferring context:" and e.current > 20_000_000)
    begin = time.monotonic()
    building.close()
    assert time.monotonic() - begin < PATIENCE


def test_closing_before_anything_happened_is_possible(engine):
    building = build(engine, SessionBuild(dockerfile=b"FROM x"))
    building.close()
    building = build(engine, SessionBuild(dockerfile=f"FROM {BASE}\nRUN sleep 4242\n".encode()))
    next(building)
    building.close()


def test_eight_builds_at_once_in_one_process_do_not_mix(engine, tmp_path):
    (tmp_path / "shared").write_bytes(os.urandom(3_000_000))
    shared = subprocess.run(["md5sum", tmp_path / "shared"], capture_output=True, text=True, check=True).stdout.split()[0]

    def one(number):
        own = tmp_path if number % 2 else tmp_path / f"own{number}"
        own.mkdir(exist_ok=True)
        if not number % 2:
            shutil.copy(tmp_path / "shared", own / "shared")
        dockerfile = (
            f"FROM {BASE}\nCOPY shared /app/shared\nRUN --mount=type=secret,id=n echo {number}; cat /run/secrets/n; "
            "md5sum /app/shared\n"
        ).encode()
        _, events = run(engine, SessionBuild(
            context=own, dockerfile=dockerfile, secrets={"n": f"<{number * 1111}>".encode()}, no_cache=True,
        ))
        return output(events).split()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(one, range(8)))
    assert found == [[str(n), f"<{n * 1111}>{shared}", "/app/shared"] for n in range(8)]


def test_a_caller_who_takes_nothing_for_long_loses_nothing(engine):
    dockerfile = f"FROM {BASE}\nRUN yes | busybox head -n 100000 | cat -n; echo the end\n".encode()
    building = build(engine, SessionBuild(dockerfile=dockerfile, no_cache=True))
    until(building, lambda e: isinstance(e, VertexLog))
    time.sleep(2)  # not for something to happen: this is the pause under test
    rest = [e for e in building if e is not None]
    assert any(isinstance(e, Vertex) and e.completed for e in rest)
    assert "the end" in output(rest) or "clipped" in output(rest)


@pytest.fixture(scope="module")
def locked_registry(tmp_path_factory, engine, busybox):
    """A registry that wants a login, with the base image in it: (host, user, password)."""
    folder = tmp_path_factory.mktemp("locked")
    if not shutil.which("htpasswd"):
        subprocess.run(["apt-get", "install", "-y", "-qq", "apache2-utils"], check=True, capture_output=True)
    user, password, port = "trainee", "pässword-Ω", 5741
    line = subprocess.run(["htpasswd", "-Bbn", user, password], capture_output=True, text=True, check=True).stdout
    (folder / "htpasswd").write_text(line)
    (folder / "registry.yml").write_text(json.dumps({
        "version": 0.1, "log": {"level": "warn"}, "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": f"127.0.0.1:{port}"}, "auth": {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}},
    }))
    service = Service("locked", folder)
    service.start(["docker-registry", "serve", str(folder / "registry.yml")], lambda: answers(port))
    host = f"127.0.0.1:{port}"
    engine.tag(BASE, f"{host}/team/base", "1")
    login = {"username": user, "password": password}
    said = list(engine.push(f"{host}/team/base", "1", stream=True, decode=True, auth_config=login))
    assert not [m for m in said if "error" in m], said
    engine.remove_image(f"{host}/team/base:1")
    yield host, user, password
    service.stop()


def test_a_base_image_behind_a_login_is_pulled_with_credentials_and_only_with_them(engine, locked_registry):
    host, user, password = locked_registry
    asked = []

    def credentials(registry):
        asked.append(registry)
        return user, password

    dockerfile = f"FROM {host}/team/base:1\nRUN echo pulled\n".encode()
    with pytest.raises(BuildFailed, match=r"(?i)no basic auth|unauthorized|authorization|authentication required"):
        run(engine, SessionBuild(dockerfile=dockerfile, credentials=lambda _: None))
    with pytest.raises(BuildFailed) as caught:
        run(engine, SessionBuild(dockerfile=dockerfile, credentials=lambda _: (user, "wrong")))
    assert "wrong" not in str(caught.value)
    _, events = run(engine, SessionBuild(dockerfile=dockerfile, credentials=credentials, no_cache=True))
    assert "pulled" in output(events)
    assert set(asked) == {host}


def test_stored_credentials_are_found_in_configuration_login_and_helper(engine, locked_registry, tmp_path, monkeypatch):
    host, user, password = locked_registry
    helper = tmp_path / "docker-credential-fortest"
    helper.write_text(
        "#!/bin/sh\nread registry\n"
        f'[ "$registry" = {host} ] || {{ echo "credentials not found in native keychain"; exit 1; }}\n'
        f'echo \'{json.dumps({"Username": user, "Secret": password, "ServerURL": host})}\'\n'
    )
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    dockerfile = f"FROM {host}/team/base:1\nRUN echo pulled\n".encode()
    (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {host: "fortest"}}))
    _, events = run(engine, SessionBuild(dockerfile=dockerfile, no_cache=True))
    assert "pulled" in output(events)
    (tmp_path / "config.json").write_text("{}")
    client = docker.APIClient(engine.base_url.replace("http+docker://localhost", f"unix://{engine._custom_adapter.socket_path}"))
    client._auth_configs = docker_auth.AuthConfig({"auths": {host: {"username": user, "password": password}}})
    _, events = run(client, SessionBuild(dockerfile=dockerfile, no_cache=True))
    client.close()
    assert "pulled" in output(events)


def test_a_credential_helper_that_fails_is_named_and_its_words_are_not_shown(engine, locked_registry, tmp_path, monkeypatch):
    host, _, _ = locked_registry

    def credentials(registry):
        raise RuntimeError("the keychain said: hunter2")

    with pytest.raises(BuildFailed) as caught:
        run(engine, SessionBuild(dockerfile=f"FROM {host}/team/base:1\n".encode(), credentials=credentials))
    assert "credentials" in str(caught.value)
    assert "hunter2" not in str(caught.value)


STAGES = f"""FROM {BASE} AS made
RUN ["busybox", "mkdir", "-p", "/out/d"]
RUN echo content > /out/d/f && busybox ln /out/d/f /out/hard && busybox ln -s d/f /out/link && chmod 4750 /out/d/f
FROM scratch
COPY --from=made /out /
""".encode()


def test_a_stages_files_go_to_a_folder(engine, tmp_path):
    result, _ = run(engine, SessionBuild(dockerfile=STAGES, output=LocalFolder(tmp_path / "out")))
    assert result.image_id == ""
    out = tmp_path / "out"
    assert (out / "link").read_text() == "content\n"
    assert (out / "hard").samefile(out / "d/f")
    assert (out / "d/f").stat().st_mode & 0o7777 == 0o4750
    assert len(list(out.rglob("*"))) == 4


def test_a_stages_files_go_to_a_tar_file(engine, tmp_path):
    run(engine, SessionBuild(dockerfile=STAGES, output=TarFile(tmp_path / "out.tar")))
    with tarfile.open(tmp_path / "out.tar") as tar:
        assert {"d/f", "hard", "link"} <= {name.removeprefix("./") for name in tar.getnames()}
    assert [p.name for p in tmp_path.iterdir()] == ["out.tar"]


def test_an_export_that_cannot_be_written_says_so(engine, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(BuildFailed) as caught:
        run(engine, SessionBuild(dockerfile=STAGES, output=LocalFolder(tmp_path / "file")))
    assert "cannot be written" in str(caught.value)


def test_a_file_that_cannot_be_read_is_named_instead_of_sent_empty(engine, tmp_path, monkeypatch):
    (tmp_path / "f").write_text("x")
    real = os.open

    def refuse(path, *args, **options):
        if os.fsencode(path).endswith(b"/f"):
            raise PermissionError(13, "Permission denied")
        return real(path, *args, **options)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(BuildFailed) as caught:
        run(engine, SessionBuild(context=tmp_path, dockerfile=f"FROM {BASE}\nCOPY f /f\n".encode()))
    assert "cannot read f: Permission denied" in str(caught.value)


@pytest.fixture(scope="session")
def ssh_image(engine, busybox):
    """An image with ssh-add, to speak to an agent from inside a build."""
    image = io.BytesIO()
    with tarfile.open(fileobj=image, mode="w") as tar:
        tar.add(BUSYBOX, "bin/busybox")
        tar.add(BUSYBOX, "bin/sh")
        program = shutil.which("ssh-add")
        tar.add(program, "bin/ssh-add")
        libraries = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        for word in libraries.split():
            if word.startswith("/"):
                tar.add(Path(word).resolve(), word.lstrip("/"))
        passwd = tarfile.TarInfo("etc/passwd")
        content = b"root:x:0:0:root:/:/bin/sh\n"
        passwd.size = len(content)
        tar.addfile(passwd, io.BytesIO(content))
    engine.import_image_from_data(image.getvalue(), repository="ssh-add", tag="test")
    return "ssh-add:test"


@pytest.fixture
def ssh_agent(tmp_path):
    """A real agent with one key: (socket, public key)."""
    address = tmp_path / "agent.sock"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", address], stdout=subprocess.DEVNULL)
    wait_until(address.exists, 5, "ssh-agent does not start")
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "the-key", "-f", key], check=True)
    subprocess.run(["ssh-add", "-q", key], env={**os.environ, "SSH_AUTH_SOCK": str(address)}, check=True)
    yield address, key.with_suffix(".pub").read_text()
    agent.terminate()
    agent.wait()


def test_an_ssh_agent_lists_and_signs_and_gives_nothing_away(engine, ssh_image, ssh_agent, monkeypatch):
    address, public = ssh_agent
    dockerfile = (
        f"FROM {ssh_image}\nRUN --mount=type=ssh echo '{public.strip()}' > /tmp.pub; ssh-add -L; "
        "ssh-add -T /tmp.pub && echo signed; ssh-add -D || echo kept\n"
    ).encode()
    _, events = run(engine, SessionBuild(dockerfile=dockerfile, ssh={"default": address}, no_cache=True))
    assert public.strip() in output(events)
    assert "signed" in output(events)
    assert "kept" in output(events)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(address))
    _, events = run(engine, SessionBuild(dockerfile=dockerfile, ssh={"default": FromEnv("SSH_AUTH_SOCK")}, no_cache=True))
    assert public.strip() in output(events)


def test_without_an_ssh_agent_the_step_that_needs_one_says_so(engine, ssh_image, tmp_path):
    dockerfile = f"FROM {ssh_image}\nRUN --mount=type=ssh,required=true ssh-add -L\n".encode()
    with pytest.raises(BuildFailed, match="SSH"):
        run(engine, SessionBuild(dockerfile=dockerfile))
    with pytest.raises(BuildFailed):
        run(engine, SessionBuild(dockerfile=dockerfile, ssh={"default": tmp_path / "nobody.sock"}))
