"""What a journalled finding costs the disk: bytes that the process has written, by how many are committed at a time.

    python -m benchmarks.journal [FOLDER]

Findings and states of the rolling bearing as the shipped network gives them (`benchmarks/fleet_run.py`: simulated
windows of eight machines), appended as the gateway does it, the state of an asset every sixty findings of it (a
window a second, a state a minute). Bytes are those that the kernel has sent toward the device for this process
(`/proc/self/io`), divided by findings. Bar: 2 kB. One machine in eight is damaged; then all are, whose findings and
tracks say more.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.fleet_run import BEARING, SAMPLE_RATE, SHAFT_HZ, channels, windows
from inversion.app.configuration import load_pipeline
from inversion.app.journal import Batch, Record, open_journal
from inversion.core import to_json
from inversion.pipeline import advance
from sensors import Frame

_ASSETS, _EACH, _STATE_EVERY = 8, 120, 60
_BAR_BYTES = 2000

Said = tuple[dict[str, Any], Mapping[str, Any]]  # a finding and the state after it


def said(folder: Path, damaged: float) -> list[Said]:
    """What the pipeline says of a window an asset and second."""
    site = folder / "site.toml"
    site.write_text(BEARING)
    pipeline, states, told = load_pipeline(site), {}, []
    pool = windows(_ASSETS, damaged)
    for i in range(_ASSETS * _EACH):
        start_ns = 1_795_250_000_000_000_000 + i * 125_000_123
        frame = Frame(f"machine {i % _ASSETS}", start_ns, True, channels(pool[i % _ASSETS], SAMPLE_RATE, SHAFT_HZ))
        states, findings = advance(pipeline, states, [frame])
        told.append((to_json(findings[0]), states[frame.asset].to_dict()))
    return told


def bytes_written() -> int:
    """Of this process so far, toward the device."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("write_bytes")).split()[1])


def measure(folder: Path, group: int, told: list[Said]) -> tuple[float, float, float]:
    """Bytes a finding toward the device, bytes of the file a finding, and ms a commit."""
    path = folder / f"{group}.journal"
    with open_journal(path, 0) as journal:
        before, began = bytes_written(), time.perf_counter()
        for first in range(0, len(told), group):
            chosen = told[first : first + group]
            due = {f["asset"]: s for i, (f, s) in enumerate(chosen, first) if i // _ASSETS % _STATE_EVERY == 0}
            records = [Record("finding", f["asset"], f["start_ns"], f) for f, _ in chosen]
            journal.append(Batch(records, states=due, cursors={"sink": first}))
        seconds = time.perf_counter() - began
        journal.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        written = bytes_written() - before
    kept = path.stat().st_size
    path.unlink()
    return written / len(told), kept / len(told), 1e3 * seconds * group / len(told)


def main() -> int:
    """Prints a line a group size; 1 where 4 a commit miss the bar: eight assets, committed every half second."""
    code = 0
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else Path.cwd()) as folder:
        for name, damaged in (("one machine in eight damaged", 0.125), ("all damaged", 1.0)):
            told = said(Path(folder), damaged)
            size = sum(len(json.dumps(f, separators=(",", ":"))) for f, _ in told) / len(told)
            print(f"{name}; a finding is {size:.0f} bytes of JSON")
            for group in (1, 4, 8, 16, 32, 64):
                written, kept, ms = measure(Path(folder), group, told)
                print(f"{group:3} a commit: {written:6.0f} bytes written, {kept:4.0f} kept, {ms:.1f} ms a commit")
                code |= group == 4 and damaged < 1 and written > _BAR_BYTES
    return code


if __name__ == "__main__":
    sys.exit(main())
