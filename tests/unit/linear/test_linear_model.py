"""The linear model: files and units, correlated noise, and what is refused at the start."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inversion.core import ConfigurationError
from inversion.engines.least_squares import LeastSquares
from inversion.engines.tikhonov import Tikhonov
from inversion.forward.linear import Linear, Reading, Unknown
from sensors import Frame, Quality, Waveform

CSV = "K per kW,left,right\nt1,2,0.5\nt2,0.5,3\nt3,1,1\n"


@pytest.fixture
def matrix(tmp_path):
    path = tmp_path / "matrix.csv"
    path.write_text(CSV)
    return path


def linear(matrix, **options) -> Linear:
    settings = {"parameter": (Unknown(0, 20, unit="kW"),), "reading": (Reading(unit="°C", noise=0.1, offset=20.0),)}
    return Linear(matrix, **{**settings, **options})


def frame(**values: float) -> Frame:
    return Frame("wall", 0, True, {name: Waveform(np.array([value]), 1.0, "K") for name, value in values.items()})


def test_units_are_those_the_matrix_is_written_in(matrix):
    model = linear(matrix)
    np.testing.assert_allclose(model.simulate(np.array([4e3, 2e3]), np.zeros(0)), [302.15, 301.15, 299.15])
    assert model.channels == ("t1", "t2", "t3")
    assert model.space["left"].high == 20e3
    features = model.observe([frame(t1=302.15, t2=301.15, t3=299.15)])
    np.testing.assert_allclose(features.values, [[302.15, 301.15, 299.15]], rtol=1e-6)
    for engine in (Tikhonov(), LeastSquares()):
        (estimate,) = engine.bind(model).invert(features)
        assert estimate.value("left") == pytest.approx(4e3, abs=10)
        assert estimate.resolvable("right")


def test_a_celsius_parameter_is_an_offset_too(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("V,inside\nv,0.5\n")
    model = Linear(path, (Unknown(0, 100, unit="°C"),), (Reading(unit="mV", noise=1.0, offset=2.0),))
    assert model.simulate(np.array([273.15 + 40]), np.zeros(0)) == pytest.approx([0.022])


def test_npz_is_csv(matrix, tmp_path):
    path = tmp_path / "matrix.npz"
    np.savez(path, matrix=[[2, 0.5], [0.5, 3], [1, 1]], rows=["t1", "t2", "t3"], columns=["left", "right"])
    theta = np.array([1e3, 5e3])
    np.testing.assert_array_equal(linear(path).simulate(theta, None), linear(matrix).simulate(theta, None))


def test_readings_in_the_units_of_the_matrix_are_the_frames(matrix):
    model = linear(matrix)
    by_hand = model.features_of(np.array([[29.0, 28.0, 26.0]]))
    seen = model.observe([frame(t1=302.15, t2=301.15, t3=299.15)])
    np.testing.assert_allclose(by_hand.values, seen.values, rtol=1e-6)
    np.testing.assert_array_equal(by_hand.std, seen.std)


def test_correlated_noise_is_whitened(matrix, tmp_path):
    """The posterior is that of generalized least squares, (A' C^-1 A)^-1."""
    covariance = np.array([[0.04, 0.03, 0.0], [0.03, 0.04, 0.0], [0.0, 0.0, 0.09]])
    path = tmp_path / "covariance.csv"
    rows = "\n".join(f"t{i + 1}," + ",".join(map(str, row)) for i, row in enumerate(covariance))
    path.write_text(f"K2,t1,t2,t3\n{rows}\n")
    model = linear(matrix, covariance=path, reading=(Reading(unit="°C", offset=20.0),))
    a = np.array([[2, 0.5], [0.5, 3], [1, 1]])
    by_hand = np.sqrt(np.diag(np.linalg.inv(a.T @ np.linalg.inv(covariance) @ a))) * 1e3
    (estimate,) = Tikhonov().bind(model).invert(model.features_of(np.array([[35.0, 52.0, 35.0]])))
    for i, name in enumerate(("left", "right")):
        low, high = estimate.interval(name, 0.9)
        assert high - low == pytest.approx(2 * 1.645 * by_hand[i], rel=0.01)
    lost = model.observe([frame(t1=300.0, t2=300.0)])
    assert lost.quality == (Quality.BAD,)
    assert "t3 is missing" in lost.reasons[0]


def test_a_lost_reading_is_left_out_and_said(matrix):
    model = linear(matrix)
    torn = Frame(
        "wall", 0, True, {**frame(t1=302.15, t2=301.15).channels, "t3": Waveform(np.array([np.nan]), 1.0, "K")}
    )
    features = model.observe([torn])
    assert features.quality == (Quality.UNCERTAIN,)
    assert "t3 has NaN" in features.reasons[0]
    assert np.isinf(features.std[0, 2])
    (estimate,) = Tikhonov().bind(model).invert(features)
    assert estimate.value("left") == pytest.approx(4e3, abs=10)


def test_a_channel_may_hold_all_rows(matrix):
    model = linear(matrix, reading=(Reading(unit="K", noise=0.1, channel="profile"),))
    assert model.channels == ("profile",)
    whole = Frame("wall", 0, True, {"profile": Waveform(np.array([9.0, 8.0, 6.0]), 1.0, "K")})
    np.testing.assert_array_equal(model.observe([whole]).values, [[9.0, 8.0, 6.0]])
    short = Frame("wall", 0, True, {"profile": Waveform(np.array([9.0, 8.0]), 1.0, "K")})
    assert "must have 3 samples" in model.observe([short]).reasons[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "found 0 lines"),
        ("a,left,right\n", "found 1 lines"),
        ("a,left,right\nt1,1\n", ":2: expected 2 numbers, one a column, found 1"),
        ("a,left,right\nt1,1,2\nt2,1,nan\n", ":3: column 3: expected a finite number, found 'nan'"),
        ("a,left,right\nt1,1,x\n", ":2: column 3: expected a finite number, found 'x'"),
        ("a,left,left\nt1,1,2\n", "columns of different names, found 'left' twice"),
        ("a,left,right\nt1,1,2\nt1,1,3\n", "rows of different names, found 't1' twice"),
    ],
)
def test_a_wrong_matrix_file_is_one_line(tmp_path, text, said):
    path = tmp_path / "m.csv"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"m\.csv") as caught:
        linear(path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"matrix": np.eye(2)}, "found no 'rows'"),
        ({"matrix": np.eye(2), "rows": ["a"], "columns": ["b", "c"]}, r"found \(2, 2\), \(1,\) and \(2,\)"),
        ({"matrix": np.full((1, 1), np.inf), "rows": ["a"], "columns": ["b"]}, "finite"),
        ({"matrix": np.array([[None]]), "rows": ["a"], "columns": ["b"]}, "cannot be read as NPZ"),
    ],
)
def test_a_wrong_npz_is_one_line(tmp_path, arrays, said):
    path = tmp_path / "m.npz"
    np.savez(path, **arrays)
    with pytest.raises(ConfigurationError, match=said):
        linear(path)


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("a,left,right\nt1,0,0\n", {}, "matrix must not be zero throughout"),
        ("a,left,right\nt1,0,1\n", {}, "matrix must show every parameter in some reading, found only zeros for 'left'"),
        (CSV, {"parameter": (Unknown(0, 1, match="left"),)}, "parameter must say what 'right' of the matrix is"),
        (CSV, {"reading": (Reading(),)}, "reading must state a positive noise for 't1', found 0 1"),
        (CSV, {"parameter": (Unknown(3, 1),)}, "low must be below high"),
    ],
)
def test_options_that_do_not_fit_the_matrix(tmp_path, text, options, said):
    path = tmp_path / "m.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=said):
        linear(path, **options)


def test_a_covariance_must_be_one(matrix, tmp_path):
    path = tmp_path / "covariance.csv"
    reading = (Reading(unit="°C"),)
    path.write_text("K2,t1,t2,t3\nt1,1,2,0\nt2,2,1,0\nt3,0,0,1\n")
    with pytest.raises(ConfigurationError, match="positive definite"):
        linear(matrix, covariance=path, reading=reading)
    path.write_text("K2,t1,t2\nt1,1,0\nt2,0,1\n")
    with pytest.raises(ConfigurationError, match="named as the rows"):
        linear(matrix, covariance=path, reading=reading)
    path.write_text("K2,t1,t2,t3\nt1,1,0,0\nt2,0,1,0\nt3,0,0,1\n")
    with pytest.raises(ValueError, match="must not state a noise for 't1' beside the covariance"):
        linear(matrix, covariance=path)


def test_least_squares_covers_many_parameters_of_which_some_are_at_their_bounds():
    """Twenty steps of a flux, eight of them nought, two runs: too few steps of descent would cover 27 of the 40."""
    path = Path(__file__).parents[3] / "configs" / "linear" / "heat_flux_matrix.csv"
    model = Linear(path, (Unknown(0, 150, unit="kW/m2"),), (Reading(unit="K", noise=0.05),))
    flux = 8e4 * np.sin(np.pi * np.clip((np.arange(20) - 3.5) / 12, 0, 1))
    readings = model.simulate(flux, np.zeros(0)) + np.random.default_rng(6).normal(0, 0.05, (2, 40))
    estimates = LeastSquares(grid=8, passes=2).bind(model).invert(model.features_of(readings))
    intervals = [
        (flow, *estimate.interval(name, 0.9))
        for estimate in estimates
        for name, flow in zip(model.space.names, flux, strict=True)
    ]
    assert sum(low <= flow + 1 and flow <= high + 1 for flow, low, high in intervals) >= 33
