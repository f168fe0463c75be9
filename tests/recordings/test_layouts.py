"""The shipped layouts on the recordings that they are for."""

import csv
from pathlib import Path

import numpy as np
import pytest

from sensors import Frame, Quality, RecordingError
from sensors.recording import RecordingSource, load_layout, read_recording

LAYOUTS = Path(__file__).parents[2] / "configs" / "layouts"

pytestmark = pytest.mark.recordings


def frames_of(data: Path, layout: str, *files: str, **window: float) -> list[Frame]:
    source = RecordingSource(tuple(data / name for name in files), LAYOUTS / f"{layout}.toml", **window)
    return [frame for path in source.paths() for frame in source.read(path)]


def qualities(frames: list[Frame], channel: str) -> set[Quality]:
    return {frame.channels[channel].quality for frame in frames}


@pytest.mark.parametrize("layout", sorted(path.stem for path in LAYOUTS.glob("*.toml")))
def test_every_shipped_layout_is_tried_here(layout):
    elsewhere = {"simulated", "simulated_wav"} | {"hydraulic", "skab", "unbalance"}  # with simulations, with models
    assert layout in {"cwru", "femto", "ims", "dropbear", "dryer_fan"} | elsewhere
    load_layout(LAYOUTS / f"{layout}.toml")


def test_cwru_agrees_with_the_labels(data):
    layout = load_layout(LAYOUTS / "cwru.toml")
    with (data / "cwru" / "labels.csv").open(newline="") as file:
        labels = list(csv.DictReader(file))
    assert len(labels) == 24
    for label in labels:
        recording = read_recording(data / "cwru" / label["file"], layout)
        assert recording.sample_rate == float(label["fs_hz"]), label["file"]
        assert recording.conditions["shaft_hz"].samples[0] * 60 == pytest.approx(float(label["rpm_used"]))
        assert recording.asset == label["file"].removesuffix(".mat")
        assert recording.channels["drive_end"].unit == "m/s2"
        assert recording.size > 120_000


def test_cwru_windows_are_good(data):
    frames = frames_of(data, "cwru", "cwru/*.mat", window_revolutions=40)
    assert len(frames) == 144
    for channel in ("drive_end", "fan_end", "shaft_hz"):
        assert qualities(frames, channel) == {Quality.GOOD}
    normal = [frame.channels["drive_end"] for frame in frames if frame.asset == "normal_0_97"]
    assert {waveform.sample_rate for waveform in normal} == {48_000}
    rms_g = np.sqrt(np.mean([np.mean(waveform.samples**2) for waveform in normal])) / 9.80665
    assert rms_g == pytest.approx(0.0738, rel=0.02)  # as numpy gives it for the raw variable


def test_femto_runs_to_failure(data):
    frames = frames_of(data, "femto", "femto/Bearing1_1/acc_*.csv", window_s=0.1)
    assert len(frames) == 142
    assert {frame.asset for frame in frames} == {"Bearing1_1"}
    assert qualities(frames, "horizontal") == qualities(frames, "vertical") == {Quality.GOOD}
    assert frames[0].channels["horizontal"].samples[0] == pytest.approx(0.552 * 9.80665, rel=1e-6)
    assert frames[0].channels["shaft_hz"].samples[0] == 30
    starts = [frame.start_ns for frame in frames]
    assert starts == sorted(starts)
    assert starts[1] - starts[0] == 200_000_000_000
    assert not frames[0].clock_trusted


def test_femto_knows_the_speed_of_each_condition(data):
    frames = frames_of(data, "femto", "femto/Bearing2_?/acc_00001.csv", window_s=0.1)
    assert [(frame.asset, float(frame.channels["shaft_hz"].samples[0])) for frame in frames] == [
        ("Bearing2_1", 27.5),
        ("Bearing2_2", 27.5),
    ]


def test_ims_is_eight_good_channels(data):
    frames = frames_of(data, "ims", "healthy/2003*", window_revolutions=30)
    assert [frame.source for frame in frames] == ["2003.10.22.12.06.24", "2003.10.22.16.44.13"]
    assert frames[0].start_ns == 1_066_824_384_000_000_000
    assert len(frames[0].channels) == 9
    for name, waveform in frames[0].channels.items():
        assert qualities(frames, name) == {Quality.GOOD}
        assert waveform.unit == ("Hz" if name == "shaft_hz" else "V")
    assert frames[0].channels["bearing4_y"].samples[0] == pytest.approx(-0.142)


def test_dropbear_roller_moves_as_the_readme_says(data):
    frames = frames_of(data, "dropbear", "dropbear/steps_?.txt", window_s=1)
    assert len(frames) == 28
    position = np.concatenate([frame.channels["roller_position"].samples for frame in frames])
    assert (position.min(), position.max()) == (pytest.approx(1.2, abs=0.05), pytest.approx(3.4, abs=0.05))
    assert qualities(frames, "low_g_acceleration") == {Quality.GOOD}


def test_dryer_fan_rows_are_scalars_along_time(data):
    frames = frames_of(data, "dryer_fan", "modbus/dryer_fan_2021.csv", window_s=1800)
    assert len(frames) == 1902
    assert frames[0].start_ns == 1_629_268_260_000_000_000
    lost_comma = [frame for frame in frames if frame.channels["motor_hz"].quality is Quality.BAD]
    assert len(lost_comma) == 3
    running = [frame for frame in frames if frame.channels["x_acceleration"].quality is Quality.GOOD]
    assert len(running) == 1355
    assert running[-1].channels["x_acceleration"].samples[0] == pytest.approx(0.62 * 9.80665)
    assert running[-1].channels["x_velocity"].samples[0] == pytest.approx(0.67e-3)


def test_dryer_fan_days_with_lost_rows_are_bad(data):
    frames = frames_of(data, "dryer_fan", "modbus/dryer_fan_2021.csv", window_s=86_400)
    assert len(frames) == 39
    reasons = [frame.channels["x_acceleration"].reason for frame in frames]
    assert reasons[1] == "gap: 309600 s between samples 18 and 19, expected 1800 s"
    assert 0 < reasons.count("") < 39


@pytest.mark.parametrize(
    ("layout", "file", "message"),
    [
        ("cwru", "femto/Bearing1_1/acc_00001.csv", "damaged or no MATLAB file"),
        ("ims", "femto/Bearing1_1/acc_00001.csv", "column '1': expected a number, found '9,39,39,65664,0.552,-0.146'"),
        ("femto", "healthy/2003.10.22.12.06.24", ":1: expected 6 columns"),
        ("dryer_fan", "dropbear/steps_0.txt", "has no time column 'time_local', there are: "),
        ("dropbear", "modbus/dryer_fan_2021.csv", "expected 4 columns"),
    ],
)
def test_the_wrong_layout_is_refused_in_one_line(data, layout, file, message):
    with pytest.raises(RecordingError) as caught:
        read_recording(data / file, load_layout(LAYOUTS / f"{layout}.toml"))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.001, 0.3, 0.7, 0.999])
def test_a_truncated_cwru_file_is_refused(data, tmp_path, share):
    content = (data / "cwru" / "normal_0_97.mat").read_bytes()
    path = tmp_path / "normal_0_97.mat"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(RecordingError, match=r"normal_0_97\.mat: damaged or no MATLAB file"):
        read_recording(path, load_layout(LAYOUTS / "cwru.toml"))
