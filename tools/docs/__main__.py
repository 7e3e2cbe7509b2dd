"""``python -m tools.docs``: see the package's docstring."""

from __future__ import annotations

import sys

from . import site

if __name__ == "__main__":
    sys.exit(site.main(sys.argv[1:]))
