"""What one window of acceleration tells of a bearing: which fault is there, how hard it strikes, edges before strikes.

Every quantity is judged against the same record: combs against decoy orders, edges against lags where no entry can be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from inversion.forward.bearing_claims import claimed, gathered
from inversion.forward.bearing_impacts import Impact, judge_impacts
from inversion.forward.bearing_pool import Pool
from inversion.physics.bearing import BearingGeometry, contact_speed, fault_orders
from inversion.signal import passages
from inversion.signal.transform import Complex, Real, fast_length_below, signal, spectrum
from sensors import Waveform

Array = NDArray[np.float64]

FEWEST_REVOLUTIONS = 15.0
#: An edge counts as an entry when it stands so many deviations above edges where no entry can be.
EDGE_THRESHOLD = 4.5
#: An entry differs from a second strike only by its softness, so the record must reach beyond the corner of the
#: hardest entry (12 kHz): below this rate, a width is not resolvable at any size.
FEWEST_SAMPLES_HZ = 30_000.0

_SAMPLES_A_STRIKE = 20
_PREDICTOR_ORDER = 100
_SMOOTHING = 2.0  # samples, of the energy that edges are read from
_FIRST_LAG = 9  # samples; before it, the strike itself hides an entry
_MODEL_ERROR = 0.022  # of the strongest edge: no entry looks quite as predicted
_CROOKED_ERROR = (
    1.2e-3  # likewise, a sample of lag, of one strike: crooked edges scatter the lag, its mean over few too
)
_FEWEST_BEYOND = 20  # lags that are too far for an entry and say how far edges stand out there
_INDEPENDENT = 2.5  # samples of lag between independent edge values


@dataclass(frozen=True)
class EdgeProfile:
    """Falling edges of log energy, seen outward from the strikes.

    edge, std: (m,) at lags of 1 ... m samples; width: m of spall a sample of lag
    limit: where no edge stands out: all lie below it, and that is all that is said; else -inf
    """

    edge: Array
    std: Array
    width: float
    limit: float


@dataclass(frozen=True)
class Observation:
    """All that one window tells; profiles only of the races whose fault is present, where they can hold an entry.

    pool: the evidence with this window's in it, where it was pooled
    """

    impacts: Mapping[str, Impact]
    profiles: Mapping[str, EdgeProfile]
    remarks: tuple[str, ...]
    pool: Pool | None = None


def observe(
    waveform: Waveform, shaft_hz: float, bearing: BearingGeometry, widest: float | None, pool: Pool | None = None
) -> Observation | str:
    """What the window tells, or why it is too short or too slowly sampled to tell anything.

    widest: m, the widest spall that is looked for; None where widths cannot be judged
    pool: evidence of the windows before this one, to which this one's is added: a fault that no window shows by itself
    is claimed where all of them do together. Its width is not judged: the strikes do not stand out.
    """
    samples = fast_length_below(waveform.samples.size)
    rate = waveform.sample_rate
    orders = fault_orders(bearing)
    revolutions = samples / rate * shaft_hz
    if revolutions < FEWEST_REVOLUTIONS:
        return f"{revolutions:.1f} revolutions say nothing of a bearing, at least {FEWEST_REVOLUTIONS:g} are needed"
    fewest = _SAMPLES_A_STRIKE * max(orders.values()) * shaft_hz
    if rate < fewest:
        return f"{rate:g} Hz is too slow to see strikes at this speed, at least {fewest:.0f} Hz are needed"
    record = waveform.samples[:samples]
    record = record - np.add.reduce(record) / np.float32(samples)
    half = spectrum(record)
    evidence = gathered(record, half, rate, shaft_hz, bearing)
    claims = claimed(evidence, bearing)
    together, after = claims, None
    if pool is not None:
        after = pool.joined(evidence)
        together = claims if claims.slips else after.claims(bearing)
    impacts = judge_impacts(half, samples, rate, shaft_hz, bearing, together.slips)
    remarks = [
        f"{race}: shown by {after.span} together, not by this one alone"
        for race in together.slips
        if after is not None and race not in claims.slips
    ]
    profiles: dict[str, EdgeProfile] = {}
    if widest is None:
        return Observation(impacts, profiles, tuple(remarks), after)
    for race, slip in claims.slips.items():
        period = rate / (orders[race] * (1 + slip) * shaft_hz)
        profile = edge_profile(half, samples, period, contact_speed(bearing, shaft_hz), rate, widest)
        if isinstance(profile, str):
            remarks.append(f"{race}: {profile}")
            continue
        profiles[race] = profile
        if math.isfinite(profile.limit):
            remarks.append(f"{race}: no entry stands out before the strikes")
    return Observation(impacts, profiles, tuple(remarks), after)


def edge_profile(
    half: Complex, samples: int, period: float, speed: float, sample_rate: float, widest: float
) -> EdgeProfile | str:
    """Edges before the strikes that recur each `period` samples, or why there can be none to see.

    Beyond half a period nothing is said: an entry there could as well be an event after the strike before.
    """
    width = 2 * speed / sample_rate
    if sample_rate < FEWEST_SAMPLES_HZ:
        return f"at {sample_rate:g} Hz an entry cannot be told from a second strike"
    reach = int(0.5 * period)  # further away, the strike before is nearer
    last = min(int(widest / width) + 2, reach)
    if last < 2 * _FIRST_LAG:
        return "the strikes follow one another too fast to see an entry between them"
    energy = passages.residual_energy(half, samples, _PREDICTOR_ORDER)
    times = passages.strikes(passages.smooth(energy, 1.5 * _SMOOTHING), period)
    around, effective = passages.profiles(energy, times, reach, _SMOOTHING)
    before, after = edges(around)
    noise = _rms(after[_FIRST_LAG:])
    if reach - last >= _FEWEST_BEYOND:
        noise = max(noise, _rms(before[last:]))
    if not noise > 0:
        return "no noise around the strikes to judge an entry by"
    highest = float(np.maximum.reduce(before[_FIRST_LAG:last]))
    seen = highest > EDGE_THRESHOLD * noise
    deviation = np.full(last, noise)
    if seen:
        crooked = np.arange(1, last + 1) * (_CROOKED_ERROR / math.sqrt(effective))
        np.maximum(deviation, np.hypot(_MODEL_ERROR, crooked) * highest, out=deviation)
    deviation[:_FIRST_LAG] = np.inf
    return EdgeProfile(before[:last], deviation, width, -np.inf if seen else EDGE_THRESHOLD * noise)


def edges(energy: Array) -> Array:
    """(..., m) energies outward from strikes to the fall of their logarithm just beyond each lag, where it rose above
    all that is nearer to the strike.

    The mean over the four lags up to each one, less that over the five from the next but one; over fewer at the ends.
    """
    rise = np.log(np.maximum(energy, 1e-3))
    rise -= np.minimum.accumulate(rise, axis=-1)
    m = rise.shape[-1]
    sums = np.zeros((*rise.shape[:-1], m + 10))  # of what lies before each lag less three: zero before the first,
    np.add.accumulate(rise, axis=-1, out=sums[..., 4 : m + 4])
    sums[..., m + 4 :] = sums[..., m + 3 : m + 4]  # all beyond the last
    near, beyond = _counts(m)
    fall: Array = (sums[..., 4 : m + 4] - sums[..., :m]) / near
    fall -= (sums[..., 10:] - sums[..., 5 : m + 5]) / beyond
    return fall


@lru_cache(maxsize=256)
def _counts(m: int) -> tuple[Array, Array]:
    """(m,) over how many lags each of the two means of `edges` is taken, at least one."""
    lag = np.arange(m, dtype=np.float64)
    return np.minimum(lag + 1, 4), np.minimum(np.maximum(m - 2 - lag, 1), 5)


def on_grid(profile: EdgeProfile, widths: Array) -> tuple[Array, Array, float]:
    """Values and deviations, (k,) each, on a grid of widths (k,), m, white although neighbors share samples; limit."""
    lags = widths / profile.width - 1
    inside = lags <= profile.edge.size - 1
    values = np.interp(lags, np.arange(profile.edge.size), np.maximum(profile.edge, 0.0))
    std = profile.std.take(np.rint(lags).astype(np.intp), mode="clip")
    cells_a_sample = profile.width / (widths[1] - widths[0])
    std *= math.sqrt(max(1.0, _INDEPENDENT * cells_a_sample))
    std[~inside] = np.inf
    values[np.isinf(std)] = 0.0
    if math.isfinite(profile.limit):
        np.minimum(values, profile.limit, out=values)
    return values, std, profile.limit


def power_spectrum(waveform: Waveform, shaft_hz: float, orders: float = 20.0) -> tuple[Array, Array]:
    """Orders (k,) and the acceleration modulated at each, m/s2 RMS (k,): roots of lines of squared acceleration."""
    samples = fast_length_below(waveform.samples.size)
    record = waveform.samples[:samples]
    bin_hz = waveform.sample_rate / samples
    lines = _squared_lines(spectrum(record - record.mean()), samples, bin_hz)
    count = min(lines.size, int(orders * shaft_hz / bin_hz))
    grid: Array = np.arange(1, count, dtype=np.float64) * (bin_hz / shaft_hz)
    return grid, np.sqrt(np.abs(lines[1:count])).astype(np.float64)


def _squared_lines(half: Complex, samples: int, bin_hz: float) -> Complex:
    """Spectrum of the squared acceleration above 500 Hz, scaled so that a line is its amplitude (m/s2)^2."""
    passed = half.copy()
    passed[: int(min(500.0, 0.1 * bin_hz * samples / 2) / bin_hz)] = 0
    fast: Real = signal(passed, samples)
    fast *= fast
    fast *= np.float32(1 / samples)
    return spectrum(fast)


def _rms(values: Array) -> float:
    return math.sqrt(float(values @ values) / values.size) if values.size else math.inf
