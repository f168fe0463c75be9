"""Whether anything grows: a million frames through the real gateway, as fast as they go.

    python -m benchmarks.soak [--frames 1000000]

A gateway with its worker, a journal of 16 MB at most and a sink; a fleet of 64 machines whose windows are short and
cost next to nothing, so that many come. An hour of such a fleet, a window an asset and second, is 230,400 frames; the
growth of memory is that of a straight line through what is seen after the first fifth. Bars: memory of all processes
grows by less than 1 MB an hour, file descriptors stay as many, the journal and its log never exceed their budget,
every frame is answered, and produced = delivered + buffered + dropped.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.fleet_run import TRIVIAL, plugged
from inversion.app.journal import open_journal
from inversion.app.journal.status import file_bytes

ASSETS, MOST_MB, AN_HOUR = 64, 16.0, 64 * 3600
BAR_MB = 1.0
_LOOK_S = 0.2
_WARM = 0.2
SITE = """
[site]
name = "soak"
[source]
use = "fleet"
windows = "windows.npy"
assets = {assets}
seconds = {seconds}
paced = false
{model}
[[sink]]
use = "nowhere"
path = "soak.count"
[journal]
most_mb = {most_mb}
commit_s = 0.1
[evidence]
keep = "none"
"""


@dataclass
class Seen:
    """One look a row: frames so far, MB of all processes, file descriptors of all, MB of the journal."""

    rows: list[tuple[float, float, float, float]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    frames: int = 0
    seconds: float = 0.0

    def column(self, i: int, after: float = 0.0) -> np.ndarray:
        """(n,) from the looks after this share of the frames."""
        rows = np.array(self.rows)
        kept: np.ndarray = rows[rows[:, 0] >= after * self.frames, i]
        return kept

    @property
    def growth_mb(self) -> float:
        """In an hour of a fleet that brings a window an asset and second."""
        frames, memory = self.column(0, _WARM), self.column(1, _WARM)
        return float(np.polyfit(frames - frames[0], memory, 1)[0] * AN_HOUR)


def soak(folder: Path, frames: int) -> Seen:
    """One gateway, watched until its data end."""
    rng = np.random.default_rng(0)
    np.save(folder / "windows.npy", rng.normal(size=(8, 256)).astype(np.float32))
    site = folder / "soak.toml"
    site.write_text(SITE.format(assets=ASSETS, seconds=frames / ASSETS, model=TRIVIAL, most_mb=MOST_MB))
    seen = Seen(frames=frames)
    journal, began = folder / "soak.journal", time.monotonic()
    command = [str(Path(sys.executable).with_name("inversion")), "run", str(site)]
    with (folder / "log.txt").open("wb") as log, subprocess.Popen(command, stderr=log) as gateway:
        while gateway.poll() is None:
            time.sleep(_LOOK_S)
            row = _look(gateway.pid, journal)
            if row is not None and row[0] < frames:  # then they end
                seen.rows.append(row)
    seen.seconds = time.monotonic() - began
    seen.wrong = _judged(folder, gateway.returncode, seen)
    return seen


def _look(pid: int, journal: Path) -> tuple[float, float, float, float] | None:
    """None where a process has just ended, or there is nothing yet."""
    try:
        pids = [pid, *_descendants(pid)]
        memory = sum(_anonymous_mb(each) for each in pids)
        handles = sum(len(list(Path(f"/proc/{each}/fd").iterdir())) for each in pids)
        answered = int(journal.with_suffix(".count").read_text())
    except (OSError, ValueError):
        return None
    return float(answered), memory, float(handles), file_bytes(journal) / 1e6


def _descendants(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    own = [int(word) for task in tasks for word in task.read_text().split()]
    return [each for child in own for each in (child, *_descendants(child))]


def _anonymous_mb(pid: int) -> float:
    """What the process has that no file backs: what is read of the journal comes and goes as the kernel likes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    told = [line.split()[1] for line in lines if line.startswith("RssAnon")]  # one that has ended has none
    return int(told[0] if told else "") * 1024 / 1e6


def _judged(folder: Path, code: int, seen: Seen) -> list[str]:
    wrong = [] if code == 0 else [f"exit code {code}: {(folder / 'log.txt').read_text()[-300:]}"]
    with open_journal(folder / "soak.journal", time.time_ns()) as journal:
        for s in journal.standings():
            if s.produced != s.delivered + s.buffered + s.dropped:
                wrong.append(f"{s.produced} produced, {s.delivered} + {s.buffered} + {s.dropped}")
        produced = max((s.produced for s in journal.standings()), default=0)
    answered = int((folder / "soak.count").read_text())
    if answered != seen.frames:
        wrong.append(f"{seen.frames} frames, {answered} findings delivered ({produced} records produced)")
    if seen.column(3).max() > MOST_MB:
        wrong.append(f"the journal was {seen.column(3).max():.1f} MB large, its budget is {MOST_MB:g}")
    handles = seen.column(2, _WARM)
    if np.median(handles[-len(handles) // 3 :]) > np.median(handles[: len(handles) // 3]):
        wrong.append(f"file descriptors grew from {handles[0]:.0f} to {handles[-1]:.0f}")
    return wrong


def main() -> int:
    """Prints what was seen against the bars; 1 where one is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=1_000_000)
    options = parser.parse_args()
    with plugged(), tempfile.TemporaryDirectory(prefix="inversion-soak-", dir=Path.cwd()) as folder:
        seen = soak(Path(folder), options.frames)
    memory, handles = seen.column(1, _WARM), seen.column(2, _WARM)
    print(f"{seen.frames} frames in {seen.seconds:.0f} s, {seen.frames / seen.seconds:.0f} a second")
    print(f"memory of all processes {memory[0]:.1f} to {memory[-1]:.1f} MB: {seen.growth_mb:+.2f} MB an hour (bar 1)")
    print(f"file descriptors {handles.min():.0f} to {handles.max():.0f}; journal at most {seen.column(3).max():.1f} MB")
    print("\n".join(seen.wrong) or "everything adds up")
    return int(bool(seen.wrong) or seen.growth_mb > BAR_MB)


if __name__ == "__main__":
    sys.exit(main())
