"""How soon is a repair or a new sensor seen? Assets whose spall changes at once, and what their tracks say.

    python -m benchmarks.repairs [ASSETS]

ASSETS a case: 30 windows an hour apart while a spall grows from 2 to 2.5 mm, a tenth of them resolving nothing and 3 %
plain wrong; then 10 windows of the changed machine. Estimates have a latent deviation of 0.15. The seeds are not those
of the tests.
"""

from __future__ import annotations

import sys

import numpy as np

from inversion.core import Estimate, Fit
from inversion.tracking import Track, Tracker, advance
from inversion.tracking.rehearsal import SPACE

HOUR_NS = 3600 * 10**9
BEFORE, AFTER, SOON = 30, 10, 5
ERROR = 0.15


def window(rng: np.random.Generator, width_mm: float | None, missed: float, wrong: float) -> Estimate:
    """Of a spall this wide; None: of a machine that shows none."""
    if width_mm is None or rng.random() < missed:
        return Estimate(SPACE, np.zeros(1), np.eye(1), np.zeros(1), (False,), Fit())
    latent = float(SPACE.to_latent(np.array([width_mm * 1e-3]))[0]) + ERROR * rng.normal()
    if rng.random() < wrong:
        latent = float(rng.normal())
    variance = ERROR**2 / (1 + ERROR**2)
    return Estimate(SPACE, np.array([latent * (1 - variance)]), np.eye(1) * variance, np.zeros(1), (True,), Fit())


def seen(asset: int, width_mm: float | None, wrong: float) -> tuple[bool, int, float, int]:
    """Whether a step was said before there was one; windows until it was (99: never); by how many its time is wrong.

    Last, windows until the track said "not resolvable" (99: never).
    """
    rng, tracker = np.random.default_rng([41, asset]), Tracker()
    track: Track | None = None
    for k in range(BEFORE):
        track = advance(tracker, track, window(rng, 2 + 0.5 * k / BEFORE, 0.1, 0.03), k * HOUR_NS)
    assert track is not None
    earlier, said, off, silent = track.beliefs["width"].step_ns, 99, 99.0, 99
    for k in range(AFTER):
        track = advance(tracker, track, window(rng, width_mm, 0.0, wrong), (BEFORE + k) * HOUR_NS)
        belief = track.beliefs["width"]
        if said == 99 and belief.step_ns is not None and belief.step_ns != earlier:
            said, off = k + 1, abs(belief.step_ns / HOUR_NS - BEFORE)
        if silent == 99 and not belief.resolved:
            silent = k + 1
    return earlier is not None, said, off, silent


def main() -> None:
    """Print a line a case."""
    assets = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    print(f"{assets} assets a case; a step is said, % of assets")
    print(
        f"{'2.5 mm become':18s} {'wrong':>6s} {'in 3':>5s} {'in 5':>5s} {'in 10':>6s} "
        f"{'time right to one':>18s} {'before':>7s}"
    )
    for width_mm in (0.8, 1.5, 6.0, None):
        for wrong in (0.0, 0.03) if width_mm else (0.0,):
            found = [seen(asset, width_mm, wrong) for asset in range(assets)]
            early, said, off, silent = (np.array(column) for column in zip(*found, strict=True))
            shares = [100 * np.mean(said <= most) for most in (3, SOON, 10)]
            name = "nothing to see" if width_mm is None else f"{width_mm:g} mm"
            print(
                f"{name:18s} {100 * wrong:4.0f} % {shares[0]:5.1f} {shares[1]:5.1f} {shares[2]:6.1f} "
                f"{100 * np.mean(off[said <= 10] <= 1):18.1f} {100 * early.mean():7.1f}"
                + (f"; not resolvable within 5: {100 * np.mean(silent <= SOON):.1f}" if width_mm is None else "")
            )


if __name__ == "__main__":
    main()
