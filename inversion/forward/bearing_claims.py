"""Which faults of a bearing a record holds: combs of lines in its envelope spectrum, against decoys in the same record.

A record of many revolutions is cut into segments, and their powers are averaged in each band: random slip smears the
lines of one long spectrum, and what is averaged scatters less. Of the bands the logarithms are averaged, so that no
loud one decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from inversion.physics.bearing import RACES, BearingGeometry, fault_orders, ftf
from inversion.signal import comb, envelope
from inversion.signal.transform import Complex, Real, fast_length_below, spectrum

Array = NDArray[np.float64]

#: Margin of a fault's comb over the best decoy above which it is claimed; the 99.8 % quantile of simulated healthy
#: windows, rounded up (0.24 when it was set, 0.22 now, printed by benchmarks/false_claims.py).
CLAIM_MARGIN = 0.25

_SEGMENT_REVOLUTIONS = 40.0
_SOME = 5  # one decoy in so many refuses most faults that are not there
_FEWEST_DECOYS = 20  # a best of fewer is no test
_BACKGROUND_ORDERS = 1.5


@dataclass(frozen=True)
class Claims:
    """Faults that are present, with their slip: how far their orders are off, relative, at the speed that is said."""

    slips: Mapping[str, float]


@dataclass(frozen=True)
class Evidence:
    """of_lines: (bins,) of the envelope spectrum; nominal: orders a bin, at the speed that is said."""

    of_lines: NDArray[np.float32]
    nominal: float


def gathered(record: Real, half: Complex, sample_rate: float, shaft_hz: float, bearing: BearingGeometry) -> Evidence:
    """The evidence of a record (n,), n a fast length; half: its spectrum."""
    return Evidence(*_evidence(record, half, sample_rate, shaft_hz, max(fault_orders(bearing).values())))


def claimed(seen: Evidence, bearing: BearingGeometry) -> Claims:
    """Which faults are present: the best comb, if it beats all decoys; then the next, with the first one removed.

    Beside a fault on an element none of the outer race is claimed: as it passes the load zone it makes lines at the
    multiples of the cage rate, and BPFO is one.
    """
    bin_orders = seen.nominal
    blanked = comb.integer_orders(seen.of_lines.size, bin_orders)
    first, others = comb.places(_first_lines(bearing), bin_orders), None
    few, left_over = first[:, len(RACES) :], comb.marks(seen.of_lines, blanked)
    slips: dict[str, float] = {}
    while left := [race for race in RACES if race not in slips and not (race == "outer" and "ball" in slips)]:
        found = _strongest(seen, blanked, left_over, left, first, bearing)
        # one decoy that beats it is enough to refuse it, and a few refuse most faults that are not there
        least = comb.highest(found.marks, few, comb.DECOY_LINES)
        if not found.score - float(least.max(initial=-np.inf)) > CLAIM_MARGIN:
            break
        others = comb.places(_other_lines(bearing), bin_orders) if others is None else others
        if not _margin(found, least, others) > CLAIM_MARGIN:
            break
        slips[found.race] = found.slip
        blanked, left_over = blanked | found.lines, found.marks
    return Claims(slips)


def margin(seen: Evidence, bearing: BearingGeometry) -> float:
    """By how much the best comb of a record beats its best decoy."""
    bin_orders = seen.nominal
    blanked = comb.integer_orders(seen.of_lines.size, bin_orders)
    first = comb.places(_first_lines(bearing), bin_orders)
    found = _strongest(seen, blanked, comb.marks(seen.of_lines, blanked), RACES, first, bearing)
    few = comb.highest(found.marks, first[:, len(RACES) :], comb.DECOY_LINES)
    return _margin(found, few, comb.places(_other_lines(bearing), bin_orders))


@dataclass(frozen=True)
class _Comb:
    """lines: (bins,) that are its own; marks: of what is left without them, for decoys."""

    race: str
    slip: float
    score: float
    lines: NDArray[np.bool_]
    marks: comb.Marks


def _strongest(
    seen: Evidence,
    blanked: NDArray[np.bool_],
    marks: comb.Marks,
    races: Sequence[str],
    first: comb.Places,
    bearing: BearingGeometry,
) -> _Comb:
    """The best comb of any of these races.

    marks: of what is not blanked; first: places of the lines of all races, then others
    """
    targets = first[:, : len(RACES)] if len(races) == len(RACES) else first[:, [RACES.index(race) for race in races]]
    found = comb.search(marks, targets, comb.TARGET_LINES)
    best = int(found.score.argmax())
    race, slip = races[best], float(found.slip[best])
    order = fault_orders(bearing)[race] * (1 + slip)
    own = comb.family(blanked.size, seen.nominal, order, sidebands(race, bearing))
    return _Comb(race, slip, float(found.score[best]), own, comb.marks(seen.of_lines, blanked | own))


def _margin(found: _Comb, few: Array, others: comb.Places) -> float:
    """By how much it beats the best decoy: the few whose scores are known, and the others; too few are none."""
    rest = comb.highest(found.marks, others, comb.DECOY_LINES)
    if np.count_nonzero(few > -np.inf) + np.count_nonzero(rest > -np.inf) < _FEWEST_DECOYS:
        return -np.inf
    return found.score - float(max(few.max(), rest.max(initial=-np.inf)))


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
def _first_lines(bearing: BearingGeometry) -> NDArray[np.float32]:
    """Of each race, then of every `_SOME`-th decoy."""
    return comb.lines(np.array([*fault_orders(bearing).values(), *decoys(bearing)[::_SOME]]))


@lru_cache(maxsize=64)
def _other_lines(bearing: BearingGeometry) -> NDArray[np.float32]:
    """Of the other decoys."""
    orders = decoys(bearing)
    return comb.lines(orders[np.arange(orders.size) % _SOME != 0])


def sidebands(race: str, bearing: BearingGeometry) -> tuple[float, ...]:
    """Orders by which the load zone modulates the strikes of this race."""
    if race == "outer":
        return ()
    step = 1.0 if race == "inner" else ftf(bearing)
    return (-2 * step, -step, step, 2 * step)
