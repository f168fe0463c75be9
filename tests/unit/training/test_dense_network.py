"""The layers of a dense network, its graph, its integers, and the windows that it learns from."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")

from fitted_machine import fitted_machine  # noqa: E402

from inversion.core.encoding import columns, encode  # noqa: E402
from inversion.engines.least_squares import LeastSquares  # noqa: E402
from inversion.training.dense import layers, rounding  # noqa: E402
from inversion.training.dense.draws import draw_windows  # noqa: E402
from inversion.training.dense.graph import dense_graph  # noqa: E402
from inversion.training.network.answers import run  # noqa: E402
from inversion.training.network.recipe import Data, Fit, Named, Recipe, Solver  # noqa: E402

FIT = Fit(channels=12, blocks=2, hidden=6)
LEVELS = Named("any").levels


def recipe(**data):
    return Recipe(Named("any", kind="dense"), Data(windows=400, **data), FIT, FIT)


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    return fitted_machine(tmp_path_factory.mktemp("machine") / "machine.npz")


@pytest.fixture(scope="module")
def windows(machine):
    """Encoded windows, some of a feature only, and what the layers need."""
    drawn = draw_windows(machine, recipe(sensor_faults=0.3), np.zeros(400, dtype=bool))
    at = columns(2, 1, 1)
    encoded = encode(drawn.features, np.zeros((400, 1)))
    return encoded, at, layers.Shape(2, 1, 1, len(LEVELS), LEVELS.index(0.5))


@pytest.mark.parametrize("integers", [False, True])
def test_the_graph_answers_what_the_layers_do(windows, integers):
    encoded, at, shape = windows
    rows = torch.from_numpy(encoded)
    scale = layers.scale_of(rows, at)
    weights = layers.new_weights(FIT, shape, torch.Generator().manual_seed(3))
    weights["last"] = weights["last"] * 5
    graph = dense_graph({k: v.numpy() for k, v in weights.items()}, FIT.blocks, shape, scale, at, "any", integers)
    quantiles, latent = run(graph, encoded)
    used = rounding.rounded(weights) if integers else weights
    expected, apart = layers.answer(used, FIT.blocks, shape, scale, rows, at)
    assert np.abs(quantiles - expected.detach().numpy()).max() < 1e-5
    assert np.abs(latent - apart.detach().numpy()).max() < 1e-3
    assert np.all(np.diff(quantiles, axis=2) >= 0)
    assert np.ptp(quantiles[:, 0, shape.middle]) > 0.05


def test_a_feature_that_is_not_seen_is_no_misfit(windows):
    encoded, at, shape = windows
    rows = torch.from_numpy(encoded)
    weights = layers.new_weights(FIT, shape, torch.Generator().manual_seed(3))
    _, apart = layers.answer(weights, FIT.blocks, shape, layers.scale_of(rows, at), rows, at)
    unseen = encoded[:, at.state] == 0
    assert unseen.any()
    assert np.all(apart.numpy()[unseen] == 0)


def test_integers_lie_on_the_grid_that_the_graph_stores():
    weight = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
    for name, most in (("dense0", 127), ("last", 32_767)):
        whole, steps = rounding.integers(name, weight)
        assert np.abs(whole).max() == most
        assert np.all(np.abs(whole * steps[:, None] - weight) <= 0.51 * steps[:, None])


def test_pruning_takes_channels_out_of_all_layers_alike(windows):
    _, _, shape = windows
    weights = layers.new_weights(FIT, shape, torch.Generator().manual_seed(3))
    idle = torch.tensor([2, 5, 7])
    weights["last"][:, shape.inputs + idle] = 0
    for k in range(FIT.blocks):
        weights[f"dense{k}"][:, idle] = 0
    left, fit = layers.pruned(weights, FIT, 0.25)
    inputs = torch.randn(6, shape.inputs, generator=torch.Generator().manual_seed(1))
    assert fit.channels == 9
    before, after = (layers.quantiles(each, FIT.blocks, shape, inputs) for each in (weights, left))
    assert torch.allclose(before, after, atol=1e-6)


def test_the_same_seed_draws_the_same_windows(machine):
    one, two = (draw_windows(machine, recipe(), np.zeros(400, dtype=bool)) for _ in range(2))
    assert np.array_equal(one.features.values, two.features.values)
    other = recipe()
    other = replace(other, network=replace(other.network, seed=9))
    assert not np.array_equal(one.theta, draw_windows(machine, other, np.zeros(400, dtype=bool)).theta)


def test_windows_to_judge_by_are_as_the_model_has_them(machine):
    """Least squares, which knows the model, holds the truth in nine of ten."""
    asked = recipe(strays=0.2)
    asked = replace(asked, data=replace(asked.data, windows=3000))
    drawn = draw_windows(machine, asked, np.ones(3000, dtype=bool))
    assert not drawn.strange.any()
    assert 0.15 < drawn.strayed.mean() < 0.25
    own = np.flatnonzero(~drawn.strayed)
    estimates = LeastSquares(loss="student").bind(machine).invert(drawn.features.take(own.tolist()))
    ends = np.array([each.interval("rise") for each in estimates])
    held = (ends[:, 0] <= drawn.theta[own, 0]) & (drawn.theta[own, 0] <= ends[:, 1])
    assert abs(held.mean() - 0.9) < 0.02


def test_noise_is_drawn_as_the_solver_expects_it(machine):
    def excess(loss):
        asked = replace(recipe(strays=0.0, sensor_faults=0.0), solver=Solver(loss=loss))
        asked = replace(asked, data=replace(asked.data, windows=4000))
        drawn = draw_windows(machine, asked, np.ones(4000, dtype=bool))
        at = np.full((4000, 1), 3.0)
        deviation = np.hypot(machine.least, machine.spread(drawn.theta, at))
        return np.mean(np.abs((drawn.features.values - machine.simulate(drawn.theta, at)) / deviation) > 4)

    assert excess("gaussian") < 0.001
    assert excess("student") > 0.01
