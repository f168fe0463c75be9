"""Whether the budget holds on real control groups, and how late answers are under it.

    python -m benchmarks.budget [--seconds 60] [--assets 64] [--only NAME]

- quota: a worker that asks for more gets its quota within two points (25 % of a core, 20 ms periods).
- staggered: 64 assets, a window of 16,384 samples each second, spread over it, by the rolling bearing's lite network
  and its whole observation, at 25 % of a core and 128 MB, all memory charged. From the time that a window was due: to
  its result 20 ms, to an alarm on the disk 40 ms, to a routine finding on the disk 150 ms (p99.9). One window in
  sixteen is marked as bad, which raises an alarm and clears it at the next; one machine in eight has a spall.
- together: the same with 8 windows due at once: 50 ms to the result.
- neighbor: a busy loop outside the group keeps 75 % of a core that it shares by quota, 90 % by weight.

What else runs on the machine is in these figures. Beside them stand (p99.9) how late a process wakes meanwhile that
does nothing but sleep, and, straight after, when the bare transforms of the same windows are done that are due at the
same times, in a process of their own in an equal group (`benchmarks/paced.py`), and how long the disk takes for a bare
write: what the machine does to who does no more.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.fleet_run import Cost, Run, Times, measure, plugged, windows
from inversion.app.limits import Limits, joined_command, make_group
from tests.hosts.limited import BUSY, NEIGHBOR, inside, share_of_a_core, shares_of_a_core

Line = tuple[str, float, float, str]  # what, measured, bar, unit; measured may be at most the bar
_SLEEPER = """
import select, sys, time
due, late = time.monotonic(), []
while True:
    due += 0.01
    if select.select([sys.stdin], [], [], max(0, due - time.monotonic()))[0]:
        break
    late.append(1e3 * (time.monotonic() - due))
    due = max(due, time.monotonic() - 0.01)
print(*late)
"""
_LIMITS = {"cpu": "25%", "memory": "128MB", "pids": 64}
_DAMAGED = 0.125


def quota(seconds: float, assets: int) -> list[Line]:
    """A busy loop in the worker's group."""
    group = make_group(Limits(cpu="25%"), f"inversion-{os.getpid()}")
    try:
        with inside(group, BUSY) as process:
            share = share_of_a_core(process.pid, min(seconds, 10.0))
    finally:
        group.remove()
    return [("a worker that asks for more is off its 25 % by", abs(100 * share - 25), 2.0, "points")]


def staggered(seconds: float, assets: int) -> list[Line]:
    """Windows one after the other, at even times."""
    times, cost = _fleet(seconds, assets, TOGETHER["staggered"])
    return [
        ("window due -> result, p99.9", _tail(times, times.answered), 20.0, "ms"),
        ("window due -> alarm on the disk, p99.9", _tail(times, times.alarms), 40.0, "ms"),
        ("window due -> routine finding on the disk, p99.9", _tail(times, times.stored), 150.0, "ms"),
        ("CPU time of the worker a window, of what its share allows", 1e3 * cost.worker / assets, 250.0 / assets, "ms"),
        ("memory of the group, peak", (cost.usage.peak_bytes or 0) / 1e6, 128.0, "MB"),
        ("killed for memory", cost.usage.oom_kills, 0.0, "times"),
        ("windows not answered", assets * seconds - cost.windows, 0.0, ""),
    ]


def together(seconds: float, assets: int) -> list[Line]:
    """Eight at once."""
    times, cost = _fleet(seconds, assets, TOGETHER["together"])
    due: dict[int, list[float]] = {}
    for (_, start), answered in times.answered.items():
        due.setdefault(start, []).append((answered - start) / 1e6)
    half, most = np.percentile(times.took_ms(times.answered, after_s=2.0), [50, 75])
    last = np.median([max(each) for each in due.values()])
    ms, allowed, used = 1e3 * cost.worker / assets, 250 / assets, cost.usage
    print(
        f"together: half within {half:.0f} ms, three quarters within {most:.0f}, the last of eight: {last:.0f} (median)"
    )
    print(
        f"together: a window costs the worker {ms:.1f} ms of CPU, of {allowed:.1f} that its share allows; "
        f"{used.throttled} of {used.periods} periods stopped it"
    )
    return [("8 windows due at once -> result, p99.9", _tail(times, times.answered), 50.0, "ms")]


def neighbor(seconds: float, assets: int) -> list[Line]:
    """What a busy loop gets of a core on which the group asks for all it can get; said too what it gets there alone."""
    cores, seconds = sorted(os.sched_getaffinity(0)), min(seconds, 10.0)
    alone = {} if len(cores) == 1 else {"cpuset": str(cores[0])}
    lines: list[Line] = []
    with subprocess.Popen([sys.executable, "-c", NEIGHBOR.format(core=cores[0])]) as other:
        undisturbed = share_of_a_core(other.pid, seconds)
        for told, limits, least in (
            ("quota", Limits(cpu="25%", **alone), 75.0),
            ("weight", Limits(cpu_weight=10, **alone), 90.0),
        ):
            group = make_group(limits, f"inversion-{os.getpid()}")
            try:
                with inside(group, BUSY) as process:
                    kept, taken = shares_of_a_core([other.pid, process.pid], seconds)
            finally:
                group.remove()
            lines.append((f"a neighbor loses, by {told}, of the core", 100 - 100 * kept, 100 - least, "%"))
            print(
                f"by {told} the group took {100 * taken:.1f} %, others {100 - 100 * (kept + taken):.1f} %; "
                f"without the group the neighbor had {100 * undisturbed:.1f} %"
            )
        other.kill()
    return lines


def floor(seconds: float, assets: int, together: int) -> tuple[float, float, float]:
    """How long after a window was due its bare transforms are done in an equal group, p99.9; what they cost it, ms.

    That is the CPU time of a window: at its time, and where one follows the other.
    """
    group = make_group(Limits(**_LIMITS), f"inversion-{os.getpid()}")
    words = [str(assets), str(seconds), str(together), str(_DAMAGED)]
    try:
        command = joined_command(group.joins, [sys.executable, "-m", "benchmarks.paced", *words])
        told = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    finally:
        group.remove()
    *took, paced, in_a_row = (float(word) for word in told.split())
    return float(np.percentile(took[int(2 * assets) :], 99.9)), paced, in_a_row


def bare_sync(seconds: float) -> float:
    """How long a process that does nothing else waits for the disk to have 8 kB, ten times a second, p99.9, ms."""
    block, took, until = os.urandom(8192), [], time.monotonic() + seconds
    with tempfile.TemporaryFile(dir=_disk()) as file:
        while time.monotonic() < until:
            began = time.monotonic()
            file.write(block)
            file.flush()
            os.fsync(file.fileno())
            took.append(1e3 * (time.monotonic() - began))
            time.sleep(max(0.0, began + 0.1 - time.monotonic()))
    return float(np.percentile(took[20:], 99.9))


def _disk() -> Path | None:
    """A place on a disk, where there is one."""
    return Path.cwd() if os.access(Path.cwd(), os.W_OK) else None


TOGETHER = {"staggered": 1, "together": 8}
PARTS: dict[str, Callable[[float, int], list[Line]]] = {
    "quota": quota,
    "staggered": staggered,
    "together": together,
    "neighbor": neighbor,
}


@contextmanager
def sleeper() -> Iterator[list[float]]:
    """How late a process of its own wakes up, ms, each time in a hundred a second; filled at the end."""
    late: list[float] = []
    with subprocess.Popen([sys.executable, "-c", _SLEEPER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield late
        finally:
            told, _ = process.communicate()
            late += [float(word) for word in told.split()]


def _fleet(seconds: float, assets: int, together: int) -> tuple[Times, Cost]:
    run = Run(
        source={"assets": assets, "seconds": seconds, "together": together, "bad_every": 16},
        limits=_LIMITS,
        damaged=_DAMAGED,
        commit_s=0.1,
    )
    with plugged(), tempfile.TemporaryDirectory(prefix="inversion-budget-", dir=_disk()) as folder:
        return measure(run, Path(folder), windows(32, run.damaged))


def _tail(times: Times, what: Mapping[tuple[str, int], int]) -> float:
    """p99.9 of what came after the first two seconds, ms."""
    took = times.took_ms(what, after_s=2.0)
    return float(np.percentile(took, 99.9)) if took.size else float("inf")


def main() -> int:
    """Prints every figure with its bar; 1 where one is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--assets", type=int, default=64)
    parser.add_argument("--only", choices=list(PARTS))
    options = parser.parse_args()
    code = 0
    for name in [options.only] if options.only else PARTS:
        with sleeper() as late:
            lines = PARTS[name](options.seconds, options.assets)
        print(f"{name}: who only sleeps woke {np.percentile(late, 99.9):.1f} ms late (p99.9)")
        for what, measured, bar, unit in lines:
            print(f"{what}: {measured:.1f} {unit} (bar {bar:g}): {'met' if measured <= bar else 'MISSED'}", flush=True)
            code |= measured > bar
        if name in TOGETHER:
            least, paced, in_a_row = floor(options.seconds, options.assets, TOGETHER[name])
            print(
                f"{name}: the bare transforms of these windows alone, in an equal group: {least:.1f} ms; each costs it "
                f"{paced:.2f} ms of CPU at its time, {in_a_row:.2f} where one follows the other"
            )
            print(f"{name}: 8 kB alone, to the disk: {bare_sync(min(options.seconds, 10.0)):.1f} ms", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
