"""The shipped network on real recordings, none of which it has seen: the bars of least squares."""

from pathlib import Path

import pytest

from inversion.core import Estimate, Features
from inversion.engines.network import Network
from inversion.forward.rolling_bearing import RollingBearing
from inversion.physics.bearing import RACES, BearingGeometry
from inversion.store.network import shipped_networks
from sensors import Frame, Waveform
from sensors.recording import load_layout, read_recording, window_frames

NAME = "rolling_bearing_v1"
pytestmark = [
    pytest.mark.recordings,
    pytest.mark.skipif(NAME not in shipped_networks(), reason=f"{NAME} is not shipped"),
]

LAYOUTS = Path(__file__).parents[2] / "configs" / "layouts"
CWRU = BearingGeometry(9, 7.94, 39.04)  # drive end, SKF 6205-2RS
IMS = BearingGeometry(16, 8.41, 71.5, 15.17)  # Rexnord ZA-2115
RACE = {"OR": "outer", "IR": "inner", "B0": "ball"}
PRECISIONS = ("full", "lite")


def answers(model: RollingBearing, features: Features) -> dict[str, list[Estimate]]:
    return {name: Network(Path(NAME), name).bind(model).invert(features) for name in PRECISIONS}


@pytest.fixture(scope="module")
def drive_end(data):
    """By precision, {file stem: estimates of its windows} of all drive-end records."""
    layout = load_layout(LAYOUTS / "cwru.toml")
    model = RollingBearing(CWRU, channel="drive_end")
    found = {name: {} for name in PRECISIONS}
    for path in sorted((data / "cwru").glob("*.mat")):
        features = model.observe(list(window_frames(read_recording(path, layout), window_revolutions=40)))
        for name, estimates in answers(model, features).items():
            found[name][path.stem] = estimates
    return found


def majority(estimates: list[Estimate]) -> set[str]:
    return {race for race in RACES if 2 * sum(each.resolvable(f"{race}_impact") for each in estimates) > len(estimates)}


@pytest.mark.parametrize("precision", PRECISIONS)
def test_clear_faults_get_the_right_race_and_only_it(drive_end, precision):
    clear = [f"Drive_End_{fault}" for fault in ("OR007@6", "OR021@6", "IR007", "IR014", "IR021")]
    records = {s: e for s, e in drive_end[precision].items() if s[:4] == "12k_" and any(name in s for name in clear)}
    assert len(records) == 10
    right = [s for s, e in records.items() if majority(e) == {RACE[s.split("Drive_End_")[1][:2]]}]
    assert len(right) >= 9


@pytest.mark.parametrize("precision", PRECISIONS)
def test_hardly_any_record_names_a_wrong_race(drive_end, precision):
    faulty = {s: e for s, e in drive_end[precision].items() if "Drive_End_" in s}
    wrong = [s for s, e in faulty.items() if majority(e) - {RACE[s.split("Drive_End_")[1][:2]]}]
    assert len(wrong) <= 1


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_pit_is_too_small_to_size_and_is_said_to_be(drive_end, precision):
    for stem, estimates in drive_end[precision].items():
        for each in estimates:
            assert not any(each.resolvable(f"{race}_spall") for race in RACES), stem


def test_healthy_channels_are_not_claimed(data):
    rig = load_layout(LAYOUTS / "ims.toml")
    recordings = [(read_recording(path, rig), IMS, 30) for path in sorted((data / "healthy").iterdir())]
    recordings += [(read_recording(data / "cwru" / "normal_0_97.mat", load_layout(LAYOUTS / "cwru.toml")), CWRU, 40)]
    total = dict.fromkeys(PRECISIONS, 0)
    for recording, geometry, revolutions in recordings:
        for channel in recording.channels:
            if channel == "shaft_hz":
                continue
            model = RollingBearing(geometry, channel=channel)
            frames = [acceleration(f) for f in window_frames(recording, window_revolutions=revolutions, overlap=0.5)]
            for name, estimates in answers(model, model.observe(frames)).items():
                claimed = sum(any(each.resolved) for each in estimates)
                assert 2 * claimed <= len(estimates), channel
                total[name] += claimed
    assert max(total.values()) <= 2


def acceleration(frame: Frame) -> Frame:
    """Volts taken at 100 mV a g: the scale of a channel does not matter for what is claimed."""
    channels = {
        name: Waveform(w.samples * 98.0665, w.sample_rate, "m/s2") if w.unit == "V" else w
        for name, w in frame.channels.items()
    }
    return Frame(frame.asset, frame.start_ns, frame.clock_trusted, channels)
