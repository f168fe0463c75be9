"""The impact of a train of strikes is the root of its mean power, whatever its scale, rate and decay."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inversion.forward.bearing_impacts import judge_impacts
from inversion.physics.bearing import RACES, BearingGeometry, fault_orders
from inversion.signal.transform import fast_length_below, spectrum

BEARING = BearingGeometry(9, 7.94, 39.04)
RATE = 25_600.0
SHAFT_HZ = 25.0


def train(order: float, decay: float, revolutions: float = 40.0, hz: float = 4000.0) -> np.ndarray:
    """Bursts at this order that fall by `decay` 1/s in energy; RMS one."""
    samples = fast_length_below(int(revolutions * RATE / SHAFT_HZ))
    times = np.arange(samples) / RATE
    since = np.mod(times + 3e-4, 1 / (order * SHAFT_HZ))
    bursts = np.exp(-0.5 * decay * since) * np.sin(2 * np.pi * hz * times + 7 * np.floor(times * order * SHAFT_HZ))
    return bursts / np.sqrt(np.mean(bursts**2))


def impact_of(record: np.ndarray, race: str = "outer", present: bool = True, slip: float = 0.0):
    samples = record.astype(np.float32)
    slips = {race: slip} if present else {}
    return judge_impacts(spectrum(samples), samples.size, RATE, SHAFT_HZ, BEARING, slips)


@given(st.floats(600, 8000), st.sampled_from(RACES), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_the_interval_holds_the_power_of_a_train_in_noise(decay, race, seed):
    record = 2.0 * train(fault_orders(BEARING)[race], decay)
    noisy = record + np.random.default_rng(seed).normal(0, 0.3, record.size)
    impact = impact_of(noisy, race)[race]
    assert impact.present
    assert abs(impact.value - 2.0) < 3 * impact.std
    assert impact.std < 0.5


def test_fast_bursts_are_measured_to_some_percent():
    impact = impact_of(train(fault_orders(BEARING)["outer"], 5000.0))["outer"]
    assert impact.value == pytest.approx(1.0, rel=0.05)
    assert impact.std < 0.08


def test_a_long_record_is_cut_into_segments_that_say_the_same_and_more():
    order = fault_orders(BEARING)["outer"]
    rng = np.random.default_rng(4)
    values = []
    for revolutions in (40.0, 400.0):
        record = train(order, 3000.0, revolutions)
        values.append(impact_of(record + rng.normal(0, 5.0, record.size))["outer"])
    assert all(abs(impact.value - 1.0) < 2.5 * impact.std for impact in values)
    assert values[1].std < 0.8 * values[0].std


def test_twice_as_loud_is_twice_the_impact():
    record = train(fault_orders(BEARING)["inner"], 2000.0) + np.random.default_rng(1).normal(0, 0.5, 40_960)[:40_960]
    one, two = (impact_of(gain * record, "inner") for gain in (1.0, 2.0))
    for race in RACES:
        assert two[race].value == pytest.approx(2 * one[race].value, rel=1e-3)
        assert two[race].std == pytest.approx(2 * one[race].std, rel=1e-3)


def test_what_was_not_found_lies_below_a_limit_that_slip_does_not_hide():
    """A line off its nominal order still counts: the bound must hold wherever slip may have moved it."""
    order = fault_orders(BEARING)["outer"]
    for slip in (-0.012, 0.0, 0.008):
        impact = impact_of(train(order * (1 + slip), 3000.0), present=False)["outer"]
        assert not impact.present
        assert impact.limit > 1.0


def test_the_limit_of_a_quiet_bearing_is_far_below_the_noise():
    quiet = impact_of(np.random.default_rng(2).normal(0, 1.0, 40_960), present=False)
    assert all(impact.limit < 0.5 for impact in quiet.values())


def test_a_silent_record_has_limits_of_nothing():
    silent = impact_of(np.zeros(40_960), present=False)
    assert all(impact.limit < 0.01 for impact in silent.values())
