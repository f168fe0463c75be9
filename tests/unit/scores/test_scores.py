"""Scores against values by hand, and against answers that are calibrated by construction."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from inversion.core.scores import CURVE, LEVELS, Answers, autocorrelation, interval_score, rank_statistic, score


def gaussian(truth, value, std, least=0.0, most=100.0) -> Answers:
    """Answers that state a normal posterior."""
    z = np.array([NormalDist().inv_cdf((1 + level) / 2) for level in CURVE])
    half = np.asarray(std)[:, None] * z
    return Answers(truth, value, value[:, None] - half, value[:, None] + half, np.ones(len(truth), bool), least, most)


def test_the_levels_that_are_told_are_on_the_curve():
    assert set(LEVELS) <= set(CURVE)


def test_interval_score_by_hand():
    """Gneiting & Raftery 2007, eq. 43: width, and 2 / alpha for each unit outside."""
    low, high, truth = np.full(3, 2.0), np.full(3, 5.0), np.array([3.0, 1.0, 7.0])
    np.testing.assert_allclose(interval_score(low, high, truth, 0.9), [3.0, 23.0, 43.0])
    np.testing.assert_allclose(interval_score(low, high, truth, 0.5), [3.0, 7.0, 11.0])


def test_the_true_quantiles_have_the_best_score():
    truth = np.random.default_rng(0).normal(0, 1, 100_000)
    scores = [interval_score(-half, half, truth, 0.9).mean() for half in (1.2, 1.645, 2.1)]
    assert scores[1] < min(scores[0], scores[2])


def test_scores_by_hand():
    answers = Answers(
        np.array([10.0, 20.0]),
        np.array([12.0, 20.0]),
        np.tile([[11.0], [18.0]], len(CURVE)),
        np.tile([[13.0], [22.0]], len(CURVE)),
        np.array([True, False]),
        0.0,
        100.0,
    )
    told = score(answers)
    assert told.rmse == pytest.approx(np.sqrt(2))
    assert told.bias == 1.0
    assert told.covered(0.9) == 0.5
    assert told.width == pytest.approx(3 / 90)
    assert told.score == pytest.approx(((2 + 20 * 1) + 4) / 2 / 90)
    assert told.unresolved == 0.5


def test_calibrated_answers_are_found_calibrated():
    rng = np.random.default_rng(1)
    truth = rng.uniform(10, 90, 20_000)
    std = rng.uniform(0.5, 3, truth.size)
    value = truth + std * rng.normal(0, 1, truth.size)
    told = score(gaussian(truth, value, std))
    np.testing.assert_allclose(told.coverage, CURVE, atol=0.012)
    assert score(gaussian(truth, value, std / 2)).covered(0.9) < 0.65
    ranks = np.array([NormalDist(v, s).cdf(t) for v, s, t in zip(value, std, truth, strict=True)])
    assert rank_statistic(ranks)[1] > 0.001
    assert rank_statistic(ranks**1.2)[1] < 1e-9
    assert score(gaussian(truth, value, std).take(truth > 50)).answers == (truth > 50).sum()


def test_the_priors_own_interval_scores_one():
    truth = np.random.default_rng(2).uniform(0, 100, 1000)
    whole = Answers(truth, np.full(1000, 50.0), np.full((1000, len(CURVE)), 5.0), np.full((1000, len(CURVE)), 95.0),
                    np.zeros(1000, bool), 0.0, 100.0)  # fmt: skip
    assert score(whole).score == pytest.approx(1.0)
    assert score(whole).width == pytest.approx(1.0)


def test_no_answers_have_no_score():
    nothing = np.zeros((0, len(CURVE)))
    with pytest.raises(ValueError, match="at least one answer"):
        score(Answers(np.zeros(0), np.zeros(0), nothing, nothing, np.zeros(0, bool), 0.0, 1.0))


def test_autocorrelation_of_known_series():
    rng = np.random.default_rng(3)
    white = rng.normal(0, 1, (4000, 3))
    np.testing.assert_allclose(autocorrelation(white, 4), 0, atol=0.03)
    colored = np.zeros_like(white)
    for i in range(1, len(white)):
        colored[i] = 0.7 * colored[i - 1] + white[i]
    np.testing.assert_allclose(autocorrelation(colored, 3), [0.7, 0.49, 0.343], atol=0.05)
    torn = np.where(rng.random(white.shape) < 0.3, np.nan, colored)
    np.testing.assert_allclose(autocorrelation(torn, 3), [0.7, 0.49, 0.343], atol=0.07)
    assert np.isnan(autocorrelation(white[:6], 3)).tolist() == [False, True, True]
