"""Write docs/reliability.md from what the full run wrote down: `make stress` ends with it."""

import json
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEAD = """# Reliability

`make stress` makes this table: a row stands only where every check of its case held, and says how often it ran.
`make test` runs the same cases in a short form (`tests/stress/size.py` has both sizes).
One case alone: `MODELARTS_NB_STRESS=full .venv/bin/python -m pytest 'tests/stress/CASE'`.
A seed repeats a run: `MODELARTS_NB_STRESS_SEED=N make stress`.

| What was done | How often | What was lost | What was left behind | Case |
|---|---|---|---|---|
"""


def main():
    rows = [json.loads(path.read_text()) for path in sorted((ROOT / "build" / "stress").glob("*.json"))]
    cells = [(row["what"], row["times"], row["lost"], row["left"], f"`{row['case']}`") for row in rows]
    lines = [f"| {' | '.join(each)} |\n" for each in cells]
    tail = (ROOT / "tests" / "stress" / "notes.md").read_text()
    (ROOT / "docs" / "reliability.md").write_text(HEAD + "".join(lines) + "\n" + tail)


if __name__ == "__main__":
    main()
