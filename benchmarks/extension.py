"""What `%load_ext modelarts_nb` costs in a fresh process with IPython in it, and what it imports."""

from __future__ import annotations

import statistics
import subprocess
import sys

CODE = """
import sys, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
began = time.perf_counter()
shell.run_line_magic("load_ext", "modelarts_nb")
print((time.perf_counter() - began) * 1000)
print(sorted({"docker", "requests", "ipywidgets", "nbformat", "hpack"} & set(sys.modules)))
"""


def main() -> None:
    times, imported = [], ""
    for _ in range(9):
        out = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True).stdout.split("\n")
        times.append(float(out[0]))
        imported = out[1]
    print(f"\n%load_ext modelarts_nb: median {statistics.median(times):.0f} ms "
          f"({min(times):.0f} to {max(times):.0f}); heavy modules imported: {imported}")


if __name__ == "__main__":
    main()
