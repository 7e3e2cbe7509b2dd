"""Workflows that need no Engine: events as an Engine sends them, for looks, limits and speed. Runs inside the kernel."""

import time
from pathlib import Path

from modelarts_nb.api.following import Following
from modelarts_nb.errors import BuildFailed
from modelarts_nb.events import Vertex, VertexLog, VertexStatus
from modelarts_nb.notebook.view.card import BUILD, TRAIN
from modelarts_nb.text import Redactor
from modelarts_nb.training.metrics import Metrics

PIP = (
    b"Collecting numpy==1.26.4\n  Downloading numpy-1.26.4-cp311-manylinux_2_17_x86_64.whl (18.3 MB)\n"
    b"Collecting scikit-learn==1.5.2\n\x1b[32mDownloading\x1b[0m scikit_learn-1.5.2-cp311-manylinux_2_17_x86_64.whl (13.3 MB)\n"
)


def run(workflow, subject="digits:v1", work=BUILD, background=False):
    """What the workflow returns, under the view that %build has."""
    path = Path(f"{time.time_ns()}.log")
    metrics = Metrics() if work is TRAIN else None
    following = Following(work, subject, path, "", Redactor(), provides=(subject,), metrics=metrics)
    return following.run(workflow, background=background)


def pause(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.05)
        yield None


def typical(seconds=60.0, fail=False):
    """A build as it often is: two steps cached, one that works, two that wait."""
    now = time.time()
    yield Vertex("c", "[internal] load build context", started=now - 0.1, completed=now)
    yield VertexStatus("context", "c", "transferring context", 2_100_000, 0)
    yield Vertex("1", "[1/4] FROM localhost:5005/modelarts-job-dev-image/custom-cpu-base:1.3", (), now, now, cached=True)
    yield Vertex("2", "[2/4] RUN apt-get install -y --no-install-recommends libgomp1", ("1",), now, now, cached=True)
    yield Vertex("3", "[3/4] RUN pip install -r requirements.txt", ("2",), started=now)
    yield Vertex("4", "[4/4] COPY train /home/work/train", ("3", "c"))
    yield Vertex("x", "exporting to image", ("4",))
    yield VertexLog("3", PIP)
    for step in range(int(seconds * 10)):
        share = min(step / 100, 1)
        yield VertexStatus("wheel", "3", "wheel", int(13_300_000 * share * 0.99), 13_300_000)
        bar = "━" * int(40 * share)
        yield VertexLog("3", f"\r   \x1b[35m{bar:<40}\x1b[0m {13.3 * share:.1f}/13.3 MB \x1b[31m41.2 MB/s\x1b[0m".encode())
        yield from pause(0.1)
    if fail:
        yield VertexLog("3", b"\n\x1b[31mERROR: No matching distribution found for scikit-lern==1.5.2\x1b[0m\n")
        yield Vertex("3", "[3/4] RUN pip install -r requirements.txt", ("2",), now, time.time(), error="exit code: 1")
        raise BuildFailed("RUN pip install -r requirements.txt: exit code 1", "Check the name.", origin="cell", line=5)
    yield VertexLog("3", b"\nSuccessfully installed numpy scikit-learn\n")
    for digest, name in (("3", "[3/4] RUN pip install -r requirements.txt"), ("4", "[4/4] COPY train /home/work/train"),
                         ("x", "exporting to image")):
        yield Vertex(digest, name, (), now, time.time())
    return "fine"


def stages(seconds=60.0):
    """Two stages that run side by side, and one that waits for both."""
    now = time.time()
    yield Vertex("b1", "[builder 1/2] FROM base", started=now, completed=now, cached=True)
    yield Vertex("b2", "[builder 2/2] RUN make wheels", ("b1",), started=now)
    yield Vertex("t1", "[tests 1/2] FROM base", started=now, completed=now, cached=True)
    yield Vertex("t2", "[tests 2/2] RUN pytest -q", ("t1",), started=now)
    yield Vertex("s1", "[stage-2 1/2] COPY --from=builder /wheels /wheels", ("b2",))
    yield Vertex("s2", "[stage-2 2/2] RUN pip install /wheels/*.whl", ("s1",))
    for step in range(int(seconds * 10)):
        yield VertexLog("b2", b"cc -O2 -c part%d.c\n" % step)
        yield VertexLog("t2", b"tests/test_%d.py \x1b[32mPASSED\x1b[0m\n" % step)
        yield from pause(0.1)
    for digest, name in (("b2", "[builder 2/2] RUN make wheels"), ("t2", "[tests 2/2] RUN pytest -q"),
                         ("s1", "[stage-2 1/2] COPY --from=builder /wheels /wheels"),
                         ("s2", "[stage-2 2/2] RUN pip install /wheels/*.whl")):
        yield Vertex(digest, name, (), now, time.time())
    return "fine"


def many(count, gap=0.0):
    """A step that prints many lines, then rests until it is stopped."""
    now = time.time()
    yield Vertex("m", "[1/1] RUN many", started=now)
    for start in range(0, count, 1000):
        data = b"".join(b"line %06d of many, with some text behind it to make it as long as lines are \n" % n
                        for n in range(start, min(start + 1000, count)))
        yield VertexLog("m", data)
        yield from pause(gap)
    yield from pause(600)


def training(seconds=60.0):
    """Two nodes that train together."""
    now = time.time()
    for node in ("worker-0", "worker-1"):
        yield Vertex(node, node, started=now)
    for step in range(int(seconds * 10)):
        for number, node in enumerate(("worker-0", "worker-1")):
            yield VertexStatus("memory", node, "memory", 405_000_000 + 7_000_000 * number, 0)
            yield VertexStatus("cpu", node, "cpu", 94 + 2 * number)
            if step < 70:
                loss, accuracy = 2.0 / (1 + 0.7 * step / 10), 1 - 0.6 / (1 + step / 5)
                yield VertexLog(node, b"epoch %d/100 loss=%.3f acc=%.3f\n" % (step + 1, loss, accuracy))
        yield from pause(0.1)
    for node in ("worker-0", "worker-1"):
        yield Vertex(node, node, started=now, completed=time.time())
    return "fine"


def hostile():
    """Output that would like to be more than text."""
    yield Vertex("h", "[1/1] RUN <script>window.bad=1</script>", started=time.time())
    yield VertexLog("h", b'<script>window.bad=2</script><img src=x onerror="window.bad=3">\n')
    yield VertexLog("h", b"\x1b]8;;javascript:window.bad=4\x07link\x1b]8;;\x07 \xff \xe2\x80\xaegnp.exe\x1b[31mred\n")
    yield VertexLog("h", b"\x1b[2J\x1b[H\x1b[?1049hscreen\n" + b"y" * 10_000_000 + b"\nend of it\n")
    yield from pause(600)
