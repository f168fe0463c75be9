"""Windows that a network learns from: the same for a seed, whole machines apart, resumed after a stop."""

import numpy as np
import pytest

from inversion.forward.rolling_bearing import RollingBearing
from inversion.training.network.errors import TrainingError
from inversion.training.network.recipe import Data, Fit, Named, Recipe
from inversion.training.network.shards import draw_shards, load_shards, split
from inversion.training.network.windows import bearing_of, draw_machine_windows

MODEL = RollingBearing(designation="6205")
DATA = Data(windows=60, shard=20, samples=(8_192, 12_288))
RECIPE = Recipe(Named("test", seed=5), DATA, Fit(4), Fit(4))


def draw(machine):
    return draw_machine_windows(MODEL, DATA, RECIPE.network.seed, machine)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    list(draw_shards(folder, RECIPE, MODEL, draw, lambda _: None))
    return folder


def test_the_same_seed_draws_the_same_windows():
    one, two = draw(3), draw(3)
    assert np.array_equal(one.features.values, two.features.values)
    assert np.array_equal(one.theta, two.theta, equal_nan=True)
    assert not np.array_equal(one.geometry, draw(4).geometry)


def test_a_stopped_draw_goes_on(drawn, tmp_path):
    for path in draw_shards(tmp_path, RECIPE, MODEL, draw, lambda _: None):
        if path.name == "shard_0001.npz":
            break
    before = (tmp_path / "shard_0000.npz").stat().st_mtime_ns
    (tmp_path / "shard_0001.npz").write_bytes(b"half")
    list(draw_shards(tmp_path, RECIPE, MODEL, draw, lambda _: None))
    assert (tmp_path / "shard_0000.npz").stat().st_mtime_ns == before
    one, two = load_shards(tmp_path, RECIPE, MODEL), load_shards(drawn, RECIPE, MODEL)
    assert np.array_equal(one.features.values, two.features.values)


def test_windows_of_another_recipe_are_refused(drawn):
    other = Recipe(Named("test", seed=6), DATA, Fit(4), Fit(4))
    with pytest.raises(TrainingError, match="another recipe"):
        load_shards(drawn, other, MODEL)


def test_no_machine_is_both_learnt_from_and_judged_by(drawn):
    windows = load_shards(drawn, RECIPE, MODEL)
    parts = split(windows, RECIPE)
    machines = [set(windows.machine[rows]) for rows in (parts.learn, parts.stop, parts.calibrate, parts.judge)]
    assert sum(map(len, machines)) == len(set().union(*machines)) == 30
    assert all(machines)


def test_a_window_is_what_its_own_model_observes(drawn):
    """A sound race has no size to be right about, and a damaged one lies within the ranges."""
    windows = load_shards(drawn, RECIPE, MODEL)
    known = np.isfinite(windows.theta)
    assert np.array_equal(known[:, :3], known[:, 3:])
    assert 0 < known[:, :3].mean() < 0.7
    assert np.nanmax(windows.theta[:, 3:]) <= MODEL.widest_mm * 1e-3
    assert np.all(bearing_of(MODEL, windows.geometry[0]).floor(windows.features.conditions[0])[3:6] > 0)
