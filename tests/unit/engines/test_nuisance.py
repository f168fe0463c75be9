"""A nuisance that its bounds cut is integrated exactly, where Laplace's approximation is not."""

import numpy as np
import pytest

from inversion.core.parameter import LOGISTIC
from inversion.engines.minimize import Places
from inversion.engines.nuisance import bounded

LATENT = np.linspace(-14, 14, 200_001)
SHARE = 1 / (1 + np.exp(-LOGISTIC * LATENT))
SHARES = np.linspace(0, 1, 200_001)


@pytest.mark.parametrize("deviation", [0.005, 0.03, 0.1, 0.5, 5.0])
@pytest.mark.parametrize("center", [-0.015, 0.0, 0.02, 0.5, 0.97, 1.01])
def test_laplace_and_what_it_misses_are_the_integral_over_a_uniform_share(deviation, center):
    """Of a normal likelihood of the share, that no other coordinate bends, also beyond a bound."""
    loss = 0.5 * ((SHARE - center) / deviation) ** 2 + 0.5 * LATENT**2
    at = int(loss.argmin())
    curvature = 1 + (LOGISTIC * SHARE[at] * (1 - SHARE[at]) / deviation) ** 2
    laplace = -loss[at] - 0.5 * np.log(curvature)
    found = laplace + gained([LATENT[at]], [[curvature]])
    exact = np.log(np.trapezoid(np.exp(-0.5 * ((SHARES - center) / deviation) ** 2), SHARES))
    assert found == pytest.approx(exact, abs=0.01)
    assert abs(found - exact) <= abs(laplace - exact) + 1e-3


def test_of_what_the_data_do_not_tell_nothing_is_missed():
    assert gained([0.0, 2.0, -1.0], np.eye(3), nuisances=(0, 1, 2)) == 0
    assert gained([0.0], [[1.01]]) == pytest.approx(0.0, abs=5e-3)


def test_only_the_nuisances_are_looked_at_each_with_the_others_following():
    alone = gained([-2.0], [[900.0 - 30.0**2 / 2.0]])
    assert alone != 0
    assert gained([-2.0, 0.3], [[900.0, 30.0], [30.0, 2.0]]) == pytest.approx(alone)


def test_a_place_that_was_given_up_on_the_way_is_left_alone():
    assert gained([-2.0], [[900.0]], slope=5.0) == 0
    assert np.isfinite(gained([-40.0], [[1.5]]))


def gained(latent, curvature, nuisances=(0,), slope=0.0) -> float:
    """Of one place, whose first coordinate has this slope left."""
    latent, curvature = np.array([latent]), np.array([curvature], dtype=float)
    gradient = np.zeros_like(latent)
    gradient[0, 0] = slope
    place = Places(latent, np.array([0]), np.zeros(1), gradient, curvature, curvature)
    return float(bounded(place, np.arange(latent.shape[1]), np.array(nuisances))[0])
