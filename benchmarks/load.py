"""How many machines one box follows: a window of 16,384 samples an asset and second, nothing dropped, and the limit.

    python -m benchmarks.load [--seconds 20] [--model lite|plumbing] [--cpu 25%] [--assets N] [--damaged 0.125]

A fleet in the gateway's own process (`benchmarks/fleet_run.py`), its worker in a control group with that share of a
core. One machine in eight has a spall of 3 mm, which costs more: its width is looked for and its track is followed.
"Dropped" is a window that is not answered one second after it was due, when the next one of its asset is: a device
would have written over it. Without --assets each bar is tried, then the limit is sought.
Bars: lite network and its whole observation: 80 assets at 25 %, 350 on a whole core; plumbing: 400 and 1,500.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.fleet_run import BEARING, TRIVIAL, Cost, Run, Times, measure, plugged, windows

BARS = (("lite", "25%", 80), ("lite", "100%", 350), ("plumbing", "25%", 400), ("plumbing", "100%", 1500))
_MODELS = {"lite": BEARING, "plumbing": TRIVIAL}
_LATE_MS = 1000.0
_POOL = 32


def carried(model: str, cpu: str, assets: int, seconds: float, damaged: float) -> tuple[bool, str]:
    """Whether so many assets are carried, and a line of what it was like."""
    run = Run(
        model=_MODELS[model],
        source={"assets": assets, "seconds": seconds},
        limits={"cpu": cpu},
        damaged=damaged,
    )
    with tempfile.TemporaryDirectory(prefix="inversion-load-", dir=Path.cwd()) as folder:
        times, cost = measure(run, Path(folder), windows(_POOL, damaged))
    return _judged(times, cost, assets, seconds)


def _judged(times: Times, cost: Cost, assets: int, seconds: float) -> tuple[bool, str]:
    took = times.took_ms(times.answered, after_s=1.0)
    dropped = int(assets * seconds) - len(times.answered) + int((took > _LATE_MS).sum())
    p50, p999 = np.percentile(took, [50, 99.9])
    throttled = 100 * cost.usage.throttled / max(cost.usage.periods, 1)
    each = 1e3 / assets
    line = (
        f"{dropped} dropped; answered after {p50:.1f} ms (median), {p999:.0f} ms (p99.9); worker {cost.worker:.2f} of "
        f"a core ({each * cost.worker:.2f} ms a window), {throttled:.0f} % of periods throttled; gateway and source "
        f"{cost.gateway:.2f} ({each * cost.gateway:.2f} ms)"
    )
    return dropped == 0, line


def limit(model: str, cpu: str, bar: int, seconds: float, damaged: float) -> int:
    """The most assets that are carried, to an eighth."""
    good, bad, step = 0, None, bar
    while bad is None or bad - good > max(good // 8, 1):
        well, line = carried(model, cpu, step, seconds, damaged)
        print(f"  {step}: {line}", flush=True)
        good, bad = (step, bad) if well else (good, step)
        step = good * 5 // 4 if bad is None else (good + bad) // 2
    return good


def main() -> int:
    """Prints every run; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--model", choices=list(_MODELS))
    parser.add_argument("--cpu")
    parser.add_argument("--assets", type=int)
    parser.add_argument("--damaged", type=float, default=0.125)
    options = parser.parse_args()
    code = 0
    with plugged():
        for model, cpu, bar in BARS:
            if options.model not in (None, model) or options.cpu not in (None, cpu):
                continue
            if options.assets is not None:
                print(model, cpu, carried(model, cpu, options.assets, options.seconds, options.damaged)[1])
                continue
            print(f"{model} at {cpu} of a core, bar {bar} assets:")
            most = limit(model, cpu, bar, options.seconds, options.damaged)
            print(f"{model} at {cpu} of a core: {most} assets, bar {bar}: {'met' if most >= bar else 'MISSED'}")
            code |= most < bar
    return code


if __name__ == "__main__":
    sys.exit(main())
