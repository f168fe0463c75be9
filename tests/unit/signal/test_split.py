"""A transform made of shorter ones is the transform, whether all of it is wanted or a part."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.fft
from hypothesis import given
from hypothesis import strategies as st

from inversion.signal import split, transform

LONG = [8192, 8200, 10_000, 16_384, 20_000, 24_576]
small = st.integers(2, 600)


def record(n: int, *rows: int) -> np.ndarray:
    return np.random.default_rng(n).standard_normal((*rows, n)).astype(np.float32)


@pytest.mark.parametrize("n", LONG)
def test_long_records_are_transformed_as_by_the_library(n):
    samples = record(n)
    half = transform.spectrum(samples)
    np.testing.assert_allclose(half, scipy.fft.rfft(samples.astype(float)), atol=2e-7 * n, strict=False)
    assert half.dtype == np.complex64
    back = transform.signal(half, n)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, samples, atol=5e-6)


@pytest.mark.parametrize("n", LONG)
def test_long_records_go_by_parts_and_others_do_not(n):
    assert split.splits(n)
    assert not split.splits(n + 4)
    assert not split.splits(4096)


def test_double_precision_stays_double():
    samples = record(16_384).astype(np.float64)
    half = transform.spectrum(samples)
    assert half.dtype == np.complex128
    np.testing.assert_allclose(transform.signal(half, 16_384), samples, atol=1e-13)


@given(st.integers(1, 3), small, st.integers(1, 250))
def test_the_lowest_bins_are_those_of_the_whole_spectrum(rows, n, bins):
    samples = record(n, rows)
    low, whole = split.low_spectrum(samples, bins), transform.spectrum(samples)[:, :bins]
    assert low.dtype == np.complex64
    np.testing.assert_allclose(low, whole, atol=1e-6 * n, strict=True)


@given(st.one_of(small, st.sampled_from(LONG)))
def test_the_squared_envelope_is_a_quarter_of_that_of_the_analytic_signal(n):
    half = np.array(transform.spectrum(record(n)))
    half[0] = half[-1] = 0
    bins = np.zeros(n, dtype=np.complex64)
    bins[: half.size] = 2 * half
    expected = np.abs(scipy.fft.ifft(bins)) ** 2 / 4
    np.testing.assert_allclose(split.squared_envelope(half, n), expected, atol=3e-6 * max(expected.max(), 1e-6))


@given(st.one_of(small, st.sampled_from(LONG)), st.integers(1, 120))
def test_the_first_lags_are_those_of_the_autocorrelation(n, lags):
    power = np.abs(transform.spectrum(record(n))) ** 2
    expected = scipy.fft.irfft(power.astype(float), n)[:lags]
    np.testing.assert_allclose(split.first_lags(power, n, lags), expected, atol=2e-6 * expected[0], strict=True)


@given(st.one_of(small, st.sampled_from(LONG)), st.integers(1, 120))
def test_a_short_filter_has_the_spectrum_of_its_padding(n, taps):
    filtering = record(min(n, taps))
    expected = scipy.fft.rfft(filtering.astype(float), n)
    np.testing.assert_allclose(split.filter_spectrum(filtering, n), expected, atol=1e-6 * taps)
