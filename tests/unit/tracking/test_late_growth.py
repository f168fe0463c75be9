"""An alarm on growth is not disarmed by a long quiet time before: growth that sets in is a step, and begins anew."""

from __future__ import annotations

import numpy as np
import pytest

from inversion.core import Estimate, Fit, Parameter, ParameterSpace
from inversion.tracking import Tracker, advance, trends

DAY_NS, A_DAY = 86_400 * 10**9, 1 / 86_400
SPACE = ParameterSpace((Parameter("width", "m", 0.0, 8e-3, "of a spall", "mm", irreversible=True),))


@pytest.mark.parametrize("quiet_days", [30, 400])
def test_fast_growth_after_a_long_quiet_time_is_seen(quiet_days):
    """0.2 mm a day; the mean over the third part ahead of 400 days could not exceed 0.06."""
    tracker, track = Tracker(), None
    widths = np.concatenate([np.full(quiet_days, 1e-3), 1e-3 + 0.2e-3 * np.arange(1, 21)])
    for day, width in enumerate(widths):
        latent = SPACE.to_latent(np.array([width]))
        window = Estimate(SPACE, latent, np.eye(1) * 0.03**2, np.zeros(1), (True,), Fit())
        track = advance(tracker, track, window, day * DAY_NS)
    assert track is not None
    [found] = trends(tracker, track, SPACE, ())
    assert found.growth is not None
    assert found.growth.probability_within(0.1e-3 * A_DAY) < 0.1
