"""What every engine must do, on models so small that the answer is known."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, fields, is_dataclass
from importlib.metadata import distribution
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tiny_networks import grid_network, linear_network, write_tiny

from inversion.core import (
    QUANTILE_LEVELS,
    Estimate,
    Features,
    ForwardModel,
    Inverter,
    ModelError,
    Parameter,
    ParameterSpace,
)
from inversion.engines.checked import Checked
from inversion.engines.least_squares import LeastSquares
from inversion.engines.network import Network
from inversion.engines.tikhonov import Tikhonov
from sensors import Quality

_FOLDER = tempfile.TemporaryDirectory()


@dataclass(frozen=True)
class Taught:
    """`network`, with a network that was written for the model it is bound to: the exact posterior as a graph."""

    folder: Path = Path(_FOLDER.name)

    def bind(self, model: ForwardModel) -> Inverter:
        folder = self.folder / type(model).__name__
        if not folder.exists():
            toy = type(model)()
            write_tiny(folder, toy, grid_network(toy) if len(toy.space) == 1 else linear_network(toy))
        return Network(folder).bind(model)


ENGINES = {
    "least_squares": LeastSquares(),
    "tikhonov": Tikhonov(),
    "network": Taught(),
    "checked": Checked(Taught(), LeastSquares(), every=3),
}
LINEAR_ONLY = ("tikhonov",)  # these refuse other models, and leave out what is only known to lie below a limit
TAUGHT = ("network", "checked")  # the same, since the networks of these tests are no more than that
engines = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
GENERAL = {name: engine for name, engine in ENGINES.items() if name not in (*LINEAR_ONLY, *TAUGHT)}
general = pytest.mark.parametrize("engine", GENERAL.values(), ids=GENERAL)

X = Parameter("x", "1", 0.0, 10.0, "any")
Y = Parameter("y", "m", -5.0, 5.0, "any", shown="mm")
ONE, TWO = ParameterSpace((X,)), ParameterSpace((X, Y))
SPOILED = ParameterSpace((X, Y, Parameter("gain", "1", -np.log(2), np.log(2), "logarithm", nuisance=True)))
MATRIX = np.array([[1.0, 0.5], [0.3, 1.0], [1.0, -1.0]])


@dataclass(frozen=True)
class Toy:
    """A model of a few numbers; nothing to observe, since the tests make their features themselves."""

    space: ParameterSpace
    observables: tuple[str, ...]
    channels: tuple[str, ...] = ()

    def floor(self, conditions):
        return np.full(len(self.space), 0.5)

    def observe(self, frames):
        return features(np.zeros((0, len(self.observables))))

    def simulate(self, theta, conditions):
        raise NotImplementedError


@dataclass(frozen=True)
class Linear(Toy):
    """(x, y) seen through MATRIX, times the condition."""

    space: ParameterSpace = TWO
    observables: tuple[str, ...] = ("u", "v", "w")

    def simulate(self, theta, conditions):
        return (theta @ MATRIX.T) * np.asarray(conditions)[..., :1]

    def affine(self, conditions):
        return MATRIX * conditions[0], np.zeros(3)


@dataclass(frozen=True)
class Double(Toy):
    """Twice x."""

    space: ParameterSpace = ONE
    observables: tuple[str, ...] = ("u",)

    def simulate(self, theta, conditions):
        return 2.0 * theta

    def affine(self, conditions):
        return np.array([[2.0]]), np.zeros(1)


@dataclass(frozen=True)
class Square(Toy):
    """The square of x less five: two values of x look alike."""

    space: ParameterSpace = ONE
    observables: tuple[str, ...] = ("u",)

    def simulate(self, theta, conditions):
        return (theta - 5.0) ** 2


@dataclass(frozen=True)
class Gain(Toy):
    """x through an unknown gain between a half and two; y is seen by itself."""

    space: ParameterSpace = SPOILED
    observables: tuple[str, ...] = ("u", "v")

    def simulate(self, theta, conditions):
        return np.stack([theta[..., 0] * np.exp(theta[..., 2]), theta[..., 1]], axis=-1)


def features(values, std=0.1, limit=-np.inf, quality=Quality.GOOD, reason="", condition=1.0) -> Features:
    values = np.atleast_2d(np.asarray(values, dtype=float))
    return Features(
        values,
        np.broadcast_to(np.asarray(std, dtype=float), values.shape).copy(),
        np.broadcast_to(np.asarray(limit, dtype=float), values.shape).copy(),
        np.full((len(values), 1), condition),
        (quality,) * len(values),
        (reason,) * len(values),
    )


def bytes_of(estimate: Estimate) -> tuple[object, ...]:
    arrays = (estimate.mean, estimate.covariance, estimate.floor, estimate.marginals)
    return (*(None if each is None else each.tobytes() for each in arrays), estimate.resolved, repr(estimate.fit))


def is_prior(estimate: Estimate) -> bool:
    uniform = all(
        estimate.quantile(each.name, p) == pytest.approx(each.low + p * (each.high - each.low), abs=0.1)
        for each in estimate.space
        for p in (0.05, 0.5, 0.95)
    )
    return uniform and not any(estimate.resolved)


def test_every_engine_of_ours_is_held_to_this():
    ours = {entry.name for entry in distribution("edge-inversion").entry_points if entry.group == "inversion.engine"}
    assert ours == set(ENGINES)


@engines
def test_it_is_a_frozen_dataclass_whose_fields_are_its_options(engine):
    engine = Network(engine.bind(Double()) and engine.folder / "Double") if isinstance(engine, Taught) else engine
    assert is_dataclass(engine)
    assert type(engine).__dataclass_params__.frozen
    assert all(option.init for option in fields(engine))


@engines
def test_a_model_without_observables_is_refused(engine):
    with pytest.raises(ModelError, match="without observables"):
        engine.bind(Double(observables=()))


@pytest.mark.parametrize("name", LINEAR_ONLY)
def test_an_engine_for_linear_models_refuses_others_by_name(name):
    with pytest.raises(ModelError, match="linear models only, Square is none"):
        ENGINES[name].bind(Square())


@engines
def test_a_batch_is_its_frames_to_the_byte(engine):
    rng = np.random.default_rng(0)
    batch = features(rng.normal(2, 3, (6, 3)), std=rng.uniform(0.05, 3, (6, 3)))
    batch.conditions[3:] = 0.7
    together = engine.bind(Linear()).invert(batch)
    again = engine.bind(Linear()).invert(batch)
    inverter = engine.bind(Linear())
    for k in (4, 0, 5, 1, 3, 2):
        row = slice(k, k + 1)
        alone = Features(
            batch.values[row], batch.std[row], batch.limit[row], batch.conditions[row],
            batch.quality[row], batch.reasons[row],
        )  # fmt: skip
        (estimate,) = inverter.invert(alone)
        assert bytes_of(estimate) == bytes_of(together[k]) == bytes_of(again[k])


@engines
def test_no_frames_are_no_estimates(engine):
    assert engine.bind(Double()).invert(features(np.zeros((0, 1)))) == []


@engines
@pytest.mark.parametrize("noise", [0.05, 0.3])
def test_a_linear_gaussian_model_is_inverted_as_by_hand(engine, noise):
    """Tarantola, Inverse Problem Theory, SIAM 2005, eq. 3.37: covariance (A'A)^-1 noise^2; the prior is far wider."""
    rng = np.random.default_rng(1)
    theta = np.array([4.0, 2.0])  # well above their floors: both are resolved
    values = MATRIX @ theta + rng.normal(0, noise, 3)
    covariance = np.linalg.inv(MATRIX.T @ MATRIX) * noise**2
    mean = np.linalg.lstsq(MATRIX, values, rcond=None)[0]
    (estimate,) = engine.bind(Linear()).invert(features(values, std=noise))
    for i, name in enumerate(estimate.space.names):
        posterior = NormalDist(mean[i], np.sqrt(covariance[i, i]))
        for p in (0.025, 0.05, 0.16, 0.5, 0.84, 0.95, 0.975):
            assert estimate.quantile(name, p) == pytest.approx(posterior.inv_cdf(p), abs=0.02 * 3.29 * posterior.stdev)
        low, high = estimate.interval(name, 0.9)
        assert high - low == pytest.approx(2 * 1.645 * posterior.stdev, rel=0.02)
        assert estimate.resolvable(name)
    if estimate.fit.answered is None:  # a network answers each parameter by itself
        correlation = estimate.covariance[0, 1] / np.sqrt(estimate.covariance[0, 0] * estimate.covariance[1, 1])
        assert correlation == pytest.approx(covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]), abs=0.02)
    assert estimate.fit.quality is Quality.GOOD
    residual = float(np.sum(((values - MATRIX @ mean) / noise) ** 2))
    assert estimate.fit.reduced_chi2 == pytest.approx(residual, rel=0.05, abs=0.02)  # one degree of freedom


@engines
def test_intervals_cover_as_often_as_they_say(engine):
    """1,200 draws from the prior, bounds and all: 90 % within three binomial deviations (2.6 %)."""
    rng = np.random.default_rng(2)
    theta = rng.uniform(0, 10, (1200, 1))
    noise = rng.choice([0.2, 2.0, 8.0], theta.shape)  # resolves well, hardly, not at all
    estimates = engine.bind(Double()).invert(features(2 * theta + rng.normal(0, noise), std=noise))
    for level, tolerance in ((0.9, 0.03), (0.5, 0.05)):
        intervals = np.array([estimate.interval("x", level) for estimate in estimates])
        hits = (intervals[:, 0] <= theta[:, 0]) & (theta[:, 0] <= intervals[:, 1])
        assert np.mean(hits) == pytest.approx(level, abs=tolerance)


@engines
def test_intervals_of_two_parameters_cover_as_often_as_they_say(engine):
    """300 draws, two intervals each: 90 % within three binomial deviations of 600 (3.7 %)."""
    rng = np.random.default_rng(3)
    theta = rng.uniform([0, -5], [10, 5], (300, 2))
    estimates = engine.bind(Linear()).invert(features(theta @ MATRIX.T + rng.normal(0, 0.3, (300, 3)), std=0.3))
    hits = [
        low <= each <= high
        for row, estimate in zip(theta, estimates, strict=True)
        for each, (low, high) in zip(row, (estimate.interval(name, 0.9) for name in "xy"), strict=True)
    ]
    assert 0.863 < np.mean(hits) < 0.937


@general
def test_intervals_under_a_nuisance_cover_as_often_as_they_say(engine):
    """300 draws: 90 % within three binomial deviations (5.2 %); to choose the nuisance would cover 81 %."""
    rng = np.random.default_rng(4)
    theta = rng.uniform(SPOILED.low, SPOILED.high, (300, 3))
    seen = Gain().simulate(theta, None) + rng.normal(0, 0.1, (300, 2))
    intervals = [estimate.interval("x", 0.9) for estimate in engine.bind(Gain()).invert(features(seen))]
    hits = [low <= x <= high for x, (low, high) in zip(theta[:, 0], intervals, strict=True)]
    assert 0.848 < np.mean(hits) < 0.952


@general
def test_a_nuisance_widens_what_it_multiplies_and_nothing_else(engine):
    (estimate,) = engine.bind(Gain()).invert(features([3.0, 1.0], std=0.01))
    low, high = estimate.interval("x", 0.9)  # by hand: x is uniform from 3 / 2 to 3 * 2
    assert (low, high) == pytest.approx((1.725, 5.775), abs=0.15)
    assert estimate.fit.quality is Quality.GOOD
    assert estimate.fit.reduced_chi2 < 1
    assert estimate.interval("y", 0.9) == pytest.approx((1 - 0.0164, 1 + 0.0164), abs=0.002)
    assert estimate.resolvable("y")


@general
def test_two_separate_modes_are_both_inside(engine):
    (estimate,) = engine.bind(Square()).invert(features([9.0], std=0.2))
    low, high = estimate.interval("x", 0.9)
    assert low < 2.0 < 8.0 < high < 8.2
    assert not estimate.resolvable("x") or low > 1.8
    assert estimate.probability_above("x", 5.0) == pytest.approx(0.5, abs=0.02)


@general
def test_what_is_only_known_to_lie_below_reaches_down_to_the_bound(engine):
    (estimate,) = engine.bind(Double()).invert(features([1.0], std=0.05, limit=4.0))
    low, high = estimate.interval("x", 0.9)
    assert not estimate.resolvable("x")
    assert low == 0.0
    assert high == pytest.approx(1.8, abs=0.04)  # 90 % of what lies below 4 / 2
    assert estimate.probability_above("x", 2.2) < 0.01
    (other,) = engine.bind(Double()).invert(features([-7.0], std=0.05, limit=4.0))
    assert other.interval("x", 0.9) == (low, high)  # where below makes no difference


@engines
def test_what_lies_at_the_lower_bound_is_not_resolved(engine):
    (estimate,) = engine.bind(Double()).invert(features([0.02], std=0.5))
    assert not estimate.resolvable("x")
    assert estimate.interval("x", 0.9)[0] == 0.0


@engines
def test_bad_frames_get_the_prior_and_keep_their_reason(engine):
    (estimate,) = engine.bind(Linear()).invert(features([1.0, 2.0, 3.0], quality=Quality.BAD, reason="no channel 'x'"))
    assert is_prior(estimate)
    assert (estimate.fit.quality, estimate.fit.reason) == (Quality.BAD, "no channel 'x'")


@engines
@pytest.mark.parametrize(
    "nothing",
    [
        {"std": np.inf},
        {"values": [np.nan] * 3},
        {"values": [np.inf, -np.inf, np.nan]},
        {"condition": np.nan},
    ],
)
def test_nothing_observed_is_the_prior_with_a_reason(engine, nothing):
    (estimate,) = engine.bind(Linear()).invert(features(**{"values": [1.0, 2.0, 3.0], **nothing}))
    assert is_prior(estimate)
    assert estimate.fit.quality is Quality.UNCERTAIN
    assert estimate.fit.reason
    assert "\n" not in estimate.fit.reason


@engines
def test_a_missing_value_is_left_out(engine):
    (whole,) = engine.bind(Linear()).invert(features([4.5, 2.2, 3.0]))
    (torn,) = engine.bind(Linear()).invert(features([4.5, 2.2, np.nan]))
    (blind,) = engine.bind(Linear()).invert(features([4.5, 2.2, 99.0], std=[0.1, 0.1, np.inf]))
    assert bytes_of(torn)[:4] == bytes_of(blind)[:4]
    for name in "xy":
        low, high = torn.interval(name)
        assert high - low > np.subtract(*whole.interval(name)[::-1])


@general
def test_a_parameter_that_nothing_informs_keeps_its_prior(engine):
    (estimate,) = engine.bind(Gain()).invert(features([3.0, 1.0], std=[np.inf, 0.1]))
    assert estimate.resolvable("y")
    assert not estimate.resolvable("x")
    assert estimate.quantile("x", 0.5) == pytest.approx(5.0, abs=0.1)
    assert estimate.interval("x", 0.9) == pytest.approx((0.0, 9.0), abs=0.1)


@engines
def test_doubt_of_the_source_is_kept(engine):
    (estimate,) = engine.bind(Double()).invert(features([8.0], quality=Quality.UNCERTAIN, reason="clipped"))
    assert (estimate.fit.quality, estimate.fit.reason) == (Quality.UNCERTAIN, "clipped")
    assert estimate.resolvable("x")


@engines
def test_what_the_model_cannot_explain_is_doubted_in_one_line(engine):
    (estimate,) = engine.bind(Linear()).invert(features([4.5, 2.2, -20.0]))
    withheld = estimate.fit.answered is not None  # what a network has not seen the like of, it does not answer
    assert estimate.fit.quality is (Quality.BAD if withheld else Quality.UNCERTAIN)
    assert ("unlike anything trained on" if withheld else "does not explain") in estimate.fit.reason
    assert "\n" not in estimate.fit.reason


@engines
def test_floors_are_the_models(engine):
    for given_features in (features([1.0]), features([1.0], quality=Quality.BAD, reason="why")):
        (estimate,) = engine.bind(Double()).invert(given_features)
        np.testing.assert_array_equal(estimate.floor, [0.5])


def numbers(**limits) -> st.SearchStrategy[np.ndarray]:
    return hnp.arrays(np.float64, (1, 3), elements=st.floats(**limits))


@engines
@given(
    values=numbers(min_value=-1e6, max_value=1e6) | numbers(min_value=-1e30, max_value=1e30),
    std=numbers(min_value=1e-3, max_value=1e6)
    | hnp.arrays(np.float64, (1, 3), elements=st.sampled_from([0.1, np.inf])),
    limit=hnp.arrays(np.float64, (1, 3), elements=st.sampled_from([-np.inf, -np.inf, 0.0, 3.0, 1e6])),
    condition=st.sampled_from([1.0, 0.0, 1e-3, np.nan, np.inf]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_features_raise_and_every_answer_is_one(engine, values, std, limit, condition):
    made = Features(values, std, limit, np.array([[condition]]), (Quality.GOOD,), ("",))
    (estimate,) = engine.bind(Linear()).invert(made)
    for parameter in estimate.space:
        low, high = estimate.interval(parameter.name, 0.9)
        assert parameter.low <= low <= estimate.value(parameter.name) <= parameter.high
        assert low <= high <= parameter.high
    assert np.all(np.isfinite(estimate.mean))
    assert np.all(np.linalg.eigvalsh(estimate.covariance) > 0)
    if estimate.marginals is not None:
        assert estimate.marginals.shape == (2, QUANTILE_LEVELS.size)
        assert np.all(np.diff(estimate.marginals, axis=1) >= 0)
        assert np.all(np.diff(estimate.marginals[:, [0, -1]], axis=1) > 0)
