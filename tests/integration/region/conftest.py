"""The region on this machine, an image of a few bytes to push, and Docker's client with settings of its own."""

import io
import json
import os
import subprocess
import tarfile
from html import unescape
from urllib.parse import quote

import pytest

from modelarts_nb.engine import images
from modelarts_nb.reference import parse_reference

from .client import Region
from .objects import ask

BASE = "modelarts-job-dev-image/custom-cpu-base:1.3"


@pytest.fixture(scope="session")
def access(sandbox, home):
    """The key and the addresses; what an earlier run was interrupted at is gone."""
    found = json.loads((home / "sandbox" / "access.json").read_text())
    region = Region(found)
    for left in region.call("GET", "/v2/manage/namespaces")[2]["namespaces"]:
        remove_organization(region, left["name"])
    empty_buckets(region)
    return found


def empty_buckets(region):
    """Delete every bucket with all that is in it."""
    for bucket in names(ask(region, "GET", "/")[2], "Name"):
        for key in names(ask(region, "GET", f"/{bucket}")[2], "Key"):
            ask(region, "DELETE", f"/{bucket}/{quote(key)}")
        assert ask(region, "DELETE", f"/{bucket}")[0] == 204


def names(xml, tag):
    """The texts of the elements of that name."""
    return [unescape(part.partition(f"</{tag}>")[0]) for part in xml.decode().split(f"<{tag}>")[1:]]


@pytest.fixture
def region(access):
    """The sandbox's own caller. What a test tells the sandbox to do wrong is over with it."""
    found = Region(access)
    yield found
    found.call("DELETE", "/sandbox/faults")
    found.settings(
        secret_seconds=21600, namespace_quota=5, layer_bytes=10 * 10**9, token_seconds=900, job_quota=20,
    )


@pytest.fixture
def organization(region):
    """An organization of the sandbox's account; it and what was pushed to it are gone afterwards."""
    name = "tests-org"
    status, _, said = region.call("POST", "/v2/manage/namespaces", {"namespace": name})
    assert status == 201, said
    yield name
    remove_organization(region, name)


def remove_organization(region, name):
    _, _, repositories = region.call("GET", f"/v2/manage/repos?namespace={name}&limit=1000")
    for repository in repositories:
        path = repository["name"].replace("/", "$")
        assert region.call("DELETE", f"/v2/manage/namespaces/{name}/repos/{path}")[0] == 204
    region.call("DELETE", f"/v2/manage/namespaces/{name}")


def archive(content):
    """A tar of one file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as made:
        entry = tarfile.TarInfo("content")
        entry.size = len(content)
        made.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture(scope="session")
def tiny(connected):
    """An image of a few bytes, in the Engine."""
    connected.client.import_image_from_data(archive(b"hello"), repository="tests-tiny", tag="v1")
    yield "tests-tiny:v1"
    connected.client.remove_image("tests-tiny:v1", force=True)


@pytest.fixture
def docker(connected, tmp_path, region):
    """The docker command, with no logins but those that a test makes; its output, and whether it went well."""
    environment = {**os.environ, "DOCKER_HOST": connected.url, "DOCKER_CONFIG": str(tmp_path / "docker")}

    def run(*words, stdin=""):
        done = subprocess.run(
            ["docker", *words], env=environment, input=stdin, capture_output=True, text=True, timeout=300, check=False
        )
        return done.returncode == 0, done.stdout + done.stderr

    yield run
    for tag in [tag for image in connected.client.images() for tag in image["RepoTags"] or ()]:
        if tag.startswith(f"{region.registry}/"):
            connected.client.remove_image(tag, force=True)


@pytest.fixture
def logged_in(docker, region):
    """The docker command, logged in by a temporary login."""
    user, password, _ = region.login()
    done, said = docker("login", "-u", user, "--password-stdin", region.registry, stdin=password)
    assert done, said
    return docker


@pytest.fixture
def pushed(connected, region, logged_in, tiny):
    """A function: the tiny image goes to a path of the region's registry; (whether it went well, what docker said)."""

    def push(path):
        images.tag(connected, tiny, parse_reference(f"{region.registry}/{path}"))
        return logged_in("push", f"{region.registry}/{path}")

    return push
