"""What output costs: how late the first line of a build is seen, and what 100,000 lines take of memory and notebook."""

from __future__ import annotations

import json
import re
import statistics

from .parts import Kernel, base_image, kernel

MEMORY = "print([line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')][0])"
LINES = 100_000


def first_line(notebook: Kernel) -> float:
    """Seconds from the line's printing in the container to its message to the browser."""
    for when, message in notebook.run("%build late --no-cache"):
        found = re.search(r"at-(\d+\.\d+)", json.dumps(message["content"].get("data", {})))
        if found:
            seen, printed = when, float(found[1])
            break
    else:
        raise RuntimeError("the line was never shown")
    return seen - printed


def drained(notebook: Kernel) -> None:
    """Let a cell come to its end."""
    notebook.printed("pass")


def main() -> None:
    base = base_image()
    with kernel() as notebook:
        list(notebook.run(f"%%dockerfile late\nFROM {base}\nRUN date +at-%s.%N; sleep 1.5"))
        list(notebook.run("%build late"))
        late = []
        for _ in range(5):
            late.append(first_line(notebook))
            drained(notebook)
        print(f"\nfirst line of a build: seen {statistics.median(late):.2f} s after it was printed "
              f"({min(late):.2f} to {max(late):.2f})")
        list(notebook.run(f"%train {base} -- echo warm"))
        before = int(notebook.printed(MEMORY))
        outputs: dict[str, str] = {}
        for _, message in notebook.run(f"%train {base} -- seq -f 'line number %.0f of many, with text behind it' 1 {LINES}"):
            if message["msg_type"] in ("display_data", "update_display_data"):
                outputs[message["content"]["transient"]["display_id"]] = json.dumps(message["content"]["data"])
        after = int(notebook.printed(MEMORY))
        saved = sum(len(text) for text in outputs.values())
        grown = (after - before) / 1024
        print(f"{LINES:,} lines: {grown:.0f} MB more memory at the peak, {saved / 1000:.0f} kB in the notebook")


if __name__ == "__main__":
    main()
