"""What is drawn to train networks by: of models that draw by themselves, and of those that a recipe states."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from spring import Spring

from inversion.core.drawing import Drawing
from inversion.engines.least_squares import LeastSquares
from inversion.forward.linear import Linear, Reading, Unknown
from inversion.forward.unbalanced_rotor import UnbalancedRotor
from inversion.training.dense.draws import draw_windows, drawing_of
from inversion.training.network.recipe import Data, Fit, Named, Recipe, Solver

ROTOR = UnbalancedRotor(
    sensors=("de", "nde"),
    planes=("left", "right"),
    influence=(((0.01, 20.0), (0.004, 80.0)), ((0.003, -50.0), (0.012, 10.0))),  # mm/s per g·mm
    shaft_hz=25.0,
    heaviest_g_mm=2000.0,
    runout=((1.0, 30.0), (0.5, 250.0)),
    phase_channel="mark",
)
MEASURED = replace(ROTOR, phase_channel="", speed_channel="shaft_hz", noise=0.1)


def linear(folder, covariance=False):
    (folder / "matrix.csv").write_text("Pa per l/min,a,b\np1,380,380\np2,0,420\nq,1150,0\n", encoding="utf-8")
    unknown = (Unknown(0.0, 20.0, unit="l/min"),)
    if not covariance:
        return Linear(folder / "matrix.csv", unknown, (Reading(unit="Pa", noise=900.0, offset=50.0),))
    rows = "Pa2,p1,p2,q\np1,810000,400000,0\np2,400000,810000,0\nq,0,0,640000\n"
    (folder / "covariance.csv").write_text(rows, encoding="utf-8")
    return Linear(folder / "matrix.csv", unknown, (Reading(unit="Pa"),), folder / "covariance.csv")


def recipe(windows, solver="gaussian", **data):
    asked = {"sample_rates": (2560.0,), "revolutions": (20.0, 40.0), "ratio_db": (10.0, 40.0), **data}
    return Recipe(
        Named("any", kind="dense"), Data(windows=windows, **asked), Fit(8), Fit(8), solver=Solver(loss=solver)
    )


def model_of(name, folder):
    return {
        "linear": lambda: linear(folder),
        "correlated": lambda: linear(folder, covariance=True),
        "measured": lambda: MEASURED,
        "amplitude": lambda: replace(MEASURED, told="amplitude"),
        "in time": lambda: ROTOR,
        "stated": Spring,
    }[name]()


def options_of(name):
    return {"conditions": ((-20.0, 40.0),), "deviations": (0.3, 0.5)} if name == "stated" else {}


@pytest.mark.parametrize("name", ["linear", "correlated", "measured", "amplitude", "in time", "stated"])
def test_least_squares_holds_the_truth_of_what_a_model_draws(name, tmp_path):
    """So what is drawn is what the model itself believes of noise, conditions and nuisances."""
    model, n = model_of(name, tmp_path), 400
    asked = recipe(n, strays=0.0, sensor_faults=0.2, **options_of(name))
    drawn = draw_windows(model, asked, np.ones(n, dtype=bool))
    assert not drawn.strange.any()
    assert drawn.usable.mean() > 0.85
    rows = np.flatnonzero(drawn.usable)
    estimates = LeastSquares().bind(model).invert(drawn.features.take(rows.tolist()))
    names = [each.name for each in model.space if not each.nuisance]
    ends = np.array([[each.interval(name) for name in names] for each in estimates])
    held = np.mean((ends[..., 0] <= drawn.theta[rows]) & (drawn.theta[rows] <= ends[..., 1]))
    assert abs(held - 0.9) < 0.03


@pytest.mark.parametrize("name", ["linear", "in time", "stated"])
def test_the_same_seed_draws_the_same_windows(name, tmp_path):
    model, asked = model_of(name, tmp_path), recipe(60, **options_of(name))
    one, two = (draw_windows(model, asked, np.zeros(60, dtype=bool)) for _ in range(2))
    for part in ("values", "std", "limit", "conditions"):
        assert np.array_equal(getattr(one.features, part), getattr(two.features, part))
    other = replace(asked, network=replace(asked.network, seed=9))
    assert not np.array_equal(one.theta, draw_windows(model, other, np.zeros(60, dtype=bool)).theta)


def test_a_channel_that_is_lost_takes_its_readings_with_it(tmp_path):
    model = linear(tmp_path)
    drawn = draw_windows(model, recipe(300, sensor_faults=0.5), np.zeros(300, dtype=bool))
    seen = drawn.features.observed
    assert 0.4 < np.mean(~seen.all(axis=1)) < 0.6
    assert seen.any(axis=1).all()
    correlated = linear(tmp_path, covariance=True)
    correlated = draw_windows(correlated, recipe(300, sensor_faults=0.5), np.zeros(300, dtype=bool))
    assert correlated.features.observed.all()  # without one of them it would say nothing


def test_a_sensor_that_strays_shows_another_state(tmp_path):
    asked = recipe(400, strays=0.5, sensor_faults=0.0)
    for model in (linear(tmp_path), MEASURED):
        drawn = draw_windows(model, asked, np.ones(400, dtype=bool))
        assert 0.4 < drawn.strayed.mean() < 0.6
        fits = LeastSquares().bind(model).invert(drawn.features)
        chi2 = np.array([each.fit.reduced_chi2 for each in fits])
        if len(model.observables) > len(model.space):  # else another state explains all of them
            assert np.median(chi2[drawn.strayed]) > 3 * np.median(chi2[~drawn.strayed])


def test_records_are_simulated_at_the_speeds_at_which_the_coefficients_hold():
    drawn = draw_windows(ROTOR, recipe(80, strays=0.0), np.ones(80, dtype=bool))
    shaft_hz = drawn.features.conditions[drawn.usable, 0]
    assert 24.4 < shaft_hz.min() < 24.7
    assert 25.3 < shaft_hz.max() < 25.6
    assert ROTOR.in_time
    assert not MEASURED.in_time


def test_what_a_model_cannot_tell_a_recipe_must(tmp_path):
    assert not isinstance(Spring(), Drawing)
    for model, data, said in (
        (Spring(), {"conditions": ((0.0, 1.0),)}, "deviations: Spring does not tell its noise"),
        (Spring(), {"deviations": (0.3,)}, "conditions: expected a range for each of 1 conditions of Spring, found 0"),
        (
            Spring(),
            {"conditions": ((0.0, 1.0),), "deviations": (1.0,) * 3},
            "each of its 2 observables, found 3",
        ),
        (linear(tmp_path), {"deviations": (0.3,)}, "deviations: Linear knows its noise itself"),
        (
            MEASURED,
            {"conditions": ((24.0, 25.0),) * 2},
            "conditions: expected a range for each of 1",
        ),
    ):
        with pytest.raises(ValueError, match=r"^(deviations|conditions): ") as refused:
            drawing_of(model, Data(windows=100, **data))
        assert said in str(refused.value)


def test_a_model_is_known_by_its_numbers_and_not_by_its_files(tmp_path):
    folders = [tmp_path / name for name in ("one", "two")]
    for each in folders:
        each.mkdir()
    one, two = map(linear, folders)
    assert one.identity == two.identity
    assert replace(one, reading=(Reading(unit="Pa", noise=901.0, offset=50.0),)).identity != one.identity
    assert linear(tmp_path, covariance=True).identity != one.identity
    text = (folders[1] / "matrix.csv").read_text(encoding="utf-8").replace("1150", "1151")
    (folders[1] / "matrix.csv").write_text(text, encoding="utf-8")
    assert Linear(two.matrix, two.parameter, two.reading).identity != one.identity
    assert ROTOR.identity == replace(ROTOR).identity
    for change in ({"influence_error": 0.04}, {"noise": 0.1}, {"shaft_hz": 26.0}, {"told": "amplitude"}):
        assert replace(ROTOR, **change).identity != ROTOR.identity
