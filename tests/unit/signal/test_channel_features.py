"""Features by name: what each is of a record whose answer is known, and when it is not seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inversion.signal.features import KINDS, Feature, measure
from inversion.signal.lines import band_power, peaks

RATE = 1000.0
TIME = np.arange(2000) / RATE


def of(kind: str, samples, **options) -> float:
    shaft_hz = options.pop("shaft_hz", float("nan"))
    return measure(Feature("f", "c", kind, **options), np.asarray(samples, dtype=np.float64), RATE, shaft_hz)


BAND = {"low_hz": 10, "high_hz": 200}


@given(st.floats(25, 180), st.floats(1e-6, 1e6), st.floats(0, 6))
@settings(max_examples=60, deadline=None)
def test_a_tone_is_found_where_and_as_strong_as_it_is(hz, amplitude, phase):
    tone = amplitude * np.sin(2 * np.pi * hz * TIME + phase) + 3 * amplitude
    assert of("peak_hz", tone, **BAND) == pytest.approx(hz, abs=0.02)
    assert of("mean_hz", tone, **BAND) == pytest.approx(hz, abs=0.2)
    rms = amplitude / np.sqrt(2)
    assert of("peak_rms", tone, **BAND) == pytest.approx(rms, rel=0.02)
    assert of("order_rms", tone, order=2, shaft_hz=hz / 2) == pytest.approx(rms, rel=0.02)
    assert of("rms", tone) == pytest.approx(rms, rel=0.03)
    assert of("band_power", tone, **BAND) == pytest.approx(rms**2, rel=0.03)
    highest = np.sqrt(2) * np.array([np.cos(np.pi * hz / RATE), 1.0])  # samples may miss the crest by half a step
    assert 0.97 * highest[0] <= of("crest", tone) <= 1.03 * highest[1]


@pytest.mark.parametrize("size", [500, 2000, 100_000])
def test_bands_add_up_to_the_mean_square(size):
    """Parseval, within the statistics of a Hann window; the long record is averaged over segments."""
    x = np.random.default_rng(size).normal(0, 2, size)
    parts = sum(band_power(x, RATE, low, low + 100) for low in range(0, 500, 100))
    assert parts == pytest.approx(x.var(), rel=0.2 if size < 1000 else 0.1)


def test_level_and_slope_are_those_of_a_line():
    assert of("level", 5 + 3 * TIME) == pytest.approx(5 + 3 * TIME.mean())
    assert of("slope", 5 + 3 * TIME) == pytest.approx(3)


def test_a_logarithm_makes_a_factor_a_sum():
    x = np.sin(40 * TIME)
    assert of("rms", 10 * x, log=True) - of("rms", x, log=True) == pytest.approx(np.log(10))
    assert np.isnan(of("level", -np.ones(9), log=True))


def test_a_part_of_a_window_is_a_lag_feature():
    changing = np.where(TIME < 1, np.sin(2 * np.pi * 40 * TIME), np.sin(2 * np.pi * 90 * TIME))
    assert of("peak_hz", changing, part=(0.0, 0.5), **BAND) == pytest.approx(40, abs=0.1)
    assert of("peak_hz", changing, part=(0.5, 1.0), **BAND) == pytest.approx(90, abs=0.1)


def test_candidates_come_by_strength_and_a_lobe_counts_once():
    two = np.sin(2 * np.pi * 60 * TIME) + 0.5 * np.sin(2 * np.pi * 120 * TIME)
    assert of("peak_hz", two, **BAND) == pytest.approx(60, abs=0.05)
    assert of("peak_hz", two, candidate=2, **BAND) == pytest.approx(120, abs=0.05)
    assert [peak.hz for peak in peaks(two, RATE, 10, 200, 45.0)] == pytest.approx([60, 120], abs=0.05)


def test_no_peak_is_seen_in_noise_nor_one_that_is_too_weak():
    rng = np.random.default_rng(3)
    seen = [np.isfinite(of("peak_hz", rng.normal(0, 1, 2000), prominence_db=15, **BAND)) for _ in range(50)]
    assert np.mean(seen) < 0.1
    tone = 1e-3 * np.sin(2 * np.pi * 60 * TIME)
    assert np.isnan(of("peak_hz", tone, least_rms=1e-3, **BAND))
    assert np.isnan(of("mean_hz", tone, least_rms=1e-3, **BAND))
    assert of("peak_hz", tone, least_rms=5e-4, **BAND) == pytest.approx(60, abs=0.05)


@given(
    samples=st.lists(st.floats(width=32), min_size=1, max_size=60),
    kind=st.sampled_from(KINDS),
    rate=st.sampled_from([1e-3, 1.0, 50.0, 1e4]),
    log=st.booleans(),
)
@settings(deadline=None)
def test_no_record_raises_and_what_is_not_seen_is_nan(samples, kind, rate, log):
    feature = Feature("f", "c", kind, low_hz=1, high_hz=20, order=3, log=log)
    with np.errstate(all="ignore"):
        value = measure(feature, np.array(samples), rate, 7.0)
    assert np.isnan(value) or np.isfinite(value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "loudness"}, "kind must be one of level, "),
        ({"kind": "peak_hz"}, "low_hz must be below high_hz, got 0 and 0 Hz"),
        ({"kind": "order_rms"}, "order must be positive, got 0"),
        ({"kind": "rms", "part": (0.5, 0.5)}, "part must be two shares of the window, rising"),
        ({"kind": "rms", "candidate": 0}, "candidate must be 1 or more, got 0"),
    ],
)
def test_a_wrong_feature_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Feature("f", "c", **options)
