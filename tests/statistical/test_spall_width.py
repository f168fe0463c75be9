"""Do the intervals of the spall width cover the truth as often as they say? On the demo's machine, fresh seeds."""

from dataclasses import replace

import numpy as np
import pytest

from inversion.engines.least_squares import LeastSquares
from inversion.forward import bearing_observation as observation
from inversion.forward.rolling_bearing import RollingBearing
from inversion.physics.bearing import BearingGeometry, contact_speed, fault_orders
from inversion.physics.bearing_simulation import Machine, Spall, simulate_waveform
from inversion.physics.machine_draws import draw_machine, draw_spall
from inversion.signal.transform import fast_length_below, spectrum
from sensors import Frame, Waveform

pytestmark = pytest.mark.statistical

BEARING = BearingGeometry(9, 7.94, 39.04)
SAMPLE_RATE = 51_200.0
SHAFT_HZ = 30.0
REVOLUTIONS = 40
WINDOWS = 400
WIDEST_MM = 5.0


@pytest.fixture(scope="module")
def windows() -> np.ndarray:
    """(WINDOWS, 5): true width, low and high end of the 90 % interval (mm), resolved, entry strength."""
    rng = np.random.default_rng(2_026)
    model = RollingBearing(BEARING, widest_mm=WIDEST_MM)
    inverter = LeastSquares().bind(model)
    rows = []
    for _ in range(WINDOWS):
        spall = draw_spall("outer", rng.uniform(0, WIDEST_MM * 1e-3), rng.uniform(0, 20), rng)
        frame = simulated_frame(draw_machine(BEARING, SHAFT_HZ, rng), spall, rng)
        estimate = inverter.invert(model.observe([frame]))[0]
        low, high = estimate.interval("outer_spall", 0.9)
        rows.append((spall.width, low, high, estimate.resolvable("outer_spall"), spall.entry))
    return np.array(rows) * (1e3, 1e3, 1e3, 1, 1)


def simulated_frame(machine: Machine, spall: Spall, rng: np.random.Generator) -> Frame:
    samples = int(REVOLUTIONS * SAMPLE_RATE / machine.shaft_hz)
    record = simulate_waveform(machine, (spall,), SAMPLE_RATE, samples, rng)
    channels = {
        "acceleration": Waveform(record, SAMPLE_RATE, "m/s2"),
        "shaft_hz": Waveform(np.array([machine.shaft_hz]), 1.0, "Hz"),
    }
    return Frame("simulated", 0, True, channels)


def covered(windows: np.ndarray) -> np.ndarray:
    width, low, high = windows[:, :3].T
    return (low <= width) & (width <= high)


def test_ninety_percent_intervals_cover_85_to_95_percent(windows):
    assert 0.85 <= covered(windows).mean() <= 0.95


def test_no_third_of_the_widths_is_left_uncovered(windows):
    third = np.minimum((windows[:, 0] / WIDEST_MM * 3).astype(int), 2)
    for k in range(3):
        assert covered(windows)[third == k].mean() >= 0.8


def test_weak_and_strong_entries_are_both_covered(windows):
    weak = windows[:, 4] < np.median(windows[:, 4])
    assert covered(windows)[weak].mean() >= 0.85
    assert covered(windows)[~weak].mean() >= 0.85


def test_what_is_called_resolved_is_narrow_and_covered(windows):
    resolved = windows[:, 3] > 0
    assert resolved.mean() > 0.3
    assert np.median((windows[:, 2] - windows[:, 1])[resolved]) < 0.1 * WIDEST_MM
    assert covered(windows)[resolved].mean() >= 0.85


def test_nothing_below_the_floor_is_called_resolved(windows):
    floor = RollingBearing(BEARING).floor(np.array([SHAFT_HZ, SAMPLE_RATE]))[3] * 1e3
    assert not np.any(windows[windows[:, 0] < 0.9 * floor, 3])


@pytest.mark.parametrize("width_mm", [1.5, 3.0, 4.5])
def test_easy_case_is_resolved_to_a_tenth_of_a_millimeter(width_mm):
    """100 kHz, 20 dB, strong entry: if this fails, the feature is broken."""
    rng = np.random.default_rng(int(width_mm * 10))
    machine = Machine(BEARING, SHAFT_HZ)
    record = simulate_waveform(machine, (Spall("outer", width_mm * 1e-3, 10.0, 0.8),), 102_400.0, 136_000, rng)
    channels = {
        "acceleration": Waveform(record, 102_400.0, "m/s2"),
        "shaft_hz": Waveform(np.array([SHAFT_HZ]), 1.0, "Hz"),
    }
    model = RollingBearing(BEARING)
    estimate = LeastSquares().bind(model).invert(model.observe([Frame("easy", 0, True, channels)]))[0]
    assert estimate.resolvable("outer_spall")
    assert abs(estimate.value("outer_spall") * 1e3 - width_mm) < 0.1


def test_without_an_entry_no_width_is_resolved():
    """Control: the same strikes with nothing before them. Whatever were seen there would not be a size."""
    rng = np.random.default_rng(7)
    model = RollingBearing(BEARING)
    inverter = LeastSquares().bind(model)
    resolved = 0
    for _ in range(60):
        machine = draw_machine(BEARING, SHAFT_HZ, rng)
        spall = replace(draw_spall("outer", rng.uniform(1e-3, 5e-3), rng.uniform(5, 20), rng), entry=0.0)
        estimate = inverter.invert(model.observe([simulated_frame(machine, spall, rng)]))[0]
        resolved += estimate.resolvable("outer_spall")
    assert resolved <= 1


def test_the_highest_edge_stands_at_the_lag_of_the_true_width():
    """Control: a wrong lag must not score as well, or what scores is not a size."""
    rng = np.random.default_rng(8)
    speed = contact_speed(BEARING, SHAFT_HZ)
    hits = 0
    for _ in range(20):
        machine = draw_machine(BEARING, SHAFT_HZ, rng)
        spall = replace(draw_spall("outer", rng.uniform(1.5e-3, 4.5e-3), 15.0, rng), entry=0.6)
        samples = simulated_frame(machine, spall, rng).channels["acceleration"].samples
        samples = samples[: fast_length_below(samples.size)]
        period = SAMPLE_RATE / (fault_orders(BEARING)["outer"] * (1 + machine.slip) * SHAFT_HZ)
        profile = observation.edge_profile(spectrum(samples), samples.size, period, speed, SAMPLE_RATE, 5e-3)
        highest = 10 + int(profile.edge[9:].argmax())
        hits += abs(highest - spall.width / profile.width) <= 4
    assert hits >= 18
