"""The forward model of an unbalanced rotor: from waveforms or measured vectors to grams, millimeters and degrees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inversion.engines.least_squares import LeastSquares
from inversion.forward.unbalanced_rotor import UnbalancedRotor
from sensors import Frame, Quality, Waveform

ROTOR = UnbalancedRotor(
    sensors=("de", "nde"),
    planes=("left", "right"),
    influence=(((0.01, 20.0), (0.004, 80.0)), ((0.003, -50.0), (0.012, 10.0))),  # mm/s per g·mm
    shaft_hz=25.0,
    heaviest_g_mm=2000.0,
    phase_channel="mark",
)
MEASURED = replace(ROTOR, phase_channel="", speed_channel="shaft_hz", noise=0.02)
UNBALANCE = np.array([300.0, 500j]) * 1e-6  # kg·m


def sampled(unbalance: np.ndarray, shaft_hz: float = 25.0, seed: int = 0, noise: float = 3e-4) -> Frame:
    rng = np.random.default_rng(seed)
    turns = 0.13 + shaft_hz * np.arange(20_000) / 5000.0
    vectors = ROTOR.coefficients @ unbalance
    channels = {"mark": Waveform(((turns % 1) < 0.05).astype(float), 5000.0, "V")}
    for name, vector in zip(ROTOR.sensors, vectors, strict=True):
        samples = (vector * np.exp(2j * np.pi * turns)).real + rng.normal(0, noise, turns.size)
        channels[name] = Waveform(samples, 5000.0, "m/s")
    return Frame("fan", 0, True, channels)


def measured(unbalance: np.ndarray, shaft_hz: float = 25.0) -> Frame:
    channels = {"shaft_hz": Waveform(np.array([shaft_hz]), 1.0, "Hz")}
    for name, vector in zip(ROTOR.sensors, ROTOR.coefficients @ unbalance, strict=True):
        channels[f"{name}_amplitude"] = Waveform(np.array([abs(vector)]), 1.0, "m/s")
        channels[f"{name}_phase"] = Waveform(np.array([np.angle(vector)]), 1.0, "rad")
    return Frame("fan", 0, True, channels)


@pytest.mark.parametrize(("model", "frame"), [(ROTOR, sampled(UNBALANCE)), (MEASURED, measured(UNBALANCE))])
def test_unbalance_is_found_at_its_angle(model, frame):
    (estimate,) = LeastSquares().bind(model).invert(model.observe([frame]))
    left, right = model.polar(estimate)
    assert estimate.fit.quality is Quality.GOOD
    assert (left.plane, right.plane) == ("left", "right")
    assert left.low < 300e-6 < left.high < 1.2 * left.low
    assert right.low < 500e-6 < right.high < 1.2 * right.low
    assert abs(left.angle) < left.half_width < np.radians(8)
    assert abs(right.angle - np.pi / 2) < right.half_width < np.radians(8)
    low, high = (1e6 * end for end in estimate.interval("left_x"))
    assert low < 300 < high
    assert estimate.space["left_x"].shown == "g·mm"


def test_a_plane_in_balance_has_a_bound_and_no_angle():
    frame = measured(np.array([300e-6, 0.0]))
    (estimate,) = LeastSquares().bind(MEASURED).invert(MEASURED.observe([frame]))
    left, right = MEASURED.polar(estimate)
    assert left.resolvable
    assert not right.resolvable
    assert right.low == 0
    assert right.high < 20e-6
    assert right.half_width == np.pi


def test_an_amplitude_can_be_told_for_an_alarm_to_watch():
    """At 180 degrees too, where an angle of its own would wrap around."""
    model = replace(MEASURED, told="amplitude")
    frames = [measured(np.array([300e-6 * np.exp(1j * turn), 0.0])) for turn in (0.0, 2.0, np.pi)]
    for estimate in LeastSquares().bind(model).invert(model.observe(frames)):
        low, high = estimate.interval("left_unbalance")
        assert 275e-6 < low < 300e-6 < high < 325e-6
        assert estimate.resolvable("left_unbalance")
        assert not estimate.resolvable("right_unbalance")
        assert estimate.interval("right_unbalance")[0] == 0
        assert estimate.probability_above("left_unbalance", 250e-6) > 0.99
    with pytest.raises(ValueError, match="amplitudes are told already"):
        model.polar(estimate)


def test_a_frame_without_news_leaves_the_prior():
    frame = measured(UNBALANCE, shaft_hz=30.0)
    (estimate,) = LeastSquares().bind(MEASURED).invert(MEASURED.observe([frame]))
    assert estimate.fit.quality is Quality.BAD
    assert estimate.fit.reason == "the shaft turns at 30 Hz, the influence coefficients hold at 25 Hz"
    assert not any(plane.resolvable for plane in MEASURED.polar(estimate))


def test_the_coefficients_errors_widen_in_proportion_to_the_unbalance():
    for model, frames in ((ROTOR, (sampled(UNBALANCE, noise=1e-6), sampled(0 * UNBALANCE, noise=1e-6))),):
        exact = replace(model, influence_error=0.0).observe(frames).std
        wider = model.observe(frames).std
        assert np.all(wider[0] > 10 * exact[0])
        np.testing.assert_allclose(wider[1], exact[1], rtol=0.1)
    spread = 0.03 * np.sqrt((np.abs(ROTOR.coefficients * UNBALANCE) ** 2).sum(axis=1))
    np.testing.assert_allclose(wider[0], np.repeat(spread, 2), rtol=0.01)


def test_slow_roll_is_subtracted():
    runout = ((1.0, 30.0), (0.5, 250.0))  # mm/s
    shifted = replace(MEASURED, runout=runout).observe([measured(UNBALANCE)]).values[0]
    plain = MEASURED.observe([measured(UNBALANCE)]).values[0]
    assert (plain - shifted)[:2].tolist() == pytest.approx([1e-3 * np.cos(np.pi / 6), 0.5e-3])


def test_the_mark_and_the_speed_channel_must_agree():
    model = replace(ROTOR, speed_channel="shaft_hz")
    frame = sampled(UNBALANCE)
    channels = {**frame.channels, "shaft_hz": Waveform(np.array([12.5]), 1.0, "Hz")}
    features = model.observe([replace(frame, channels=channels)])
    assert features.reasons == ("mark says that the shaft turns at 25 Hz, shaft_hz says 12.5 Hz",)


def test_a_negative_amplitude_is_bad():
    frame = measured(UNBALANCE)
    channels = {**frame.channels, "de_amplitude": Waveform(np.array([-1.0]), 1.0, "m/s")}
    features = MEASURED.observe([replace(frame, channels=channels)])
    assert features.quality == (Quality.BAD,)
    assert features.reasons == ("de_amplitude: an amplitude must be zero or more, got -1",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"influence": (((0.01, 0.0), (0.02, 0.0)), ((0.03, 9.0), (0.06, 9.0)))}, "does not tell the planes apart"),
        ({"influence": (((0.01, 0.0),),)}, "2 rows, one a sensor, of 2 vectors"),
        ({"planes": ("left", "left")}, "each once"),
        ({"runout": ((1.0, 0.0),)}, "runout must have 2 vectors"),
        ({"shaft_hz": 0.0}, "shaft_hz must be positive"),
        ({"phase_channel": ""}, "phase_channel is required"),
        ({"influence_error": 0.7}, "influence_error must lie"),
        ({"unit": "furlong"}, "unknown unit"),
        ({"told": "phase"}, "told must be"),
    ],
)
def test_what_cannot_be_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(ROTOR, **change)
