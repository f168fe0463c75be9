"""`inversion train` for a sensitivity matrix, a rotor simulated in time, and the model of another package."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from interrupting import interrupted
from typer.testing import CliRunner

from inversion.app.cli import application
from inversion.app.train import load_recipe
from inversion.core import InversionError, ModelError
from inversion.engines.checked import Checked
from inversion.engines.least_squares import LeastSquares
from inversion.engines.network import Network
from inversion.store.card import read_card
from inversion.training.dense.draws import draw_windows
from sensors import Quality

TRAIN = Path("configs/train")
SMALL = """
[student]
channels = 24
blocks = 2
hidden = 12
epochs = 15
rate = 1e-2

[compress]
epochs = 2
rounding_epochs = 1
"""
#: Of a recipe that is shipped: what makes a small one of it.
SMALLER = {
    "oil_flow": ("windows = 100000", "windows = 3000"),
    "unbalance": ("windows = 20000\nshard = 1000", "windows = 1500\nshard = 300"),
}


def train(*arguments):
    return CliRunner().invoke(application(), ["train", *map(str, arguments)])


def written(name, folder, *changes):
    """The recipe of that name, small."""
    text = (TRAIN / f"{name}.toml").read_text(encoding="utf-8")
    text = text.replace("../linear", str(Path("configs/linear").resolve()))
    text = re.sub(r"\[student\][^\[]*", "", text)
    for old, new in (SMALLER[name], *changes):
        assert old in text
        text = text.replace(old, new)
    (folder / f"{name}.toml").write_text(text + SMALL, encoding="utf-8")
    return folder / f"{name}.toml"


@pytest.fixture(scope="module", params=sorted(SMALLER))
def trained(request, tmp_path_factory):
    """Its recipe, the folder of the network, and what was told."""
    pytest.importorskip("torch", reason="needs the extra `train`")
    folder = tmp_path_factory.mktemp(request.param)
    path = written(request.param, folder)
    done = train(path, "--work", folder / "work", "--out", folder / "out_v1", "--json")
    assert done.exit_code == 0, done.output
    return path, folder / "out_v1", json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", ["oil_flow", "unbalance"])
def test_the_recipes_are_whole(name):
    recipe, model = load_recipe(TRAIN / f"{name}.toml")
    assert recipe.network.kind == "dense"
    assert recipe.solver.loss == "gaussian"
    assert len(model.observables) >= 4


def test_the_network_answers_as_least_squares_does(trained):
    path, out, _ = trained
    recipe, model = load_recipe(path)
    other = replace(recipe, network=replace(recipe.network, seed=99), data=replace(recipe.data, windows=300))
    drawn = draw_windows(model, other, np.ones(300, dtype=bool))
    rows = np.flatnonzero(drawn.usable & ~drawn.strayed)
    given, truth = drawn.features.take(rows.tolist()), drawn.theta[rows]
    theirs = LeastSquares().bind(model).invert(given)
    names = [each.name for each in model.space if not each.nuisance]
    for precision in ("full", "lite"):
        ours = Network(out, precision).bind(model).invert(given)
        low, high, middle = (
            np.array([[pick(each, name) for name in names] for each in ours])
            for pick in (lambda e, n: e.interval(n)[0], lambda e, n: e.interval(n)[1], lambda e, n: e.value(n))
        )
        held = np.mean((low <= truth) & (truth <= high))
        assert 0.8 < held < 0.97
        solved = np.array([[each.value(name) for name in names] for each in theirs])
        assert np.median(np.abs(middle - solved)) < np.median(high - low) / 3
        assert np.mean([each.fit.quality is Quality.BAD for each in ours]) < 0.02


def test_the_card_compares_it_with_least_squares(trained):
    path, out, told = trained
    card = read_card(out / "card.toml")
    assert card.network.model == load_recipe(path)[0].forward
    assert {row.network for row in card.metric} == {"full", "lite", "least_squares"}
    assert "full over least_squares" in "".join(told["table"])


def test_a_reading_that_strays_far_is_doubted(trained):
    """Its teacher takes every reading at its word, and would be sure of a wrong one."""
    path, out, _ = trained
    card = read_card(out / "card.toml")
    assert card.misfit.threshold == pytest.approx(2 * card.misfit.known)
    if path.stem != "oil_flow":
        return  # two sensors and two planes: another unbalance explains any two vectors
    _, model = load_recipe(path)
    readings = model.simulate(np.full((1, 3), 8 / 60e3), np.zeros((1, 0)))
    both = np.repeat(readings, 2, axis=0)
    both[1, 3] += 20_000
    sound, doubted = Network(out).bind(model).invert(model.features_of(both))
    assert sound.fit.quality is Quality.GOOD
    assert doubted.fit.quality > Quality.GOOD
    assert "trained on" in doubted.fit.reason


def test_least_squares_checks_it(trained):
    path, out, _ = trained
    recipe, model = load_recipe(path)
    other = replace(recipe, data=replace(recipe.data, windows=60))
    drawn = draw_windows(model, other, np.ones(60, dtype=bool))
    given = drawn.features.take(np.flatnonzero(drawn.usable).tolist())
    quick = Network(out).bind(model).invert(given)
    for own, each in zip(quick, Checked(Network(out), LeastSquares(), every=2).bind(model).invert(given), strict=True):
        assert (each.fit.answered is None) or not own.fit.reason
    assert sum(not own.fit.reason for own in quick) > len(quick) / 2


def test_a_model_of_other_numbers_is_refused(trained):
    path, out, _ = trained
    _, model = load_recipe(path)
    if hasattr(model, "reading"):
        other = replace(model, reading=tuple(replace(each, noise=2 * each.noise) for each in model.reading))
    else:
        other = replace(model, influence_error=0.1)
    with pytest.raises(ModelError, match="changed or calibrated anew needs its network trained anew"):
        Network(out).bind(other)


def test_windows_that_are_simulated_in_time_are_kept_and_taken_up(trained, tmp_path):
    path, out, _ = trained
    kept = sorted(each.name for each in (out.parent / "work").glob("data_*.npz"))
    if path.stem != "unbalance":
        assert not kept
        return
    assert kept == [f"data_{first:06d}.npz" for first in range(0, 1500, 300)]
    command = ["train", str(path), "--work", str(tmp_path / "work"), "--out", str(tmp_path / "out_v1")]
    told = interrupted(command, at="data")  # its first shard is there
    assert "Traceback" not in told
    assert 0 < len(list((tmp_path / "work").glob("data_*.npz"))) < 5
    done = train(*command[1:])
    assert done.exit_code == 0, done.output
    for name in ("full.onnx", "lite.onnx"):
        assert (tmp_path / "out_v1" / name).read_bytes() == (out / name).read_bytes()


def test_windows_that_do_not_fit_the_model_are_said(tmp_path):
    pytest.importorskip("torch", reason="needs the extra `train`")
    path = written("unbalance", tmp_path, ("ratio_db =", "conditions = [[40.0, 50.0]]\nratio_db ="))
    done = train(path, "--work", tmp_path / "work", "--out", tmp_path / "out", "--stage", "data")
    assert done.exit_code == 1
    assert "of 1500 windows drawn only 0 can be used, mostly since 'the shaft turns at 4" in done.stderr
    assert done.stderr.count("\n") <= 2


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('kind = "dense"', 'kind = "races"', "expected the table [teacher]"),
        ("windows = 3000", "windows = 3000\ndeviations = [3.0]", "data.deviations: Linear knows its noise itself"),
        ("windows = 3000", "windows = 3000\ndeviations = [-3.0]", "deviations must be positive"),
        (
            "windows = 3000",
            "windows = 3000\nconditions = [[0.0, 1.0]]",
            "data.conditions: expected a range for each of 0",
        ),
        ("windows = 3000", "windows = 3000\nwindow = 3", "data.window: no such option"),
    ],
)
def test_a_wrong_recipe_is_refused_at_the_start(tmp_path, old, new, said):
    path = written("oil_flow", tmp_path, (old, new))
    with pytest.raises(InversionError) as refused:
        load_recipe(path)
    assert said in str(refused.value)
    assert str(refused.value).startswith(f"{path}:")
    assert "\n" not in str(refused.value)


def test_a_bearing_is_said_to_be_of_the_other_kind(tmp_path):
    (tmp_path / "bearing.toml").write_text(
        '[network]\nname = "bearing"\nkind = "dense"\n\n[forward]\nuse = "rolling_bearing"\ndesignation = "6205"\n',
        encoding="utf-8",
    )
    with pytest.raises(InversionError, match="networks of RollingBearing are of kind 'races', found 'dense'"):
        load_recipe(tmp_path / "bearing.toml")
