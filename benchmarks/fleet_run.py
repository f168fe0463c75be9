"""A gateway of its own on a fleet, timed: when each window was due, answered and on the disk, and what that cost.

The gateway runs in this process, with its real worker in its real control group, journal and ledger; the windows are
simulated beforehand, so that measuring them costs next to nothing. The worker is started, not forked from a template:
all its memory is charged to its group.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from inversion.app.configuration import load_site
from inversion.app.gateway import Gateway
from inversion.app.journal import Batch, Journal, Retention, open_journal
from inversion.app.limits import Usage
from inversion.physics.bearing import BearingGeometry
from inversion.physics.bearing_simulation import Spall, simulate_waveform
from inversion.physics.machine_draws import draw_machine
from sensors import Waveform
from tests.installing import install

SAMPLES, SAMPLE_RATE, SHAFT_HZ = 16_384, 51_200.0, 60.0
_BEARING = BearingGeometry(9, 7.94, 39.04)
_SITE = """
[site]
name = "fleet"
[source]
use = "fleet"
windows = "windows.npy"
{source}
{model}
[limits]
{limits}
[journal]
commit_s = {commit_s}
[gateway]
queue_frames = {queue}
[evidence]
keep = "none"
{more}
"""
BEARING = """
[forward]
use = "rolling_bearing"
[forward.bearing]
elements = 9
element_diameter_mm = 7.94
pitch_diameter_mm = 39.04
[engine]
use = "network"
network = "rolling_bearing_v1"
precision = "lite"
[[alarm]]
name = "outer spall above limit"
parameter = "outer_spall"
limit = 3.0
[[alarm]]
name = "outer race strikes"
parameter = "outer_impact"
limit = 5.0
[[alarm]]
name = "not measured"
condition = "quality"
worst = "bad"
"""
TRIVIAL = """
[forward]
use = "loudness"
[engine]
use = "bound"
[[alarm]]
name = "too loud"
parameter = "level"
limit = 9.0
"""


@dataclass
class Times:
    """By (asset, start of the window in ns): when it was answered and when that was on the disk; UTC, ns."""

    answered: dict[tuple[str, int], int] = field(default_factory=dict)
    stored: dict[tuple[str, int], int] = field(default_factory=dict)
    alarms: dict[tuple[str, int], int] = field(default_factory=dict)

    def took_ms(self, what: Mapping[tuple[str, int], int], after_s: float = 0.0) -> np.ndarray:
        """(n,) from the time that a window was due; without the windows of the first seconds."""
        if not what:
            return np.zeros(0)
        first = min(start for _, start in self.answered) + int(after_s * 1e9)
        return np.array([(done - key[1]) / 1e6 for key, done in what.items() if key[1] >= first])


@dataclass(frozen=True)
class Cost:
    """CPU time in shares of a core, while windows came; windows: answered in all; usage: of the worker's group."""

    gateway: float
    worker: float
    windows: int
    usage: Usage


@dataclass(frozen=True)
class Run:
    """What a run was like. source: lines of TOML; more: further sections."""

    model: str = BEARING
    source: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)
    commit_s: float = 0.5
    queue: int = 512
    damaged: float = 0.125
    more: str = ""
    warm_s: float = 2.0


def windows(count: int, damaged: float, seed: int = 0) -> np.ndarray:
    """(count, SAMPLES) float32 of machines drawn at random; that share of them has a spall of 3 mm."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(count):
        spalls = (Spall("outer", 3e-3, 3.0),) if damaged_at(i, damaged) else ()
        machine = draw_machine(_BEARING, SHAFT_HZ, rng)
        rows.append(simulate_waveform(machine, spalls, SAMPLE_RATE, SAMPLES, rng).astype(np.float32))
    return np.array(rows)


def damaged_at(i: int, share: float) -> bool:
    """Whether the i-th machine of a fleet is damaged of which so many are."""
    return int((i + 1) * share) > int(i * share)


def channels(samples: np.ndarray, sample_rate: float, shaft_hz: float) -> dict[str, Waveform]:
    """Of one window."""
    speed = Waveform(np.array([shaft_hz], np.float32), 1.0, "Hz")
    return {"acceleration": Waveform(samples, sample_rate, "m/s2"), "shaft_hz": speed}


@contextmanager
def plugged() -> Iterator[None]:
    """This process and its children see the benchmarks' plug-ins."""
    with tempfile.TemporaryDirectory(prefix="inversion-fleet-") as folder:
        install(Path(__file__).parent / "plugins", Path(folder))
        before = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = folder
        sys.path.insert(0, folder)
        try:
            yield
        finally:
            sys.path.remove(folder)
            os.environ.pop("PYTHONPATH")
            if before is not None:
                os.environ["PYTHONPATH"] = before


def measure(run: Run, folder: Path, pool: np.ndarray) -> tuple[Times, Cost]:
    """One run of a site of its own below `folder`."""
    np.save(folder / "windows.npy", pool)
    path = folder / "fleet.toml"
    path.write_text(
        _SITE.format(
            model=run.model,
            source=_toml(run.source),
            limits=_toml(run.limits),
            commit_s=run.commit_s,
            queue=run.queue,
            more=run.more,
        )
    )
    return asyncio.run(_measured(run, path))


async def _measured(run: Run, path: Path) -> tuple[Times, Cost]:
    site, times = load_site(path), Times()
    gc.collect()
    gc.freeze()  # as `inversion run` does
    with open_journal(site.journal, time.time_ns(), Retention()) as journal:
        _stamped(journal, times)
        gateway = Gateway(site, journal, asyncio.Event())
        running = asyncio.create_task(gateway.run())
        while not times.answered and not running.done():
            await asyncio.sleep(0.05)
        await asyncio.sleep(run.warm_s)
        group, pid = gateway._supervisor.group, gateway.worker.pid
        began, own, theirs, last = time.monotonic(), _own_s(), _cpu_s(pid), _cpu_s(pid)
        until = time.monotonic() + float(run.source["seconds"]) - run.warm_s - 1.0
        while time.monotonic() < until and not running.done():
            await asyncio.sleep(0.25)
        elapsed, own, last = time.monotonic() - began, _own_s() - own, _cpu_s(pid)
        usage = Usage() if group is None else group.usage()
        await running
    return times, Cost(own / elapsed, (last - theirs) / elapsed, len(times.answered), usage)


def _stamped(journal: Journal, times: Times) -> None:
    """Lets the journal note when what was on the disk."""
    append = journal.append

    def noted(batch: Batch) -> None:
        append(batch)
        now_ns = time.time_ns()
        for record in batch.records:
            start_ns = record.body.get("start_ns")
            if start_ns is None:
                continue
            key = (record.asset, start_ns)
            if record.kind == "finding":
                times.answered[key] = record.time_ns
                times.stored[key] = now_ns
            elif record.kind == "alarm":
                times.alarms[key] = now_ns

    journal.append = noted  # type: ignore[method-assign]


def _own_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _cpu_s(pid: int | None) -> float:
    """CPU time of another process, s: proc(5)."""
    if pid is None:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _toml(options: Mapping[str, Any]) -> str:
    """Lines of TOML; JSON writes texts, numbers and truths the same way."""
    return "\n".join(f"{name} = {json.dumps(value)}" for name, value in options.items())
