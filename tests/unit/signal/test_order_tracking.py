"""A tone locked to a shaft of varying speed becomes one line when sampled by angle."""

import numpy as np
import pytest

from inversion.signal import order_tracking

RATE = 10_000.0
SAMPLES = 40_000
TIMES = np.arange(SAMPLES) / RATE
SPEED = 10.0 + 2.5 * TIMES  # Hz, a run-up from 10 to 20
REVOLUTIONS = 10.0 * TIMES + 1.25 * TIMES**2


def test_angle_from_speed_is_its_integral():
    profile = np.interp((np.arange(400) + 0.5) / 100, TIMES, SPEED)
    found = order_tracking.revolutions_from_speed(profile, TIMES, SAMPLES / RATE)
    assert np.abs((found - found[0]) - (REVOLUTIONS - REVOLUTIONS[0])).max() < 0.01


@pytest.mark.parametrize("pulses", [1, 4])
def test_angle_from_pulses_is_right_to_a_hundredth_of_a_turn(pulses):
    tacho = (np.sin(2 * np.pi * pulses * REVOLUTIONS) > 0).astype(np.float32)
    times = order_tracking.pulse_times(tacho, RATE)
    found = order_tracking.revolutions_from_pulses(times, pulses, TIMES)
    inside = (times[0] < TIMES) & (times[-1] > TIMES)
    error = (found - REVOLUTIONS)[inside]
    assert np.ptp(error) < 0.02


def test_pulses_are_timed_between_the_samples():
    slow = np.sin(2 * np.pi * 7.3 * TIMES - 1.0).astype(np.float32)
    times = order_tracking.pulse_times(slow, RATE)
    assert np.abs(np.diff(times) - 1 / 7.3).max() < 1e-5


def test_a_constant_tacho_has_no_pulses():
    assert order_tracking.pulse_times(np.ones(100, np.float32), RATE).size == 0


@pytest.mark.parametrize(("share", "error"), [(0.05, 0.001), (0.2, 0.0125)])
def test_resampling_keeps_a_tone_as_well_as_it_says(share, error):
    n = np.arange(20_000)
    revolutions = np.linspace(0, 100, n.size) + 0.3 * np.sin(n / 3000)
    found = order_tracking.by_angle(np.cos(2 * np.pi * share * n).astype(np.float32), revolutions)
    at = np.interp(np.linspace(revolutions[0], revolutions[-1], n.size), revolutions, n)
    inside = slice(500, -500)  # the transform takes the record for periodic
    assert np.abs(found - np.cos(2 * np.pi * share * at))[inside].max() < error


def test_a_smeared_order_becomes_one_line():
    record = np.sin(2 * np.pi * 8 * REVOLUTIONS).astype(np.float32)
    straight = np.abs(np.fft.rfft(order_tracking.by_angle(record, REVOLUTIONS))) ** 2
    smeared = np.abs(np.fft.rfft(record)) ** 2
    order = straight.argmax() / (REVOLUTIONS[-1] - REVOLUTIONS[0])
    assert order == pytest.approx(8.0, abs=0.02)
    assert straight.max() > 0.8 * straight.sum()
    assert smeared.max() < 0.1 * smeared.sum()
