"""Tables of truth for `inversion calibrate` and `inversion validate`, from what the recordings themselves say.

    python -m benchmarks.labels ../shared/data var/labels

writes `dropbear_0.csv` and `dropbear_1.csv`, `unbalance.csv`, `skab.csv`, `femto_<run>.csv`, and `hydraulic.csv` with
`hydraulic.npz`, the rig's tables of cycles as one recording of 1 Hz.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from sensors.recording import load_layout, read_recording, window_frames

LAYOUTS = Path(__file__).parents[1] / "configs" / "layouts"
HEALTHY_SKAB = 120  # windows of 30 s from which the pump's healthy state is learnt: its first hour
HEALTHY_FEMTO = 10  # first snapshots of a run from which its healthy state is learnt


def write(path: Path, header: Iterable[str], rows: Iterable[Iterable[object]]) -> Path:
    """A CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def dropbear(data: Path, out: Path, run: int, every: int) -> Path:
    """Mean roller position of windows of `steps_<run>`, and by how much their halves differ.

    Windows of 0.5 s begin every 0.1 s, as in the site; every fifth one, and none overlaps.
    """
    layout = load_layout(LAYOUTS / "dropbear.toml")
    rows = []
    record = read_recording(data / "dropbear" / f"steps_{run}.txt", layout)
    for frame in list(window_frames(record, window_s=0.5, overlap=0.8))[::every]:
        place = frame.channels["roller_position"].samples
        before, after = np.array_split(place, 2)
        group = f"{frame.source} {frame.start_ns // 2_000_000_000}"  # two seconds: a step and its dwell
        rows.append((frame.source, frame.position, group, f"{place.mean():.5f}", f"{after.mean() - before.mean():.5f}"))
    header = ("file", "window", "group", "roller_position", "roller_move")
    return write(out / f"dropbear_{run}.csv", header, rows)


def unbalance(data: Path, out: Path) -> Path:
    """The mass that each trial's name states; a trial is a group."""
    files = sorted((data / "unbalance").glob("mass_*.csv"))
    return write(out / "unbalance.csv", ("file", "group", "mass"), [(f.name, f.stem, f.stem[5:9]) for f in files])


def hydraulic(data: Path, out: Path) -> Path:
    """Condition of each cycle; a group is a block of some hundred cycles between two changes of the accumulator."""
    folder = data / "hydraulic"
    profile = np.loadtxt(folder / "profile.txt").astype(int)
    block = np.concatenate([[0], np.cumsum(np.abs(np.diff(profile[:, [0, 3]], axis=0)).sum(axis=1) > 0)])
    tables = {path.name.split(".")[0]: np.loadtxt(path) for path in sorted(folder.glob("*.txt.gz"))}
    channels = {name: t.reshape(len(t), 60, -1).mean(axis=2).reshape(-1) for name, t in tables.items()}
    out.mkdir(parents=True, exist_ok=True)
    np.savez(out / "hydraulic.npz", **channels)  # type: ignore[arg-type]
    rows = [
        ("hydraulic.npz", k, f"block {block[k]:02d}", "not yet static" if unstable else "", cooler, valve, leak, bar)
        for k, (cooler, valve, leak, bar, unstable) in enumerate(profile.tolist())
    ]
    header = ("file", "window", "group", "leave_out", "cooler", "valve", "leakage", "accumulator")
    return write(out / "hydraulic.csv", header, rows)


def skab(out: Path) -> Path:
    """The first hour of the healthy run."""
    rows = [("anomaly-free.csv", k, f"window {k}", 0.0) for k in range(HEALTHY_SKAB)]
    return write(out / "skab.csv", ("file", "window", "group", "rise"), rows)


def femto(data: Path, out: Path, run: str) -> Path:
    """The first snapshots of a run, in which its bearing is new."""
    files = sorted((data / "femto" / run).glob("acc_*.csv"))[:HEALTHY_FEMTO]
    return write(out / f"femto_{run}.csv", ("file", "group", "rise"), [(f.name, f.stem, 0.0) for f in files])


def main(data: Path, out: Path) -> None:
    """All of them."""
    written = [dropbear(data, out, 0, 1), dropbear(data, out, 1, 5), unbalance(data, out), hydraulic(data, out)]
    written += [skab(out), *(femto(data, out, run.name) for run in sorted((data / "femto").iterdir()))]
    print("\n".join(map(str, written)))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m benchmarks.labels DATA OUT")
    main(Path(sys.argv[1]), Path(sys.argv[2]))
