"""How hard a fault strikes: the power of its strikes from the lines of the squared acceleration at its order.

A train of bursts of mean power P has lines of magnitude P g(k) at the multiples k of its rate: g falls as the bursts
ring on into each other (a pole at the decay rate of their energy) and as the cage slips at random (a Gaussian). For
any such shape P squared is found by linear least squares on the energies of the lines; the shapes are nuisances,
integrated over a grid. What rings on from strike to strike without falling makes no line at all: such a share cannot be
seen, and is taken to be as small as similar decay rates make it.

Source of the lines: Antoni & Randall, J. Vib. Acoust. 125 (2003) 282-289 (random slip); Randall, Antoni & Chobsaard,
Mech. Syst. Signal Process. 15 (2001) 945-962 (lines of the squared envelope of a train of bursts).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from inversion.forward.bearing_claims import decoys, sidebands
from inversion.physics.bearing import RACES, BearingGeometry, fault_orders
from inversion.signal import comb, envelope
from inversion.signal.split import low_spectrum
from inversion.signal.transform import Complex, Real, fast_length_below, signal

Array = NDArray[np.float64]

_SEGMENT_REVOLUTIONS = 40.0
_LOWEST_HZ = 500.0
_HARMONICS = 4
_REACH = 3  # bins on either side of a line that a Hann window and slip spread it over
_HANN = 0.375  # mean square of the window
_BINS = 2 * _REACH + 1
_AROUND = np.arange(-_REACH, _REACH + 1)
_SCATTER = 12.6  # variance of the sum of so many bins of noise, in squares of its mean: neighbors are correlated
_CROSS = 2 * 1.94  # variance of a line in noise, in products of both: the window's projection on its own noise
_SHAPE_ERROR = 0.08  # of a line's energy: no structure is as simple as the shapes
_LEAST_ERROR = 0.03  # of an impact
#: Fall of the energy of bursts, 1/s: 1.5 % damping at 1.5 kHz to 6 % at 16 kHz.
_DECAYS = np.geomspace(300.0, 12_000.0, 28)
_SPREAD = 1.6  # between the decay rates of the modes of one structure
_FIRSTS = np.arange(len(RACES)) * comb.SLIPS.size  # of each race, among the lines that are looked at
_POSSIBLE = len(RACES) * comb.SLIPS.size  # lines of races among them, those of decoys follow
_SHARES = np.linspace(0.0, 1.0, 5)
_SLIPS = 0.12 * np.linspace(0.0, 1.0, 6) ** 2  # loss of the first line by random slip, logarithm
_HIDDEN = 1.5  # a fault that is not found may be so much stronger than its line: bursts ring on
_HIDDEN_ERROR = 0.2


@dataclass(frozen=True)
class Impact:
    """RMS acceleration of a fault's strikes, m/s2; where not present, it lies below about `limit`."""

    value: float
    std: float
    limit: float
    present: bool


@dataclass(frozen=True)
class _Lines:
    """Energies of the squared acceleration, means over `count` segments: bins at 0, 1, ... of `bin_orders`."""

    power: Array
    count: int
    bin_orders: float


def judge_impacts(
    half: Complex,
    samples: int,
    sample_rate: float,
    shaft_hz: float,
    bearing: BearingGeometry,
    slips: Mapping[str, float],
) -> dict[str, Impact]:
    """The impact of each race.

    half: (samples // 2 + 1,) spectrum of the record; shaft_hz: true speed; slips: of the races whose fault is present
    """
    orders = fault_orders(bearing)
    lines = _squared_lines(half, samples, sample_rate, shaft_hz, _HARMONICS * max(orders.values()) * 1.05 + 5)
    found = _absent(lines, bearing)
    if not slips:
        return found
    whole = comb.integer_orders(lines.power.size, lines.bin_orders)
    families = {
        race: comb.family(lines.power.size, lines.bin_orders, orders[race] * (1 + slip), sidebands(race, bearing))
        for race, slip in slips.items()
    }
    for race in slips:
        taken = whole
        for other, family in families.items():
            if other != race:
                taken = taken | family
        rate_hz = orders[race] * (1 + slips[race]) * shaft_hz
        found[race] = _present(lines, rate_hz, shaft_hz, taken, families[race] | taken)
    return found


def _squared_lines(half: Complex, samples: int, sample_rate: float, shaft_hz: float, highest: float) -> _Lines:
    """Lines of the squared acceleration above 500 Hz, Hann-windowed, scaled so that a line's bins sum to (m/s2)^4.

    highest: order up to which they are wanted
    """
    passed = half.copy()
    passed[: int(min(_LOWEST_HZ, 0.05 * sample_rate) / sample_rate * samples)] = 0
    fast: Real = signal(passed, samples)
    fast *= fast
    count = max(1, int(samples / sample_rate * shaft_hz / _SEGMENT_REVOLUTIONS))
    size = fast_length_below(samples // count)
    bin_orders = sample_rate / size / shaft_hz
    raw = low_spectrum(fast[: count * size].reshape(count, size), int(highest / bin_orders) + 2)
    beside = raw[:, :-2] + raw[:, 2:]
    beside *= 0.25
    raw *= 0.5
    raw[:, 1:-1] -= beside
    power = np.add.reduce(envelope.power(raw), axis=0, dtype=np.float64)
    power /= count * _HANN * size**2
    return _Lines(power, count, bin_orders)


def _energies(lines: _Lines, orders: Array) -> tuple[Array, NDArray[np.intp]]:
    """Sums of the bins around orders (k,), and the bins in their middles."""
    last = lines.power.size - _REACH - 1
    centers = np.minimum(np.maximum((orders / lines.bin_orders + 0.5).astype(np.intp), _REACH + 1), last)
    totals: Array = np.add.reduce(lines.power.take(centers[:, None] + _AROUND), axis=1)
    return totals, centers


def _present(
    lines: _Lines, rate_hz: float, shaft_hz: float, taken: NDArray[np.bool_], busy: NDArray[np.bool_]
) -> Impact:
    """Linear least squares on the energies of the first lines, integrated over the shapes that bursts may have."""
    orders: Array = np.arange(1, _HARMONICS + 1, dtype=np.float64) * (rate_hz / shaft_hz)
    totals, centers = _energies(lines, orders)
    last, free = lines.power.size - _REACH - 1, ~busy
    levels: list[float] = []
    energies: list[float] = []
    certainties: list[float] = []
    for order, center, total in zip(orders.tolist(), centers.tolist(), totals.tolist(), strict=True):  # few: no arrays
        level = _level(lines, center, free)
        energy = total - _BINS * level
        strong, shape = max(energy, 0.0), _SHAPE_ERROR * max(energy, 0.0)
        variance = (_SCATTER * (level * level) + _CROSS * level * strong) / lines.count + shape * shape
        apart = not levels or (order / lines.bin_orders < last and not taken[center])  # the first one has been found
        levels.append(level)
        energies.append(energy)
        certainties.append(apart / max(variance, 1e-300))  # a record may hold no noise at all
    certainty = np.array(certainties)
    squares, fourths = _shapes(round(math.log(rate_hz) * 50))
    information = fourths @ certainty
    power = (squares @ (np.array(energies) * certainty)) / information  # of the strikes, squared
    if not float(np.minimum.reduce(power)) > 0:
        fits = power > 0
        power, information = power[fits], information[fits]
    if not power.size:
        value = float(max(levels[0], 1e-12) ** 0.25)
        return Impact(value, value, -np.inf, True)
    match = information * power
    match *= power  # less the squares of the energies, which all shapes have in common
    weight = np.exp(0.5 * (match - np.maximum.reduce(match)))
    weight /= np.add.reduce(weight)
    logarithm = np.log(power)
    mean = float(weight @ logarithm)
    logarithm -= mean
    logarithm *= logarithm
    logarithm += 1 / np.maximum(match, 1e-300)
    variance_of_log = float(weight @ logarithm) / 16 + _LEAST_ERROR**2
    value = math.exp(mean / 4)
    return Impact(value, value * min(1.0, math.sqrt(variance_of_log)), -np.inf, True)


def _absent(lines: _Lines, bearing: BearingGeometry) -> dict[str, Impact]:
    """Of each race the strongest line that slip leaves possible, or the strongest that is where no fault can be."""
    energies = _energies(lines, _places(bearing))[0]
    strongest = np.maximum.reduceat(energies[:_POSSIBLE], _FIRSTS).tolist()
    highest = float(np.maximum.reduce(energies[_POSSIBLE:], initial=0.0))
    found = {}
    for race, line in zip(RACES, strongest, strict=True):
        limit = _HIDDEN * max(line, highest, 1e-12) ** 0.25
        found[race] = Impact(limit, _HIDDEN_ERROR * limit, limit, False)
    return found


@lru_cache(maxsize=64)
def _places(bearing: BearingGeometry) -> Array:
    """Orders at which lines are looked for: of each race at each slip, then of the decoys."""
    possible = np.array(list(fault_orders(bearing).values()))[:, None] * (1 + comb.SLIPS)
    return np.concatenate([possible.ravel(), decoys(bearing)])


def _level(lines: _Lines, center: int, unclaimed: NDArray[np.bool_]) -> float:
    """Mean energy of a bin beside this one, from the median of those where no line is expected."""
    for orders in (1.2, 4.0, 20.0):
        reach = int(orders / lines.bin_orders)
        around = slice(max(1, center - reach), center + reach + 1)
        free = lines.power[around][unclaimed[around]]
        if free.size >= 20:
            break
    else:
        free = lines.power[around]
    median_of_mean = math.log(2) if lines.count == 1 else 1 - 1 / (3 * lines.count)  # of a gamma law
    ordered = np.sort(free)  # np.median takes four times as long for so few
    return float(ordered[(free.size - 1) // 2] + ordered[free.size // 2]) / 2 / median_of_mean


@lru_cache(maxsize=512)
def _shapes(rate: int) -> tuple[Array, Array]:
    """(s, _HARMONICS) magnitudes of the lines of a train at `exp(rate / 50)` Hz, for every shape of its bursts: their
    second and fourth powers.
    """
    k = np.arange(1, _HARMONICS + 1)
    turn = 2 * np.pi * np.exp(rate / 50) * k
    decay, share, loss = (axis.ravel()[:, None] for axis in np.meshgrid(_DECAYS, _SHARES, _SLIPS))
    slow, fast = decay / np.sqrt(_SPREAD), decay * np.sqrt(_SPREAD)
    magnitude: Array = np.abs(share / (1 + 1j * turn / slow) + (1 - share) / (1 + 1j * turn / fast))
    squares = (magnitude * np.exp(-loss * k**2)) ** 2
    return squares, squares**2
