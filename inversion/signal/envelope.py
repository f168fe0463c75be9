"""Squared-envelope spectra of several bands, and the evidence they hold together.

Sources: Antoni, "Cyclic spectral analysis of rolling-element bearing signals: facts and fictions", J. Sound Vib. 304
(2007) 497-529 (squared-envelope spectrum); Borghesani et al., "Application of cepstrum pre-whitening for the
diagnosis of bearing faults under variable speed conditions", Mech. Syst. Signal Process. 36 (2013) 370-384.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
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
    """(...,) squared magnitudes."""
    real, imaginary = bins.real, bins.imag
    squares: Real = real * real
    squares += imaginary * imaginary
    return squares


def log_envelope_spectrum(
    halves: Sequence[Complex], bin_hz: float, edges: Sequence[tuple[float, float]], bins: int
) -> Real:
    """Mean over the bands of the log power of the squared-envelope spectrum, (bins,), one bin each `bin_hz`.

    halves: (k,) one-sided spectra of segments of one record; their powers are averaged in each band. A band too narrow
    for all `bins` counts where it reaches.
    """
    spans = sorted(((int(low / bin_hz), int(high / bin_hz)) for low, high in edges), key=lambda s: s[0] - s[1])
    found = np.full((len(spans), bins), 1e-30, dtype=np.float32)
    for first in range(0, len(spans), _LANES):
        together, rows = spans[first : first + _LANES], found[first : first + _LANES]
        for half in halves:
            lines = _lines([half[low:high] for low, high in together], bins)
            rows[:, : lines.shape[1]] += power(lines[: len(rows)])
    found *= np.float32(1 / len(halves))
    logs = np.log(found, out=found)
    reach = [min(bins, high - low) for low, high in spans]
    if reach[-1] == bins:  # that of the narrowest band
        total, count = np.add.reduce(logs), np.float32(len(spans))
    else:
        reached = np.array(reach)[:, None] > np.arange(max(reach))
        total = np.add.reduce(logs[:, : max(reach)] * reached)
        count = np.add.reduce(reached, dtype=np.float32)
    mean: Real = total / count
    return mean


def _lines(parts: Sequence[Complex], bins: int) -> Complex:
    """(_LANES, bins) the squared-envelope spectrum of each band, up to `_LANES` of them, the longest one first.

    All are transformed at one length, and always `_LANES` at once: so many go through one vector unit in the time of
    one. The length keeps aliases out of the bins that are asked for; beyond them it need not.
    """
    size = parts[0].size
    length = fast_length(size + min(size, bins), real=True)
    padded = np.zeros((_LANES, length), dtype=np.complex64)
    for row, part in zip(padded, parts, strict=False):
        np.multiply(
            part, np.float32(math.sqrt(length / (2 * max(part.size, 1)))), out=row[: part.size]
        )  # loud as alone
    squared = analytic(padded).view(np.float32)
    squared *= squared
    return spectrum(squared[:, ::2] + squared[:, 1::2])[:, :bins]


def above_background(log_power: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """`log_power` less its running mean over `width` bins: evidence of a line, self-normalized."""
    half = max(1, width // 2)
    padded = np.concatenate([log_power[half:0:-1], log_power, log_power[-2 : -half - 2 : -1]])
    sums = np.zeros(padded.size + 1)
    np.add.accumulate(padded, dtype=np.float64, out=sums[1:])
    window = padded.size - log_power.size + 1
    mean = sums[window:] - sums[:-window]
    mean /= window
    evidence: NDArray[np.float32] = (log_power - mean[: log_power.size]).astype(np.float32)
    return evidence
