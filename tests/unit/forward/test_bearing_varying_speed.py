"""A bearing on a shaft that speeds up is found by order tracking, from a speed profile or a tacho; widths are not."""

import numpy as np
import pytest

from inversion.engines.least_squares import LeastSquares
from inversion.forward.rolling_bearing import RollingBearing
from inversion.physics.bearing import RACES, BearingGeometry
from inversion.physics.bearing_simulation import Machine, Spall, simulate_waveform
from sensors import Frame, Quality, Waveform

BEARING = BearingGeometry(9, 7.94, 39.04)
RATE = 25_600.0
SECONDS = 2.0


@pytest.fixture(scope="module")
def run_up():
    """Acceleration, shaft angle (revolutions) and speed (Hz) of a machine that goes from 22 to 38 Hz in two seconds."""
    samples = int(SECONDS * RATE)
    steady = Machine(BEARING, 30.0, noise=0.5)
    record = simulate_waveform(steady, (Spall("outer", 1e-3, 2.0),), RATE, samples, np.random.default_rng(3))
    times = np.arange(samples) / RATE
    speed = 22.0 + 8.0 * times
    angle = 22.0 * times + 4.0 * times**2
    warped = np.interp(angle / 30.0, times, record)  # the same strikes, at the angles where they belong
    return warped, angle, speed


def claims(frame: Frame, model: RollingBearing) -> tuple[list[str], str]:
    features = model.observe([frame])
    estimate = LeastSquares().bind(model).invert(features)[0]
    assert estimate.fit.quality is Quality.GOOD
    assert not any(estimate.resolvable(f"{race}_spall") for race in RACES)
    return [race for race in RACES if estimate.resolvable(f"{race}_impact")], estimate.fit.reason


def frame_of(record: np.ndarray, **channels: Waveform) -> Frame:
    return Frame("machine", 0, True, {"acceleration": Waveform(record, RATE, "m/s2"), **channels})


def test_a_speed_profile_straightens_the_orders(run_up):
    record, _, speed = run_up
    frame = frame_of(record, shaft_hz=Waveform(speed[::256], RATE / 256, "Hz"))
    found, reason = claims(frame, RollingBearing(BEARING))
    assert found == ["outer"]
    assert "speed varied" in reason


def test_a_tacho_straightens_the_orders(run_up):
    record, angle, _ = run_up
    frame = frame_of(record, tacho=Waveform((np.sin(2 * np.pi * angle) > 0.9) * 5.0, RATE, "V"))
    found, reason = claims(frame, RollingBearing(BEARING, tacho_channel="tacho"))
    assert found == ["outer"]
    assert "speed varied" in reason


def test_the_mean_speed_alone_does_not_find_it(run_up):
    record, _, speed = run_up
    frame = frame_of(record, shaft_hz=Waveform(np.array([speed.mean()]), 1.0, "Hz"))
    assert claims(frame, RollingBearing(BEARING))[0] == []


@pytest.mark.parametrize(
    ("tacho", "complaint"),
    [(np.zeros(51_200), "0 pulses"), (np.eye(1, 51_200, 100)[0], "do not make two revolutions")],
)
def test_a_tacho_that_does_not_turn_is_said(run_up, tacho, complaint):
    frame = frame_of(run_up[0], tacho=Waveform(tacho, RATE, "V"))
    features = RollingBearing(BEARING, tacho_channel="tacho").observe([frame])
    assert features.quality == (Quality.BAD,)
    assert complaint in features.reasons[0]


def test_a_reversing_shaft_is_said(run_up):
    record, _, speed = run_up
    frame = frame_of(record, shaft_hz=Waveform(speed[::256] - 30.0, RATE / 256, "Hz"))
    features = RollingBearing(BEARING).observe([frame])
    assert features.quality == (Quality.BAD,)
    assert "stands still or reverses" in features.reasons[0]


@pytest.mark.parametrize(
    ("speed", "said"),
    [
        (0.0, "stands still or reverses (0 Hz)"),
        (-30.0, "stands still or reverses (-30 Hz)"),
        (np.nan, "NaN or infinite"),
        (np.inf, "NaN or infinite"),
    ],
)
@pytest.mark.parametrize("tolerance", [0.0, 0.05])
def test_a_speed_that_cannot_be_is_the_prior_with_its_reason(run_up, speed, said, tolerance):
    model = RollingBearing(BEARING, speed_tolerance=tolerance, pool_minutes=60)
    frame = frame_of(run_up[0], shaft_hz=Waveform(np.array([speed]), 1.0, "Hz"))
    features, kept = model.observe_in_turn([frame], {"machine": None})
    [estimate] = LeastSquares().bind(model).invert(features)
    assert estimate.fit.quality is Quality.BAD
    assert said in estimate.fit.reason
    assert not any(estimate.resolved)
    assert kept == {"machine": None}
