"""Combs of lines in an order spectrum, and decoys: the same search where no fault can be.

A comb is a fundamental order with its harmonics. Its score is the mean evidence at its lines, maximized over a small
range of slip. Decoys are searched with the same freedom in slip and no less in their lines, so that the margin of a
target over the best decoy means the same in every record.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Evidence = NDArray[np.float32]
Marks = NDArray[np.complex64]
Places = NDArray[np.intp]

HARMONICS = 6
#: Orders that are searched reach this far beyond the largest fault order.
RANGE = 1.18
SLIPS: Array = np.linspace(-0.015, 0.015, 31)
_FEWEST_LINES = 3
#: A comb that shows fewer lines is averaged over that many: its mean would scatter more. A decoy is allowed one line
#: less, so that what scatter is left raises the bar.
TARGET_LINES = 5
DECOY_LINES = 4
_FAMILY_BINS = 2
_FAMILY_SHARE = 0.01  # of its order: half width of a line that slip has smeared
_BLANK_BINS = 1.5


@dataclass(frozen=True)
class Combs:
    """Best score of each candidate order, with its slip; both (k,)."""

    score: Array
    slip: Array


def integer_orders(size: int, bin_orders: float) -> NDArray[np.bool_]:
    """(size,) mask of the bins beside whole orders, where shaft harmonics hide everything else."""
    order = np.arange(size, dtype=np.float64)
    order *= bin_orders
    order -= np.rint(order)
    near: NDArray[np.bool_] = np.abs(order, out=order) <= (_BLANK_BINS + 0.5) * bin_orders
    return near


def family(size: int, bin_orders: float, order: float, sidebands: tuple[float, ...]) -> NDArray[np.bool_]:
    """(size,) mask of all harmonics of `order` with their sidebands, each as wide as random slip may make it.

    Two races often share lines almost: three times BPFO and twice BPFI of an SKF 6205 lie 0.7 % apart. What remained
    of a strong line beside a narrow mask would count for the other race, and for no decoy.
    """
    step, beside = order / bin_orders, [0.0, *(sideband / bin_orders for sideband in sidebands)]
    mask = bytearray(int(size * (1 + _FAMILY_SHARE) + max(beside)) + _FAMILY_BINS + 2)  # beyond the last line's end
    ones = b"\x01" * len(mask)
    for harmonic in range(1, int(size / step) + 1):
        half_width = max(_FAMILY_BINS, _FAMILY_SHARE * harmonic * step)
        low, high = harmonic * step - half_width + 0.5, harmonic * step + half_width + 1.5
        for sideband in beside:
            first, last = int(low + sideband), int(high + sideband)
            if first < 0:
                first = 0
            if last > first:
                mask[first:last] = ones[first:last]  # a third of the time that an array takes for so few
    return np.frombuffer(mask, dtype=np.bool_, count=size)


def lines(orders: Array) -> NDArray[np.float32]:
    """Orders of all lines that the combs near `orders` (k,) may have: (HARMONICS, k, slips)."""
    harmonics = np.arange(1, HARMONICS + 1)
    return (harmonics[:, None, None] * (orders[:, None] * (1 + SLIPS))).astype(np.float32)


def marks(evidence: Evidence, blanked: NDArray[np.bool_]) -> Marks:
    """(bins,) evidence of a line from each bin to the next; its imaginary part says whether it counts.

    One on a blanked bin does not, nor one that would begin with the last: there all lines outside are looked up.
    """
    counts = ~(blanked[:-1] | blanked[1:])
    marked = np.zeros(evidence.size, dtype=np.complex64)
    np.multiply(_straddling(evidence), counts, out=marked.real[:-1])
    marked.imag[:-1] = counts
    return marked


def places(candidates: NDArray[np.float32], bin_orders: float) -> Places:
    """The bins of the `lines` of candidates; a line outside lies beyond the last one."""
    return (candidates * np.float32(1 / bin_orders)).astype(np.intp)


def search(marked: Marks, candidates: Places, expected_lines: int) -> Combs:
    """Best comb of each of k candidates, by the `places` of their lines; lines outside do not count.

    expected_lines: a comb of which fewer are visible is averaged over that many all the same
    """
    scores = _scores(marked, candidates, expected_lines)
    return Combs(np.maximum.reduce(scores, axis=1).astype(np.float64), SLIPS.take(scores.argmax(axis=1)))


def highest(marked: Marks, candidates: Places, expected_lines: int) -> Array:
    """(k,) the scores alone of `search`, in less time."""
    scores = _scores(marked, candidates, expected_lines)
    best: Array = np.maximum.reduce(scores, axis=1).astype(np.float64)
    return best


def _scores(marked: Marks, candidates: Places, expected_lines: int) -> NDArray[np.float32]:
    """(k, slips) scores of all combs; -inf where too few of its lines count."""
    found = np.add.reduce(marked.take(candidates, mode="clip"), axis=0)
    counts = found.imag
    scores: NDArray[np.float32] = found.real / np.maximum(counts, expected_lines)
    np.copyto(scores, -np.inf, where=counts < _FEWEST_LINES)
    return scores


def decoy_orders(targets: Array, cage: float, count: int = 60) -> Array:
    """Up to `count` orders, spread over the range of the targets, where none of their lines can be.

    targets: (k,) fault orders; kept clear of them, their simple fractions and sidebands, and of whole orders
    """
    lowest, highest = 0.6 * targets.min(), 1.15 * targets.max()
    candidates = np.linspace(max(lowest, 1.1), max(highest, lowest + 2.0), 12 * count)
    clear = np.abs(candidates - np.round(candidates)) > 0.03 * np.minimum(candidates, 5.0)
    for target in targets:
        for ratio in (1 / 3, 1 / 2, 2 / 3, 1.0, 3 / 2, 2.0):
            clear &= np.abs(candidates / (target * ratio) - 1) > 0.03
        for sideband in (1.0, -1.0, cage, -cage):
            clear &= np.abs(candidates / (target + sideband) - 1) > 0.02
    left: Array = candidates[clear].astype(np.float64)
    kept = np.arange(left.size) if left.size <= count else np.linspace(0, left.size - 1, count).astype(int)
    chosen: Array = left[kept]
    return chosen


def _straddling(evidence: Evidence) -> Evidence:
    """(n - 1,) evidence of a line from each bin to the next: it may straddle two."""
    return np.maximum(evidence[:-1], evidence[1:])
