"""The stand-in for an official v1 base image: what the contract says is in it, made by our own recipe.

Documented layout (modelarts ``custom_base`` Dockerfiles; container contract v1): a user 1100:1100 and the work user
1101:1101 with home ``/home/work`` and the platform's tools in it, ``/cache`` owned by 1101:1101 with mode 755. One thing is
added: ``ma-user`` 1000:100 with its home, so that the newer contract can be tried on the same image; a real base has one
of the two. (``/cache`` is v1's: under v2 the platform mounts it for its user, as a local run does.) Left out are the
platform's setuid programs, which fetch keys from services that no local run has.

It trusts what this machine trusts and uses its package index, as official bases come with the vendor's mirror.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from .. import paths
from ..building.site import ca_bundle_path, pip_options, render_pip_conf
from ..engine import images
from ..engine.discovery import Engine
from ..engine.failures import mapped
from ..errors import EngineAPIError, SandboxError
from ..image import Image
from ..messages import t
from ..packages import need
from ..services import unmount_below

REPOSITORY = "modelarts-job-dev-image/custom-cpu-base"
TAG = "1.3"
LOCAL = "modelarts-nb/base:stand-in"  # its name in the Engine, whatever the registry's port is
PARTS = Path(__file__).parent / "image"
TOOLS = ("run_train.sh", "utils.sh", "ip_mapper.py", "modelarts-downloader.py")  # to /home/work
PACKAGES = "ca-certificates,python3,python3-pip,python3-venv,procps,iproute2"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
RECIPE = "2"  # raise it when this module changes what is in the image; its parts and settings count by themselves
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----\s.*?-----END CERTIFICATE-----", re.DOTALL)


def recipe(environment: Mapping[str, str], source: str = "") -> str:
    """A fingerprint of all that goes into the base, so that it is made anew when something changes.

    ``source``: the id of the image that it is made from ("": from packages).
    """
    parts = [RECIPE.encode(), PACKAGES.encode(), source.encode()]
    parts += [content for _, content in _files(environment)]
    parts.append(_setup().encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def pip_conf(environment: Mapping[str, str]) -> str:
    """Settings of this machine's pip for the base; an address with a login in it stays out."""
    files = [Path("/etc/pip.conf"), Path.home() / ".pip/pip.conf", Path.home() / ".config/pip/pip.conf"]
    options = pip_options(environment, [path.read_text(errors="replace") for path in files if path.is_file()])
    kept = {}
    for name, value in options.items():
        # `@` ends the login of an address: user:password@host, token@host, with or without a scheme
        words = [word for word in value.split() if "@" not in word]
        if words:
            kept[name] = " ".join(words)
    return render_pip_conf(kept, BUNDLE if _own_certificates(environment) else "")


def find(engine: Engine, fingerprint: str) -> str:
    """The id of the base that this recipe made; "" where the Engine has none.

    Looked for by name: its labels are on every image that was built from it, too.
    """
    image = _local(engine)
    return image.id if image is not None and image.labels.get("modelarts-nb.recipe") == fingerprint else ""


def present(engine: Engine) -> str:
    """The id of the base that the Engine has, whatever made it; "" where it has none."""
    image = _local(engine)
    return image.id if image is not None else ""


def make(engine: Engine, fingerprint: str, source: str, *, install: bool, say: Callable[[str], None]) -> str:
    """Make the base, from Debian packages or from the image ``source``; its id. Raises SandboxError, EngineError."""
    labels = {
        "modelarts-nb.stand-in": "true",
        "modelarts-nb.stand-in.for": f"{REPOSITORY}:{TAG}",
        "modelarts-nb.stand-in.note": "Made on this machine by modelarts-nb from the documented contract; not Huawei's image.",
        "modelarts-nb.recipe": fingerprint,
    }
    changes = [f'LABEL "{name}"="{value}"' for name, value in labels.items()]
    if source:
        say(t("making the base image from {source}", source=source))
        _from_image(engine, source, changes)
    else:
        _from_packages(engine, changes, install=install, say=say)
    made = find(engine, fingerprint)
    if not made:
        raise SandboxError(
            t("The Engine did not take the base image."), t("Its disk may be full: `docker system df`.")
        )
    return made


def remove(engine: Engine, *names: str) -> None:
    """Take these names out of the Engine, and the base with its last one; images that were built from it stay."""
    for name in names:
        if images.exists(engine, name):
            with mapped(t("Removing {name}", name=name)):
                engine.client.remove_image(name, force=True)  # also where a stopped container was made from it


def forget(engine: Engine, image: str) -> None:
    """Remove a base that has been replaced, unless it has other names or images built from it."""
    with contextlib.suppress(EngineAPIError), mapped(t("Removing the base image that was")):
        engine.client.remove_image(image)


def _local(engine: Engine) -> Image | None:
    try:
        return images.inspect(engine, LOCAL)
    except EngineAPIError as error:
        if error.status == 404:
            return None
        raise


def _setup() -> str:
    return (PARTS / "setup.sh").read_text(encoding="utf-8")


def _files(environment: Mapping[str, str]) -> list[tuple[str, bytes]]:
    """What is put into the image, as (path, content), before its setup runs."""
    found = [(f"home/work/{name}", (PARTS / name).read_bytes()) for name in TOOLS]
    found.append(("etc/pip.conf", pip_conf(environment).encode()))
    certificates = enumerate(_own_certificates(environment), 1)
    return found + [(f"usr/local/share/ca-certificates/machine-{n}.crt", text + b"\n") for n, text in certificates]


def _own_certificates(environment: Mapping[str, str]) -> list[bytes]:
    """What this machine trusts beyond what its distribution does, in PEM; never a key that stands in the same file."""
    bundle = Path(ca_bundle_path(environment) or BUNDLE)
    if not bundle.is_file():
        return []
    folder = Path("/usr/share/ca-certificates")
    usual = {b"".join(found.split()) for path in folder.rglob("*.crt") for found in _CERTIFICATE.findall(path.read_bytes())}
    return [found for found in _CERTIFICATE.findall(bundle.read_bytes()) if b"".join(found.split()) not in usual]


def _from_packages(engine: Engine, changes: Sequence[str], *, install: bool, say: Callable[[str], None]) -> None:
    if os.getuid() != 0:
        raise SandboxError(
            t("Making the base image from Debian packages needs root."),
            t("Run it as root once, or make it from an image that you have: `modelarts-nb sandbox up --from IMAGE`."),
        )
    suite, components = _suite()
    debootstrap = need("debootstrap", ("debootstrap",), install=install, say=say)
    mirror = _mirror(suite)
    root = paths.folder("sandbox", "work") / "root"
    _remove(root)
    say(t("making the base image from {suite}'s packages (about a minute, once)", suite=suite))
    try:
        _run([
            debootstrap, "--variant=minbase", f"--components={components}", f"--include={PACKAGES}",
            f"--cache-dir={paths.folder('sandbox', 'packages')}", suite, str(root), *([mirror] if mirror else []),
        ])
        for path, content in _files(os.environ):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
        _run(["chroot", str(root), "/bin/sh", "-c", _setup()])
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        _import(engine, root, [*changes, f"ENV PATH={path}", "ENV LANG=C.UTF-8", 'CMD ["/bin/bash"]'])
    finally:
        _remove(root)


def _import(engine: Engine, root: Path, changes: Sequence[str]) -> None:
    words = ["tar", "-C", str(root), "--one-file-system", "--numeric-owner", "--xattrs", "-c", "."]
    repository, _, tag = LOCAL.partition(":")
    with subprocess.Popen(words, stdout=subprocess.PIPE) as archive:
        assert archive.stdout is not None
        chunks: Iterator[bytes] = iter(lambda: archive.stdout.read(1 << 20), b"")  # type: ignore[union-attr]  # asserted
        with mapped(t("Importing the base image")):
            engine.client.import_image_from_data(chunks, repository=repository, tag=tag, changes=list(changes))
    if archive.returncode:
        raise SandboxError(t("tar failed with exit code {code}: the base image may be incomplete.", code=archive.returncode))


def _from_image(engine: Engine, source: str, changes: Sequence[str]) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in _files(os.environ):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    client = engine.client
    repository, _, tag = LOCAL.partition(":")
    with mapped(t("Making the base image from {source}", source=source)):
        # [""] clears the entry point; committing cannot, as it takes an empty one for one that is not given
        container = client.create_container(source, ["/bin/sh", "-c", _setup()], entrypoint=[""], user="0")["Id"]
        try:
            client.put_archive(container, "/", buffer.getvalue())
            client.start(container)
            if client.wait(container)["StatusCode"]:
                said = client.logs(container, tail=8).decode(errors="replace").strip()
                raise SandboxError(
                    t("{source} cannot become a base image: {said}", source=source, said=said),
                    t("An image of Debian or Ubuntu with python3 in it can (bash, python3, stdbuf and useradd are needed)."),
                )
            # Official bases set neither a user nor an entry point
            client.commit(container, repository=repository, tag=tag, changes=[*changes, "USER root", 'CMD ["/bin/bash"]'])
        finally:
            client.remove_container(container, force=True)


def _suite() -> tuple[str, str]:
    """The Debian or Ubuntu release of this machine, and the parts of its archive that hold ``PACKAGES``."""
    lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    values = {name: value.strip('"') for name, _, value in (line.partition("=") for line in lines)}
    ubuntu = values.get("UBUNTU_CODENAME", "")
    suite = ubuntu or values.get("DEBIAN_CODENAME") or values.get("VERSION_CODENAME", "")
    if not suite or shutil.which("apt-get") is None:
        raise SandboxError(
            t("This is no Debian or Ubuntu: the base image cannot be made from packages."),
            t("Make it from an image that you have: `modelarts-nb sandbox up --from IMAGE`."),
        )
    return suite, "main,universe" if ubuntu else "main"  # Ubuntu's python3-pip is in universe


def _mirror(suite: str) -> str:
    """The archive that this machine's apt uses; "" for debootstrap's own.

    One with a login in its address is not used: it would stay in the image, and be seen in the list of processes.
    """
    words = ["apt-get", "indextargets", "--format", "$(SITE) $(CODENAME) $(COMPONENT)"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        site, *rest = line.split()
        if rest == [suite, "main"] and site.startswith(("http:", "https:")) and "@" not in site:
            return site
    return ""


def _run(command: list[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False
    )
    if done.returncode:
        said = "\n".join(f"  {line}" for line in done.stdout.strip().splitlines()[-8:])
        program = Path(command[0]).name
        raise SandboxError(t(
            "{program} failed with exit code {code}:\n{output}", program=program, code=done.returncode, output=said
        ))


def _remove(root: Path) -> None:
    """Delete the work folder; what debootstrap mounted in it first, so that nothing of the machine is deleted."""
    unmount_below(root)
    shutil.rmtree(root, ignore_errors=True)
