"""Squared-envelope spectra of several bands, and the evidence they hold together.

Sources: Antoni, "Cyclic spectral analysis of rolling-element bearing signals: facts and fictions", J. Sound Vib. 304
(2007) 497-529 (squared-envelope spectrum); Borghesani et al., "Application of cepstrum pre-whitening for the
diagnosis of bearing faults under variable speed conditions", Mech. Syst. Signal Process. 36 (2013) 370-384.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from inversion.signal.transform import Complex, Real, analytic, fast_length, spectrum

Array = NDArray[np.float64]

_LOWEST_HZ = 500.0
_NARROWEST_HZ = 1200.0
_TOP = 0.98  # of the Nyquist frequency
_LANES = 4  # transforms of one length that are made at once


@lru_cache(maxsize=64)
def bands(sample_rate: float, envelope_hz: float, count: int = 8) -> tuple[tuple[float, float], ...]:
    """Band edges, Hz: `count` log-spaced from 500 Hz up, none narrower than `envelope_hz`, and the two halves.

    envelope_hz: highest envelope frequency that is looked at; at least 1200 Hz is taken
    """
    top = sample_rate / 2 * _TOP
    if top <= 2 * _LOWEST_HZ:
        return ((0.1 * top, top),)
    narrowest = min(max(_NARROWEST_HZ, envelope_hz), top - _LOWEST_HZ / 2)
    edges = [_LOWEST_HZ * (top / _LOWEST_HZ) ** (k / count) for k in range(count + 1)]
    chosen = []
    for low, high in pairwise(edges):
        width = max(high - low, narrowest)
        start = min(max(_LOWEST_HZ / 2, math.sqrt(low * high) - width / 2), top - width)
        chosen.append((start, start + width))
    middle = sample_rate / 4
    return (*chosen, (min(_LOWEST_HZ, middle - narrowest / 2), middle), (middle, top))


def prewhiten(half: Complex) -> Complex:
    """Every bin scaled to magnitude one: what repeats exactly (tones, resonances) no longer stands out."""
    magnitude = power(half)
    np.sqrt(magnitude, out=magnitude)
    magnitude += np.float32(1e-12) * np.maximum.reduce(magnitude) + np.float32(1e-30)
    whitened: Complex = half * np.divide(np.float32(1), magnitude, out=magnitude)
    return whitened


def power(bins: Complex) -> Real:
    """(..., n) squared magnitudes; the last axis is contiguous."""
    parts = bins.view(np.float32)
    squares = parts * parts
    whole: Real = squares[..., ::2] + squares[..., 1::2]
    return whole


def log_envelope_spectrum(
    halves: Sequence[Complex], bin_hz: float, edges: Sequence[tuple[float, float]], bins: int
) -> Real:
    """Mean over the bands of the log power of the squared-envelope spectrum, (bins,), one bin each `bin_hz`.

    halves: (k,) one-sided spectra of segments of one record; their powers are averaged in each band. A band too narrow
    for all `bins` counts where it reaches.
    """
    plan = _plan(bin_hz, tuple(edges), bins)
    found = _powers(halves[0], plan)
    for half in halves[1:]:
        found += _powers(half, plan)
    found *= plan.scales / np.float32(len(halves))
    found += np.float32(1e-30)
    logs = np.log(found, out=found)
    for row, reach in plan.narrow:
        logs[row, reach:] = 0
    mean: Real = plan.times @ logs
    mean /= plan.count
    return mean


@dataclass(frozen=True)
class _Plan:
    """Which bands, (k,) from bin to bin, are transformed, the longest one first.

    lengths: of the transforms, of `_LANES` bands each; bins: that are made; scales: (k, 1) of powers, so that each is
    as loud as alone; narrow: bands that do not reach as far as the longest one, and how far; times: (k,) how many bands
    each stands for: at high speeds the lowest are one; count: (bins,) bands that reach there
    """

    spans: tuple[tuple[int, int], ...]
    lengths: tuple[int, ...]
    bins: int
    scales: Real
    narrow: tuple[tuple[int, int], ...]
    times: Real
    count: Real


@lru_cache(maxsize=64)
def _plan(bin_hz: float, edges: tuple[tuple[float, float], ...], bins: int) -> _Plan:
    """The length of a transform keeps aliases out of the bins that are asked for; beyond them it need not."""
    times = Counter((int(low / bin_hz), int(high / bin_hz)) for low, high in edges)
    spans = sorted(times, key=lambda span: span[0] - span[1])
    sizes = [max(high - low, 1) for low, high in spans]
    bins = min(bins, sizes[0])
    lengths = [fast_length(size + min(size, bins), real=True) for size in sizes[::_LANES]]
    narrow = tuple((row, size) for row, size in enumerate(sizes) if size < bins)
    count = np.full(bins, len(edges), dtype=np.float32)
    for row, size in narrow:
        count[size:] -= times[spans[row]]
    scales = [(lengths[row // _LANES] / (2 * size)) ** 2 for row, size in enumerate(sizes)]
    weights = np.array([times[span] for span in spans], dtype=np.float32)
    return _Plan(
        tuple(spans), tuple(lengths), bins, np.array(scales, dtype=np.float32)[:, None], narrow, weights, count
    )


def _powers(half: Complex, plan: _Plan) -> Real:
    """(k, bins) powers of the squared-envelope spectra of the bands of one spectrum, but for their scales.

    `_LANES` are transformed at once: so many go through one vector unit in the time of one.
    """
    found = np.zeros((len(plan.spans), plan.bins), dtype=np.complex64)
    for first, length in zip(range(0, len(plan.spans), _LANES), plan.lengths, strict=True):
        together = plan.spans[first : first + _LANES]
        padded = np.zeros((_LANES if len(together) > 1 else 1, length), dtype=np.complex64)
        for row, (low, high) in zip(padded, together, strict=False):
            row[: high - low] = half[low:high]
        squared = analytic(padded).view(np.float32)
        squared *= squared
        lines = spectrum(squared[:, ::2] + squared[:, 1::2])[: len(together), : plan.bins]
        found[first : first + _LANES, : lines.shape[1]] = lines
    return power(found)


def above_background(log_power: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """`log_power` less its running mean over `width` bins: evidence of a line, self-normalized."""
    half = max(1, width // 2)
    padded = np.concatenate([[np.float32(0)], log_power[half:0:-1], log_power, log_power[-2 : -half - 2 : -1]])
    sums = np.add.accumulate(padded, dtype=np.float64)
    window = padded.size - log_power.size
    mean = sums[window:] - sums[:-window]
    mean /= window
    evidence: NDArray[np.float32] = (log_power - mean[: log_power.size]).astype(np.float32)
    return evidence
