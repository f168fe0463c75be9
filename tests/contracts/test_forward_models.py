"""What every forward model must do: predict as it observes, and answer bad data with a reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest
from empirical_machine import empirical_machine
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from inversion.core import Features, ForwardModel
from inversion.core.picture import Illustrator
from inversion.forward.linear import Linear, Reading, Unknown
from inversion.forward.rolling_bearing import RollingBearing
from inversion.forward.unbalanced_rotor import UnbalancedRotor
from inversion.physics.bearing import BearingGeometry
from inversion.physics.bearing_simulation import Machine, Spall, simulate_waveform
from sensors import Frame, Quality, Waveform
from sensors.quality import assess
from sensors.units import SI_UNITS


@dataclass(frozen=True)
class Case:
    """A forward model, and frames that it can be glad of.

    frame: from a seed; waveform: channel that is judged; speed: channel of the shaft speed, if it needs one
    conditions: (k, c) that its frames may bring about
    bears: kinds of spoiled frames that are none to this model; timeless: whether the sample rate is nothing to it
    """

    model: ForwardModel
    frame: Callable[[int], Frame]
    waveform: str
    speed: str
    conditions: np.ndarray
    bears: tuple[str, ...] = ()
    timeless: bool = False


BEARING = BearingGeometry(9, 7.94, 39.04)
ROTOR = UnbalancedRotor(
    sensors=("vibration",),
    planes=("disc",),
    influence=(((0.002, 40.0),),),
    shaft_hz=30.0,
    heaviest_g_mm=2000.0,
    unit="g",
    phase_channel="mark",
    speed_channel="shaft_hz",
)


def bearing_frame(seed: int) -> Frame:
    """A window of 24 revolutions; every other machine is damaged."""
    rng = np.random.default_rng(seed)
    spalls = (Spall("outer", 3e-3, 3.0),) if seed % 2 else ()
    samples = simulate_waveform(Machine(BEARING, 30.0), spalls, 51_200.0, 40_960, rng)
    speed = Waveform(np.array([30.0]), 1.25, "Hz")
    return Frame("fan", seed * 10**9, True, {"vibration": waveform(samples, 51_200.0), "shaft_hz": speed}, "made up")


HEAT_FLUX = Linear(
    Path(__file__).parents[2] / "configs" / "linear" / "heat_flux_matrix.csv",
    (Unknown(0, 150, unit="kW/m2"),),
    (Reading(channel="rise", unit="K", noise=0.05),),
)


def wall_frame(seed: int) -> Frame:
    """Forty temperatures of a wall under a random flux."""
    theta = np.random.default_rng(seed).uniform(HEAT_FLUX.space.low, HEAT_FLUX.space.high)
    rise = HEAT_FLUX.simulate(theta, np.zeros(0))
    return Frame("wall", seed, True, {"rise": waveform(rise, 2.0, "K"), "ambient": waveform(rise[:1], 2.0, "K")})


def rotor_frame(seed: int) -> Frame:
    """Eight seconds of 1x vibration in noise, with its phase mark."""
    rng = np.random.default_rng(seed)
    turns = rng.random() + 30.0 / 2500.0 * np.arange(20_000)
    (re, im) = ROTOR.simulate(rng.uniform(ROTOR.space.low, ROTOR.space.high), np.array([30.0]))
    samples = re * np.cos(2 * np.pi * turns) - im * np.sin(2 * np.pi * turns) + rng.normal(0, 0.5, turns.size)
    channels = {
        "vibration": waveform(samples, 2500.0),
        "mark": waveform((turns % 1 < 0.1) + rng.normal(0, 0.01, turns.size), 2500.0, "V"),
        "shaft_hz": Waveform(np.array([30.0]), 1.25, "Hz"),
    }
    return Frame("fan", seed * 10**9, True, channels, "made up")


def waveform(samples: np.ndarray, sample_rate: float, unit: str = "m/s2") -> Waveform:
    """As a source delivers it: judged."""
    quality, reason = assess(np.asarray(samples, dtype=np.float32))
    return Waveform(samples, sample_rate, unit, quality, reason)


CASES = {
    "rolling_bearing": Case(
        RollingBearing(BEARING, channel="vibration"),
        bearing_frame,
        "vibration",
        "shaft_hz",
        np.array([[29.2, 12_000.0, 4e-4], [5.0, 25_600.0, 0.0], [30.0, 51_200.0, 4e-4], [300.0, 100_000.0, 1e-3]]),
    ),
    "unbalanced_rotor": Case(ROTOR, rotor_frame, "vibration", "shaft_hz", np.array([[29.5], [30.0]])),
    "linear": Case(
        HEAT_FLUX, wall_frame, "rise", "speed", np.zeros((3, 0)), bears=("unjudged dead", "absurd"), timeless=True
    ),
    "empirical": Case(empirical_machine(), bearing_frame, "vibration", "shaft_hz", np.array([[7.0], [1.0], [6.0]])),
}
cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def thetas(case: Case, number: int, seed: int = 0) -> np.ndarray:
    """(n, p) values all over the prior, its corners first."""
    space, rng = case.model.space, np.random.default_rng(seed)
    corners = np.where(rng.random((8, len(space))) < 0.5, space.low, space.high)
    inside = rng.uniform(space.low, space.high, (number, len(space)))
    return np.concatenate([space.low[None], space.high[None], corners, inside])


def changed(case: Case, frame: Frame, **channels: Waveform | None) -> Frame:
    """The frame with channels replaced, or taken away where None."""
    merged = {**frame.channels, **channels}
    return replace(frame, channels={name: each for name, each in merged.items() if each is not None})


def bytes_of(features: Features, row: int | None = None) -> list[bytes]:
    rows = slice(None) if row is None else slice(row, row + 1)
    return [each[rows].tobytes() for each in (features.values, features.std, features.limit, features.conditions)]


def test_every_forward_model_of_ours_is_held_to_this():
    ours = {entry.name for entry in distribution("edge-inversion").entry_points if entry.group == "inversion.forward"}
    assert ours == set(CASES)


@cases
def test_it_is_a_frozen_dataclass_whose_fields_are_its_options(case):
    assert is_dataclass(case.model)
    assert type(case.model).__dataclass_params__.frozen
    assert all(option.init for option in fields(case.model))


@cases
def test_names_differ(case):
    for names in (case.model.space.names, case.model.observables, case.model.channels):
        assert len(set(names)) == len(names) > 0


@cases
def test_predictions_are_finite_over_the_whole_prior(case):
    for conditions in case.conditions:
        prediction = case.model.simulate(thetas(case, 50), conditions)
        assert prediction.shape == (60, len(case.model.observables))
        assert np.all(np.isfinite(prediction))


@cases
def test_simulating_many_is_simulating_each(case):
    theta = thetas(case, 6).reshape(4, 4, -1)
    conditions = np.resize(case.conditions, (4, 4, case.conditions.shape[1]))
    together = case.model.simulate(theta, conditions)
    assert together.shape == (4, 4, len(case.model.observables))
    for i in range(4):
        for j in range(4):
            alone = case.model.simulate(theta[i, j], conditions[i, j])
            np.testing.assert_allclose(together[i, j], alone, rtol=1e-12, atol=1e-300)
    spread, alone = (case.model.simulate(each, conditions[0, 0]) for each in (theta, theta[2, 3]))
    np.testing.assert_allclose(spread[2, 3], alone, rtol=1e-12, atol=1e-300)


@cases
def test_every_parameter_moves_a_prediction(case):
    theta = thetas(case, 20)
    for i, name in enumerate(case.model.space.names):
        moved = theta.copy()
        moved[:, i] = np.random.default_rng(i).permutation(theta[:, i])
        changes = case.model.simulate(theta, case.conditions[0]) != case.model.simulate(moved, case.conditions[0])
        assert changes.any(), name


@cases
@given(values=st.lists(st.floats(1e-6, 1e9) | st.sampled_from([0.0, -1.0, np.nan]), min_size=4))
def test_floors_lie_inside_the_prior(case, values):
    space = case.model.space
    for conditions in (*case.conditions, np.array(values[: case.conditions.shape[1]])):
        floor = case.model.floor(conditions)
        assert floor.shape == (len(space),)
        assert np.all((floor >= 0) & (floor <= np.maximum(space.high, 0)))


@cases
def test_observing_many_is_observing_each_to_the_byte(case):
    frames = [case.frame(seed) for seed in range(4)]
    frames.insert(2, changed(case, frames[0], **{case.waveform: None}))
    together = case.model.observe(frames)
    for k, frame in enumerate(frames):
        alone = case.model.observe([frame])
        assert bytes_of(alone) == bytes_of(together, k)
        assert (alone.quality[0], alone.reasons[0]) == (together.quality[k], together.reasons[k])
    assert bytes_of(case.model.observe(frames)) == bytes_of(together)


@cases
def test_a_good_frame_is_good_and_has_the_promised_shape(case):
    features = case.model.observe([case.frame(seed) for seed in range(2)])
    assert features.values.shape == (2, len(case.model.observables))
    assert features.conditions.shape == (2, case.conditions.shape[1])
    assert features.quality == (Quality.GOOD, Quality.GOOD)
    check(features)
    assert np.isfinite(features.std).any(axis=1).all()


@cases
def test_no_frames_are_no_features(case):
    assert len(case.model.observe([])) == 0


def check(features: Features) -> None:
    """What is not known has an infinite deviation; what is not good has a reason, in one line."""
    for k, quality in enumerate(features.quality):
        assert not np.isnan(features.values[k]).any()
        assert np.all(features.std[k] > 0)
        assert not np.isnan(features.limit[k]).any()
        assert np.all(np.isfinite(features.values[k][np.isfinite(features.std[k])]))
        if quality is not Quality.GOOD:
            assert features.reasons[k]
        assert "\n" not in features.reasons[k]


def spoiled(kind: str, case: Case) -> Frame:
    frame = case.frame(1)
    good = frame.channels[case.waveform]
    x, rate = good.samples, good.sample_rate
    torn = x.copy()
    torn[x.size // 2] = np.nan
    made = {
        "nan": lambda: {case.waveform: waveform(torn, rate, good.unit)},
        "unjudged nan": lambda: {case.waveform: Waveform(torn, rate, good.unit)},
        "infinite": lambda: {case.waveform: waveform(np.where(np.isnan(torn), np.inf, x), rate, good.unit)},
        "unjudged infinite": lambda: {case.waveform: Waveform(np.where(np.isnan(torn), np.inf, x), rate, good.unit)},
        "dead": lambda: {case.waveform: waveform(np.full_like(x, 0.3), rate, good.unit)},
        "unjudged dead": lambda: {case.waveform: Waveform(np.full_like(x, 0.3), rate, good.unit)},
        "absurd": lambda: {case.waveform: Waveform(1e30 * x, rate, good.unit)},
        "wrong unit": lambda: {case.waveform: Waveform(x, rate, "V")},
        "missing": lambda: {case.waveform: None},
        "speed missing": lambda: {case.speed: None},
        "speed in rpm": lambda: {case.speed: Waveform(np.array([1800.0]), 1.0, "1")},
        "speed nan": lambda: {case.speed: Waveform(np.array([np.nan]), 1.0, "Hz")},
        "speed infinite": lambda: {case.speed: Waveform(np.array([np.inf]), 1.0, "Hz")},
        "speed bad": lambda: {case.speed: Waveform(np.array([30.0]), 1.0, "Hz", Quality.BAD, "lost")},
        "standing": lambda: {case.speed: Waveform(np.array([0.0]), 1.0, "Hz")},
        "backward": lambda: {case.speed: Waveform(np.array([-30.0]), 1.0, "Hz")},
    }  # fmt: skip
    return changed(case, frame, **made[kind]())


BAD = (
    "nan", "unjudged nan", "infinite", "unjudged infinite", "dead", "unjudged dead", "absurd", "wrong unit", "missing",
    "speed missing", "speed in rpm", "speed nan", "speed infinite", "speed bad", "standing", "backward",
)  # fmt: skip


#: Kinds that spoil the speed.
SPEED = ("speed", "standing", "backward")


@cases
@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_used_is_bad_and_says_why(case, kind):
    if kind in case.bears or (kind.startswith(SPEED) and case.speed not in case.model.channels):
        pytest.skip("nothing is wrong with it for this model")
    features = case.model.observe([spoiled(kind, case)])
    assert features.quality == (Quality.BAD,)
    assert np.all(np.isinf(features.std))
    channel = case.speed if kind.startswith("speed") else case.waveform
    assert channel in features.reasons[0] or "shaft" in features.reasons[0]
    check(features)


@cases
@pytest.mark.parametrize("share", [1e-5, 0.01, 0.2])
def test_too_short_a_frame_says_nothing_and_why(case, share):
    frame = case.frame(1)
    good = frame.channels[case.waveform]
    short = good.samples[: max(1, int(share * good.samples.size))]
    features = case.model.observe([changed(case, frame, **{case.waveform: replace(good, samples=short)})])
    assert features.quality[0] is not Quality.GOOD
    assert np.all(np.isinf(features.std))
    check(features)


@cases
@pytest.mark.parametrize("rate", [1.0, 300.0, 2000.0])
def test_too_slowly_sampled_a_frame_says_nothing_and_why(case, rate):
    frame = case.frame(1)
    if case.timeless:
        pytest.skip("this model does not care")
    slow = Waveform(frame.channels[case.waveform].samples, rate, "m/s2")
    features = case.model.observe([changed(case, frame, **{case.waveform: slow})])
    assert features.quality[0] is not Quality.GOOD
    assert np.all(np.isinf(features.std))
    assert f"{rate:g} Hz" in features.reasons[0]
    check(features)


@cases
def test_a_clipped_frame_is_uncertain_with_the_sources_reason(case):
    frame = case.frame(1)
    good = frame.channels[case.waveform]
    limit = float(np.quantile(np.abs(good.samples), 0.75))
    clipped = waveform(np.clip(good.samples, -limit, limit), good.sample_rate, good.unit)
    features = case.model.observe([changed(case, frame, **{case.waveform: clipped})])
    assert features.quality == (Quality.UNCERTAIN,)
    assert clipped.reason in features.reasons[0]
    check(features)


single = st.floats(width=32)
samples = st.one_of(
    st.lists(single, min_size=1, max_size=50),
    st.builds(
        lambda seed, size, scale: np.random.default_rng(seed).normal(0, scale, size),
        st.integers(0, 99), st.integers(1, 5000), st.sampled_from([1e-40, 1e-9, 1.0, 1e5, 1e30]),
    ),
    st.builds(lambda size, period: (np.arange(size) % period).astype(float), st.integers(2, 5000), st.integers(1, 50)),
)  # fmt: skip


@st.composite
def hostile(draw) -> dict[str, Waveform]:
    """Two channels as no device would deliver them."""
    rates = st.floats(1e-3, 1e9) | st.sampled_from([25_600.0, 51_200.0, 100_000.0])
    units = st.sampled_from([*["m/s2"] * 50, *sorted(SI_UNITS)])
    speeds = st.floats(width=32) | st.floats(0, 500, width=32) | st.sampled_from([1e-30, 0.0, 200.0, 300.0])
    quality = draw(st.sampled_from([Quality.GOOD] * 8 + [Quality.UNCERTAIN, Quality.BAD]))
    return {
        "first": Waveform(np.array(draw(samples)), draw(rates), draw(units), quality, "said so" if quality else ""),
        "second": Waveform(np.array([draw(speeds)]), 1.0, draw(st.sampled_from(["Hz"] * 9 + ["1"]))),
    }


@cases
@given(channels=hostile())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_frame_raises(case, channels):
    frame = Frame("fan", 0, False, {case.waveform: channels["first"], case.speed: channels["second"]})
    features = case.model.observe([frame])
    check(features)
    if channels["first"].quality is Quality.BAD:
        assert features.quality == (Quality.BAD,)


STRANGE = {
    "noise": lambda k, n, rng: rng.normal(0, 1, n.size),
    "sine": lambda k, n, rng: np.sin(2 * np.pi * n / k),
    "square": lambda k, n, rng: np.sign(np.sin(2 * np.pi * n / k)),
    "saw": lambda k, n, rng: n % k,
    "ramp": lambda k, n, rng: k * n,
    "one shock": lambda k, n, rng: n == k,
    "regular shocks": lambda k, n, rng: n % k == 0,
    "two levels": lambda k, n, rng: rng.integers(0, 2, n.size),
    "half silent": lambda k, n, rng: (n > n.size // 2) * rng.normal(0, 1, n.size),
    "swelling": lambda k, n, rng: rng.normal(0, 1, n.size) * np.exp(n / n.size * 10),
}


@cases
@pytest.mark.parametrize("kind", STRANGE)
@given(
    k=st.integers(2, 500),
    size=st.integers(3000, 9000),
    scale=st.sampled_from([1e-5, 1.0, 1e3]),
    rate=st.sampled_from([25_600.0, 51_200.0, 100_000.0]),
    shaft_hz=st.floats(150, 400),
)
@example(k=212, size=6480, scale=1.0, rate=100_000.0, shaft_hz=256.0)  # of a square: nothing at all around the strikes
@settings(max_examples=12, deadline=None)
def test_no_strange_record_raises(case, kind, k, size, scale, rate, shaft_hz):
    record = scale * STRANGE[kind](k, np.arange(size), np.random.default_rng(k)).astype(float)
    channels = {case.waveform: waveform(record, rate), case.speed: Waveform(np.array([shaft_hz]), 1.0, "Hz")}
    check(case.model.observe([Frame("fan", 0, False, channels)]))


@cases
def test_pictures_are_curves_of_good_frames_only(case):
    if not isinstance(case.model, Illustrator):
        pytest.skip("this model shows no pictures")
    pictures = case.model.pictures(case.frame(1))
    assert pictures
    for picture in pictures:
        assert np.all(np.isfinite(picture.x))
        assert np.all(np.isfinite(picture.y))
        assert picture.title
        assert picture.x_label
        assert picture.y_label
    for kind in BAD:
        assert case.model.pictures(spoiled(kind, case)) == ()
