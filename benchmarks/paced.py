"""The bare transforms of an observation, at the times at which windows are due: what no gateway can be faster than.

    python -m benchmarks.paced ASSETS SECONDS TOGETHER DAMAGED

One process, one thread, no gateway: the transforms that the observation of each window needs (`benchmarks/observe.py`),
those for a width too where the machine is damaged. Prints how long after each window was due they were done, ms, and
last the CPU time of a window, ms: at these times, and when one follows the other. A machine that sleeps in between has
cold caches. `benchmarks/budget.py` runs it in a group with the limits of a worker.
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
    count, cpu = int(assets * seconds), time.process_time
    for each in work:
        each()
    began_cpu = cpu()
    for k in range(_POOL * 4):
        work[k % _POOL]()
    together_ms = 1e3 * (cpu() - began_cpu) / (_POOL * 4)
    took_ms, cpu_ms, began = [], 0.0, time.monotonic() + _AHEAD_S
    for k in range(count):
        i = k % assets
        due = began + k // assets + i // together * together / assets
        while (left := due - time.monotonic()) > 0:
            time.sleep(left)
        began_cpu = cpu()
        work[i % _POOL]()
        cpu_ms += 1e3 * (cpu() - began_cpu)
        took_ms.append(1e3 * (time.monotonic() - due))
    print(*took_ms, cpu_ms / count, together_ms)
    return 0


if __name__ == "__main__":
    sys.exit(main())
