"""Laws of the one door to the Fourier transform."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from inversion.signal.transform import analytic, fast_length, fast_length_below, signal, spectrum

records = hnp.arrays(np.float32, st.integers(2, 300), elements=st.floats(-1e3, 1e3, width=32))
lengths = st.integers(1, 10**6)


@given(records)
def test_there_and_back(record):
    back = signal(spectrum(record), record.size)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, record, atol=3e-6 * float(np.abs(record).max()) + 1e-30)


@given(records)
def test_parseval(record):
    half = spectrum(record)
    power = np.abs(half.astype(np.complex128)) ** 2
    power[1 : (record.size + 1) // 2] *= 2  # each stands for two, but for zero and the Nyquist frequency
    assert power.sum() / record.size == pytest.approx(float(np.sum(record.astype(float) ** 2)), rel=1e-5, abs=1e-30)


def test_single_precision_stays_single():
    record = np.ones(64, dtype=np.float32)
    assert spectrum(record).dtype == np.complex64
    assert analytic(np.ones(64, dtype=np.complex64)).dtype == np.complex64


def test_rows_are_transformed_alike():
    rows = np.random.default_rng(0).standard_normal((3, 100)).astype(np.float32)
    for row, both in zip(rows, spectrum(rows), strict=True):
        np.testing.assert_array_equal(spectrum(row), both)


def test_padding_with_zeros():
    record = np.random.default_rng(0).standard_normal(100).astype(np.float32)
    padded = np.concatenate([record, np.zeros(28, dtype=np.float32)])
    np.testing.assert_allclose(spectrum(record, 128), spectrum(padded), atol=1e-5)


@given(st.integers(1, 200), st.floats(0, 6.28))
def test_the_analytic_signal_of_a_tone_has_a_constant_magnitude(cycles, phase):
    tone = np.cos(2 * np.pi * cycles * np.arange(512) / 512 + phase).astype(np.float32)
    bins = np.concatenate([spectrum(tone), np.zeros(255, dtype=np.complex64)])
    np.testing.assert_allclose(np.abs(analytic(bins)), 0.5, atol=1e-4)


@given(lengths)
def test_fast_lengths_enclose_and_stay(n):
    above, below = fast_length(n, real=True), fast_length_below(n)
    assert below <= n <= above
    assert n <= fast_length(n)
    assert (fast_length(above, real=True), fast_length_below(below)) == (above, below)
    assert above / n < 1.34  # 4 follows 3
