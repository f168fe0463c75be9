"""Quantiles of a weighted sum of normal distributions, of whatever widths; and the normal distribution itself, fast."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_LEAST = 1e-4  # a normal distribution of less weight is not worth tabulating
_POINTS = 64  # of the table: they lie as the distributions do
_MOST, _EACH = 600, (3, 33)  # places that points may lie at, about: of all; of one distribution, at least and at most
_SOME = np.arange(_POINTS)
_WIDE = 4.0  # standard deviations from the middle of each, within which they lie
_GOLDEN = (5**0.5 - 1) / 2
_DENSITY = 1 / np.sqrt(2 * np.pi)
#: (1 + tanh(z (c0 + c1 z^2 + ...))) / 2 is the share below z of the normal distribution to 1.5e-6: fitted, minimax.
_SHARE = (
    0.7978697129143528,
    0.036392284342984506,
    -8.782527591939713e-05,
    -3.6693722399779654e-05,
    1.4250233098847192e-06,
)
_FAR = 9.0  # standard deviations, beyond which nothing is below or above


def quantiles(weight: Array, mean: Array, deviation: Array, probabilities: Array) -> Array:
    """(k,) quantiles, rising, at rising probabilities; (m,) weights, means and standard deviations.

    The sum and its density are tabulated, and between two points the inverse is the cubic that has the value and the
    slope of both, which never leaves them (Fritsch & Carlson, SIAM J. Numer. Anal. 17 (1980) 238). So the error stays
    within a cell, also where one distribution is a millionth of another's width.
    """
    heavy = weight > _LEAST
    weight, mean, deviation = weight[heavy], mean[heavy], np.maximum(deviation[heavy], 1e-9)
    weight = weight / weight.sum()
    at = _points(mean, deviation)
    below, density = _tabulated(weight, mean, deviation, at)
    k = np.minimum(np.maximum(below.searchsorted(probabilities), 1), at.size - 1)
    low, width, gained = at[k - 1], at[k] - at[k - 1], below[k] - below[k - 1]
    gained = np.maximum(gained, 1e-300)
    share = np.minimum(np.maximum((probabilities - below[k - 1]) / gained, 0.0), 1.0)
    first, last = (np.minimum(gained / density[each], 3 * width) for each in (k - 1, k))
    bent = 3 * width - 2 * first - last + share * (first + last - 2 * width)
    found: Array = np.maximum.accumulate(low + share * (first + share * bent))
    return found


def shares_below(z: Array) -> Array:
    """Share of the normal distribution below each z, to 1.5e-6, rising; written over z.

    A third of the time that the exact one takes, of which a table such as these needs no more.
    """
    np.minimum(np.maximum(z, -_FAR, out=z), _FAR, out=z)
    square = z * z
    bent = square * _SHARE[-1]
    for coefficient in _SHARE[-2:0:-1]:
        bent += coefficient
        bent *= square
    bent += _SHARE[0]
    z *= bent
    np.tanh(z, out=z)
    z += 1.0
    z *= 0.5
    return z


def _points(mean: Array, deviation: Array) -> Array:
    """(n,) where the sum is tabulated, rising.

    Each distribution has its places at even distances, one after the other a little aside, so that many of one width do
    not put all in one place.
    """
    places = _places(mean.size) * deviation[:, None]
    places += mean[:, None]
    at: Array = places.ravel()
    at.sort()
    few: Array = at if at.size <= _POINTS else at[_SOME * (at.size - 1) // (_POINTS - 1)]
    return few


@lru_cache(maxsize=256)
def _places(m: int) -> Array:
    """(m, n) where the points of each of so many distributions lie, in standard deviations from its middle."""
    each = min(max(_MOST // m, _EACH[0]), _EACH[1])
    aside = (_GOLDEN * np.arange(m)) % 1.0
    places: Array = np.add.outer(aside, np.arange(each))
    places *= 2 * _WIDE / each
    places -= _WIDE
    places.flags.writeable = False
    return places


def _tabulated(weight: Array, mean: Array, deviation: Array, at: Array) -> tuple[Array, Array]:
    """(n,) share below each point, rising, and density there."""
    z = at[:, None] - mean
    z /= deviation
    bell = z * z
    bell *= -0.5
    np.exp(bell, out=bell)
    density = bell @ (weight * _DENSITY / deviation)
    below: Array = np.maximum.accumulate(shares_below(z) @ weight)
    return below, np.maximum(density, 1e-300)
