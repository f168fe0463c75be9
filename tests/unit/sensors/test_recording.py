"""Files by their layout: channels in SI, conditions, start, and windows."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from sensors import LayoutError, Quality, RecordingError, SensorError
from sensors.recording import RecordingSource, load_layout, paced, read_recording, window_frames, window_size

BASE = """
asset = "{folder}"
[reader]
use = "npz"
[channels.front]
variable = "x*_front"
unit = "g"
"""
RATE = "[sample_rate]\nvalue = 100\n"
SHAFT = '[conditions.shaft_hz]\nvalue = 300\nunit = "rpm"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "fan").mkdir()
    return tmp_path / "fan"


def layout_of(folder: Path, text: str):
    path = folder.parent / "layout.toml"
    path.write_text(text)
    return load_layout(path)


def write(folder: Path, name: str = "a.npz", **arrays) -> Path:
    arrays.setdefault("x7_front", np.sin(np.arange(250) / 3))
    np.savez(folder / name, **arrays)
    return folder / name


def record(folder: Path, text: str = BASE + RATE, name: str = "a.npz", **arrays):
    return read_recording(write(folder, name, **arrays), layout_of(folder, text))


# one file


def test_channels_come_in_si(folder):
    recording = record(folder, BASE + "factor = 0.5\n" + RATE, x7_front=np.array([1.0, -2.0]))
    np.testing.assert_allclose(recording.channels["front"].samples, [4.903325, -9.80665], rtol=1e-6)
    assert recording.channels["front"].unit == "m/s2"
    assert (recording.asset, recording.source, recording.sample_rate) == ("fan", "a.npz", 100)
    assert (recording.start_ns, recording.clock_trusted) == (0, False)


def test_values_outside_the_valid_range_become_nan(folder):
    recording = record(folder, BASE + "valid = [-1, 1]\n" + RATE, x7_front=np.array([1.0, 500.0, -1.0, 1e300]))
    assert np.isnan(recording.channels["front"].samples).tolist() == [False, True, False, True]


def test_numbers_too_large_for_single_precision_become_infinite(folder):
    assert np.isinf(record(folder, x7_front=np.array([1e300, 1.0])).channels["front"].samples).tolist() == [True, False]


def test_an_optional_channel_may_be_absent(folder):
    text = BASE + '[channels.rear]\nvariable = "rear"\nunit = "V"\n'
    assert set(record(folder, text + "optional = true\n" + RATE).channels) == {"front"}
    with pytest.raises(RecordingError, match=r"a\.npz: rear: no variable 'rear', there are: x7_front$"):
        record(folder, text + RATE)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x8_front": np.ones(3)}, r"front: 'x\*_front' matches 2 variables: x7_front, x8_front"),
        ({"x7_front": np.ones(0)}, "front: variable 'x7_front' has zero samples"),
        ({"x7_front": np.ones((2, 2, 2))}, "x7_front: expected real numbers in one or two dimensions"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(folder, arrays, message):
    with pytest.raises(RecordingError, match=message):
        record(folder, **arrays)


def test_channels_must_have_one_length(folder):
    text = BASE + '[channels.rear]\nvariable = "rear"\nunit = "V"\n' + RATE
    with pytest.raises(RecordingError, match="same number of samples, found front 250, rear 3"):
        record(folder, text, rear=np.ones(3))


def test_the_wrong_layout_for_a_folder_is_refused(folder):
    (folder / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(RecordingError, match=r"a\.csv: damaged or no \.npz archive"):
        read_recording(folder / "a.csv", layout_of(folder, BASE + RATE))


# values stated per file


@pytest.mark.parametrize(
    ("stated", "rate"),
    [
        ("value = 100", 100),
        ('value = 1.5\nunit = "kHz"', 1500),
        ('variable = "fs"\nvalue = 100', 51_200),
        ('files = { "b*" = 1, "a*" = 200 }\nvalue = 100', 200),
        ('files = { "pump/*" = 1, "fan/a*" = 200 }', 200),
        ('files = { "b*" = 1 }\nlabels = "labels.csv"\ncolumn = "rate"', 300),
        ('variable = "absent"\nlabels = "labels.csv"\ncolumn = "rate"\nkey = "name"', 400),
        ('labels = "absent.csv"\ncolumn = "rate"\nvalue = 100', 100),
    ],
)
def test_forms_of_the_sample_rate_in_their_order(folder, stated, rate):
    (folder / "labels.csv").write_text("file,name,rate\nb.npz,a,400\na.npz,b,300\n")
    assert record(folder, f"{BASE}[sample_rate]\n{stated}\n", fs=51_200).sample_rate == rate


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ('variable = "f"', "a.npz: sample_rate: nothing states it for this file: no variable 'f'"),
        ('files = { "b*" = 1 }', "nothing states it for this file: its name matches none of 'b*'"),
        ('labels = "labels.csv"\ncolumn = "none"', "column 'none': expected a number, found None"),
        ('labels = "labels.csv"\ncolumn = "word"', "labels.csv:2: sample_rate: column 'word': expected a number"),
        ('labels = "absent.csv"\ncolumn = "rate"', "no row for it in 'absent.csv' beside it"),
        ('variable = "zero"', "sample_rate: expected one positive number of Hz, found 0"),
        ('variable = "many"', "sample_rate: expected one positive number of Hz, found 1"),
    ],
)
def test_a_rate_that_nothing_states_is_never_guessed(folder, stated, message):
    (folder / "labels.csv").write_text("file,word,rate\na.npz,fast,300\n")
    with pytest.raises(RecordingError) as caught:
        record(folder, f"{BASE}[sample_rate]\n{stated}\n", zero=0.0, many=np.array([1.0, 2.0]))
    assert message in str(caught.value)


def test_conditions_are_si_and_may_vary_along_the_file(folder):
    text = BASE + RATE + '[conditions.shaft_hz]\nvariable = "rpm"\nunit = "rpm"\n'
    assert record(folder, text, rpm=1500.0).conditions["shaft_hz"].samples.tolist() == [25]
    assert record(folder, text, rpm=np.full(250, 60.0)).conditions["shaft_hz"].samples.size == 250
    with pytest.raises(RecordingError, match="shaft_hz: expected 1 or 250 values, found 3"):
        record(folder, text, rpm=np.ones(3))


# the start


@pytest.mark.parametrize(
    ("start", "name", "start_ns", "trusted"),
    [
        ("time = 2021-08-18T06:31:00Z", "a.npz", 1_629_268_260_000_000_000, True),
        ("time = 2021-08-18T08:31:00+02:00", "a.npz", 1_629_268_260_000_000_000, True),
        ("time = 2021-08-18T06:31:00\ntrusted = false", "a.npz", 1_629_268_260_000_000_000, False),
        ('file_name = "run %Y-%m-%d %H%M.npz"', "run 2021-08-18 0631.npz", 1_629_268_260_000_000_000, True),
        ('file_number = "acc_*.npz"\nstep_s = 10\ntrusted = false', "acc_0012.npz", 120_000_000_000, False),
        ('variable = "t"', "a.npz", 1_629_268_260_500_000_000, True),
    ],
)
def test_forms_of_the_start(folder, start, name, start_ns, trusted):
    recording = record(folder, f"{BASE}{RATE}[start]\n{start}\n", name, t=1629268260.5)
    assert (recording.start_ns, recording.clock_trusted) == (start_ns, trusted)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ('file_name = "%Y.npz"', "start: expected a file name that reads as '%Y.npz'"),
        ('file_number = "acc_*.npz"\nstep_s = 10', r"start: expected a file name 'acc_\*.npz' with a number"),
        ('variable = "absent"', "start: no variable 'absent', there are: t, x7_front"),
        ('variable = "t"', "start: variable 't' must hold 1 or 250 times in s since 1970"),
    ],
)
def test_a_start_that_cannot_be_read_is_refused(folder, start, message):
    with pytest.raises(RecordingError, match=message):
        record(folder, f"{BASE}{RATE}[start]\n{start}\n", t=np.nan)


# windows


def test_windows_cover_the_recording_and_drop_a_partial_one(folder):
    recording = record(folder, BASE + RATE + SHAFT + "[start]\ntime = 1970-01-01T00:00:01Z\n")
    frames = list(window_frames(recording, window_s=1))
    assert [frame.position for frame in frames] == [0, 1]
    assert [frame.start_ns for frame in frames] == [1_000_000_000, 2_000_000_000]
    assert {frame.duration_s for frame in frames} == {1.0}
    assert (frames[0].source, frames[0].asset, frames[0].clock_trusted) == ("a.npz", "fan", True)
    whole = np.concatenate([frame.channels["front"].samples for frame in frames])
    np.testing.assert_array_equal(whole, recording.channels["front"].samples[:200])
    shaft = frames[0].channels["shaft_hz"]
    assert (shaft.samples.tolist(), shaft.unit, shaft.quality) == ([5], "Hz", Quality.GOOD)


def test_windows_may_overlap_and_count_revolutions(folder):
    recording = record(folder, BASE + RATE + SHAFT)
    frames = list(window_frames(recording, window_revolutions=5, overlap=0.75))
    assert window_size(recording, window_revolutions=5) == 100
    assert [frame.start_ns for frame in frames] == [250_000_000 * i for i in range(7)]


def test_revolutions_need_a_turning_shaft(folder):
    with pytest.raises(RecordingError, match="window_revolutions needs the condition 'shaft_hz'"):
        list(window_frames(record(folder), window_revolutions=5))
    with pytest.raises(RecordingError, match="shaft_hz: expected a turning shaft, found 0 Hz"):
        list(window_frames(record(folder, BASE + RATE + SHAFT.replace("300", "0")), window_revolutions=5))


def test_a_recording_shorter_than_a_window_is_said(folder):
    with pytest.raises(RecordingError, match=r"a\.npz: must be at least one window of 300 samples \(3 s\) long, found"):
        list(window_frames(record(folder), window_s=3))


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_only_the_windows_with_wrong_samples_are_bad(folder, wrong):
    samples = np.sin(np.arange(300) / 3)
    samples[110:120] = wrong
    frames = list(window_frames(record(folder, x7_front=samples), window_s=1))
    assert [frame.channels["front"].quality for frame in frames] == [Quality.GOOD, Quality.BAD, Quality.GOOD]
    assert frames[1].channels["front"].reason.startswith("10 of 100 samples are NaN or infinite")


def test_dead_and_clipped_windows_are_said(folder):
    samples = np.random.default_rng(0).normal(size=300)
    samples[:100] = 0.1
    samples[200:] = np.clip(samples[200:], -0.5, 0.5)
    reasons = [frame.channels["front"].reason for frame in window_frames(record(folder, x7_front=samples), window_s=1)]
    assert [reason.split(":")[0] for reason in reasons] == ["dead channel", "", "clipped"]


def test_a_condition_that_varies_is_its_mean_over_the_window(folder):
    text = BASE + RATE + '[conditions.load]\nvariable = "load"\nunit = "N"\n'
    load = np.repeat([1.0, 3.0, np.nan, 5.0, 5.0], 50)
    frames = list(window_frames(record(folder, text, load=load), window_s=1))
    first, second = (frame.channels["load"] for frame in frames)
    assert (first.samples.tolist(), first.quality) == ([2], Quality.GOOD)
    assert second.quality is Quality.BAD
    assert np.isnan(second.samples).all()


@pytest.mark.parametrize("step_s", [0.03, 0.0, -5.0])
def test_only_the_windows_with_a_gap_in_time_are_bad(folder, step_s):
    steps = np.full(250, 0.01)
    steps[120] = step_s
    frames = list(
        window_frames(record(folder, f'{BASE}{RATE}[start]\nvariable = "t"\n', t=1e9 + np.cumsum(steps)), window_s=0.5)
    )
    assert [frame.channels["front"].quality for frame in frames] == [0, 0, Quality.BAD, 0, 0]
    reason = frames[2].channels["front"].reason
    assert reason.startswith(f"gap: {step_s:.6g} s between samples 19 and 20, expected 0.01 s")
    assert frames[3].start_ns == round(1e9 * (1e9 + np.cumsum(steps)[150]))


# the source


def source_of(folder: Path, *files: str, **settings) -> RecordingSource:
    layout_of(folder, BASE + RATE)
    settings.setdefault("window_s", 1.0)
    return RecordingSource(tuple(folder / name for name in files), folder.parent / "layout.toml", **settings)


async def collect(source: RecordingSource) -> tuple[list, str]:
    frames = []
    try:
        async for frame in source.frames():
            frames.append((frame.source, frame.position))
    except SensorError as problem:
        return frames, str(problem)
    return frames, ""


def test_files_come_in_order_and_globs_sorted(folder):
    for name in ("c.npz", "a.npz", "b.npz", "z@[1].npz"):
        write(folder, name)
    frames, problem = asyncio.run(collect(source_of(folder, "z@[1].npz", "?.npz")))
    assert not problem
    assert frames == [(name, i) for name in ("z@[1].npz", "a.npz", "b.npz", "c.npz") for i in (0, 1)]


def test_a_bad_file_does_not_stop_the_next_ones(folder):
    write(folder, "a.npz")
    write(folder, "c.npz")
    (folder / "b.npz").write_bytes(b"no archive")
    frames, problem = asyncio.run(collect(source_of(folder, "*.npz", "absent.npz")))
    assert frames == [("a.npz", 0), ("a.npz", 1), ("c.npz", 0), ("c.npz", 1)]
    assert problem.startswith("2 of 4 files could not be read: ")
    assert "b.npz: damaged" in problem
    assert "absent.npz: cannot be read" in problem
    assert "\n" not in problem


def test_two_files_that_cannot_be_told_apart_are_refused(folder):
    write(folder, "a.npz")
    frames, problem = asyncio.run(collect(source_of(folder, "a.npz", "*.npz")))
    assert not frames
    assert problem.startswith("files: ")
    assert "are both 'a.npz' of asset 'fan'; name the asset by {folder}" in problem


def test_a_glob_that_matches_nothing_is_said(folder):
    assert asyncio.run(collect(source_of(folder, "*.mat"))) == ([], f"files: no file matches '{folder}/*.mat'")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"window_s": None}, "expected exactly one of window_revolutions and window_s, found 0"),
        ({"window_revolutions": 3.0}, "expected exactly one of window_revolutions and window_s, found 2"),
        ({"window_s": 0.0}, "window_s must be longer than 0"),
        ({"window_s": float("nan")}, "window_s must be longer than 0"),
        ({"overlap": 1.0}, "overlap must be 0 or more and below 1, got 1"),
    ],
)
def test_wrong_settings_are_refused_at_the_start(folder, settings, message):
    with pytest.raises(ValueError, match=message):
        source_of(folder, "a.npz", **settings)


@pytest.mark.parametrize("window_s", [1e-9, 1e300])
def test_a_window_of_no_samples_or_of_too_many_to_count_is_refused(folder, window_s):
    with pytest.raises(RecordingError, match=r"a window of \S+ s must be 1 to 1e\+15 samples long"):
        list(window_frames(record(folder), window_s=window_s))


def test_a_wrong_layout_is_refused_at_the_start(folder):
    (folder / "wrong.toml").write_text("assett = 1\n")
    with pytest.raises(LayoutError, match=r"wrong\.toml:1: assett: no such option \(did you mean 'asset'\?\)"):
        RecordingSource((folder / "a.npz",), folder / "wrong.toml", window_s=1.0)
    with pytest.raises(ValueError, match="files: expected at least one"):
        RecordingSource((), folder / "wrong.toml", window_s=1.0)


def test_real_time_is_kept_by_the_clock_passed_in(folder):
    frames = list(window_frames(record(folder), window_s=1, overlap=0.5))
    now, waited = [100.0], []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        now[0] += seconds

    async def consume() -> list[float]:
        arrived = []
        async for _ in paced(frames, lambda: now[0], sleep):
            arrived.append(now[0])
            now[0] += 0.7 if len(arrived) == 2 else 0.0  # the consumer is late once; what was lost is caught up
        return arrived

    assert asyncio.run(consume()) == pytest.approx([101, 101.5, 102.2, 102.5])
    assert waited == pytest.approx([1, 0.5, 0.3])


def test_a_source_in_real_time_delivers_the_same_frames(folder):
    write(folder, x7_front=np.sin(np.arange(6)))
    fast, _ = asyncio.run(collect(source_of(folder, "a.npz", window_s=0.02)))
    paced_frames, _ = asyncio.run(collect(source_of(folder, "a.npz", window_s=0.02, realtime=True)))
    assert fast == paced_frames == [("a.npz", 0), ("a.npz", 1), ("a.npz", 2)]
