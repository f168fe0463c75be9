"""Laws of influence coefficients, corrections and their errors."""

from __future__ import annotations

import numpy as np
import pytest

from inversion.physics import rotor
from inversion.physics.balance_grade import GRADES, grade, permissible_unbalance, standard_grade

NONE = np.zeros(3)


def machine(seed: int, sensors: int = 3, planes: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Influence (S, P) and unbalance (P,)."""
    rng = np.random.default_rng(seed)
    influence = rng.normal(size=(sensors, planes)) + 1j * rng.normal(size=(sensors, planes))
    return influence, rng.normal(size=planes) + 1j * rng.normal(size=planes)


def known(influence: np.ndarray, vibration: np.ndarray, sd: float = 0.0) -> rotor.Response:
    some = np.full(vibration.shape, sd)
    return rotor.from_influence(vibration, some, influence, np.zeros(influence.shape), 0 * vibration, 0 * some)


@pytest.mark.parametrize("kept", [False, True])
def test_trial_runs_tell_the_influence_and_the_runout_cancels(kept):
    influence, unbalance = machine(0)
    trials, runout = np.array([2.0, 1j]), np.array([3.0, -1j, 0.5])
    mounted = np.tril(np.ones((2, 2))) * trials if kept else np.diag(trials)
    runs = [influence @ (unbalance + extra) + runout for extra in (np.zeros(2), *mounted)]
    design = (rotor.kept_trials if kept else rotor.removed_trials)(trials)
    response = rotor.from_trials(np.stack(runs, axis=1), np.zeros((3, 3)), design, runout, NONE)
    np.testing.assert_allclose(response.influence, influence)
    np.testing.assert_allclose(response.vibration, influence @ unbalance)
    np.testing.assert_allclose(rotor.correction(response, np.ones(3)), -unbalance)


def test_least_squares_leaves_nothing_that_a_plane_could_still_correct():
    influence, _ = machine(1, sensors=5)
    weights = np.array([1.0, 2.0, 0.5, 4.0, 1.0])
    response = known(influence, machine(2, 5, 5)[1])
    left = rotor.remaining(response, rotor.correction(response, weights))
    np.testing.assert_allclose(influence.conj().T @ (weights * left), 0, atol=1e-12)


def test_many_at_once_are_each():
    influence, _ = machine(3)
    vibrations = machine(4, 6, 3)[0]
    many = known(np.broadcast_to(influence, (6, 3, 2)), vibrations, 0.1)
    ones = np.ones(3)
    masses = rotor.correction(many, ones)
    spread = rotor.correction_covariance(many, ones, masses)
    for k in range(6):
        alone = known(influence, vibrations[k], 0.1)
        np.testing.assert_allclose(masses[k], rotor.correction(alone, ones))
        np.testing.assert_allclose(spread[k], rotor.correction_covariance(alone, ones, masses[k]))


@pytest.mark.parametrize("kept", [False, True])
def test_the_first_order_covariance_is_that_of_repeated_jobs(kept):
    influence, unbalance = machine(5)
    trials, rng, sd = np.array([2.0, 1.5j]), np.random.default_rng(6), 0.02
    mounted = np.tril(np.ones((2, 2))) * trials if kept else np.diag(trials)
    design = (rotor.kept_trials if kept else rotor.removed_trials)(trials)
    unmodelled = np.array([0.5, -0.3j, 0.2])  # not of any plane: it stays, and the influence's errors act on it
    clean = np.stack([influence @ (unbalance + extra) + unmodelled for extra in (np.zeros(2), *mounted)], axis=1)
    noise = sd * (rng.normal(size=(4000, 3, 3)) + 1j * rng.normal(size=(4000, 3, 3)))
    jobs = rotor.from_trials(clean + noise, np.full((4000, 3, 3), sd), design, NONE, NONE)
    masses = rotor.correction(jobs, np.ones(3))
    centered = masses - masses.mean(axis=0)
    measured = np.einsum("np,nq->pq", centered, centered.conj()) / 2 / 4000
    one = rotor.from_trials(clean, np.full((3, 3), sd), design, NONE, NONE)
    stated = rotor.correction_covariance(one, np.ones(3), rotor.correction(one, np.ones(3)))
    np.testing.assert_allclose(np.diag(measured).real, np.diag(stated).real, rtol=0.1)
    assert abs(measured[0, 1] - stated[0, 1]) < 0.1 * np.sqrt(abs(stated[0, 0] * stated[1, 1]))


def test_what_will_remain_is_off_by_as_much_as_stated():
    influence, unbalance = machine(7)
    trials, rng, sd = np.array([2.0, 1.5j]), np.random.default_rng(8), 0.02
    clean = np.stack([influence @ (unbalance + extra) for extra in (np.zeros(2), *np.diag(trials))], axis=1)
    noise = sd * (rng.normal(size=(4000, 3, 3)) + 1j * rng.normal(size=(4000, 3, 3)))
    jobs = rotor.from_trials(clean + noise, np.full((4000, 3, 3), sd), rotor.removed_trials(trials), NONE, NONE)
    masses = rotor.correction(jobs, np.ones(3))
    off = rotor.remaining(jobs, masses) - (unbalance + masses) @ influence.T
    stated = rotor.remaining_variance(jobs, masses).mean(axis=0)
    np.testing.assert_allclose(np.mean(np.abs(off) ** 2, axis=0) / 2, stated, rtol=0.1)


def test_collinear_planes_are_seen_and_the_smallest_correction_is_given():
    column = np.array([1.0, 2j, -1.0])
    influence = np.stack([column, 2 * column], axis=1)
    response = known(influence, influence @ np.array([1.0, 0.5]), 0.01)
    seen = rotor.conditioning(response, np.ones(3))
    assert seen.rank == 1
    assert seen.number > 1e10
    assert seen.significance < 3
    masses = rotor.correction(response, np.ones(3), seen.rank)
    np.testing.assert_allclose(rotor.remaining(response, masses), 0, atol=1e-12)
    weakest = seen.weakest / seen.weakest[0]
    np.testing.assert_allclose(weakest, [1.0, -1.0], atol=1e-9)  # each in units of its own effect


def test_nearly_collinear_planes_are_judged_by_their_errors():
    column = np.array([1.0, 2j, -1.0])
    influence = np.stack([column, column + np.array([0.02, 0, 0])], axis=1)
    zeros = np.zeros(3)
    for sd, rank in ((1e-4, 2), (0.02, 1)):
        spread = np.full(influence.shape, sd)
        response = rotor.from_influence(column, zeros, influence, spread, 0 * column, zeros)
        assert rotor.conditioning(response, np.ones(3)).rank == rank


def test_robust_weights_yield_to_a_wrong_sensor_and_leave_right_ones_alone():
    influence, unbalance = machine(9, sensors=6)
    vibration = influence @ unbalance
    ones = np.ones(6)
    np.testing.assert_allclose(rotor.huber_weights(known(influence, vibration, 0.01), ones), 1)
    vibration = vibration + np.array([0, 0, 3.0, 0, 0, 0])
    wrong = known(influence, vibration, 0.01)
    off = {
        name: np.abs(rotor.correction(wrong, weights) + unbalance).max()
        for name, weights in (
            ("squares", ones), ("huber", rotor.huber_weights(wrong, ones)),
            ("bisquare", rotor.bisquare_weights(wrong, ones)),
        )
    }  # fmt: skip
    assert off["huber"] < 0.05 * off["squares"]
    assert off["bisquare"] < 1e-6


def test_a_trial_mass_of_zero_is_refused():
    for design in (rotor.removed_trials, rotor.kept_trials):
        with pytest.raises(ValueError, match="must not be zero"):
            design(np.array([1.0, 0.0]))


def test_shapes_are_checked():
    with pytest.raises(ValueError, match="needs an influence"):
        rotor.Response(np.zeros(3), np.zeros((2, 2)), np.zeros((3, 3, 3)))


def test_the_grade_is_the_speed_of_the_center_of_mass():
    # 100 kg at 3000 rpm: G 6.3 permits 6.3e-3 / (2 pi 50) m = 20.05 um, so 2005 g·mm (ISO 21940-11, 5.4)
    assert permissible_unbalance(6.3, 100, 50) == pytest.approx(2005.4e-6, rel=1e-4)
    assert grade(permissible_unbalance(2.5, 7, 31), 7, 31) == pytest.approx(2.5)
    assert [standard_grade(value) for value in (0.1, 6.3, 6.4, 5000)] == [GRADES[0], 6.3, 16.0, None]
    with pytest.raises(ValueError, match="must be positive"):
        grade(1e-6, 0, 50)
