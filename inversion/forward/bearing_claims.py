"""Which faults of a bearing a record holds: combs of lines in its envelope spectrum, against decoys in the same record.

A record of many revolutions is cut into segments, and their powers are averaged in each band: random slip smears the
lines of one long spectrum, and what is averaged scatters less. Of the bands the logarithms are averaged, so that no
loud one decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from inversion.physics.bearing import RACES, BearingGeometry, fault_orders, ftf
from inversion.signal import comb, envelope
from inversion.signal.transform import Complex, Real, fast_length_below, spectrum

Array = NDArray[np.float64]

#: Margin of a fault's comb over the best decoy above which it is claimed; the 99.8 % quantile of simulated healthy
#: windows (0.24, printed by benchmarks/false_claims.py), rounded up.
CLAIM_MARGIN = 0.25

_SEGMENT_REVOLUTIONS = 40.0
_SOME = 5  # one decoy in so many refuses most faults that are not there
_FEWEST_DECOYS = 20  # a best of fewer is no test
_BACKGROUND_ORDERS = 1.5


@dataclass(frozen=True)
class Claims:
    """Faults that are present, with their slip; speed: relative deviation of the shaft; margin of the first search."""

    slips: Mapping[str, float]
    speed: float
    margin: float


@dataclass(frozen=True)
class Evidence:
    """of_lines: (bins,) of the envelope spectrum; nominal: orders a bin, at the speed that is said."""

    of_lines: NDArray[np.float32]
    nominal: float


def gathered(record: Real, half: Complex, sample_rate: float, shaft_hz: float, bearing: BearingGeometry) -> Evidence:
    """The evidence of a record (n,), n a fast length; half: its spectrum."""
    return Evidence(*_evidence(record, half, sample_rate, shaft_hz, max(fault_orders(bearing).values())))


def claim(record: Real, half: Complex, sample_rate: float, shaft_hz: float, bearing: BearingGeometry) -> Claims:
    """Which faults a record (n,) shows, n a fast length; half: its spectrum."""
    return claimed(gathered(record, half, sample_rate, shaft_hz, bearing), bearing)


def claimed(seen: Evidence, bearing: BearingGeometry) -> Claims:
    """Which faults are present: the best comb, if it beats all decoys; then the next, with the first one removed.

    Beside a fault on an element none of the outer race is claimed: as it passes the load zone it makes lines at the
    multiples of the cage rate, and BPFO is one.
    """
    orders = fault_orders(bearing)
    evidence = seen.of_lines
    speed = comb.refine_speed(evidence, seen.nominal)
    bin_orders = seen.nominal / (1 + speed)
    blanked = comb.integer_orders(evidence.size, bin_orders)
    slips: dict[str, float] = {}
    first = -np.inf
    while left := [race for race in RACES if race not in slips and not (race == "outer" and "ball" in slips)]:
        targets = _targets(bearing)[:, [RACES.index(race) for race in left]]
        found = comb.search(evidence, blanked, targets, bin_orders, comb.TARGET_LINES)
        best = int(found.score.argmax())
        slip = float(found.slip[best])
        own = comb.family(evidence.size, bin_orders, orders[left[best]] * (1 + slip), sidebands(left[best], bearing))
        free = blanked | own
        if slips:  # no margin is told of a second fault, and one decoy that beats it is enough to refuse it
            some = comb.search(evidence, free, _some_decoy_lines(bearing), bin_orders, comb.DECOY_LINES)
            if not found.score[best] - some.score.max() > CLAIM_MARGIN:
                break
        others = comb.search(evidence, free, _decoy_lines(bearing), bin_orders, comb.DECOY_LINES)
        decoys = others.score[np.isfinite(others.score)]
        if decoys.size < _FEWEST_DECOYS:
            break
        margin = float(found.score[best] - decoys.max())
        first = max(first, margin) if not slips else first
        if not margin > CLAIM_MARGIN:
            break
        slips[left[best]] = slip
        blanked |= own
    return Claims(slips, speed, first)


@lru_cache(maxsize=64)
def decoys(bearing: BearingGeometry) -> Array:
    """(k,) orders where this bearing makes no line."""
    return comb.decoy_orders(np.array(list(fault_orders(bearing).values())), ftf(bearing))


def _evidence(
    record: Real, half: Complex, sample_rate: float, shaft_hz: float, highest: float
) -> tuple[NDArray[np.float32], float]:
    """Evidence of a line at each bin of the envelope spectrum, and the orders a bin; pooled over segments."""
    whole = record.size / sample_rate * shaft_hz
    parts = [half]
    size = record.size
    if whole >= 2 * _SEGMENT_REVOLUTIONS:
        size = fast_length_below(int(_SEGMENT_REVOLUTIONS * sample_rate / shaft_hz))
        starts = range(0, record.size - size + 1, size // 2)
        parts = [spectrum(record[start : start + size]) for start in starts]
    bin_hz = sample_rate / size
    top = comb.HARMONICS * comb.RANGE * highest * shaft_hz
    edges = envelope.bands(sample_rate, top)
    bins = int(top / bin_hz) + 2
    whitened = [envelope.prewhiten(part) for part in parts]
    log_power = envelope.log_envelope_spectrum(whitened, bin_hz, edges, bins)
    evidence = envelope.above_background(log_power, int(_BACKGROUND_ORDERS * shaft_hz / bin_hz))
    evidence[: max(1, int(0.3 * shaft_hz / bin_hz))] = 0.0
    return evidence, bin_hz / shaft_hz


@lru_cache(maxsize=64)
def _targets(bearing: BearingGeometry) -> NDArray[np.float32]:
    return comb.lines(np.array(list(fault_orders(bearing).values())))


@lru_cache(maxsize=64)
def _some_decoy_lines(bearing: BearingGeometry) -> NDArray[np.float32]:
    return comb.lines(decoys(bearing)[::_SOME])


@lru_cache(maxsize=64)
def _decoy_lines(bearing: BearingGeometry) -> NDArray[np.float32]:
    return comb.lines(decoys(bearing))


def sidebands(race: str, bearing: BearingGeometry) -> tuple[float, ...]:
    """Orders by which the load zone modulates the strikes of this race."""
    if race == "outer":
        return ()
    step = 1.0 if race == "inner" else ftf(bearing)
    return (-2 * step, -step, step, 2 * step)
