"""What a model says of its derivatives agrees with what it predicts; what it says of links is never too little."""

from __future__ import annotations

import numpy as np
import pytest

from inversion.core.spread import Spreading
from inversion.core.tangent import Differentiable, Linked
from inversion.engines.influence import influence
from inversion.forward.rolling_bearing import RollingBearing
from inversion.forward.unbalanced_rotor import UnbalancedRotor
from inversion.physics.bearing import BearingGeometry
from tests.contracts.empirical_machine import empirical_machine

INFLUENCE = (((0.01, 30.0), (0.004, 100.0)), ((0.003, 200.0), (0.012, 310.0)))


def rotor(told: str) -> UnbalancedRotor:
    return UnbalancedRotor(("a", "b"), ("left", "right"), INFLUENCE, 30.0, 400.0, phase_channel="mark", told=told)


CASES = {
    "rolling_bearing": (lambda: RollingBearing(BearingGeometry(9, 7.94, 39.04)), [30.0, 51_200.0, 0.45e-3]),
    "rolling_bearing, no relief": (
        lambda: RollingBearing(BearingGeometry(9, 7.94, 39.04), relief_mm=0.0),
        [30.0, 51_200.0, 0.0],
    ),
    "rotor, components": (lambda: rotor("components"), [30.0]),
    "rotor, amplitude": (lambda: rotor("amplitude"), [30.0, 0.3, -2.0]),
    "empirical": (empirical_machine, [7.0]),
    "empirical, a feature unseen": (empirical_machine, [5.0]),
}


@pytest.fixture(params=CASES, scope="module")
def case(request):
    make, conditions = CASES[request.param]
    return make(), np.array(conditions)


def points(model, b: int = 3, lanes: int = 4) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.uniform(0.05, 0.95, (b, lanes, len(model.space))) * (model.space.high - model.space.low) + (
        model.space.low
    )


def shifted(model, theta: np.ndarray, i: int, share: float) -> np.ndarray:
    moved = theta.copy()
    moved[..., i] += share * (model.space.high - model.space.low)[i]
    return moved


def test_the_prediction_is_that_of_simulate(case):
    model, conditions = case
    assert isinstance(model, Differentiable)
    theta = points(model)
    every = np.broadcast_to(conditions, (*theta.shape[:-1], conditions.size))
    observables = np.arange(len(model.observables))[::-1][: 3 * len(model.observables) // 4]
    tangent = model.tangent(theta, every, np.array([0]), observables)
    np.testing.assert_allclose(
        tangent.prediction, model.simulate(theta, every)[..., observables], rtol=1e-9, atol=1e-12
    )
    assert (tangent.spread is not None) == isinstance(model, Spreading)
    if tangent.spread is not None:
        np.testing.assert_allclose(tangent.spread, model.spread(theta, every)[..., observables], rtol=1e-6)


def test_the_slopes_are_those_of_central_differences(case):
    model, conditions = case
    theta = points(model)
    every = np.broadcast_to(conditions, (*theta.shape[:-1], conditions.size))
    observables = np.arange(len(model.observables))
    parameters = np.arange(len(model.space))[::-1]
    tangent = model.tangent(theta, every, parameters, observables)
    slope = np.broadcast_to(tangent.written(), (*theta.shape[:-1], parameters.size, observables.size))
    for row, i in enumerate(parameters):
        step = 1e-6 * (model.space.high - model.space.low)[i]
        ahead, behind = (shifted(model, theta, i, share) for share in (1e-6, -1e-6))
        predicted = (model.simulate(ahead, every) - model.simulate(behind, every)) / (2 * step)
        np.testing.assert_allclose(
            slope[..., row, :], predicted, rtol=1e-4, atol=1e-6 * np.abs(predicted).max() + 1e-12
        )
        if tangent.spread_slope is not None:
            spread = (model.spread(ahead, every) - model.spread(behind, every)) / (2 * step)
            scale = np.abs(spread).max()
            np.testing.assert_allclose(tangent.spread_slope[..., row, :], spread, rtol=1e-3, atol=1e-4 * scale)


def of_one_race(model) -> np.ndarray:
    return np.array([k for k, name in enumerate(model.observables) if name.startswith("inner_edge")])[5:100]


def test_sums_over_the_observables_are_those_of_what_is_written_down():
    make, conditions = CASES["rolling_bearing"]
    model, rng = make(), np.random.default_rng(3)
    theta, observables = points(model), of_one_race(model)
    every = np.broadcast_to(np.array(conditions), (*theta.shape[:-1], len(conditions)))
    parameters = np.array([k for k, name in enumerate(model.space.names) if name.startswith("inner")])
    slopes = model.tangent(theta, every, parameters, observables).slope
    assert not isinstance(slopes, np.ndarray), "the test is about slopes that are not written down"
    written, weight = slopes.written(), rng.uniform(size=(*theta.shape[:-1], observables.size))
    scale = np.sqrt(np.sum(written**2 * weight[..., None, :], axis=-1)) + 1e-300
    np.testing.assert_allclose(
        slopes.pulled(weight) / scale, np.einsum("blqm,blm->blq", written, weight) / scale, rtol=1e-9, atol=1e-9
    )
    np.testing.assert_allclose(
        slopes.products(weight) / scale[..., :, None] / scale[..., None, :],
        np.einsum("blqm,blm,blrm->blqr", written, weight, written) / scale[..., :, None] / scale[..., None, :],
        atol=1e-9,
    )


def test_what_moves_an_observable_is_linked_to_it(case):
    model, conditions = case
    if not isinstance(model, Linked):
        pytest.skip("says nothing of its links: the engine tries them out")
    theta = points(model, 20)
    every = np.broadcast_to(conditions, (*theta.shape[:-1], conditions.size))
    linked = influence(model, conditions)
    for i in range(len(model.space)):
        moves = (model.simulate(theta, every) != model.simulate(shifted(model, theta, i, 0.05), every)).any(axis=(0, 1))
        assert not np.any(moves & ~linked[i])
