"""Who can reach what runs on this machine: from here only, with the key only, its owner only."""

import re
import stat
import urllib.error
import urllib.request
from pathlib import Path

from modelarts_nb.engine import private

from ...conftest import PORT

PORTS = range(PORT, PORT + 4)


def listening(table, port):
    rows = [line.split() for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    return [row[1].rpartition(":")[0] for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")]


def test_every_port_of_the_sandbox_is_on_loopback(sandbox):
    for port in PORTS:
        assert listening("tcp", port) == ["0100007F"], f"port {port} listens elsewhere than on 127.0.0.1"
        assert listening("tcp6", port) == []


def status(url):
    try:
        with urllib.request.urlopen(urllib.request.Request(url), timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code


def test_without_the_key_nobody_gets_anything(sandbox):
    api, registry, storage = (f"http://127.0.0.1:{port}" for port in (PORT + 1, PORT + 2, PORT + 3))
    for url in (
        f"{api}/v3/projects", f"{api}/v2/manage/namespaces", f"{api}/v2/x/training-jobs", f"{api}/sandbox/settings",
        f"{registry}/v2/", f"{registry}/v2/_catalog", f"{registry}/v2/a/b/tags/list",
        f"{storage}/", f"{storage}/a-bucket", f"{storage}/a-bucket/a-key",
    ):
        assert status(url) in (401, 403), url


def test_the_private_engine_is_for_root_and_its_group_only(home, engine_base_url):
    """As any Engine of the distribution: the group is docker's where there is one."""
    found = re.fullmatch(r"unix://(/.+)", private.status().url)
    socket = Path(found.group(1)).stat()
    assert stat.S_IMODE(socket.st_mode) & 0o007 == 0
    assert socket.st_uid == 0
