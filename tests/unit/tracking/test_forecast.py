"""Growth and time to a limit: exact where the answer is known, and consistent with the track."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from inversion.core import QUANTILE_LEVELS, Estimate, Fit, Parameter, ParameterSpace
from inversion.core.trend import Limit, Trend
from inversion.signal.normal import ndtr
from inversion.tracking import Track, Tracker, advance, forecast, to_estimate, trends
from inversion.tracking.bank import Bank
from inversion.tracking.growth import (
    GROWTHS,
    LAWS,
    SHARES,
    Hypotheses,
    Law,
    coordinate,
    forms_of,
    hypotheses,
    latent_of,
    range_slope,
    share_of,
    slope_at,
    x_by_law,
)
from inversion.tracking.irreversible import only_rising
from inversion.tracking.mixture import quantiles, shares_below
from inversion.tracking.rehearsal import REVERSIBLE, SPACE

DAY_NS = 86_400 * 10**9
TRACKER = Tracker(shared=0.0)


def window(width: float, error: float = 0.03, *, resolved: bool = True, space: ParameterSpace = SPACE) -> Estimate:
    latent = float(space.to_latent(np.array([width]))[0])
    return Estimate(space, np.array([latent]), np.eye(1) * error**2, np.zeros(1), (resolved,), Fit())


def followed(widths, tracker: Tracker = TRACKER, space: ParameterSpace = SPACE) -> Track:
    """One window a day."""
    track = None
    for day, width in enumerate(widths):
        track = advance(tracker, track, window(width, space=space), day * DAY_NS)
    return track


def trend(track: Track, *limits: Limit, tracker: Tracker = TRACKER, space: ParameterSpace = SPACE) -> Trend:
    [only] = trends(tracker, track, space, limits)
    return only


def days(found: Trend, alarm: str = "limit") -> tuple[float, float, float]:
    spread = dict(found.times)[alarm]
    return tuple(spread.quantile(p) / 86_400 for p in (0.05, 0.5, 0.95))


def above(limit: float) -> Limit:
    return Limit("limit", "width", limit, "above")


def test_exact_windows_of_constant_growth_give_its_rate_and_its_time():
    found = trend(followed(1e-3 + 0.02e-3 * np.arange(60)), above(3e-3))
    assert found.growth.quantile(0.5) * 86_400 == pytest.approx(0.02e-3, rel=0.05)
    soonest, median, latest = days(found)
    assert soonest <= (3e-3 - 2.18e-3) / 0.02e-3 <= latest
    assert median == pytest.approx(41, rel=0.15)


def test_exact_windows_of_exponential_growth_are_not_taken_for_constant():
    widths = 0.8e-3 * 1.02 ** np.arange(55)
    soonest, _, latest = days(trend(followed(widths), above(4e-3)))
    left = math.log(4e-3 / widths[-1]) / math.log(1.02)
    assert soonest <= left <= latest
    assert latest < (4e-3 - widths[-1]) / (widths[-1] - widths[-2])  # what constant growth would foretell


def test_a_limit_that_is_passed_takes_no_time():
    assert days(trend(followed([4e-3] * 10), above(3e-3))) == (0.0, 0.0, 0.0)


def test_what_does_not_grow_is_not_foretold_to_pass():
    soonest, _, latest = days(trend(followed(np.full(60, 1e-3)), above(3e-3)))
    assert soonest > 30
    assert latest == math.inf


def test_what_shrinks_passes_the_limit_below_it_only():
    track = followed(3e-3 - 0.02e-3 * np.arange(60), space=REVERSIBLE)
    found = trend(track, above(3.5e-3), Limit("low", "width", 1e-3, "below"), space=REVERSIBLE)
    assert found.growth.quantile(0.95) < 0
    assert days(found)[1] == math.inf
    assert days(found, "low")[0] < 41 < days(found, "low")[2]


def test_what_is_irreversible_only_grows():
    """Whatever is measured of it: its growth is positive, and a limit below is never passed."""
    found = trend(followed(3e-3 - 0.002e-3 * np.arange(60)), Limit("low", "width", 1e-3, "below"))
    assert found.growth.quantile(0.001) >= 0
    assert days(found, "low")[0] == math.inf


def test_what_is_irreversible_will_pass_its_limit_where_what_may_fall_may_never():
    widths = 1e-3 + 0.004e-3 * np.arange(20) + 0.05e-3 * np.random.default_rng(2).normal(size=20)
    ends = [days(trend(followed(widths, space=space), above(3e-3), space=space)) for space in (SPACE, REVERSIBLE)]
    assert ends[0][2] < ends[1][2] == math.inf


def test_rates_above_zero_keep_their_distribution():
    """A rate cut off at zero has the moments of the truncated normal distribution, and its hypothesis the weight."""
    rate, spread = np.array([0.5, -1.0]), np.array([1.0, 1.0])
    one, zero = np.ones(2), np.zeros(2)
    bank = Bank(zero, rate, one, 0.5 * one, spread, zero, zero, 0.5 * one)
    suppose = Hypotheses(np.array([0, 0]), zero, zero, one, zero, 0.5 * one)
    risen, supposed = only_rising(bank, suppose, spread)
    normal = NormalDist()
    above = np.array([normal.cdf(r) for r in rate])
    mean = rate + np.array([normal.pdf(r) for r in rate]) / above
    assert supposed.weight.size == risen.weight.size == 10
    assert risen.weight.reshape(2, 5).sum(axis=1) == pytest.approx(above / above.sum())
    assert np.all(risen.rate > 0)
    assert risen.rate.reshape(2, 5).mean(axis=1) == pytest.approx(mean, rel=0.05)
    assert risen.level.reshape(2, 5).mean(axis=1) == pytest.approx(0.5 * (mean - rate), rel=0.05)


def test_growth_is_meant_over_a_third_of_the_time_followed():
    found = trend(followed(1e-3 + 0.02e-3 * np.arange(31)), above(3e-3))
    assert found.ahead_s == pytest.approx(10 * 86_400)
    assert trend(followed([1e-3]), above(3e-3)).growth is None


def test_who_knows_the_law_is_told_a_sharper_time():
    widths = 0.8e-3 * 1.02 ** (np.arange(40) + np.random.default_rng(3).normal(size=40))
    free, told = Tracker(shared=0.0), Tracker(shared=0.0, laws=("exponential",))
    ends = [days(trend(followed(widths, tracker), above(4e-3), tracker=tracker)) for tracker in (free, told)]
    left = math.log(4e-3 / widths[-1]) / math.log(1.02)
    assert ends[1][0] <= left <= ends[1][2]
    assert ends[1][2] - ends[1][0] < ends[0][2] - ends[0][0]


def test_a_farther_limit_takes_longer_at_every_probability():
    found = trend(
        followed(1e-3 + 0.02e-3 * np.arange(40)), *(Limit(f"{k}", "width", k * 1e-3, "above") for k in (2, 3, 4))
    )
    near, middle, far = (days(found, name) for name in "234")
    assert all(a <= b <= c for a, b, c in zip(near, middle, far, strict=True))
    assert all(low <= median <= high for low, median, high in (near, middle, far))


def test_the_time_agrees_with_the_probability_of_having_passed():
    """P(already passed) of the track is the probability at which the time is zero."""
    track = followed(2.6e-3 + 0.01e-3 * np.arange(30))
    probability = to_estimate(track, window(2.9e-3)).probability_above("width", 2.89e-3)
    spread = dict(trend(track, above(2.89e-3)).times)["limit"]
    assert spread.quantile(max(probability - 0.1, 0.001)) == 0.0
    assert spread.quantile(min(probability + 0.1, 0.999)) > 0.0


def test_an_unresolved_track_foretells_nothing():
    track = None
    for day in range(5):
        track = advance(TRACKER, track, window(1e-3, 0.9, resolved=False), day * DAY_NS)
    assert trend(track, above(3e-3)) == Trend("width", None, (), None)


def test_a_nuisance_has_no_trend():
    space = ParameterSpace(
        (Parameter("gain", "1", 0.5, 2.0, "", nuisance=True), Parameter("width", "m", 0.0, 8e-3, "", shown="mm"))
    )
    both = Estimate(space, np.zeros(2), np.eye(2) * 0.01, np.zeros(2), (True, True), Fit())
    track = advance(TRACKER, None, both, 0)
    assert [found.parameter for found in trends(TRACKER, track, space, [])] == ["width"]
    assert to_estimate(track, both).resolved == (True, True)


@pytest.mark.parametrize("law", list(Law))
def test_a_coordinate_and_its_inverse(law):
    latent = np.linspace(-3.5, 3.5, 41)
    laws = forms_of(np.full(latent.size, int(law)))
    x, slope = coordinate(laws, latent)
    assert latent_of(laws, x) == pytest.approx(latent, abs=1e-9)
    step = 1e-6
    assert (coordinate(laws, latent + step)[0] - x) / step == pytest.approx(slope, rel=1e-4)
    assert slope_at(laws, latent).tolist() == slope.tolist()
    assert [x_by_law(each)[law] for each in latent.tolist()] == x.tolist()


def test_the_weights_of_what_is_supposed_sum_to_one():
    for shared, count in ((None, len(SHARES)), (0.3, 1)):
        suppose = hypotheses(0.5, shared)
        assert suppose.weight.sum() == pytest.approx(1.0)
        assert suppose.weight.size == count * len(GROWTHS)
    for law in LAWS[:-1]:
        assert set(hypotheses(0.5, None, (law,)).law) == {int(Law[law.upper()])}


@pytest.mark.parametrize("law", list(Law))
def test_a_unit_of_the_coordinate_in_ranges_of_the_parameter(law):
    latent = np.linspace(-2.5, 2.4, 21)
    laws = forms_of(np.full(latent.size, int(law)))
    x = coordinate(laws, latent)[0]
    step = 1e-6 * np.abs(x)
    shares = [SPACE.from_latent(latent_of(laws, each)[:, None])[:, 0] / 8e-3 for each in (x, x + step)]
    assert (shares[1] - shares[0]) / step == pytest.approx(range_slope(laws, share_of(latent)), rel=1e-3)


def test_quantiles_of_a_weighted_sum_give_their_probabilities_back():
    rng = np.random.default_rng(4)
    weight, mean, deviation = rng.dirichlet(np.ones(60)), rng.normal(size=60), rng.uniform(0.01, 1.0, 60)
    probabilities = np.linspace(0.005, 0.995, 45)
    found = quantiles(weight, mean, deviation, probabilities)
    below = [weight @ [NormalDist(m, d).cdf(q) for m, d in zip(mean, deviation, strict=True)] for q in found]
    assert below == pytest.approx(probabilities, abs=2e-3)


@pytest.mark.parametrize("seed", range(3))
def test_growth_that_is_hardly_known_after_a_minute_is_told_as_wide_as_it_is(seed):
    """Hypotheses that cannot move stand beside some that may go anywhere: neither alone says how wide all are."""
    noise = 0.02e-3 * np.random.default_rng(seed).normal(size=40)
    track = None
    for second, each in enumerate(noise):
        track = advance(TRACKER, track, window(3e-3 + each), second * 10**9)
    least, low, median, high = (
        trend(track, above(3.5e-3)).growth.quantile(p) * 86_400 for p in (5e-4, 0.05, 0.5, 0.95)
    )
    assert least == low == 0.0
    assert median < 0.2e-3
    assert high > 5e-3


def test_quantiles_between_widths_of_seven_decades_give_their_probabilities_back():
    weight, deviation = np.array([0.3, 0.3, 0.36, 0.04]), np.array([1e-6, 1e-4, 0.5, 20.0])
    mean = np.array([0.0, 0.01, 0.02, 0.0])
    found = quantiles(weight, mean, deviation, QUANTILE_LEVELS)
    earlier, later = (ndtr((found[:, None] + aside - mean) / deviation) @ weight for aside in (-1e-3, 1e-3))
    assert np.all((earlier - 5e-3 <= QUANTILE_LEVELS) & (later + 5e-3 >= QUANTILE_LEVELS))


def test_what_lies_far_beyond_a_bound_is_at_the_edge_without_a_warning():
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        found = share_of(np.array([-1e3, -20.0, 0.0, 20.0, 1e3]))
    assert found.tolist() == [1e-6, 1e-6, 0.5, 1 - 1e-6, 1 - 1e-6]


def test_the_fast_share_of_the_normal_distribution_is_within_its_error_and_rises():
    z = np.concatenate([[-1e12, -40.0], np.linspace(-10, 10, 20_001), [40.0, 1e12]])
    found = shares_below(z.copy())
    assert np.abs(found - ndtr(z)).max() < 1.5e-6
    assert np.all(np.diff(found) >= 0)


@pytest.mark.parametrize("space", [SPACE, REVERSIBLE])
def test_times_that_are_looked_at_tell_what_all_times_tell(space, monkeypatch):
    widths = 1e-3 + 0.02e-3 * np.arange(40) + 0.05e-3 * np.random.default_rng(5).normal(size=40)
    track = followed(widths, space=space)
    monkeypatch.setattr(forecast, "_FEW", 0)
    some = trend(track, above(3e-3), space=space).times[0][1].values
    monkeypatch.setattr(forecast, "_FEW", 1000)
    every = trend(track, above(3e-3), space=space).times[0][1].values
    assert some == pytest.approx(every, rel=1e-9)
