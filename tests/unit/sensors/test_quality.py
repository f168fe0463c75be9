"""Bad data are said: not finite, dead, clipped; and real converters are not accused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.frame import Quality
from sensors.quality import assess

N = 16_384


def noise(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=N)


def sine(amplitude: float, cycles: float = 37.3) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * cycles * np.arange(N) / N)


def quantized(samples: np.ndarray, step: float) -> np.ndarray:
    return (np.round(samples / step) * step).astype(np.float32)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_are_bad_and_counted(wrong):
    samples = noise()
    samples[[7, 70, 700]] = wrong
    assert assess(samples) == (Quality.BAD, f"3 of {N} samples are NaN or infinite, the first at sample 7")


def test_a_constant_channel_is_dead():
    assert assess(np.full(100, 0.25)) == (Quality.BAD, "dead channel: all 100 samples are 0.25")


@pytest.mark.parametrize("samples", [np.zeros(1), np.full(15, 47.4)])
def test_a_few_equal_process_values_are_good(samples):
    assert assess(samples) == (Quality.GOOD, "")


@pytest.mark.parametrize("scale", [1.0, 9.80665])
@pytest.mark.parametrize("limit", [0.5, 1.5, 2.5])
def test_clipped_noise_is_uncertain_and_says_how_much(limit, scale):
    samples = quantized(np.clip(noise(), -limit, limit), 1 / 2048) * np.float32(scale)
    quality, reason = assess(samples)
    share = 100 * np.mean(np.abs(samples) >= np.abs(samples).max())
    assert quality is Quality.UNCERTAIN
    assert reason.startswith(f"clipped: {share:.2g} % of the samples stand at ")


def test_one_clipped_side_is_enough():
    for sign in (1, -1):
        assert assess(sign * np.minimum(noise(), 1.5))[0] is Quality.UNCERTAIN


@pytest.mark.parametrize("step", [1 / 20, 1 / 128, 1 / 2048])
def test_a_clipped_sine_is_uncertain(step):
    assert assess(quantized(np.clip(sine(2.0), -1, 1), step))[0] is Quality.UNCERTAIN


@given(st.floats(0.01, 0.5), st.integers(0, 1000))
def test_quantized_noise_is_never_called_clipped(step, seed):
    assert assess(quantized(noise(seed)[:4096], step)) == (Quality.GOOD, "")


@given(st.floats(1.0, 2000.0), st.floats(1.5, 500.0))
def test_a_quantized_sine_is_never_called_clipped(amplitude, cycles):
    assert assess(quantized(sine(amplitude, cycles), 1.0)) == (Quality.GOOD, "")


def test_a_switching_signal_is_not_clipped():
    assert assess(np.tile([0.0, 0.0, 5.0, 5.0], 100)) == (Quality.GOOD, "")
