"""How often a fault is claimed where there is none, and where there is one; no threshold was set on these machines."""

import numpy as np
import pytest

from benchmarks.found_faults import found
from inversion.forward.rolling_bearing import RollingBearing
from inversion.physics.bearing_simulation import simulate_waveform
from inversion.physics.machine_draws import SAMPLE_RATES, draw_busy_machine, draw_geometry
from sensors import Frame, Waveform

pytestmark = pytest.mark.statistical

WINDOWS = 1000


def test_at_most_one_percent_of_healthy_windows_claims_a_fault():
    rng = np.random.default_rng(20_261_121)
    claimed = sum(claims_a_fault(rng) for _ in range(WINDOWS))
    assert claimed <= WINDOWS // 100


def test_evidence_pooled_over_a_whole_record_claims_nothing_of_a_healthy_machine():
    rng = np.random.default_rng(20_261_122)
    assert sum(claims_a_fault(rng, (160, 280), SAMPLE_RATES[:3]) for _ in range(60)) == 0


@pytest.mark.parametrize(("race", "least"), [("outer", 0.85), ("inner", 0.75), ("ball", 0.7)])
def test_faults_are_found_though_the_speed_is_off_and_the_shaft_may_make_no_line(race, least):
    shares = np.mean([list(each) for each in found(race, 60, 20_261_123)], axis=0)
    assert np.all(shares[:, 0] >= least), shares
    assert np.all(shares[:, 1] <= 0.1), shares


def claims_a_fault(rng: np.random.Generator, revolutions=(20, 40), sample_rates=SAMPLE_RATES) -> bool:
    """One window of a loud healthy machine: some bearing, speed, sample rate."""
    sample_rate = float(rng.choice(sample_rates))
    shaft_hz = float(rng.uniform(10, 60))
    geometry = draw_geometry(rng)
    machine = draw_busy_machine(geometry, shaft_hz, rng)
    samples = int(rng.choice(revolutions) * sample_rate / shaft_hz)
    channels = {
        "acceleration": Waveform(simulate_waveform(machine, (), sample_rate, samples, rng), sample_rate, "m/s2"),
        "shaft_hz": Waveform(np.array([shaft_hz]), 1.0, "Hz"),
    }
    features = RollingBearing(geometry).observe([Frame("healthy", 0, True, channels)])
    return bool(np.any(np.isneginf(features.limit[0, :3]) & np.isfinite(features.std[0, :3])))
