"""A start of an image as a contract's user, with no network: what it may write to, which of its packages import.

What the container prints is the image's own word: it is read with bounds, and can only speak about the image itself.
"""

from __future__ import annotations

import uuid
from collections.abc import Generator, Sequence

from ..errors import EngineAPIError, EngineError
from ..events import Event, Vertex, VertexLog
from ..messages import t
from ..rules.image.facts import Trial
from ..text import clean, shorten
from .discovery import Engine
from .failures import mapped
from .marks import labels, remove
from .streaming import call

TIMEOUT = 180  # seconds for all imports together
OUTPUT = 1 << 20  # bytes of output that are read
MEMORY = "4g"
# A missing driver is the node's to bring, so that an import that wants one says nothing here
_NEEDS_DEVICE = ("libcuda.so", "libnvidia-ml.so", "libascend_hal.so", "libascendcl.so", "no NVIDIA driver", "CUDA driver")

_SCRIPT = r"""
mark=$1; shift
while [ "$1" != -- ]; do
    file="$1/.modelarts-nb-check-$$"
    if [ -d "$1" ]; then
        if (: > "$file") 2>/dev/null; then rm -f "$file"; else echo "$mark denied $1"; fi
    fi
    shift
done
shift
python=$(command -v python || command -v python3 || command -v python2)
[ -n "$python" ] || { echo "$mark nopython"; exit 0; }
PYTHONDONTWRITEBYTECODE=1 "$python" -c "$PROGRAM" "$mark" "$@"
code=$?
[ $code = 0 ] || echo "$mark ended $code"
"""
_PROGRAM = r"""
import sys, os
mark, folders = sys.argv[1], sys.argv[2:]
out = sys.stdout
def say(*words):
    out.write("\n" + " ".join((mark,) + words) + "\n"); out.flush()
say("python", sys.version.split()[0])
def modules(folder):
    names = []
    top = os.path.join(folder, "top_level.txt")
    if os.path.exists(top):
        names = open(top).read().split()
    elif os.path.exists(os.path.join(folder, "RECORD")):
        for line in open(os.path.join(folder, "RECORD")):
            path = line.split(",")[0].strip('"')
            first, _, rest = path.partition("/")
            if rest == "__init__.py":
                names.append(first)
            elif not rest and first.endswith(".py"):
                names.append(first[:-3])
    return sorted(set(n for n in names if n and not n.startswith("_")))[:3]
paths = [os.path.realpath(p) for p in sys.path if p]
for number, folder in enumerate(folders):
    if os.path.realpath(os.path.dirname(folder)) not in paths:
        continue
    say("start", str(number))
    child = os.fork()  # each in a process of its own: packages change what others find
    if child:
        os.waitpid(child, 0)
        continue
    failed = ""
    for name in modules(folder):
        try:
            __import__(name)
        except BaseException as error:
            failed = "%s: %s" % (type(error).__name__, " ".join(str(error).split()))
            break
    say("done", str(number), failed)
    os._exit(0)
"""


def try_out(
    engine: Engine, image: str, user: tuple[int, int], folders: Sequence[str], packages: Sequence[tuple[str, str]]
) -> Generator[Event | None, None, Trial]:
    """Start the image as ``user``. ``folders`` are written to; ``packages`` are (name, metadata folder) to import."""
    mark = uuid.uuid4().hex
    vertex = Vertex("trial", t("start as uid {uid}, offline", uid=user[0]))
    job = f"check-{mark[:12]}"
    yield vertex
    arguments = [mark, *folders, "--", *(folder for _, folder in packages)]
    try:
        output = yield from call(lambda: _run(engine, image, user, arguments, job), lambda: remove(engine, job))
    except EngineAPIError as error:
        return Trial(failed=shorten(clean(str(error.message).splitlines()[0]), 300))
    except EngineError as error:
        return Trial(skipped=error.message)
    yield VertexLog("trial", output)
    return read(output.decode("utf-8", "replace"), mark, [name for name, _ in packages])


def _run(engine: Engine, image: str, user: tuple[int, int], arguments: Sequence[str], job: str) -> bytes:
    """What the container printed until it ended, or for so long as it may."""
    client = engine.client
    with mapped(t("Starting the image")):
        host = client.create_host_config(
            network_mode="none", mem_limit=MEMORY, pids_limit=512, cap_drop=["ALL"], security_opt=["no-new-privileges"]
        )
        container = client.create_container(
            image, command=["-c", _SCRIPT, "sh", *arguments], entrypoint=["/bin/sh"], user=f"{user[0]}:{user[1]}",
            working_dir="/", environment={"PROGRAM": _PROGRAM}, host_config=host, labels=labels(job),
        )["Id"]
        try:
            client.start(container)
            _wait(engine, container)
            return bytes(client.logs(container, stdout=True, stderr=True, tail=4000))[-OUTPUT:]
        finally:
            client.remove_container(container, force=True, v=True)


def _wait(engine: Engine, container: str) -> None:
    import requests.exceptions

    try:
        engine.client.wait(container, timeout=TIMEOUT)
    except requests.exceptions.RequestException:
        engine.client.kill(container)


def read(output: str, mark: str, packages: Sequence[str]) -> Trial:
    """The lines that bear ``mark`` as a Trial. A package that was begun and not ended took its process down."""
    python, failed, denied = "", "", []
    errors: dict[int, str] = {}
    tried: list[str] = []
    begun: set[int] = set()
    for line in output.splitlines():
        word, _, rest = line.partition(f"{mark} ")[2].partition(" ")
        rest = shorten(clean(rest), 300)
        number = int(rest.split(" ")[0]) if rest[:1].isdigit() and word in ("start", "done") else -1
        if word == "denied":
            denied.append(rest)
        elif word == "python":
            python = rest
        elif word == "start" and 0 <= number < len(packages):
            begun.add(number)
            tried.append(packages[number])
        elif word == "done" and 0 <= number < len(packages):
            begun.discard(number)
            error = rest.partition(" ")[2]
            if error and not any(part in error for part in _NEEDS_DEVICE):
                errors[number] = error
        elif word == "ended":
            failed = f"python: exit code {rest}" if not python else ""
    errors.update(dict.fromkeys(begun, t("it took Python down, or did not end in time")))
    return Trial("", failed, python, tuple(tried), tuple((packages[n], text) for n, text in errors.items()), tuple(denied))
