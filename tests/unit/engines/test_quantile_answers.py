"""Quantiles of a known posterior give its marginals, and the verdicts that least squares gives."""

from __future__ import annotations

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scale_model import TWO

from inversion.core import QUANTILE_LEVELS, Parameter, ParameterSpace
from inversion.engines.conformal import bands, learn_factors
from inversion.engines.quantile_answers import MARGINAL, NARROW, TOLD, tabulator

FEW = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99)
MANY = (0.0005, 0.001, *FEW, 0.999, 0.9995)
ONE = ParameterSpace((Parameter("x", "1", 0.0, 10.0, "any"),))
PLACE = ParameterSpace((Parameter("x", "1", 5.0, 10.0, "a place is never absent"),))
levels = pytest.mark.parametrize("levels", [FEW, MANY], ids=["few", "many"])


def normal(mean, deviation, levels):
    return np.array([[[NormalDist(mean, deviation).inv_cdf(level) for level in levels]]])


def table(quantiles, levels, factor=1.0, floor=0.0, space=ONE):
    n, p = quantiles.shape[:2]
    return tabulator(space, levels).table(quantiles, np.full((n, p), factor), np.full((n, p), floor))


@levels
@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_a_normal_posterior_is_tabulated_to_its_tails(levels, factor):
    found = table(normal(0.5, 0.02, levels), levels, factor).marginals[0, 0]
    expected = [NormalDist(0.5, 0.02 * factor).inv_cdf(float(level)) for level in QUANTILE_LEVELS]
    np.testing.assert_allclose(found, expected, atol=2e-3 * 0.02 * factor + 2e-6)


@levels
@pytest.mark.parametrize(("deviations", "resolved"), [(2.9, False), (3.1, True)])
@pytest.mark.parametrize("floor", [0.0, 0.1])
def test_three_deviations_from_nothing_or_from_the_floor_resolve(levels, deviations, resolved, floor):
    assert table(normal(floor + deviations * 0.02, 0.02, levels), levels, floor=floor).resolved[0, 0] == resolved


@levels
@pytest.mark.parametrize("top", [1.0, 0.4, 0.01])
def test_what_is_spread_from_nothing_upward_is_never_resolved(levels, top):
    """However narrow: a uniform posterior has its every quantile above nothing."""
    assert not table(top * np.array([[levels]]), levels).resolved[0, 0]


@levels
def test_a_small_share_at_nothing_is_not_forgotten(levels):
    """One in twenty lies at nothing, the others far from it: not told from nothing."""
    mixed = np.array(
        [[[0.0 if level <= 0.05 else NormalDist(0.5, 0.01).inv_cdf((level - 0.05) / 0.95) for level in levels]]]
    )
    assert not table(mixed, levels).resolved[0, 0]


@levels
def test_what_is_wide_is_not_resolved_and_a_place_needs_only_to_be_narrow(levels):
    assert not table(normal(0.6, 0.15, levels), levels).resolved[0, 0]
    assert not table(normal(0.02, 0.02, levels), levels).resolved[0, 0]
    assert table(normal(0.02, 0.02, levels), levels, space=PLACE).resolved[0, 0]


@given(st.lists(st.floats(0, 1), min_size=len(FEW), max_size=len(FEW)), st.floats(0.01, 50))
def test_any_quantiles_become_a_rising_marginal_inside_the_range(values, factor):
    found = table(np.sort(np.array(values))[None, None], FEW, factor).marginals[0, 0]
    assert np.all(np.diff(found) >= 0)
    assert found[0] < found[-1]
    assert found[0] >= 0
    assert found[-1] <= 1


def test_a_batch_is_its_rows_to_the_byte():
    rng = np.random.default_rng(0)
    quantiles = np.sort(rng.uniform(size=(7, 2, len(FEW))), axis=-1)
    factors, floors = rng.uniform(0.5, 2, (7, 2)), rng.uniform(0, 0.1, (7, 2))
    whole = tabulator(TWO, FEW).table(quantiles, factors, floors)
    for k in range(7):
        row = slice(k, k + 1)
        alone = tabulator(TWO, FEW).table(quantiles[row], factors[row], floors[row])
        assert alone.marginals.tobytes() == whole.marginals[row].tobytes()
        assert alone.resolved.tobytes() == whole.resolved[row].tobytes()


def test_learned_factors_make_intervals_hold_in_every_band():
    """A network that is twice too sure where it is quiet, and twice too shy where it is loud; 1,500 windows a band.

    On fresh windows 90 % hold within four binomial deviations of 1,500 (3.1 %) and the factors are near two and a half.
    """
    rng = np.random.default_rng(1)

    def draw(n):
        truth = rng.uniform(0.35, 0.65, (n, 1))
        ratio = rng.choice([0.0, 20.0], n)
        said = np.where(ratio > 10, 0.04, 0.01)[:, None]
        middle = truth + rng.normal(0, 0.02, (n, 1))
        scores = np.array([NormalDist().inv_cdf(level) for level in FEW])
        return truth, ratio, middle[..., None] + said[..., None] * scores

    truth, ratio, quantiles = draw(3000)
    floors, speed = np.zeros_like(truth), np.full(len(truth), 30.0)
    card = learn_factors(tabulator(ONE, FEW), quantiles, floors, truth, speed, ratio, ((), (10.0,)))
    assert card.windows == ((int(np.sum(ratio < 10)), int(np.sum(ratio > 10))),)
    assert card.factors[0][0][0] == pytest.approx(2.0, rel=0.15)
    assert card.factors[0][1][0] == pytest.approx(0.5, rel=0.15)
    truth, ratio, quantiles = draw(3000)
    factors = bands(card).of(np.full(3000, 30.0), ratio)
    found = tabulator(ONE, FEW).table(quantiles, factors, np.zeros((3000, 1)))
    low, high = (found.marginals[..., np.argmin(np.abs(QUANTILE_LEVELS - p))] for p in (0.05, 0.95))
    held = (low <= truth) & (truth <= high)
    for band in (ratio < 10, ratio > 10):
        assert np.mean(held[band]) == pytest.approx(0.9, abs=0.031)


@levels
def test_what_one_observable_tells_of_is_something_however_skewed_but_not_however_wide(levels):
    """An impact of one to three observed levels: its lower quantiles lie near its median's third."""
    ratios = np.exp(np.array([[[NormalDist(0.6, 0.9).inv_cdf(level) for level in levels]]]))
    zero, one = np.zeros((1, 1)), np.ones((1, 1))
    for scale, told in ((0.01, True), (0.2, False)):
        quantiles = np.minimum(scale * ratios, 1.0)
        assert not tabulator(ONE, levels).table(quantiles, one, zero).resolved[0, 0]
        direct = np.array([True])
        assert tabulator(ONE, levels, direct).table(quantiles, one, zero).resolved[0, 0] == told


def one_by_one(tabulated, quantiles, factors, floors):
    """Marginals and verdicts as an engine finds them: window by window, parameter by parameter."""
    levels = np.empty((len(quantiles), *tabulated.least.shape[1:]))
    stretches = tabulated.stretches(factors)
    for k, row in enumerate(quantiles):
        tabulated.stretched(row.copy(), stretches[k], levels[k])
    tabulated.bounded(levels)
    verdicts = np.zeros(factors.shape, dtype=bool)
    for k, i in np.ndindex(verdicts.shape):
        *_, one, two, three, bottom, top = levels[k, i, TOLD].tolist()
        told = tabulated.something(i, min(one, two, three), float(floors[k, i]))
        verdicts[k, i] = top - bottom <= NARROW and told
    return levels[..., MARGINAL], verdicts


@levels
def test_window_by_window_is_as_many_at_once(levels):
    rng = np.random.default_rng(2)
    middle, deviation = rng.uniform(0, 1, (500, 2, 1)), 10 ** rng.uniform(-3, -0.5, (500, 2, 1))
    scores = np.array([NormalDist().inv_cdf(level) for level in levels])
    quantiles = np.clip(middle + deviation * scores, 0, 1)
    factors, floors = rng.uniform(0.4, 3, (500, 2)), rng.choice([0.0, 0.1], (500, 2))
    for direct in (None, np.array([True, False])):
        for space in (TWO, ParameterSpace((*PLACE.parameters, replace(ONE.parameters[0], name="y")))):
            tabulated = tabulator(space, levels, direct)
            many = tabulated.table(quantiles, factors, floors)
            marginals, verdicts = one_by_one(tabulated, quantiles, factors, floors)
            np.testing.assert_allclose(marginals, many.marginals, rtol=0, atol=1e-13)
            assert np.array_equal(verdicts, many.resolved)
            assert 50 < verdicts.sum() < 950


def test_quantiles_that_cross_are_put_in_order():
    crossed = np.array([[FEW]])
    crossed[..., [3, 9]] = crossed[..., [9, 3]]
    assert np.array_equal(table(crossed, FEW).marginals, table(np.array([[FEW]]), FEW).marginals)
    marginals, _ = one_by_one(tabulator(ONE, FEW), crossed, np.ones((1, 1)), np.zeros((1, 1)))
    assert np.all(np.diff(marginals) > 0)


@given(st.floats(-1e6, 1e6), st.floats(1e-9, 1e6), st.floats(0, 1), st.floats(0.01, 50))
def test_marginals_in_a_unit_rise_and_stay_inside_the_range(low, span, middle, factor):
    low, high = np.array([low]), np.array([low + span])
    if not low < high:
        return
    quantiles = np.clip(normal(middle, 0.2, FEW), 0, 1)
    told = tabulator(ONE, FEW).told_in(low, high)
    found, _ = one_by_one(told, quantiles, np.array([[factor]]), np.zeros((1, 1)))
    assert low <= found[0, 0, 0]
    assert found[0, 0, -1] <= high
    assert np.all(np.diff(found) >= -np.spacing(np.abs(high)))
