"""`inversion calibrate` on a made-up machine: what it writes and says, and what it refuses in one line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html import escape
from pathlib import Path

import numpy as np
import pytest

from inversion.app.batch import run_batch
from inversion.app.calibrate import run_calibration
from inversion.app.configuration import load_pipeline
from inversion.core import ConfigurationError
from inversion.forward.empirical import Empirical
from inversion.store.empirical import EmpiricalFileError
from inversion.training.labelled import CalibrationError

RATE, WINDOW, WINDOWS, FILES = 1000, 500, 6, 5
LAYOUT = """
asset = "{stem}"
[reader]
use = "npz"
[channels.vibration]
variable = "vibration"
unit = "m/s2"
[sample_rate]
value = 1000
"""
SITE = """
[site]
name = "rod"
[source]
use = "recording"
layout = "layout.toml"
files = ["run_*.npz"]
window_s = 0.5
[forward]
use = "empirical"
model = "rod.npz"
[engine]
use = "least_squares"
[calibration]
[[calibration.parameter]]
name = "place"
unit = "mm"
low = 0
high = 100
[[calibration.feature]]
name = "tone"
channel = "vibration"
kind = "peak_hz"
low_hz = 20
high_hz = 200
[[calibration.feature]]
name = "loudness"
channel = "vibration"
kind = "rms"
log = true
"""


def place(file: int, window: int) -> float:
    return 10.0 + 80.0 * ((file * WINDOWS + window) * 0.618 % 1)


@pytest.fixture
def folder(tmp_path) -> Path:
    """A rod whose tone rises with the place of a clamp: five recordings of six windows, a site and a layout."""
    rng = np.random.default_rng(0)
    time = np.arange(WINDOW) / RATE
    for file in range(FILES):
        windows = []
        for window in range(WINDOWS):
            hz = 40 + 0.8 * place(file, window) + 0.004 * place(file, window) ** 2
            windows.append(np.sin(2 * np.pi * hz * time + rng.uniform(0, 6)) + rng.normal(0, 0.2, WINDOW))
        np.savez(tmp_path / f"run_{file}.npz", vibration=np.concatenate(windows))
    (tmp_path / "layout.toml").write_text(LAYOUT)
    (tmp_path / "site.toml").write_text(SITE)
    return tmp_path


def rows(files: int = FILES) -> list[str]:
    return [f"run_{f}.npz,{w},{place(f, w):.4f}" for f in range(files) for w in range(WINDOWS)]


def table(folder: Path, lines: list[str], header: str = "file,window,place") -> Path:
    path = folder / "truth.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def test_the_command_fits_writes_and_says_how_far_it_may_be_believed(folder):
    truth = table(folder, rows())
    program = str(Path(sys.executable).with_name("inversion"))
    words = [program, "calibrate", "site.toml", str(truth), "--out", "rod.npz", "--json"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["windows"], told["groups"], told["unusable"]) == (30, 5, 0)
    [score] = told["left_out"]
    assert score["name"] == "place"
    assert score["rmse"] < 2  # mm
    assert score["covered"] > 0.8
    assert Empirical(folder / "rod.npz").fit.fingerprint == told["fingerprint"]
    assert load_pipeline(folder / "site.toml").model.space.names == ("place",)
    assert told["page"] == "rod.html"


def figures(page: Path) -> list[dict]:
    """Plotly's data of every figure."""
    text = page.read_text(encoding="utf-8")
    return [json.loads(each) for each in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text)]


def test_the_page_draws_what_left_out_groups_gave_and_every_feature(folder):
    found = run_calibration(folder / "site.toml", table(folder, rows()), folder / "rod.npz", page=True)
    assert found.page == folder / "rod.html"
    text = found.page.read_text(encoding="utf-8")
    assert all(escape(line) in text for line in found.lines() if "rod.html" not in line)
    assert "default-src 'none'" in text  # it asks nobody for anything
    left_out, tone, loudness = figures(found.page)
    drawn = [trace for trace in left_out["data"] if trace.get("error_y")]
    assert sorted(x for trace in drawn for x in trace["x"]) == pytest.approx(
        sorted(place(f, w) for f in range(FILES) for w in range(WINDOWS)), abs=1e-3
    )
    held = [
        y - down <= x <= y + up
        for trace in drawn
        for x, y, up, down in zip(
            trace["x"], trace["y"], trace["error_y"]["array"], trace["error_y"]["arrayminus"], strict=True
        )
    ]
    assert np.mean(held) == pytest.approx(found.left_out[0].covered)
    assert "tone" in tone["layout"]["title"]["text"]
    assert loudness["layout"]["yaxis"]["title"]["text"] == "log of loudness"
    fitted = next(trace for trace in tone["data"] if trace["name"] == "fitted")
    assert np.interp(50.0, fitted["x"], fitted["y"]) == pytest.approx(40 + 0.8 * 50 + 0.004 * 50**2, rel=0.03)  # Hz


def test_a_baseline_has_no_truth_to_draw_but_its_features(folder):
    site = SITE.replace("[calibration]\n", "[calibration]\nbaseline = true\n").replace(
        'name = "tone"', 'name = "tone"\nlog = true'
    )
    (folder / "site.toml").write_text(site)
    healthy = [f"run_{f}.npz,{w},0" for f in range(FILES) for w in range(WINDOWS)]
    found = run_calibration(folder / "site.toml", table(folder, healthy), folder / "rod.npz", page=True)
    assert len(figures(found.page)) == 2


def test_without_a_page_none_is_written(folder):
    assert run_calibration(folder / "site.toml", table(folder, rows()), folder / "rod.npz").page is None
    assert not (folder / "rod.html").exists()


def test_what_it_wrote_inverts_recordings_through_the_pipeline(folder):
    run_calibration(folder / "site.toml", table(folder, rows(4)), folder / "rod.npz")
    result = run_batch(folder / "site.toml", [folder / "run_4.npz"], folder / "out", report=False, workers=1)
    assert result.exit_code == 0
    lines = (folder / "out" / "findings.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line)["parameters"]["place"] for line in lines]
    truth = [place(4, window) for window in range(WINDOWS)]
    assert np.abs(np.subtract([each["mean"] for each in found], truth)).max() < 5
    assert np.mean([e["low"] <= t <= e["high"] for e, t in zip(found, truth, strict=True)]) >= 0.5


def test_three_groups_are_enough(folder):
    assert run_calibration(folder / "site.toml", table(folder, rows(3)), folder / "rod.npz").groups == 3


def test_the_same_windows_make_the_same_file(folder):
    truth = table(folder, rows())
    first = run_calibration(folder / "site.toml", truth, folder / "a.npz")
    second = run_calibration(folder / "site.toml", truth, folder / "b.npz")
    assert first.fingerprint == second.fingerprint
    assert first.left_out == second.left_out


def test_windows_that_are_put_aside_are_not_learnt_from_and_are_said(folder):
    lines = [f"{line}," if k % 5 else f"{line},warming up" for k, line in enumerate(rows())]
    found = run_calibration(folder / "site.toml", table(folder, lines, "file,window,place,leave_out"), folder / "a.npz")
    assert (found.windows, found.reasons) == (24, {"warming up": 6})
    assert [score.windows for score in found.put_aside] == [6]
    assert any(line == "not learnt from: 6 windows, warming up" for line in found.lines())


CONTRADICTION = [*rows(), "run_0.npz,0,77"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "holds no labelled window, only a header"),
        (CONTRADICTION, "truth.csv:32: run_0.npz, window 0: contradicts line 2, which labels it too"),
        ([*rows(), rows()[3]], "truth.csv:32: run_0.npz, window 3: labelled on line 5 already"),
        (["run_0.npz,0,120"], "truth.csv:2: place: truth must lie between 0 and 100 mm, found 120"),
        (["run_0.npz,0,much"], "truth.csv:2: place: expected a number, found 'much'"),
        (["run_0.npz,first,5"], "truth.csv:2: window: expected a running number from 0, found 'first'"),
        (["run_0.npz,17,5"], "truth.csv:2: window: run_0.npz has 6 windows, found number 17"),
        (["walk_0.npz,0,5"], "truth.csv:2: file: the site has no recording 'walk_0.npz'"),
        ([",0,5"], "truth.csv:2: file: expected the name of a recording, found nothing"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_refused_in_one_line(folder, lines, message):
    with pytest.raises(ConfigurationError) as refused:
        run_calibration(folder / "site.toml", table(folder, lines), folder / "rod.npz")
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not (folder / "rod.npz").exists()


def test_a_column_that_is_no_parameter_is_refused(folder):
    with pytest.raises(ConfigurationError, match=r"truth.csv:1: plaice: no such parameter, there are: place"):
        run_calibration(folder / "site.toml", table(folder, ["run_0.npz,0,5"], "file,window,plaice"), folder / "x.npz")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (rows()[:1], "1 usable windows, expected at least 8"),
        ([f"run_{f}.npz,{w},50" for f in range(5) for w in range(6)], "place is 0.05 (SI) in every window"),
        (rows(2), "2 groups of windows, expected at least 3: one is always left out"),
        ([f"run_{f}.npz,{w}," for f in range(5) for w in range(6)], "no usable window among those labelled"),
    ],
)
def test_windows_that_cannot_teach_are_refused_in_one_line(folder, lines, message):
    with pytest.raises(CalibrationError) as refused:
        run_calibration(folder / "site.toml", table(folder, lines), folder / "rod.npz")
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not (folder / "rod.npz").exists()


def test_recordings_in_which_nothing_can_be_measured_are_refused(folder):
    for file in range(FILES):
        np.savez(folder / f"run_{file}.npz", vibration=np.full(3000, 0.5))
    with pytest.raises(CalibrationError, match="no usable window among those labelled: vibration: "):
        run_calibration(folder / "site.toml", table(folder, rows()), folder / "rod.npz")


def test_labels_that_the_features_do_not_follow_make_a_model_that_says_so(folder):
    shuffled = np.random.default_rng(1).permutation([place(f, w) for f in range(FILES) for w in range(WINDOWS)])
    lines = [f"run_{k // 6}.npz,{k % 6},{value:.3f}" for k, value in enumerate(shuffled)]
    [score] = run_calibration(folder / "site.toml", table(folder, lines), folder / "rod.npz").left_out
    assert score.unresolved > 0.7
    assert score.covered > 0.75


def test_a_site_without_calibration_and_a_site_without_a_model_say_so(folder):
    (folder / "bare.toml").write_text(SITE[: SITE.index("[calibration]")])
    with pytest.raises(ConfigurationError, match=r"bare.toml:\d+: calibration: is required to calibrate"):
        run_calibration(folder / "bare.toml", table(folder, rows()), folder / "rod.npz")
    with pytest.raises((ConfigurationError, EmpiricalFileError), match=r"rod.npz: cannot be read: No such file"):
        load_pipeline(folder / "site.toml")


def test_a_wrong_feature_is_refused_with_file_and_line(folder):
    (folder / "site.toml").write_text(SITE.replace('kind = "rms"', 'kind = "rsm"'))
    with pytest.raises(ConfigurationError, match=r"site.toml:\d+: calibration.feature.1.*kind must be one of"):
        run_calibration(folder / "site.toml", table(folder, rows()), folder / "rod.npz")
