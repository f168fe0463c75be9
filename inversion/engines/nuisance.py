"""What a bounded nuisance adds to a marginal, where it may lie within its bounds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inversion.core.parameter import LOGISTIC
from inversion.engines.minimize import Places
from inversion.signal.normal import log_ndtr

Array = NDArray[np.float64]
Index = NDArray[np.intp]

_EDGE = 1e-5  # of the range: nearer to a bound, a share and its latent value tell no more of each other
_FLATTEST = 1e-3  # curvature of the likelihood in latent space, below which nothing is known of it
_RESTING = 0.1  # of the prior's own slope: a steeper one is that of a place on the way
_PLAUSIBLE = (-1.0, 3.0)  # nats


def bounded(places: Places, free: Index, nuisances: Index) -> Array:
    """(n,) nats to take off a marginal by Laplace's approximation, for what that approximation misses at the bounds.

    Laplace integrates over a normal distribution in latent space. By its share of the range, a nuisance has a uniform
    prior and, all others following, about a normal likelihood, which the bounds cut: that integral is exact. Each
    nuisance is looked at by itself, and where it rests only: a place given up on the way matters no more.
    free: (f,) coordinates that the places were free to move along; nuisances: (h,) which of these are some
    """
    z = places.latent[:, free[nuisances]]
    share = np.clip(1 / (1 + np.exp(-LOGISTIC * z)), _EDGE, 1 - _EDGE)
    steep = LOGISTIC * share * (1 - share)
    own = 1 / np.linalg.inv(places.curvature)[:, nuisances, nuisances]  # all others following; one of it is the prior's
    root = np.sqrt(np.maximum(own - 1, _FLATTEST)) / steep
    away = z / (steep * root)  # deviations from the best fit to the center of the likelihood, which the prior balances
    low, high = -root * share - away, root * (1 - share) - away
    low, high = np.where(low + high > 0, -high, low), np.where(low + high > 0, -low, high)
    most, least = log_ndtr(high), log_ndtr(low)
    exact = most + np.log1p(-np.exp(least - most)) + 0.5 * np.log(2 * np.pi) - np.log(root) + 0.5 * away**2
    laplace = -0.5 * z * z - 0.5 * np.log(own)
    rests = (np.abs(places.gradient[:, nuisances]) <= _RESTING * (1 + np.abs(z))) & (own > 1 + _FLATTEST)
    gained: Array = np.sum(np.where(rests, np.clip(exact - laplace, *_PLAUSIBLE), 0.0), axis=1)
    return gained
