"""Do tracked widths hold on one machine, where the path of relief is the same in every window?

    python -m benchmarks.relieved_lives [LIVES] [SEED]

LIVES, each of a machine drawn anew: its structure, its noise, how strong and soft entries are, and where beyond the
edge they are felt are drawn once and stay; the spall grows by one of several laws, and is seen in windows of 20
revolutions at irregular times. What these windows share does not average out: a track must not become narrower.
The seed that it takes by default is neither that of the tests nor that of what was set in the tracker.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from inversion.core import Estimate
from inversion.engines.least_squares import LeastSquares
from inversion.forward.rolling_bearing import RollingBearing
from inversion.physics.bearing import BearingGeometry
from inversion.physics.bearing_simulation import simulate_waveform
from inversion.physics.machine_draws import draw_machine, draw_spall
from inversion.physics.wear import LAWS, wear
from inversion.tracking import Tracker, advance, to_estimate
from sensors import Frame, Waveform

BEARING = BearingGeometry(9, 7.94, 39.04)
RATE, SHAFT_HZ, REVOLUTIONS = 51_200.0, 30.0, 20
FIRST_M, LAST_M = (1.5e-3, 3e-3), (4e-3, 7e-3)
DAY_NS = 86_400 * 10**9
NAME = "outer_spall"
LEVELS = (0.5, 0.8, 0.9, 0.95)


@dataclass(frozen=True)
class Seen:
    """One window of a life: when, ns; the true width, m; what least squares makes of it."""

    start_ns: int
    width: float
    estimate: Estimate


def life(law: str, windows: int, rng: np.random.Generator) -> Iterator[Seen]:
    """The windows of one machine, whose spall grows within 10 to 100 days."""
    model = RollingBearing(BEARING)
    inverter = LeastSquares().bind(model)
    machine = draw_machine(BEARING, SHAFT_HZ, rng)
    drawn = draw_spall("outer", 0.0, rng.uniform(8, 20), model.relief, rng)
    drawn = replace(drawn, entry=max(drawn.entry, 0.3))
    path = wear(law, rng.uniform(*FIRST_M), rng.uniform(*LAST_M), 2000, rng)
    days = float(np.exp(rng.uniform(np.log(10), np.log(100))))
    for time in np.sort(rng.uniform(0, 1, windows)):
        width = float(np.interp(time, np.linspace(0, 1, path.size), path))
        samples = int(REVOLUTIONS * RATE / SHAFT_HZ)
        record = simulate_waveform(machine, (replace(drawn, width=width),), RATE, samples, rng).astype(np.float32)
        channels = {
            "acceleration": Waveform(record, RATE, "m/s2"),
            "shaft_hz": Waveform(np.array([SHAFT_HZ], np.float32), 1.0, "Hz"),
        }
        [estimate] = inverter.invert(model.observe([Frame("machine", 0, True, channels)]))
        yield Seen(int(time * days * DAY_NS), width, estimate)


def tracked(seen: list[Seen], tracker: Tracker) -> Iterator[tuple[Seen, Estimate]]:
    """Each window and the track after it."""
    track = None
    for each in seen:
        track = advance(tracker, track, each.estimate, each.start_ns)
        yield each, to_estimate(track, each.estimate)


def held(estimate: Estimate, width: float, level: float) -> bool:
    """Whether the interval holds the true width."""
    low, high = estimate.interval(NAME, level)
    return low <= width <= high


def row(title: str, pairs: list[tuple[Seen, Estimate]]) -> str:
    """How many resolve the width; of these the coverage by level, and the median length of the 90 % interval, mm."""
    told = [(seen, estimate) for seen, estimate in pairs if estimate.resolvable(NAME)]
    shares = [100 * np.mean([held(estimate, seen.width, level) for seen, estimate in told]) for level in LEVELS]
    ends = np.array([estimate.interval(NAME, 0.9) for _, estimate in told])
    span = 1e3 * float(np.median(ends[:, 1] - ends[:, 0]))
    return f"{title:34s} {len(told) / len(pairs):8.2f} {' '.join(f'{share:6.1f}' for share in shares)} {span:8.2f}"


def main() -> None:
    """Print single windows beside tracks, and tracks by how many windows they rest on."""
    lives = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    rng = np.random.default_rng(int(sys.argv[2]) if len(sys.argv) > 2 else 4711)
    every = [list(life(LAWS[k % len(LAWS)], 50, rng)) for k in range(lives)]
    print(f"{lives} lives of 50 windows; intervals that hold it, %, where it is resolved; 90 % interval, mm")
    print(f"{'':34s} {'resolved':>8s} {' '.join(f'{100 * level:5.0f}%' for level in LEVELS)} {'mm':>8s}")
    print(row("windows by themselves", [(seen, seen.estimate) for one in every for seen in one]))
    tracks = [list(tracked(one, Tracker())) for one in every]
    for first, last in ((0, 10), (10, 20), (20, 35), (35, 50)):
        print(row(f"tracks, after {first + 1} to {last} windows", [pair for one in tracks for pair in one[first:last]]))
    print(row("tracks, all", [pair for one in tracks for pair in one]))


if __name__ == "__main__":
    main()
