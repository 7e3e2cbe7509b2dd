"""``python -m modelarts_nb.cli``: the same program where its script is not on PATH."""

import sys

from . import main

sys.exit(main())
