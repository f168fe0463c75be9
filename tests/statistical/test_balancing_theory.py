"""Unbalance against theory: errors near the Cramér-Rao bound, intervals that cover in every bin of size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kstest

from inversion.core import Features
from inversion.engines.least_squares import LeastSquares
from inversion.forward.unbalanced_rotor import UnbalancedRotor
from inversion.physics import rotor
from inversion.physics.circular_interval import amplitude_interval, angle_half_width
from inversion.physics.rotor_draws import Job
from sensors import Quality

pytestmark = pytest.mark.statistical

DRAWS = 10_000  # a bin
RANGE = 6.0  # of the amplitude
SIZES = np.array([0.0, 0.05, 0.2, 0.5, 1.0, 2.0, 4.0, 6.0])
TRIALS = np.array([2.0, 1.5 - 1.5j])
SD = 0.03  # of a component of each reading; the trial masses cause about 2
INFLUENCE = np.array([[1.0, 0.4j], [0.3 - 0.2j, -0.9], [0.6j, 0.5 + 0.5j], [-0.4, 0.7j]])
JOBS = {
    "known influence": Job(INFLUENCE, None, SD),
    "trial runs, two sensors": Job(INFLUENCE[:2], TRIALS, SD),
    "trial runs, four sensors": Job(INFLUENCE, TRIALS, SD),
    "trial masses left in": Job(INFLUENCE, TRIALS, SD, kept=True),
}
jobs = pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)


def test_the_bound_of_a_known_influence_is_that_of_linear_regression():
    least = JOBS["known influence"].bound(np.array([1.0, 2.0]))
    stacked = np.block([[INFLUENCE.real, -INFLUENCE.imag], [INFLUENCE.imag, INFLUENCE.real]])
    np.testing.assert_allclose(least, np.sqrt(np.diag(np.linalg.inv(stacked.T @ stacked / SD**2)))[:2])


def test_unknown_coefficients_cost_nothing_where_there_is_no_unbalance_but_much_where_there_is():
    known, trials = JOBS["known influence"], JOBS["trial runs, four sensors"]
    np.testing.assert_allclose(trials.bound(np.zeros(2)), known.bound(np.zeros(2)))
    assert np.all(trials.bound(np.array([6.0, 6.0])) > 3 * known.bound(np.zeros(2)))


@jobs
@pytest.mark.parametrize("size", SIZES)
def test_errors_meet_the_bound_and_intervals_cover(job, size):
    rng = np.random.default_rng(int(100 * size) + 1)
    angles = rng.uniform(0, 2 * np.pi, 2)
    unbalance = size * np.array([1.0, 0.7]) * np.exp(1j * angles)
    response = job.measure(np.broadcast_to(unbalance, (DRAWS, 2)), rng)
    ones = np.ones(response.vibration.shape[-1])
    masses = rotor.correction(response, ones)
    spread = rotor.correction_covariance(response, ones, masses)
    sd = np.sqrt(np.diagonal(spread, axis1=-2, axis2=-1).real)
    off = masses + unbalance
    least = job.bound(unbalance)
    assert np.all(least < RANGE / 5)
    rmse = np.sqrt(np.mean(np.abs(off) ** 2, axis=0) / 2)
    assert np.all(rmse < 1.15 * least)
    assert np.all(rmse > 0.9 * least)  # else the bound is wrong
    for part in (off.real, off.imag):
        assert np.all(np.abs(np.mean(np.abs(part) <= 1.6449 * sd, axis=0) - 0.9) < 0.02)
    low, high = amplitude_interval(np.abs(masses), sd, 0.9)
    covered = np.mean((low <= np.abs(unbalance)) & (np.abs(unbalance) <= high), axis=0)
    assert np.all(np.abs(covered - 0.9) < 0.02)
    if size > 0:
        turned = np.abs(np.angle(-masses / unbalance))
        right = np.mean(turned <= angle_half_width(np.abs(masses), sd, 0.9), axis=0)
        assert np.all(np.abs(right - 0.9) < 0.02)


def test_ranks_are_uniform():
    rng = np.random.default_rng(3)
    unbalance = rng.uniform(-RANGE, RANGE, (DRAWS, 2)) + 1j * rng.uniform(-RANGE, RANGE, (DRAWS, 2))
    for name, job in JOBS.items():
        response = job.measure(unbalance, rng)
        ones = np.ones(response.vibration.shape[-1])
        masses = rotor.correction(response, ones)
        sd = np.sqrt(np.diagonal(rotor.correction_covariance(response, ones, masses), axis1=-2, axis2=-1).real)
        for plane in range(2):
            assert kstest(((masses + unbalance).real / sd)[:, plane], "norm").pvalue > 1e-3, name


MODEL = UnbalancedRotor(
    sensors=("a", "b"),
    planes=("left", "right"),
    influence=(((0.01, 20.0), (0.004, 80.0)), ((0.003, -50.0), (0.012, 10.0))),
    shaft_hz=25.0,
    heaviest_g_mm=1000.0,
    phase_channel="mark",
)


def seen(unbalance: np.ndarray, model: UnbalancedRotor, rng: np.random.Generator) -> Features:
    """Features of (n, 2) unbalances, kg·m, in noise."""
    n, sd = len(unbalance), 2e-4
    vectors = unbalance @ model.coefficients.T
    vectors = vectors + sd * (rng.normal(size=vectors.shape) + 1j * rng.normal(size=vectors.shape))
    conditions = np.full((n, 1), 25.0)
    if model.told == "amplitude":
        angles = np.angle(vectors @ np.linalg.inv(model.coefficients).T)
        conditions = np.concatenate([conditions, angles], axis=1)
    values = np.stack([vectors.real, vectors.imag], axis=-1).reshape(n, 4)
    some = np.full((n, 4), sd)
    return Features(values, some, np.full((n, 4), -np.inf), conditions, (Quality.GOOD,) * n, ("",) * n)


def test_the_engines_intervals_of_components_cover():
    """4,000 draws of two planes: 16,000 components; amplitudes by fifths of their range, 1,600 each."""
    rng = np.random.default_rng(4)
    parts = rng.uniform(-800e-6, 800e-6, (4000, 4))
    unbalance = parts[:, 0::2] + 1j * parts[:, 1::2]
    estimates = LeastSquares(grid=32, passes=2).bind(MODEL).invert(seen(unbalance, MODEL, rng))
    ends = np.array([[estimate.interval(name) for name in MODEL.space.names] for estimate in estimates])
    hits = (ends[..., 0] <= parts) & (parts <= ends[..., 1])
    planes = np.array([[(plane.low, plane.high) for plane in MODEL.polar(estimate)] for estimate in estimates])
    true = np.abs(unbalance)
    sizes = (planes[..., 0] <= true) & (true <= planes[..., 1])
    for part in range(4):
        for rows in np.array_split(np.argsort(parts[:, part]), 5):
            assert np.mean(hits[rows, part]) == pytest.approx(0.9, abs=0.042)  # four deviations of 800 draws
    assert np.mean(hits) == pytest.approx(0.9, abs=0.02)
    assert np.mean(sizes) == pytest.approx(0.9, abs=0.02)


def test_the_engines_intervals_of_amplitudes_cover_over_the_prior():
    """160 draws of two planes, uniform in amplitude: 320, of which 90 % within four binomial deviations (6.7 %)."""
    rng, model = np.random.default_rng(5), replace(MODEL, told="amplitude")
    size = rng.uniform(0, 300e-6, (160, 2))  # the small ones are the difficult ones
    unbalance = size * np.exp(2j * np.pi * rng.random(size.shape))
    estimates = LeastSquares(grid=32, passes=2).bind(model).invert(seen(unbalance, model, rng))
    hits = []
    for estimate, row in zip(estimates, size, strict=True):
        for plane, true in zip(model.planes, row, strict=True):
            low, high = estimate.interval(f"{plane}_unbalance")
            hits.append(low <= true <= high)
    assert 0.833 < np.mean(hits) < 0.967
