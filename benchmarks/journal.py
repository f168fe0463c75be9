"""What a journalled finding costs the disk: bytes that the process has written, by how many are committed at a time.

    python -m benchmarks.journal [FOLDER]

A thousand findings of the rolling bearing and the states of eight assets, appended as the gateway does it, with the
state of an asset every sixty findings of it (a window a second, a state a minute). Bytes are those that the kernel has
sent toward the device for this process (`/proc/self/io`), divided by findings. Bar: 2 kB.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from inversion.app.journal import Batch, Record, open_journal

_FINDINGS, _ASSETS, _STATE_EVERY = 1000, 8, 60
_BAR_BYTES = 2000
_NAMES = ("outer_impact", "inner_impact", "ball_impact", "outer_spall", "inner_spall", "ball_spall")


def finding(i: int, rng: random.Random) -> dict[str, Any]:
    """As the rolling bearing's, with digits that cannot be guessed."""

    def value() -> dict[str, Any]:
        low, middle, high = sorted(float(f"{rng.random():.6g}") for _ in range(3))
        return {"mean": middle, "low": low, "high": high, "level": 0.9, "unit": "mm", "floor": 0.68, "resolvable": True}

    def tracked() -> dict[str, Any]:
        growth = {**{k: float(f"{rng.random():.6g}") for k in ("mean", "low", "high")}, "level": 0.9, "unit": "mm/d"}
        return {**value(), "growth": growth, "time_to_limit": [], "step_ns": None}

    return {
        "asset": f"machine {i % _ASSETS}",
        "start": f"2026-11-21T08:00:{i % 60:02d}.{rng.randrange(10**9):09d}Z",
        "start_ns": 1_795_250_000_000_000_000 + i * 10**9,
        "clock_trusted": True,
        "duration_s": 1.40625,
        "source": "127.0.0.1:5020 unit 1",
        "position": None,
        "engine": "least_squares",
        "parameters": {name: value() for name in _NAMES},
        "track": {name: tracked() for name in _NAMES},
        "fit": {"quality": "good", "reduced_chi2": float(f"{rng.random():.6g}"), "reason": ""},
        "alarms": [],
    }


def state(rng: random.Random) -> dict[str, Any]:
    """25 kB of JSON, as a track of six parameters is."""
    return {"track": {name: [rng.random() for _ in range(200)] for name in _NAMES}}


def bytes_written() -> int:
    """Of this process so far, toward the device."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("write_bytes")).split()[1])


def measure(folder: Path, group: int) -> tuple[float, float, float]:
    """Bytes a finding toward the device, bytes of the file a finding, and ms a commit."""
    rng = random.Random(0)
    findings = [finding(i, rng) for i in range(_FINDINGS)]
    path = folder / f"{group}.journal"
    with open_journal(path, 0) as journal:
        before, began = bytes_written(), time.perf_counter()
        for first in range(0, _FINDINGS, group):
            chosen = findings[first : first + group]
            due = {f["asset"]: state(rng) for i, f in enumerate(chosen, first) if i // _ASSETS % _STATE_EVERY == 0}
            records = [Record("finding", f["asset"], f["start_ns"], f) for f in chosen]
            journal.append(Batch(records, states=due, cursors={"sink": first}))
        seconds = time.perf_counter() - began
        journal.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        written = bytes_written() - before
    return written / _FINDINGS, path.stat().st_size / _FINDINGS, 1e3 * seconds * group / _FINDINGS


def main() -> int:
    """Prints a line a group size; 1 where that of 64 assets a second (32) misses the bar."""
    size = len(json.dumps(finding(0, random.Random(0)), separators=(",", ":")))
    print(f"a finding is {size} bytes of JSON")
    code = 0
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else Path.cwd()) as folder:
        for group in (1, 8, 32, 64):
            written, kept, milliseconds = measure(Path(folder), group)
            print(f"{group:3} a commit: {written:6.0f} bytes written, {kept:4.0f} kept, {milliseconds:.1f} ms a commit")
            code |= group == 32 and written > _BAR_BYTES
    return code


if __name__ == "__main__":
    sys.exit(main())
