"""Where a track is going: mean growth over the time ahead, and time until a limit is passed.

Under each hypothesis the coordinate at time t ahead is normal, with mean `x + r t` and variance
`var x + 2 t cov + t^2 var r + lump |r| t`. Wear does not heal, so the limit has been passed by then with the
probability that this lies beyond it; a random walk may come back, so its first passage is twice as probable
(reflection principle). The hypotheses are summed by their weights, and quantiles are read off the sum. Of what never
falls, only rates above zero count (`irreversible.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inversion.core import QUANTILE_LEVELS, ParameterSpace
from inversion.core.trend import Limit, Spread, Trend
from inversion.signal.normal import ndtr
from inversion.tracking.bank import Array, Bank, quantiles
from inversion.tracking.growth import Hypotheses, Law, coordinate, latent_of, range_slope, share_of
from inversion.tracking.irreversible import only_rising
from inversion.tracking.track import Track
from inversion.tracking.tracker import Tracker

_DAY_S = 86_400.0
#: Latent units: windows of a narrow and of a wide spall do not share quite the same error.
_STRETCH = 0.5
#: Days ahead at which the probability is tabulated; a crossing beyond the last, 27 years, is not foreseen.
_HORIZON: Array = np.concatenate([[0.0], np.geomspace(1e-6, 1e4, 81)])
#: Growth is meant over the coming third of the time that has been followed: growth in lumps has no rate at one moment.
_AHEAD = 1 / 3
_LIGHT = 1e-3  # a hypothesis of less weight than this share of the heaviest does not matter


def trends(tracker: Tracker, track: Track, space: ParameterSpace, limits: Sequence[Limit]) -> tuple[Trend, ...]:
    """One trend for every parameter that is no nuisance."""
    return tuple(
        _trend(tracker.suppose(name), track, name, space, [limit for limit in limits if limit.parameter == name])
        for name in track.beliefs
    )


def _trend(suppose: Hypotheses, track: Track, name: str, space: ParameterSpace, limits: Sequence[Limit]) -> Trend:
    belief = track.beliefs[name]
    if belief.bank is None or not belief.resolved:
        return Trend(name, None, (), belief.step_ns)
    bank, suppose = _heavy(belief.bank, suppose)
    if space[name].irreversible:
        bank, suppose = only_rising(bank, suppose, _rate_var(bank))
    i = space.index(name)
    followed_ns = 0 if belief.began_ns is None else track.last_ns - belief.began_ns
    ahead_s = _AHEAD * max(followed_ns, 0) / 1e9
    growth = None
    if ahead_s > 0:
        per_day = _growth(bank, suppose, ahead_s / _DAY_S)
        least = 0.0 if space[name].irreversible else -np.inf
        growth = Spread(np.maximum(per_day, least) * float(space.high[i] - space.low[i]) / _DAY_S)
    times = []
    for limit in limits:
        theta = space.low.copy()
        theta[i] = limit.value
        ahead = _times(bank, suppose, float(space.to_latent(theta)[i]), 1.0 if limit.side == "above" else -1.0)
        times.append((limit.alarm, Spread(ahead * _DAY_S)))
    return Trend(name, growth, tuple(times), belief.step_ns, ahead_s)


def _heavy(bank: Bank, suppose: Hypotheses) -> tuple[Bank, Hypotheses]:
    """The hypotheses that matter."""
    kept = bank.weight > _LIGHT * bank.weight.max()
    bank = Bank(**{name: values[kept] for name, values in vars(bank).items()})
    return bank, Hypotheses(**{name: values[kept] for name, values in vars(suppose).items()})


def _growth(bank: Bank, suppose: Hypotheses, days: float) -> Array:
    """(k,) quantiles of the mean growth over the coming days, ranges of the parameter a day."""
    x, slope = coordinate(suppose.law, bank.level)
    after = latent_of(suppose.law, x + bank.rate * days)
    now, later = range_slope(suppose.law, bank.level), range_slope(suppose.law, after)
    gained = share_of(after) - share_of(bank.level)
    by_level, by_rate = (later - now) * slope, later * days  # what the gain owes to an error of either
    cross = bank.cross + bank.level_bias * bank.rate_bias
    noise = later**2 * (suppose.lump * np.abs(bank.rate) + suppose.wander) * days
    variance = (by_level * bank.deviation) ** 2 + 2 * by_level * by_rate * cross + by_rate**2 * _rate_var(bank) + noise
    deviation = np.clip(np.sqrt(np.maximum(variance, 0.0)), 1e-12 * days, 1.0)  # no gain is more than the range
    return quantiles(bank.weight, gained / days, deviation / days, QUANTILE_LEVELS)


def _rate_var(bank: Bank) -> Array:
    """(m,) variance of the rate, all errors together; the shared one changes by its own size over _STRETCH."""
    changing: Array = bank.rate * bank.level_bias / _STRETCH
    return bank.rate_var + bank.rate_bias**2 + changing**2


def _times(bank: Bank, suppose: Hypotheses, limit: float, sign: float) -> Array:
    """(k,) quantiles of the days until the latent value `limit` is passed; infinite where that is not foreseen."""
    passed = _passed(bank, suppose, limit, sign)
    rising = np.concatenate([[True], np.diff(passed) > 0])
    times = np.interp(QUANTILE_LEVELS, passed[rising], _HORIZON[rising])
    return np.where(passed[-1] < QUANTILE_LEVELS, np.inf, times)


def _passed(bank: Bank, suppose: Hypotheses, limit: float, sign: float) -> Array:
    """(h,) probability that the limit has been passed by each time of _HORIZON; sign: 1 where above is beyond."""
    x, slope = coordinate(suppose.law, bank.level)
    end = coordinate(suppose.law, np.full_like(x, limit))[0]
    rate_var = _rate_var(bank)
    cross = slope * (bank.cross + bank.level_bias * bank.rate_bias)
    noise = suppose.lump * np.abs(bank.rate) + suppose.wander
    t = _HORIZON[:, None]
    ahead = sign * (x + bank.rate * t - end)
    variance = (slope * bank.deviation) ** 2 + 2 * t * cross + t**2 * rate_var + noise * t
    share = ndtr(ahead / np.sqrt(np.maximum(variance, 1e-18)))
    walks = suppose.law == Law.WANDERING
    probability = np.where(walks, np.minimum(share[0] + 2 * np.maximum(share - share[0], 0.0), 1.0), share)
    total: Array = np.maximum.accumulate(probability @ (bank.weight / bank.weight.sum()))
    return total
