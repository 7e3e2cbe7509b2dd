"""The stand-in for an official v1 base image: what the contract says is in it, made by our own recipe.

Documented layout (modelarts ``custom_base`` Dockerfiles; container contract v1): a user 1100:1100 and the work user
1101:1101 with home ``/home/work`` and the platform's tools in it, ``/cache`` owned by 1101:1101 with mode 755. One thing is
added: ``ma-user`` 1000:100 with its home, so that the newer contract can be tried on the same image; a real base has one
of the two. It trusts what this machine trusts and uses its package index, as official bases come with the vendor's mirror.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from .. import paths
from ..building.site import ca_bundle_path, pip_options, render_pip_conf
from ..engine import images
from ..engine.discovery import Engine
from ..errors import EngineAPIError, SandboxError
from ..packages import need

REPOSITORY = "modelarts-job-dev-image/custom-cpu-base"
TAG = "1.3"
TOOLS = Path(__file__).parent / "image"
PACKAGES = "ca-certificates,python3,python3-pip,procps,iproute2"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
RECIPE = "1"  # raise it when the steps below change; the tools and settings count by themselves

# Run as root inside the base: the users, homes and folders of the contract
SETUP = """
set -e
groupadd -g 1100 modelarts && useradd -u 1100 -g 1100 -m -s /bin/bash modelarts
groupadd -g 1101 work && useradd -u 1101 -g 1101 -m -s /bin/bash work
getent group 100 >/dev/null || groupadd -g 100 ma-group
useradd -u 1000 -g 100 -m -d /home/ma-user -s /bin/bash ma-user
mkdir -p /cache && chown 1101:1101 /cache && chmod 755 /cache
chmod 755 /home/work /home/ma-user
chown root:root /home/work/*.sh /home/work/*.py && chmod 755 /home/work/*.sh /home/work/*.py
[ -e /usr/bin/python ] || ln -s python3 /usr/bin/python
rm -f /usr/lib/python3*/EXTERNALLY-MANAGED
rm -rf /var/cache/apt/archives/*.deb /var/lib/apt/lists/* /var/log/*.log
"""


def recipe(environment: Mapping[str, str], source: str = "") -> str:
    """A fingerprint of all that goes into the base, so that it is made anew when something changes."""
    parts = [RECIPE, SETUP, PACKAGES, source, pip_conf(environment)]
    parts += [path.read_text(encoding="utf-8") for path in sorted(TOOLS.iterdir()) if path.is_file()]
    parts.append(_host_bundle(environment).decode(errors="replace"))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def pip_conf(environment: Mapping[str, str]) -> str:
    """Settings of this machine's pip for the base; an address with a password in it stays out."""
    files = [Path("/etc/pip.conf"), Path.home() / ".pip/pip.conf", Path.home() / ".config/pip/pip.conf"]
    options = pip_options(environment, [path.read_text(errors="replace") for path in files if path.is_file()])
    kept = {}
    for name, value in options.items():
        words = [word for word in value.split() if urlsplit(word).password is None]
        if words:
            kept[name] = " ".join(words)
    return render_pip_conf(kept, BUNDLE)


def find(engine: Engine, fingerprint: str) -> str:
    """The id of a base that this recipe made; "" where the Engine has none."""
    found = engine.client.images(filters={"label": f"modelarts-nb.recipe={fingerprint}"}, quiet=True)
    return str(found[0]) if found else ""


def make(engine: Engine, fingerprint: str, source: str, *, install: bool, say: Callable[[str], None]) -> str:
    """Make the base, from Debian packages or from the image ``source``; its id. Raises SandboxError."""
    labels = {
        "modelarts-nb.stand-in": "true",
        "modelarts-nb.stand-in.for": f"{REPOSITORY}:{TAG}",
        "modelarts-nb.stand-in.note": "Made on this machine by modelarts-nb from the documented contract; not Huawei's image.",
        "modelarts-nb.recipe": fingerprint,
    }
    if source:
        return _from_image(engine, source, labels)
    if os.getuid() != 0:
        raise SandboxError(
            "Making the base image from Debian packages needs root.",
            "Run it as root once, or make it from an image that you have: `modelarts-nb sandbox up --from IMAGE`.",
        )
    return _from_packages(engine, labels, install=install, say=say)


def _from_packages(engine: Engine, labels: Mapping[str, str], *, install: bool, say: Callable[[str], None]) -> str:
    debootstrap = need("debootstrap", ("debootstrap",), install=install, say=say)
    suite, mirror = _suite(), _mirror()
    root = paths.folder("sandbox", "work") / "root"
    _remove(root)
    say(f"making the base image from {suite}'s packages (about a minute, once)")
    try:
        _run([debootstrap, "--variant=minbase", f"--include={PACKAGES}", suite, str(root), *([mirror] if mirror else [])])
        (root / "home/work").mkdir(parents=True)
        for path in TOOLS.iterdir():
            if path.is_file():
                shutil.copy(path, root / "home/work")
        (root / "etc/pip.conf").write_text(pip_conf(os.environ), encoding="utf-8")
        _trust(root)
        _run(["chroot", str(root), "/bin/sh", "-c", SETUP])
        return _import(engine, root, labels)
    finally:
        _remove(root)


def _import(engine: Engine, root: Path, labels: Mapping[str, str]) -> str:
    changes = [f'LABEL "{name}"="{value}"' for name, value in labels.items()]
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    changes += [f"ENV PATH={path}", "ENV LANG=C.UTF-8", 'CMD ["/bin/bash"]']
    archive = subprocess.Popen(
        ["tar", "-C", str(root), "--one-file-system", "--numeric-owner", "--xattrs", "-c", "."], stdout=subprocess.PIPE
    )

    def chunks() -> Iterator[bytes]:
        assert archive.stdout is not None
        while block := archive.stdout.read(1 << 20):
            yield block

    try:
        engine.client.import_image_from_data(chunks(), repository="modelarts-nb/base", tag="stand-in", changes=changes)
    finally:
        if archive.stdout is not None:
            archive.stdout.close()
        archive.wait()
    return images.inspect(engine, "modelarts-nb/base:stand-in").id


def _from_image(engine: Engine, source: str, labels: Mapping[str, str]) -> str:
    images.inspect(engine, source)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in sorted(TOOLS.iterdir()):
            if path.is_file():
                archive.add(path, f"home/work/{path.name}")
    client = engine.client
    container = client.create_container(source, entrypoint=["/bin/sh", "-c", SETUP], command=[], user="0")["Id"]
    try:
        client.put_archive(container, "/", buffer.getvalue())
        client.start(container)
        code = client.wait(container)["StatusCode"]
        if code:
            said = client.logs(container).decode(errors="replace").strip()
            raise SandboxError(f"Setting up the contract's users in {source} failed: {said}", "It needs useradd and a shell.")
        changes = [f'LABEL "{name}"="{value}"' for name, value in labels.items()] + ["ENTRYPOINT []", 'CMD ["/bin/bash"]']
        client.commit(container, repository="modelarts-nb/base", tag="stand-in", changes=changes)
    except EngineAPIError as error:
        raise SandboxError(error.message, error.hint) from error
    finally:
        client.remove_container(container, force=True)
    return images.inspect(engine, "modelarts-nb/base:stand-in").id


def _host_bundle(environment: Mapping[str, str]) -> bytes:
    path = Path(ca_bundle_path(environment) or BUNDLE)
    return path.read_bytes() if path.is_file() else b""


def _trust(root: Path) -> None:
    """Certificates that this machine trusts and the packages do not know become local ones of the image."""
    end = b"-----END CERTIFICATE-----"
    known = (root / BUNDLE[1:]).read_bytes()
    local = root / "usr/local/share/ca-certificates"
    local.mkdir(parents=True, exist_ok=True)
    count = 0
    for block in _host_bundle(os.environ).split(end)[:-1]:
        certificate = block[block.find(b"-----BEGIN") :].strip() + b"\n" + end
        if b"-----BEGIN CERTIFICATE-----" in certificate and certificate not in known:
            count += 1
            (local / f"machine-{count}.crt").write_bytes(certificate + b"\n")
    if count:
        _run(["chroot", str(root), "update-ca-certificates"])


def _suite() -> str:
    values = dict(
        line.partition("=")[::2] for line in Path("/etc/os-release").read_text(encoding="utf-8").splitlines() if "=" in line
    )
    suite = values.get("VERSION_CODENAME", "").strip('"')
    if not suite:
        raise SandboxError(
            "This is no Debian or Ubuntu: the base image cannot be made from packages.",
            "Make it from an image that you have: `modelarts-nb sandbox up --from IMAGE`.",
        )
    return suite


def _mirror() -> str:
    """The archive that this machine's apt uses, so that its proxy and mirror count here too; "" for debootstrap's own."""
    done = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(SITE) $(CODENAME) $(COMPONENT)"], capture_output=True, text=True, check=False
    )
    suite = _suite()
    for line in done.stdout.splitlines():
        words = line.split()
        if len(words) == 3 and words[1] == suite and words[2] == "main" and words[0].startswith(("http:", "https:")):
            return words[0]
    return ""


def _run(command: list[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False
    )
    if done.returncode:
        said = "\n".join(f"  {line}" for line in done.stdout.strip().splitlines()[-8:])
        raise SandboxError(f"{Path(command[0]).name} failed with exit code {done.returncode}:\n{said}")


def _remove(root: Path) -> None:
    """Delete the work folder; what debootstrap mounted in it first, so that nothing of the machine is deleted."""
    for mount in ("sys", "proc", "dev/pts", "dev"):
        if os.path.ismount(root / mount):
            subprocess.run(["umount", "-l", str(root / mount)], check=True)
    shutil.rmtree(root, ignore_errors=True)
