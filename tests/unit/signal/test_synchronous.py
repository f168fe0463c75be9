"""1x vectors against a phase mark."""

import numpy as np
import pytest

from inversion.signal.synchronous import FEWEST_REVOLUTIONS, first_order, mark_times, unsteady

RATE, SIZE = 5000.0, 20_000


def turns(shaft_hz: float = 25.0, run_up: float = 0.0) -> np.ndarray:
    t = np.arange(SIZE) / RATE
    return 0.3 + shaft_hz * t + run_up * t**2


def pulses(angle: np.ndarray, noise: float = 0.0) -> np.ndarray:
    """A slot of a twentieth of a turn, its rising edge at whole turns, seen through a slow probe."""
    ramp = np.clip((angle % 1) / 0.01, 0, 1) * np.clip((0.05 - angle % 1) / 0.01, 0, 1)
    return -3 + 8 * ramp + np.random.default_rng(0).normal(0, noise, angle.size)


@pytest.mark.parametrize("run_up", [0.0, 0.05])
@pytest.mark.parametrize("vector", [0.02, 0.02j, -0.01 - 0.005j])
def test_the_vector_of_a_sine_is_found_and_other_orders_do_not_matter(run_up, vector):
    angle = turns(run_up=run_up)
    mark = angle - 0.005  # the edge is crossed half way up
    x = (vector * np.exp(2j * np.pi * mark)).real + 4 + 0.01 * np.cos(4 * np.pi * angle) + 0.01 * np.cos(9.3 * angle)
    found = first_order(x, mark_times(pulses(angle)))
    assert abs(found.value - vector) < 0.01 * abs(vector)


def test_the_deviation_is_that_of_repeated_records():
    angle, rng = turns(), np.random.default_rng(1)
    times = mark_times(pulses(angle))
    found = [first_order(np.cos(2 * np.pi * angle) + rng.normal(0, 0.5, SIZE), times) for _ in range(200)]
    values = np.array([each.value for each in found])
    stated = np.sqrt(np.mean([each.std**2 for each in found]))
    assert np.sqrt(values.real.var() + values.imag.var()) / np.sqrt(2) == pytest.approx(stated, rel=0.1)


@pytest.mark.parametrize("revolutions", [8.5, 12.5, 40.5])
def test_intervals_of_few_revolutions_cover_too(revolutions):
    rng, hits = np.random.default_rng(2), []
    angle = turns()[: int(revolutions * RATE / 25)]
    times = mark_times(pulses(angle))
    for _ in range(600):
        found = first_order(np.cos(2 * np.pi * angle) + rng.normal(0, 0.5, angle.size), times)
        off = found.value - np.exp(2j * np.pi * 0.005)  # the edge is crossed half way up
        hits += [abs(off.real) < 1.645 * found.std, abs(off.imag) < 1.645 * found.std]
    assert 0.87 < np.mean(hits) < 0.935


def test_disturbances_of_the_mark_hide_no_pulse():
    disturbed = pulses(turns())
    disturbed[[30, 777, 9000]] = 500.0
    assert mark_times(disturbed).size >= 100


def test_noise_on_the_mark_makes_no_second_pulse():
    angle = turns()
    assert mark_times(pulses(angle, noise=0.2)).size == mark_times(pulses(angle)).size == 100


def test_marks_that_are_lost_or_false_are_said():
    times = np.arange(30) * 200.0
    assert unsteady(times) == ""
    assert "2.00 times the median" in unsteady(np.delete(times, 12))
    assert "lost, false" in unsteady(np.sort(np.append(times, 1111.0)))
    assert f"at least {FEWEST_REVOLUTIONS}" in unsteady(times[:5])
    assert "0 revolutions" in unsteady(times[:0])


def test_a_flat_mark_has_no_pulses():
    assert mark_times(np.ones(100)).size == 0
