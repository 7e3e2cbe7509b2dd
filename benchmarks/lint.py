"""Linting a Dockerfile of 500 lines: parsed, resolved, judged by every rule."""

from __future__ import annotations

import statistics
import time

from modelarts_nb.dockerfile import parse_dockerfile
from modelarts_nb.rules.lint import lint

LIMIT = 0.050  # seconds; issue 4
BLOCK = """\
# step {number}
ENV PATH_{number}=/opt/{number}/bin LEVEL_{number}=${{LEVEL:-info}}
RUN apt-get update && apt-get install -y --no-install-recommends \\
      libgl1 ffmpeg git curl \\
    && rm -rf /var/lib/apt/lists/* \\
    && mkdir -p /opt/{number} && chown 1101 /opt/{number}
RUN pip install --no-cache-dir scipy=={number}.1 pandas==1.1.5 \\
    "scikit-learn>=0.24" && echo done > /opt/{number}/log
COPY --chown=1101:1101 src/{number} /opt/{number}/src
WORKDIR /opt/{number}
"""


def dockerfile(lines: int = 500) -> str:
    """A Dockerfile of that many lines, of the everyday kind."""
    base = "FROM swr.cn-north-4.myhuaweicloud.com/modelarts-job-dev-image/custom-cpu-base:1.3\n"
    blocks = "".join(BLOCK.format(number=number) for number in range(lines // BLOCK.count("\n")))
    return "\n".join((base + blocks).split("\n")[:lines])


def main() -> None:
    text = dockerfile()
    seconds, busy = [], []
    for _ in range(31):
        began, began_busy = time.perf_counter(), time.process_time()
        found = lint(parse_dockerfile(text))
        seconds.append(time.perf_counter() - began)
        busy.append(time.process_time() - began_busy)
    print(f"\nLint of {len(text.splitlines())} lines ({len(found)} findings), 31 rounds")
    for name, values in (("wall time", seconds), ("CPU time", busy)):
        low, middle, high = (value * 1000 for value in (min(values), statistics.median(values), max(values)))
        print(f"{name:<10} median {middle:.1f} ms, min {low:.1f} ms, max {high:.1f} ms; wanted: under {LIMIT * 1000:.0f} ms")


if __name__ == "__main__":
    main()
