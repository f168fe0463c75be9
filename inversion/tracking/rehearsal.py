"""A simulated life of one parameter under a tracker: what the coverage of tracks is measured with.

Estimates of windows are drawn in latent space; what draws them knows nothing of the filter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inversion.core import Estimate, Fit, Parameter, ParameterSpace
from inversion.core.trend import Limit, Spread
from inversion.tracking.advance import advance, to_estimate
from inversion.tracking.forecast import trends
from inversion.tracking.tracker import Tracker
from sensors import Quality

Array = NDArray[np.float64]

SPACE = ParameterSpace((Parameter("width", "m", 0.0, 8e-3, "of a spall", shown="mm", irreversible=True),))
#: The same of something that may fall as well as grow.
REVERSIBLE = ParameterSpace((Parameter("width", "m", 0.0, 8e-3, "of a deposit", shown="mm"),))
_DAY_NS = 86_400 * 10**9


@dataclass(frozen=True)
class Life:
    """path: (n,) true width at equal steps, m, which ends at the limit; days: how long it takes

    windows: at irregular times; deviation: of one window's error, latent; shared: share of its variance that windows
    share; wrong, missed: shares of windows whose value is drawn from the prior, and that do not resolve the width
    space: SPACE, or REVERSIBLE where the tracker does not know that the width never falls
    """

    path: Array
    days: float
    windows: int = 120
    deviation: float = 0.15
    shared: float = 0.0
    wrong: float = 0.03
    missed: float = 0.15
    space: ParameterSpace = SPACE


@dataclass(frozen=True)
class Look:
    """The track at one time.

    share: of the life; true, low, high: width and its 90 % interval, m; narrowing: length of the latent interval
    relative to that of a single window; left, soonest, latest: days to the limit and their 90 % interval, NaN where
    the track does not resolve the width; ends: the whole distribution of that time, s; rate, slowest, fastest: mean
    growth, m/d, over the time that the trend means, and its 90 % interval, likewise; stepped: whether a step was said
    """

    share: float
    true: float
    low: float
    high: float
    narrowing: float
    left: float
    soonest: float
    latest: float
    ends: Spread | None
    rate: float
    slowest: float
    fastest: float
    stepped: bool

    @property
    def covered(self) -> bool:
        """Whether the interval of the width holds the truth."""
        return self.low <= self.true <= self.high

    @property
    def foretold(self) -> bool:
        """Whether the interval of the time to the limit does."""
        return self.soonest <= self.left <= self.latest

    @property
    def followed(self) -> bool:
        """Whether the interval of the growth does."""
        return self.slowest <= self.rate <= self.fastest


def rehearse(tracker: Tracker, life: Life, rng: np.random.Generator, shares: Sequence[float]) -> Iterator[Look]:
    """A look at each of these shares of the life."""
    limit = Limit("limit", "width", float(life.path[-1]), "above")
    times = np.sort(rng.uniform(0, 1, life.windows))
    grid = np.linspace(0, 1, life.path.size)
    widths = np.interp(times, grid, life.path)
    bias, track, left = rng.normal(), None, list(shares)
    for k, (time, width) in enumerate(zip(times, widths, strict=True)):
        error = life.deviation * rng.uniform(0.8, 1.25)
        window = _window(life, float(width), error, bias, rng)
        track = advance(tracker, track, window, int(time * life.days * _DAY_NS))
        if left and (k + 1 == life.windows or times[k + 1] > left[0]):
            tracked = to_estimate(track, window)
            low, high = tracked.interval("width", 0.9)
            [trend] = trends(tracker, track, life.space, [limit])
            ends = [spread for _, spread in trend.times]
            soonest, latest = (ends[0].quantile(p) / 86_400 if ends else np.nan for p in (0.05, 0.95))
            rates = [trend.growth.quantile(p) * 86_400 if trend.growth else np.nan for p in (0.05, 0.95)]
            latent = SPACE.to_latent(np.array([[low], [high]]))[:, 0]
            ahead = trend.ahead_s / 86_400
            yield Look(
                share=left.pop(0),
                true=float(width),
                low=low,
                high=high,
                narrowing=float(latent[1] - latent[0]) / (2 * 1.645 * life.deviation),
                left=float((1 - time) * life.days),
                soonest=soonest,
                latest=latest,
                ends=ends[0] if ends else None,
                rate=float(np.interp(time + ahead / life.days, grid, life.path) - width) / max(ahead, 1e-9),
                slowest=rates[0],
                fastest=rates[1],
                stepped=trend.step_ns is not None,
            )
            if not left:
                return


def _window(life: Life, width: float, error: float, bias: float, rng: np.random.Generator) -> Estimate:
    if rng.random() < life.missed:
        return Estimate(life.space, np.zeros(1), np.eye(1), np.zeros(1), (False,), Fit())
    latent = float(life.space.to_latent(np.array([width]))[0])
    measured = latent + error * (life.shared**0.5 * bias + (1 - life.shared) ** 0.5 * rng.normal())
    if rng.random() < life.wrong:
        measured = rng.normal()
    variance = error**2 / (1 + error**2)  # with the prior, which every window's posterior holds
    mean = np.array([measured * (1 - variance)])
    return Estimate(life.space, mean, np.array([[variance]]), np.zeros(1), (True,), Fit(Quality.GOOD))
