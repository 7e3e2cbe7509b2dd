"""The live view in Chromium against a real JupyterLab with its default rate limits: how late lines are seen, what it costs."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

from tests.browser.lab import Lab

ROOT = Path(__file__).parents[1]
LOAD = "%load_ext modelarts_nb\nfrom benchmarks.view_load import *"
COUNT = 100_000

# Every frame: the number of the last line in sight, and when the frame was there to see
WATCH = """() => {
    window.frames = []; window.blocks = [];
    new PerformanceObserver(list => window.blocks.push(...list.getEntries().map(entry => entry.duration)))
        .observe({type: 'longtask', buffered: false});
    let gap = 0, before = performance.now();
    const look = () => {
        const lines = document.querySelectorAll('.ma-live .ma-line');
        const text = lines.length ? lines[lines.length - 1].textContent : '';
        const shown = text.match(/line (\\d+)/);
        setTimeout(() => {
            const now = performance.now();
            window.frameGap = Math.max(gap, now - before); before = now; gap = window.frameGap;
            if (shown) window.frames.push([(performance.timeOrigin + now) / 1000, Number(shown[1])]);
        }, 0);
        window.watching = requestAnimationFrame(look);
    };
    look();
}"""
SCROLL = """async () => {
    const area = document.querySelector('.ma-live .ma-scroll');
    const seen = new Map();
    area.dispatchEvent(new WheelEvent('wheel'));
    for (let top = 0; top <= area.scrollHeight; top += area.clientHeight) {
        area.scrollTop = top;
        for (let wait = 0; wait < 200; wait++) {
            await new Promise(done => setTimeout(done, 0));
            const rows = [...area.querySelectorAll('.ma-line')];
            const has = place => rows.some(row => row.style.top === `${Math.floor(place / 17) * 17}px`);
            const last = Math.min(area.scrollTop + area.clientHeight, area.scrollHeight) - 17;
            if (has(area.scrollTop) && has(last) && rows.every(row => row.textContent)) break;
            await new Promise(requestAnimationFrame);
        }
        for (const row of area.querySelectorAll('.ma-line')) seen.set(parseInt(row.style.top) / 17, row.textContent);
    }
    return [...seen].sort((a, b) => a[0] - b[0]).map(entry => entry[1]);
}"""


def delays(frames: list[list[float]], produced: list[float]) -> list[float]:
    """Milliseconds from each line's making to the first frame that shows it or a later one."""
    found: list[float] = []
    at = 0
    for number, when in enumerate(produced):
        while at < len(frames) and frames[at][1] < number:
            at += 1
        found.append((frames[at][0] - when) * 1000 if at < len(frames) else float("inf"))
    return found


def watched(notebook: Any, index: int) -> dict[str, Any]:
    """Run a cell that is watched; what the page and the kernel measured."""
    notebook.page.evaluate(WATCH)
    notebook.run(index, 60)
    notebook.page.wait_for_timeout(500)
    found: dict[str, Any] = notebook.page.evaluate("({frames, blocks, frameGap})")
    notebook.page.evaluate("cancelAnimationFrame(window.watching)")
    found.update(json.loads(Path(notebook.folder, "produced.json").read_text()))
    return found


def steady(notebook: Any, index: int) -> None:
    found = watched(notebook, index)
    late = sorted(delays(found["frames"], found["produced"]))
    seen = [one for one in late if one != float("inf")]
    print(
        f"2,000 lines/s for 10 s, 200 counters: {len(seen):,} of {len(late):,} lines seen; "
        f"median {statistics.median(late):.0f} ms, 95 % within {late[int(len(late) * 0.95)]:.0f} ms (bar 130); "
        f"longest block {max(found['blocks'], default=0):.0f} ms (bar 50), gap between frames {found['frameGap']:.0f} ms; "
        f"kernel CPU {found['cpu'] / found['wall']:.1%} (bar 7 %), of it the load itself {found['load'] / found['wall']:.1%}",
        flush=True,
    )


def burst(notebook: Any, index: int) -> None:
    notebook.page.evaluate(WATCH)
    notebook.start(index)
    notebook.page.wait_for_function(f"window.frames.some(frame => frame[1] === {COUNT - 1})", timeout=30_000)
    frames = notebook.page.evaluate("window.frames")
    blocks = notebook.page.evaluate("window.blocks")
    notebook.page.evaluate("cancelAnimationFrame(window.watching)")
    told = json.loads(Path(notebook.folder, "produced.json").read_text())
    last = next(when for when, number in frames if number == COUNT - 1)
    notebook.cell(index).locator(".ma-row").click()
    lines = notebook.page.evaluate(SCROLL)
    same = lines == [told["text"] % number for number in range(COUNT)]
    print(
        f"{COUNT:,} lines at once: last one seen {last - told['began']:.2f} s after the first was made (bar 0.4), "
        f"longest block {max(blocks, default=0):.0f} ms; all {len(lines):,} reached by scrolling, compared: "
        f"{'equal' if same else 'DIFFERENT'}",
        flush=True,
    )
    notebook.interrupt()
    notebook.wait(index)
    notebook.save()
    book = json.loads(Path(notebook.folder, notebook.name).read_text())
    sizes = [len(json.dumps(cell["outputs"])) / 1000 for cell in book["cells"] if cell.get("outputs")]
    print(f"saved: {', '.join(f'{size:.0f}' for size in sizes)} kB a view (bar 30)", flush=True)


def idle(notebook: Any) -> tuple[float, float, int]:
    """(busy ms of the page in 5 s, MB of JavaScript heap, elements)."""
    client = notebook.page.context.new_cdp_session(notebook.page)
    client.send("Performance.enable")
    client.send("HeapProfiler.collectGarbage")

    def metric(name: str) -> float:
        return next(one["value"] for one in client.send("Performance.getMetrics")["metrics"] if one["name"] == name)

    before = metric("TaskDuration")
    notebook.page.wait_for_timeout(5000)
    return (metric("TaskDuration") - before) * 1000, metric("JSHeapUsedSize") / 1e6, int(metric("Nodes"))


def finished(notebook: Any, first: int, count: int) -> None:
    none = idle(notebook)
    for index in range(first, first + count):
        notebook.run(index, 60)
    some = idle(notebook)
    print(
        f"{count} finished views: the page is busy {some[0]:.0f} ms of 5 s (before: {none[0]:.0f}), "
        f"JavaScript heap {some[1]:.0f} MB (before: {none[1]:.0f}), {some[2] - none[2]} more nodes",
        flush=True,
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("notebooks", "state"):
            (folder / part).mkdir()
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        os.environ["MODELARTS_NB_HOME"] = str(folder / "home")
        with Lab(folder / "notebooks", folder / "state") as lab:
            cells = [LOAD, "run(steady())", "run(burst())", *["x = run(short())"] * 20]
            notebook = lab.open(lab.notebook("view.ipynb", *cells), height=1400)
            notebook.name, notebook.folder = "view.ipynb", folder / "notebooks"
            notebook.run(0)
            print()
            finished(notebook, 3, 20)
            steady(notebook, 1)
            burst(notebook, 2)
            notebook.close()


if __name__ == "__main__":
    main()
