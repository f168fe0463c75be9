"""Envelope spectra: what modulates stands out, what is steady or smooth does not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from inversion.signal.envelope import above_background, bands, log_envelope_spectrum, prewhiten
from inversion.signal.transform import spectrum

RATE = 12_000.0
N = 24_000


@given(st.floats(10, 1e6), st.floats(0.1, 0.45))
def test_bands_lie_inside_the_nyquist_range(sample_rate, reach):
    chosen = bands(sample_rate, reach * sample_rate)
    assert len(chosen) in (1, 10)
    assert all(0 <= low < high <= sample_rate / 2 for low, high in chosen)


@given(st.floats(12_000, 1e6), st.floats(1.0, 5e4))
def test_log_spaced_bands_are_as_wide_as_the_envelope_frequencies_need(sample_rate, envelope_hz):
    needed = min(max(1200.0, envelope_hz), 0.49 * sample_rate - 250.0)
    *narrow, _, _ = bands(sample_rate, envelope_hz)
    assert all(high - low >= needed * (1 - 1e-9) for low, high in narrow)


@given(hnp.arrays(np.complex64, 50, elements=st.complex_numbers(min_magnitude=1e-3, max_magnitude=1e3, width=64)))
def test_prewhitening_leaves_the_phase_alone(half):
    white = prewhiten(half)
    np.testing.assert_allclose(np.abs(white), 1, atol=1e-5)
    np.testing.assert_allclose(white * np.abs(half), half, rtol=1e-4)


def test_prewhitening_leaves_nothing_where_there_was_nothing():
    assert not prewhiten(np.zeros(50, dtype=np.complex64)).any()


def noise(modulation: float, hz: float) -> np.ndarray:
    """Noise whose strength swings."""
    rng = np.random.default_rng(5)
    strength = 1 + modulation * np.cos(2 * np.pi * hz * np.arange(N) / RATE)
    return (strength * rng.standard_normal(N)).astype(np.float32)


def evidence(record: np.ndarray, bins: int = 1000) -> np.ndarray:
    bin_hz = RATE / N
    log_power = log_envelope_spectrum([prewhiten(spectrum(record))], bin_hz, bands(RATE, bins * bin_hz), bins)
    return above_background(log_power, 60)


@pytest.mark.parametrize("hz", [37.0, 107.5, 300.0])
def test_what_modulates_is_a_line(hz):
    lines = evidence(noise(0.8, hz))
    lines[:20] = 0  # the mean of the envelope
    assert lines.argmax() == pytest.approx(hz * N / RATE, abs=1)
    assert lines.max() > 2


def test_without_modulation_there_is_no_line():
    assert evidence(noise(0.0, 100.0))[20:].max() < 2


def test_a_steady_tone_is_no_line():
    tone = 20 * np.cos(2 * np.pi * 1234.0 * np.arange(N) / RATE)
    assert evidence(noise(0.0, 100.0) + tone.astype(np.float32))[20:].max() < 2


def test_loudness_does_not_matter():
    record = noise(0.8, 100.0)
    np.testing.assert_allclose(evidence(record), evidence(1000 * record), atol=1e-2)


def test_a_narrow_band_counts_as_far_as_it_reaches():
    half = prewhiten(spectrum(noise(0.0, 100.0)))
    bin_hz = RATE / N
    assert log_envelope_spectrum([half], bin_hz, ((1000.0, 1200.0),), 1000).size == int(200 / bin_hz)
    both = log_envelope_spectrum([half], bin_hz, ((1000.0, 1200.0), (2000.0, 3000.0)), 1000)
    wide = log_envelope_spectrum([half], bin_hz, ((2000.0, 3000.0),), 1000)
    assert both.size == 1000
    np.testing.assert_allclose(both[400:], wide[400:])


@given(st.integers(20, 400), st.integers(2, 60), st.floats(-20, 20))
def test_a_level_is_removed(size, width, level):
    flat = np.full(size, level, dtype=np.float32)
    np.testing.assert_allclose(above_background(flat, width), 0, atol=1e-4)


@given(st.floats(-0.1, 0.1), st.integers(2, 60))
def test_a_slope_is_removed(slope, width):
    line = (slope * np.arange(400)).astype(np.float32)
    inside = above_background(line, width)[width:-width]
    np.testing.assert_allclose(inside, 0, atol=abs(slope) + 1e-4)


def test_a_line_stays_what_it_was():
    line = np.zeros(400, dtype=np.float32)
    line[200] = 5.0
    left = above_background(line, 50)
    assert left[200] == pytest.approx(5.0, rel=0.03)
    assert np.abs(np.delete(left, 200)).max() < 0.15


@given(st.integers(1, 30), st.integers(1, 100))
def test_evidence_is_as_long_as_the_spectrum(size, width):
    assert above_background(np.zeros(size, dtype=np.float32), width).shape == (size,)


@pytest.mark.parametrize("bins", [40, 700, 1900])
def test_bands_transformed_together_are_what_each_one_says_alone(bins):
    """In double precision, band by band, at a length without any alias."""
    half = prewhiten(spectrum(noise(0.5, 100.0)))
    bin_hz = RATE / N
    edges = bands(RATE, bins * bin_hz)
    alone = []
    for low, high in edges:
        part = half[int(low / bin_hz) : int(high / bin_hz)].astype(np.complex128)
        squared = np.abs(np.fft.ifft(part, 2 * part.size)) ** 2
        alone.append(np.log(np.abs(np.fft.rfft(squared)[:bins]) ** 2))
    np.testing.assert_allclose(log_envelope_spectrum([half], bin_hz, edges, bins), np.mean(alone, axis=0), atol=2e-3)


def test_segments_that_are_pooled_scatter_less_than_their_logarithms_would():
    """The mean of powers is worth more than the mean of logs: 1 against pi^2 / 6 in variance, for many segments."""
    rng = np.random.default_rng(8)
    size, bins = 8192, 400
    halves = [prewhiten(spectrum(rng.normal(0, 1, size).astype(np.float32))) for _ in range(12)]
    bin_hz = RATE / size
    edges = ((2000.0, 2000.0 + 2 * bins * bin_hz),)
    pooled = log_envelope_spectrum(halves, bin_hz, edges, bins)
    logs = np.mean([log_envelope_spectrum([half], bin_hz, edges, bins) for half in halves], axis=0)
    assert pooled[20:].std() < 0.9 * logs[20:].std()
    thrice = log_envelope_spectrum(halves[:1] * 3, bin_hz, edges, bins)
    np.testing.assert_allclose(thrice, log_envelope_spectrum(halves[:1], bin_hz, edges, bins), atol=1e-5)
