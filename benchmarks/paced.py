"""The bare transforms of an observation, at the times at which windows are due: what no gateway can be faster than.

    python -m benchmarks.paced ASSETS SECONDS TOGETHER DAMAGED

One process, one thread, no gateway: the transforms that the observation of each window needs (`benchmarks/observe.py`),
those for a width too where the machine is damaged. Prints how long after each window was due they were done, ms.
`benchmarks/budget.py` runs it in a group with the limits of a worker.
"""

from __future__ import annotations

import sys
import time

from benchmarks.fleet_run import SAMPLE_RATE, SHAFT_HZ, damaged_at, windows
from benchmarks.observe import bare

_POOL = 16
_AHEAD_S = 0.5


def main() -> int:
    """Runs once; standard output is one line of numbers."""
    assets, together, seconds, damaged = int(sys.argv[1]), int(sys.argv[3]), float(sys.argv[2]), float(sys.argv[4])
    pool = windows(_POOL, damaged)
    work = [bare(row, SAMPLE_RATE, SHAFT_HZ, sized=damaged_at(i, damaged)) for i, row in enumerate(pool)]
    for each in work:
        each()
    took_ms, began = [], time.monotonic() + _AHEAD_S
    for k in range(int(assets * seconds)):
        i = k % assets
        due = began + k // assets + i // together * together / assets
        while (left := due - time.monotonic()) > 0:
            time.sleep(left)
        work[i % _POOL]()
        took_ms.append(1e3 * (time.monotonic() - due))
    print(*took_ms)
    return 0


if __name__ == "__main__":
    sys.exit(main())
