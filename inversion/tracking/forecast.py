"""Where a track is going: mean growth over the time ahead, and time until a limit is passed.

Under each hypothesis the coordinate at time t ahead is normal, with mean `x + r t` and variance
`var x + 2 t cov + t^2 var r + lump |r| t`. Wear does not heal, so the limit has been passed by then with the
probability that this lies beyond it; a random walk may come back, so its first passage is twice as probable
(reflection principle). The hypotheses are summed by their weights, and quantiles are read off the sum. Of what never
falls, only rates above zero count (`irreversible.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inversion.core import QUANTILE_LEVELS, ParameterSpace
from inversion.core.trend import Limit, Spread, Trend
from inversion.tracking.bank import Array, Bank
from inversion.tracking.growth import (
    WANDERING,
    Hypotheses,
    coordinate,
    range_slope,
    share_at,
    share_of,
    share_slope,
    x_by_law,
)
from inversion.tracking.irreversible import only_rising
from inversion.tracking.mixture import quantiles, shares_below
from inversion.tracking.track import Track
from inversion.tracking.tracker import Tracker

_DAY_S = 86_400.0
#: Latent units: windows of a narrow and of a wide spall do not share quite the same error.
_STRETCH = 0.5
#: Days ahead at which the probability is tabulated; a crossing beyond the last, 27 years, is not foreseen.
_HORIZON: Array = np.concatenate([[0.0], np.geomspace(1e-6, 1e4, 81)])
_SELDOM = np.concatenate([[0], np.arange(1, _HORIZON.size, 10)])  # looked at first
_OUTLINE: Array = _HORIZON[_SELDOM]
_FEW = 48  # hypotheses, of which all times take no longer than some of them in two looks
#: (h,) between which two of _SELDOM a time of _HORIZON lies; the last, which is no such cell, of those themselves.
_CELL = np.where(
    np.isin(np.arange(_HORIZON.size), _SELDOM),
    _SELDOM.size - 1,
    _SELDOM.searchsorted(np.arange(_HORIZON.size)) - 1,
)
#: Growth is meant over the coming third of the time that has been followed: growth in lumps has no rate at one moment.
_AHEAD = 1 / 3
_LIGHT = 1e-3  # a hypothesis of less weight than this share of the heaviest does not matter


@dataclass(frozen=True)
class Place:
    """(m,) each: where the level stands in the coordinate of each law, dx/dz there, and the variance of the rate."""

    x: Array
    slope: Array
    rate_var: Array


def trends(tracker: Tracker, track: Track, space: ParameterSpace, limits: Sequence[Limit]) -> tuple[Trend, ...]:
    """One trend for every parameter that is no nuisance."""
    return tuple(
        Trend(name, None, (), belief.step_ns)
        if belief.bank is None or not belief.resolved
        else _trend(tracker.suppose(name), track, belief.bank, name, space, limits)
        for name, belief in track.beliefs.items()
    )


def _trend(
    suppose: Hypotheses, track: Track, bank: Bank, name: str, space: ParameterSpace, limits: Sequence[Limit]
) -> Trend:
    """Of a parameter that its track resolves, for those of the limits that are its own. bank: of its belief"""
    belief = track.beliefs[name]
    bank, suppose = _heavy(bank, suppose)
    rate_var = _rate_var(bank)
    if space[name].irreversible:
        bank, suppose = only_rising(bank, suppose, rate_var)
        rate_var = bank.rate_var
    place = Place(*coordinate(suppose.forms, bank.level), rate_var)
    i = space.index(name)
    followed_ns = 0 if belief.began_ns is None else track.last_ns - belief.began_ns
    ahead_s = _AHEAD * max(followed_ns, 0) / 1e9
    growth = None
    if ahead_s > 0:
        per_day = _growth(bank, suppose, place, ahead_s / _DAY_S)
        least = 0.0 if space[name].irreversible else -np.inf
        growth = Spread(np.maximum(per_day, least) * float(space.high[i] - space.low[i]) / _DAY_S)
    times = []
    for limit in limits:
        if limit.parameter != name:
            continue
        theta = space.low.copy()
        theta[i] = limit.value
        beyond = 1.0 if limit.side == "above" else -1.0
        ahead = _times(bank, suppose, place, float(space.to_latent(theta)[i]), beyond)
        times.append((limit.alarm, Spread(ahead * _DAY_S)))
    return Trend(name, growth, tuple(times), belief.step_ns, ahead_s)


def _heavy(bank: Bank, suppose: Hypotheses) -> tuple[Bank, Hypotheses]:
    """The hypotheses that matter."""
    kept = np.flatnonzero(bank.weight > _LIGHT * bank.weight.max())
    return (bank, suppose) if kept.size == bank.weight.size else (bank.at(kept), suppose.at(kept))


def _growth(bank: Bank, suppose: Hypotheses, place: Place, days: float) -> Array:
    """(k,) quantiles of the mean growth over the coming days, ranges of the parameter a day."""
    share, after = share_of(bank.level), share_at(suppose.forms, place.x + bank.rate * days)
    later = range_slope(suppose.forms, after)
    by_level, by_rate = (
        later * place.slope - share_slope(share),
        later * days,
    )  # what the gain owes to an error of either
    cross = bank.cross + bank.level_bias * bank.rate_bias
    noise = later**2 * (suppose.lump * np.abs(bank.rate) + suppose.wander) * days
    errors = (by_level * bank.deviation) ** 2 + 2 * by_level * by_rate * cross + by_rate**2 * place.rate_var
    deviation = np.sqrt(np.maximum(errors + noise, 0.0))
    deviation = np.minimum(np.maximum(deviation, 1e-12 * days), 1.0)  # no gain is more than the range
    return quantiles(bank.weight, (after - share) / days, deviation / days, QUANTILE_LEVELS)


def _rate_var(bank: Bank) -> Array:
    """(m,) variance of the rate, all errors together; the shared one changes by its own size over _STRETCH."""
    changing: Array = bank.rate * bank.level_bias / _STRETCH
    return bank.rate_var + bank.rate_bias**2 + changing**2


def _times(bank: Bank, suppose: Hypotheses, place: Place, limit: float, sign: float) -> Array:
    """(k,) quantiles of the days until the latent value `limit` is passed; infinite where that is not foreseen.

    They are read off _HORIZON.
    """
    passed_by = _passing(bank, suppose, place, limit, sign)
    days, passed = (_HORIZON, passed_by(_HORIZON)) if bank.weight.size <= _FEW else _looked_at(passed_by)
    passed = np.maximum.accumulate(passed)
    times = np.interp(QUANTILE_LEVELS, passed, days)
    return np.where(passed[-1] < QUANTILE_LEVELS, np.inf, times)


def _looked_at(passed_by: Callable[[Array], Array]) -> tuple[Array, Array]:
    """Those times of _HORIZON between which a quantile lies, and their probabilities.

    A sum that falls may have risen higher in between: then all of them.
    """
    seldom = passed_by(_OUTLINE)
    if np.any(seldom[1:] < seldom[:-1] - 1e-9):
        return _HORIZON, passed_by(_HORIZON)
    between = _between(np.maximum.accumulate(seldom))
    days = np.concatenate([_OUTLINE, _HORIZON[between]])
    order = days.argsort()
    return days[order], np.concatenate([seldom, passed_by(_HORIZON[between])])[order]


def _between(passed: Array) -> NDArray[np.intp]:
    """Places in _HORIZON between two of _SELDOM between whose probabilities a quantile lies."""
    below = QUANTILE_LEVELS.searchsorted(passed)
    return np.flatnonzero(np.append(below[1:] > below[:-1], False)[_CELL])


def _passing(bank: Bank, suppose: Hypotheses, place: Place, limit: float, sign: float) -> Callable[[Array], Array]:
    """(h,) days ahead to (h,) probability that the limit has been passed by then; sign: 1 where above is beyond it."""
    end = x_by_law(limit)[suppose.law]
    weight = bank.weight / bank.weight.sum()
    beyond, rate, rate_var = sign * (place.x - end), sign * bank.rate, place.rate_var
    variance = (place.slope * bank.deviation) ** 2
    cross = place.slope * (bank.cross + bank.level_bias * bank.rate_bias)
    linear = 2 * cross + suppose.lump * np.abs(bank.rate) + suppose.wander
    walks = np.flatnonzero(suppose.law == WANDERING)
    already = shares_below(beyond[walks] / np.sqrt(np.maximum(variance[walks], 1e-18)))
    bent = bool(rate_var.any())

    def passed_by(days: Array) -> Array:
        t = days[:, None]
        spread = t * linear
        if bent:
            spread += t**2 * rate_var
        spread += variance
        np.sqrt(np.maximum(spread, 1e-18, out=spread), out=spread)
        ahead = t * rate
        ahead += beyond
        ahead /= spread
        share = shares_below(ahead)
        if walks.size:
            share[:, walks] = np.minimum(already + 2 * np.maximum(share[:, walks] - already, 0.0), 1.0)
        total: Array = share @ weight
        return total

    return passed_by
