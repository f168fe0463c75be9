"""Do tracks hold what they say? Simulated lives under several laws of growth, and one life with waveforms.

    python -m benchmarks.lives [LIVES]

LIVES a law, of 60 to 140 windows each, at irregular times; window estimates are drawn in latent space, of deviation
0.08 to 0.25, with 0 to 100 % of their error shared, 3 % plain wrong and 15 % that resolve nothing. "decelerating" is a
law that the tracker does not know. Then the demo's machine wears for 40 days, a window of waveform every few hours.
The seeds are not those of the tests.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from inversion.alerts import AlertRule
from inversion.app.demo.machine import Wear, WearingMachine
from inversion.core import Finding
from inversion.engines.least_squares import LeastSquares
from inversion.forward.rolling_bearing import RollingBearing
from inversion.physics.bearing import BearingGeometry
from inversion.physics.wear import LAWS, wear
from inversion.pipeline import Pipeline, advance
from inversion.tracking import Tracker
from inversion.tracking.rehearsal import Life, Look, rehearse
from sensors import Frame, Waveform

QUARTERS = (0.25, 0.5, 0.75)
SHARED = (0.0, 0.3, 0.7, 1.0)
DAY_NS = 86_400 * 10**9
SAMPLE_RATE = 51_200.0


def looks(law: str, lives: int) -> list[tuple[float, Look]]:
    """Share of the error that windows share, and the look, of every quarter of every life."""
    rng = np.random.default_rng([29, LAWS.index(law)])
    found = []
    for k in range(lives):
        path = wear(law, rng.uniform(0.7e-3, 1.5e-3), 3e-3, 2000, rng)
        life = Life(
            path,
            days=float(np.exp(rng.uniform(np.log(10), np.log(200)))),
            windows=int(rng.integers(60, 140)),
            deviation=rng.uniform(0.08, 0.25),
            shared=SHARED[k % len(SHARED)],
        )
        found += [(life.shared, look) for look in rehearse(Tracker(), life, rng, QUARTERS)]
    return found


def row(name: str, found: Sequence[Look]) -> str:
    """Coverage of the width, the time to the limit and the growth at each quarter, and how narrow beside one window."""
    cells = []
    for share in QUARTERS:
        cells.append(f"{np.mean([look.covered for look in found if look.share == share]):5.2f}")
    for share in QUARTERS:
        told = [look for look in found if look.share == share and np.isfinite(look.soonest)]
        cells.append(f"{np.mean([look.foretold for look in told]):5.2f}")
    for share in QUARTERS:
        told = [look for look in found if look.share == share and np.isfinite(look.slowest)]
        cells.append(f"{np.mean([look.followed for look in told]):5.2f}")
    open_ended = np.mean([np.isinf(look.latest) for look in found if look.share == 0.5])
    cells.append(f"{open_ended:9.2f}")
    narrowing = [np.median([look.narrowing for look in found if look.share == share]) for share in QUARTERS]
    cells += [f"{value:5.2f}" for value in narrowing]
    steps = np.mean([look.stepped for look in found if look.share == QUARTERS[-1]])
    return f"{name:16s} {' '.join(cells)}  {steps:6.3f}"


def table(lives: int) -> None:
    """Print by law, by shared error, and all known laws together."""
    found = {law: looks(law, lives) for law in LAWS}
    every = [pair for law in LAWS for pair in found[law]]
    print(f"90 % intervals at a quarter, half and three quarters of life, {lives} lives a law")
    heads = " ".join(f"{name:>17s}" for name in ("width", "time to limit", "growth"))
    print(f"{'':16s} {heads} {'no latest':>9s} {'of one window':>17s}  {'steps':>6s}")
    for law in LAWS:
        print(row(law, [look for _, look in found[law]]))
    for shared in SHARED:
        print(row(f"{shared:.0%} shared", [look for share, look in every if share == shared]))
    print(row("all laws", [look for _, look in every]))


def waveform_life(windows: int = 80, days: float = 40.0) -> list[tuple[float, float, Finding]]:
    """Day, true width (m) and finding of each window of one wearing machine."""
    bearing = BearingGeometry(9, 7.94, 39.04)
    rng = np.random.default_rng(12)
    model = RollingBearing(bearing)
    rule = AlertRule("outer spall above limit", "outer_spall", 3e-3)
    pipeline = Pipeline(model, LeastSquares().bind(model), "least_squares", (rule,), Tracker())
    now_ns = 0
    worn = Wear(first=0.5e-3, last=3.2e-3, grow_s=days * 86_400)
    machine = WearingMachine(bearing, worn, lambda: now_ns, rng, SAMPLE_RATE, began_ns=0)
    states, found = {}, []
    for day in np.sort(rng.uniform(0, days, windows)):
        now_ns = int(day * DAY_NS)
        samples = machine.capture({"acceleration": int(40 * SAMPLE_RATE / machine.shaft_hz)})["acceleration"]
        channels = {
            "acceleration": Waveform(samples.astype(np.float32), SAMPLE_RATE, "m/s2"),
            "shaft_hz": Waveform(np.array([machine.shaft_hz], np.float32), 1.0, "Hz"),
        }
        states, [finding] = advance(pipeline, states, [Frame("machine", now_ns, True, channels)])
        found.append((float(day), machine.width_at(now_ns), finding))
    return found


def story(found: Sequence[tuple[float, float, Finding]]) -> None:
    """Print every eighth window of a life, and how often the intervals held the truth."""
    limit_day = next(day for day, width, _ in found if width >= 3e-3)
    print(f"\none life with waveforms: 0.5 to 3.2 mm in 40 days; 3 mm on day {limit_day:.1f}; 90 % intervals")
    print("   day  true mm   tracked mm     days left  foretold")
    held, told = [], []
    for k, (day, width, finding) in enumerate(found):
        if finding.track is None or not finding.track.resolvable("outer_spall"):
            continue
        low, high = finding.track.interval("outer_spall")
        held.append(low <= width <= high)
        trend = next(trend for trend in finding.trends if trend.parameter == "outer_spall")
        soonest, latest = (trend.times[0][1].quantile(p) / 86_400 for p in (0.05, 0.95))
        left = max(limit_day - day, 0.0)
        told.append(soonest <= left <= latest)
        if k % 8 == 7:
            until = "never" if np.isinf(latest) else f"{latest:.1f}"
            tracked = f"{1e3 * low:6.2f} to {1e3 * high:4.2f}"
            print(f"{day:6.1f} {1e3 * width:8.2f} {tracked} {left:10.1f}  {soonest:.1f} to {until}")
    alarm = next((day for day, _, finding in found if finding.alarms[0].state == "active"), None)
    print(f"of {len(held)} resolved windows the width was held in {np.mean(held):.0%}, the time in {np.mean(told):.0%}")
    print("no alarm" if alarm is None else f"alarm on day {alarm:.1f}")


def main() -> None:
    """Print both."""
    table(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
    story(waveform_life())


if __name__ == "__main__":
    main()
