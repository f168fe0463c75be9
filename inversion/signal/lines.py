"""Lines and bands of one record: where a peak is, how strong, how much power a band holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inversion.signal.transform import fast_length, spectrum

Array = NDArray[np.float64]

_FEWEST = 16  # samples
_LONGEST = 1 << 15  # samples of one segment; longer records are averaged (Welch, IEEE Trans. AU-15 (1967) 70-73)
_PADDING = 4  # zeros a sample: a parabola through three points of a Hann line then errs by under 1 % of a bin
_HANN_BINS = 2.0  # half width of the main lobe of a Hann window, in bins of the unpadded record
_HANN_MEAN_SQUARE = 0.375


@dataclass(frozen=True)
class Peak:
    """A line. hz: where; rms: of the line, as if it were alone; db: height over the median of its band."""

    hz: float
    rms: float
    db: float


def power(x: Array, rate: float) -> tuple[Array, float, int]:
    """Power spectrum of (n,) samples, Hann window, mean removed, segments that overlap by half averaged.

    Returns (k,) mean square a bin of the unpadded segment, the spacing of the (padded) bins in Hz, and the segment.
    """
    size = min(x.size, _LONGEST)
    window = np.hanning(size + 2)[1:-1]
    length = fast_length(_PADDING * size, real=True)
    starts = range(0, x.size - size + 1, max(1, size // 2))
    total = np.zeros(length // 2 + 1)
    for start in starts:
        segment = x[start : start + size]
        largest = float(np.abs(segment).max()) or 1.0  # single precision squares what it is given
        half = spectrum(((segment - segment.mean()) / largest * window).astype(np.float32), length)
        total += largest**2 * (half.real.astype(np.float64) ** 2 + half.imag.astype(np.float64) ** 2)
    total *= 2 / (len(starts) * size**2 * _HANN_MEAN_SQUARE)
    return total, rate / length, size


def band_power(x: Array, rate: float, low_hz: float, high_hz: float) -> float:
    """Mean square of what lies between low_hz and high_hz; NaN where the band reaches beyond the record's."""
    if x.size < _FEWEST or high_hz > rate / 2 or high_hz - low_hz < rate / x.size:
        return float("nan")
    density, bin_hz, size = power(x, rate)
    band = density[int(np.ceil(low_hz / bin_hz)) : int(high_hz / bin_hz) + 1]
    return float(band.sum() * bin_hz * size / rate)


def peaks(x: Array, rate: float, low_hz: float, high_hz: float, prominence_db: float) -> list[Peak]:
    """Peaks inside the band that stand out of its median, strongest first; the lobes of a stronger one do not count.

    Places are refined by a parabola through the logarithm of three bins.
    """
    if x.size < _FEWEST or high_hz > rate / 2 or (high_hz - low_hz) * x.size < 4 * _HANN_BINS * rate:
        return []
    density, bin_hz, size = power(x, rate)
    first, last = max(1, int(np.ceil(low_hz / bin_hz))), min(int(high_hz / bin_hz), density.size - 2)
    level = 10 * np.log10(np.maximum(density[first - 1 : last + 2], 1e-300))
    inside = level[1:-1]
    floor = float(np.median(inside))
    tops = np.flatnonzero((inside >= level[:-2]) & (inside > level[2:]) & (inside > floor + prominence_db))
    padding = rate / (size * bin_hz)
    found: list[Peak] = []
    places: list[int] = []
    for top in sorted(tops.tolist(), key=lambda k: -inside[k]):
        if any(inside[top] - inside[other] < _lobe_db(abs(top - other) / padding) for other in places):
            continue
        places.append(top)
        before, at, after = level[top : top + 3]
        shift = 0.5 * (before - after) / min(before - 2 * at + after, -1e-12)
        height = at - 0.25 * (before - after) * shift
        hz = (first + top + float(np.clip(shift, -0.5, 0.5))) * bin_hz
        found.append(Peak(float(hz), _line_rms(10 ** (height / 10)), float(at - floor)))
    return found


def line_rms(x: Array, rate: float, hz: float) -> float:
    """RMS of the line nearest to `hz`, within the width of a line; NaN beyond half the rate."""
    if x.size < _FEWEST or not 0 < hz < rate / 2:
        return float("nan")
    density, bin_hz, size = power(x, rate)
    reach = rate / size
    near = density[max(0, int((hz - reach) / bin_hz)) : int((hz + reach) / bin_hz) + 2]
    return _line_rms(float(near.max())) if near.size else float("nan")


def mean_frequency(x: Array, rate: float, low_hz: float, high_hz: float) -> float:
    """Power-weighted mean of the instantaneous frequency of what lies in the band, Hz.

    The phase of the analytic signal, sample to sample; the ends of the window, which the band pass spoils, are left out
    (Boashash, Proc. IEEE 80 (1992) 520-538, section III).
    """
    if x.size < _FEWEST or high_hz > rate / 2 or (high_hz - low_hz) * x.size < 2 * rate:
        return float("nan")
    half = np.fft.rfft(x - x.mean())
    hz = np.arange(half.size) * rate / x.size
    padded = np.zeros(x.size, dtype=np.complex128)
    padded[: half.size] = np.where((hz >= low_hz) & (hz <= high_hz), half, 0)
    analytic = np.fft.ifft(padded)[x.size // 20 : x.size - x.size // 20]
    turned = np.sum(analytic[1:] * analytic[:-1].conj())
    return float(np.angle(turned) * rate / (2 * np.pi)) if abs(turned) > 0 else float("nan")


def _lobe_db(bins: float) -> float:
    """Level below which a peak so many bins from another one is a lobe of it, relative to that one's; 3 dB of margin.

    The highest side lobe of a Hann window is 31.5 dB down at 2.36 bins, and they fall by 18 dB an octave
    (Harris, Proc. IEEE 66 (1978) 51-83, table I).
    """
    return 0.0 if bins < _HANN_BINS else -28.5 - 60 * float(np.log10(bins / 2.36))


def _line_rms(peak: float) -> float:
    """Of a line whose Hann spectrum has this top: its mean square is spread over 1.5 bins."""
    return float(np.sqrt(1.5 * max(peak, 0.0)))
