"""Run all benchmarks, or those named."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path

from . import __path__ as here

TOOLS = {"__main__", "timing", "parts", "view_load"}


def main() -> None:
    print(f"{Path('/proc/cpuinfo').read_text().count('processor	')} cores, Python {sys.version.split()[0]}")
    names = sys.argv[1:] or sorted({module.name for module in pkgutil.iter_modules(here)} - TOOLS)
    for name in names:
        sys.argv = [name]
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
