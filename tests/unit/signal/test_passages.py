"""Strikes are found where they were planted, and what was planted before them shows at its lag."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from inversion.signal import passages
from inversion.signal.passages import profiles, residual_energy, smooth, strikes
from inversion.signal.transform import spectrum

N = 40_000
PERIOD = 431.3


def jittered(seed: int, jitter: float = 0.008) -> np.ndarray:
    """Sample numbers of strikes whose intervals scatter (and drift with them)."""
    rng = np.random.default_rng(seed)
    intervals = PERIOD * rng.normal(1.0, jitter, int(N / PERIOD) + 3)
    times = rng.uniform(0, PERIOD) + np.cumsum(intervals) - intervals[0]
    return np.rint(times[times < N - 5]).astype(int)


def energy_of(times: np.ndarray, seed: int, height: float = 30.0) -> np.ndarray:
    """Energy of noise, with pulses; median one."""
    energy = np.random.default_rng(seed).exponential(1 / np.log(2), N)
    energy[times] += height
    return energy.astype(np.float32)


@given(st.integers(0, 2**32))
@settings(max_examples=15)
def test_strikes_are_found_though_no_fixed_period_fits(seed):
    times = jittered(seed)
    smoothed = smooth(energy_of(times, seed, 150.0), 3.0)
    found = strikes(smoothed, PERIOD)
    missed = np.abs(found - times[1:-1, None]).min(axis=1) > 2
    assert missed.mean() < 0.05
    assert abs(found.size - times.size) <= 2


@pytest.mark.parametrize("stretch", [0.99, 1.0, 1.01])
def test_no_strike_is_lost_where_the_train_drifts_past_the_border_of_a_period(stretch):
    times = np.rint(2.0 + stretch * PERIOD * np.arange(90)).astype(int)
    smoothed = smooth(energy_of(times, 7, 150.0), 3.0)
    found = strikes(smoothed, PERIOD)
    assert np.abs(found - times[:, None]).min(axis=1).max() <= 2
    assert np.diff(found).min() > 0.9 * PERIOD


def test_strikes_are_one_a_period():
    found = strikes(np.random.default_rng(0).exponential(1.0, N).astype(np.float32), PERIOD)
    assert abs(found.size - N / PERIOD) < 2
    assert np.diff(found).min() > 0.9 * PERIOD
    assert np.diff(found).max() < 1.1 * PERIOD
    assert found.min() >= 0
    assert found.max() < N


def test_too_short_for_two_strikes_is_none():
    assert strikes(np.ones(500, dtype=np.float32), PERIOD).size == 0
    assert strikes(np.ones(500, dtype=np.float32), 3.0).size == 0


@pytest.mark.parametrize("lag", [15, 60, 150])
def test_what_precedes_the_strikes_shows_at_its_lag(lag):
    times = jittered(1)
    energy = energy_of(times, 1)
    energy[times[times > lag] - lag] += 30.0
    (before, after), effective = profiles(energy, times, 190, 1.0)
    assert before.argmax() == lag - 1
    assert before[lag - 1] > 1.4 + 8
    assert np.delete(before, [0, 1, 2, *range(lag - 5, lag + 4)]).max() < 1.4 + 2
    assert after[4:].max() < 1.4 + 2
    assert 0.3 * times.size < effective <= times.size


def test_what_follows_the_strikes_does_not_show_before_them():
    times = jittered(1)
    energy = energy_of(times, 1)
    energy[times[:-1] + 9] += 30.0
    before, after = profiles(energy, times, 190, 1.0)[0]
    assert before[4:].max() < 1.4 + 2
    assert after.argmax() == 8


@pytest.mark.parametrize("width", [1.0, 2.0])
def test_the_mean_is_that_of_the_smoothed_record(width):
    times = np.concatenate([[1, 30], jittered(3), [N - 30, N - 3]])  # at either end too
    energy, reach = energy_of(times, 3), 100
    steady = smooth(energy, width).astype(np.float64)
    heights = steady[times]
    weights = np.minimum(np.maximum(heights - 3.0, 0.0), np.quantile(heights, 0.8))
    both, effective = profiles(energy, times, reach, width)
    for found, within, side in (
        (both[0], (times > reach) & (times < N - 2), -1),
        (both[1], (times > 1) & (times < N - 1 - reach), 1),
    ):
        lags = side * np.arange(1, reach + 1)
        shares = weights[within] / weights[within].sum()
        np.testing.assert_allclose(found, shares @ steady[times[within][:, None] + lags], rtol=2e-5)
        assert side > 0 or effective == pytest.approx(1 / (shares @ shares), rel=1e-5)


def test_no_strikes_make_a_flat_profile():
    energy = energy_of(jittered(2), 2)
    for times in (np.zeros(0, dtype=np.intp), np.array([300])):
        both, effective = profiles(energy, times, 100, 2.0)
        np.testing.assert_array_equal(both, np.ones((2, 100)))
        assert effective == 1
    np.testing.assert_array_equal(profiles(np.ones(N, dtype=np.float32), jittered(2), 100, 2.0)[0], np.ones((2, 100)))


@given(st.integers(1, 40))
def test_the_median_is_that_of_numpy(size):
    values = np.random.default_rng(size).exponential(size=size).astype(np.float32)
    assert passages._median(values) == pytest.approx(float(np.median(values)), rel=1e-7)


def ringing(times: np.ndarray) -> np.ndarray:
    """Strikes through a resonance at a tenth of the sample rate, in noise."""
    n = np.arange(400)
    response = np.exp(-0.02 * n) * np.sin(2 * np.pi * 0.1 * n)
    record = np.random.default_rng(3).normal(0, 0.02, N)
    for time in times:
        end = min(time + 400, N)
        record[time:end] += response[: end - time]
    return record.astype(np.float32)


def ring_share(energy: np.ndarray, times: np.ndarray) -> float:
    """Energy 20 to 60 samples after the strikes, relative to that in the first 20."""
    inside = times[times < N - 60]
    return float(energy[inside[:, None] + np.arange(20, 60)].sum() / energy[inside[:, None] + np.arange(20)].sum())


def test_linear_prediction_shortens_ringing():
    times = jittered(4)
    record = ringing(times)
    residual = residual_energy(spectrum(record), N, 50)
    assert ring_share(record**2, times) > 0.6
    assert ring_share(residual, times) < 0.1
    assert np.median(residual) == pytest.approx(1.0, rel=0.05)


def test_loudness_does_not_matter():
    record = ringing(jittered(4))
    quiet, loud = (residual_energy(spectrum(np.float32(gain) * record), N, 50) for gain in (1.0, 1024.0))
    np.testing.assert_allclose(quiet, loud, rtol=1e-3, atol=1e-3)


def test_a_silent_record_has_no_edges():
    np.testing.assert_array_equal(residual_energy(np.zeros(N // 2 + 1, dtype=np.complex64), N, 50), np.ones(N))


@given(st.floats(1, 20))
@settings(max_examples=20)
def test_smoothing_keeps_the_energy_and_the_place(width):
    energy = np.zeros(1000, dtype=np.float32)
    energy[400] = 1.0
    smoothed = smooth(energy, width)
    assert smoothed.sum() == pytest.approx(1.0, abs=1e-3)
    assert smoothed.argmax() == 400
    spread = float(np.sum(smoothed * (np.arange(1000) - 400.0) ** 2))
    assert np.sqrt(spread) == pytest.approx(width, rel=0.15)


def best_sum(score: np.ndarray) -> tuple[float, np.ndarray]:
    """The highest sum of a train over these cells less the penalty of its moves, and its cells: one cell at a time."""
    cells, reach = passages._CELLS, passages._penalty().size // 2
    level = (score - score.mean()).astype(np.float64)
    total, origin = level.copy(), np.full(level.size, -1)
    for cell in range(cells, level.size):
        last = min(cell - cells + reach, level.size - cells - 1)  # no two strikes in the last period, as in the first
        near = np.arange(max(0, cell - cells - reach), last + 1)
        sums = total[near] - passages._penalty()[near - (cell - cells - reach)]
        total[cell] += sums.max()
        origin[cell] = near[sums.argmax()]
    path = [level.size - cells + int(total[-cells:].argmax())]
    while origin[path[-1]] >= 0:
        path.append(int(origin[path[-1]]))
    return float(total[path[0]]), np.array(path[::-1])


@given(st.integers(0, 2**32), st.integers(128, 700))
@settings(max_examples=30, deadline=None)
def test_the_path_from_both_ends_is_the_best_one(seed, size):
    score = np.random.default_rng(seed).normal(size=size).astype(np.float32)
    np.testing.assert_array_equal(passages._best_path(score), best_sum(score)[1])


@given(st.integers(0, 2**32), st.floats(64.0, 2000.0))
@settings(max_examples=30)
def test_the_highest_of_each_cell_is_found_by_two_looks(seed, period):
    values = np.random.default_rng(seed).normal(size=5000).astype(np.float32)
    starts = (np.arange(int(4999 * 64 / period) + 1) * (period / 64)).astype(np.intp)
    np.testing.assert_array_equal(
        passages._highest(values, starts, int(period / 64)), np.maximum.reduceat(values[: starts[-1]], starts[:-1])
    )


def test_energy_and_smoothing_are_what_complex_double_precision_says():
    record = ringing(jittered(4))
    half = np.fft.rfft(record.astype(np.float64))
    correlation = np.fft.irfft(np.abs(half) ** 2)[:51]
    correlation[0] *= 1.001
    predictor = scipy.linalg.solve_toeplitz(correlation[:-1], correlation[1:])
    frequency = np.fft.rfftfreq(N)
    gain = np.sin(np.pi / 2 * np.clip(np.minimum((frequency - 0.01) / 0.04, (0.46 - frequency) / 0.16), 0, 1)) ** 2
    passed = half * np.fft.rfft(np.concatenate([[1.0], -predictor]), N) * gain
    energy = np.abs(np.fft.ifft(passed, N)) ** 2
    residual = residual_energy(spectrum(record), N, 50)
    np.testing.assert_allclose(residual, energy / np.median(energy[::13]), rtol=0.01, atol=0.01)
    exact = np.fft.irfft(np.fft.rfft(residual) * np.exp(-2 * (np.pi * 3.0 * np.fft.rfftfreq(N)) ** 2), N)
    np.testing.assert_allclose(smooth(residual, 3.0), exact, rtol=1e-3, atol=1e-3)
