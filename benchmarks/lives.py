"""Do tracks hold what they say? Simulated lives under several laws of growth, and one life with waveforms.

    python -m benchmarks.lives [LIVES]

LIVES a law, of 60 to 140 windows each, at irregular times; window estimates are drawn in latent space, of deviation
0.08 to 0.25, with 0 to 100 % of their error shared, 3 % plain wrong and 15 % that resolve nothing. The laws of the
first table the tracker knows, or one alike ("decelerating" goes by the root of time); those that change on the way it
does not. Then the demo's machine wears for 40 days, a window of waveform every few hours.
The seeds are neither those of the tests nor those that weights were set on.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from inversion.alerts import AlertRule
from inversion.app.demo.machine import Wear, WearingMachine
from inversion.core import Finding, ParameterSpace
from inversion.engines.least_squares import LeastSquares
from inversion.forward.rolling_bearing import RollingBearing
from inversion.physics.bearing import BearingGeometry
from inversion.physics.wear import CHANGING, LAWS, wear
from inversion.pipeline import Pipeline, advance
from inversion.tracking import Tracker
from inversion.tracking.rehearsal import REVERSIBLE, SPACE, Life, Look, rehearse
from sensors import Frame, Waveform

QUARTERS = (0.25, 0.5, 0.75)
SHARED = (0.0, 0.3, 0.7, 1.0)
LIMIT = 3e-3
DAY_NS = 86_400 * 10**9
SAMPLE_RATE = 51_200.0


def life_of(law: str, rng: np.random.Generator, shared: float, space: ParameterSpace = SPACE) -> Life:
    """One life, from 0.7 to 1.5 mm up to the limit, in 10 to 200 days."""
    return Life(
        wear(law, rng.uniform(0.7e-3, 1.5e-3), LIMIT, 2000, rng),
        days=float(np.exp(rng.uniform(np.log(10), np.log(200)))),
        windows=int(rng.integers(60, 140)),
        deviation=rng.uniform(0.08, 0.25),
        shared=shared,
        space=space,
    )


def looks(
    law: str, lives: int, tracker: Tracker | None = None, space: ParameterSpace = SPACE
) -> list[tuple[float, Look]]:
    """Share of the error that windows share, and the look, of every quarter of every life."""
    rng = np.random.default_rng([53, (*LAWS, *CHANGING).index(law)])
    found = []
    for k in range(lives):
        life = life_of(law, rng, SHARED[k % len(SHARED)], space)
        found += [(life.shared, look) for look in rehearse(tracker or Tracker(), life, rng, QUARTERS)]
    return found


def row(name: str, found: Sequence[Look]) -> str:
    """Coverage of the width, the time to the limit and the growth at each quarter, and how narrow beside one window."""
    cells = []
    for held in ("covered", "foretold", "followed"):
        for share in QUARTERS:
            told = [look for look in found if look.share == share and (held == "covered" or look.ends is not None)]
            cells.append(f"{100 * np.mean([getattr(look, held) for look in told]):4.0f}")
        cells.append(" ")
    for share in QUARTERS:
        cells.append(f"{100 * np.mean([np.isinf(look.latest) for look in found if look.share == share]):4.0f}")
    cells.append(" ")
    narrowing = [np.median([look.narrowing for look in found if look.share == share]) for share in QUARTERS]
    cells += [f"{value:5.2f}" for value in narrowing]
    steps = np.mean([look.stepped for look in found if look.share == QUARTERS[-1]])
    return f"{name:26s} {' '.join(cells)}  {100 * steps:4.1f}"


def bare(found: Sequence[tuple[float, Look]]) -> list[Look]:
    """The looks alone."""
    return [look for _, look in found]


def table(lives: int) -> None:
    """Print by law, by shared error, all together; then what differs where less or more is known beforehand."""
    found = {law: looks(law, lives) for law in LAWS}
    every = [pair for law in LAWS for pair in found[law]]
    print(f"90 % intervals at a quarter, half and three quarters of life: % that hold the truth; {lives} lives a law")
    heads = " ".join(f"{name:>16s}" for name in ("width", "time to limit", "mean growth", "no latest, %"))
    print(f"{'':24s} {heads} {'of one window':>18s} {'steps':>6s}")
    for law in LAWS:
        print(row(law, bare(found[law])))
    for shared in SHARED:
        print(row(f"{shared:.0%} shared", [look for share, look in every if share == shared]))
    print(row("all laws", bare(every)))
    fewer = max(lives // 4, 1)
    for law in CHANGING:
        print(row(f"not known: {law}", bare(looks(law, fewer))))
    for law in ("constant", "exponential", "accelerating"):
        print(row(f"told the law: {law}", bare(looks(law, fewer, Tracker(laws=(law,))))))  # and that nothing stops
    both = [look for law in LAWS for look in bare(looks(law, fewer, space=REVERSIBLE))]
    print(row("may fall as well", both))
    probable(bare(every))


def probable(found: Sequence[Look]) -> None:
    """Print how often a limit is passed within some days (drawn, up to the life) that was so probable."""
    rng = np.random.default_rng(31)
    told = [look for look in found if look.ends is not None]
    horizons = [look.left / (1 - look.share) * rng.uniform() for look in told]
    chances = np.array(
        [look.ends.probability_within(86_400 * h) for look, h in zip(told, horizons, strict=True) if look.ends]
    )
    passed = np.array([look.left <= h for look, h in zip(told, horizons, strict=True)])
    print("\nalarms on time: the limit was said to be passed within some days with probability, and was, %")
    for low, high in ((0.0, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 1.0)):
        inside = (chances >= low) & ((chances < high) | (high == 1.0))
        print(f"  {100 * low:3.0f} to {100 * high:3.0f}: {100 * passed[inside].mean():5.1f} of {inside.sum()}")


def thirty(lives: int) -> None:
    """Print what thirty windows without misses are worth, by what they share."""
    print("\nafter 30 windows, none wrong or missed: width held, %; interval relative to one window's")
    for shared in SHARED:
        rng = np.random.default_rng([47, SHARED.index(shared)])
        found = []
        for law in LAWS * lives:
            life = life_of(law, rng, shared)
            thirty = Life(life.path, life.days, 120, life.deviation, shared, wrong=0.0, missed=0.0)
            found += list(rehearse(Tracker(), thirty, rng, (0.25,)))
        held, narrow = 100 * np.mean([look.covered for look in found]), np.median([look.narrowing for look in found])
        print(f"  {shared:4.0%} shared: {held:4.1f}  {narrow:.2f}")


def waveform_life(windows: int = 80, days: float = 40.0) -> list[tuple[float, float, Finding]]:
    """Day, true width (m) and finding of each window of one wearing machine."""
    bearing = BearingGeometry(9, 7.94, 39.04)
    rng = np.random.default_rng(12)
    model = RollingBearing(bearing)
    rule = AlertRule("outer spall above limit", "outer_spall", 3e-3)
    pipeline = Pipeline(model, LeastSquares().bind(model), "least_squares", (rule,), Tracker())
    now_ns = 0
    worn = Wear(first=0.5e-3, last=4.0e-3, grow_s=days * 86_400)
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
    print(f"\none life with waveforms: 0.5 to 4 mm in 40 days; 3 mm on day {limit_day:.1f}; 90 % intervals")
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
    alarm = next(((day, width) for day, width, finding in found if finding.alarms[0].state == "active"), None)
    print(f"of {len(held)} resolved windows the width was held in {np.mean(held):.0%}, the time in {np.mean(told):.0%}")
    print("no alarm" if alarm is None else f"alarm on day {alarm[0]:.1f} at {1e3 * alarm[1]:.2f} mm")


def main() -> None:
    """Print all."""
    lives = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    table(lives)
    thirty(max(lives // 4, 1))
    story(waveform_life())


if __name__ == "__main__":
    main()
