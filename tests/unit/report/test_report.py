"""The report: plain words, one file, no request, and nothing of the data can break the page."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from inversion.app.batch.summary import summarize
from inversion.app.report import Portrait, ReportUnavailable, require_plotly, verdict, write_report
from inversion.app.report.figures import mark_groups, parameters, picture
from inversion.app.report.verdict import number, plain
from inversion.core.picture import Picture
from sensors import Frame, Quality, Waveform

OUTER = {"mean": 0.12, "low": 0.1, "high": 0.15, "level": 0.9, "unit": "g", "floor": 0.0, "resolvable": True}
WEAK = {"mean": 0.01, "low": 0.0, "high": 0.03, "level": 0.9, "unit": "g", "floor": 0.0, "resolvable": False}
WIDTH = {"mean": 1.0, "low": 0.0, "high": 2.9, "level": 0.9, "unit": "mm", "floor": 2.9, "resolvable": False}


def record(position: int = 0, asset: str = "fan", quality: str = "good", **parameters) -> dict:
    given = parameters or {"outer_impact": OUTER, "inner_impact": WEAK, "outer_spall": WIDTH, "inner_spall": WIDTH}
    alarm = {"name": "strikes", "state": "active" if position > 1 else "normal"}
    return {
        "asset": asset, "start_ns": position * 10**9, "clock_trusted": False, "parameters": given, "alarms": [alarm],
        "fit": {"quality": quality, "reduced_chi2": 1.0, "reason": "" if quality == "good" else "dead channel"},
    }  # fmt: skip


def entry(records: list[dict], file: str = "data/fan.mat", alarming=()) -> dict:
    return summarize(file, records, alarming, {"outer_spall": (0.0, 8.0)})


@dataclass(frozen=True)
class PlainModel:
    channels: tuple[str, ...] = ("vibration", "shaft_hz")


@dataclass(frozen=True)
class ShowingModel:
    channels: tuple[str, ...] = ("vibration", "shaft_hz")
    shown: list[int] = field(default_factory=list)

    def pictures(self, frame: Frame) -> tuple[Picture, ...]:
        self.shown.append(frame.position)
        x = np.linspace(0, 10, 9001)
        return (Picture("Spectrum", x, np.exp(-((x - 3.58) ** 2) * 1e6), "order", "g", (("BPFO", 3.58),)),)


def frames(count: int, asset: str = "fan", samples: int = 5000) -> list[Frame]:
    wave = np.zeros(samples)
    wave[777] = 9.80665
    channels = {"vibration": Waveform(wave, 1000.0, "m/s2"), "shaft_hz": Waveform(np.array([25.0]), 1.0, "Hz")}
    return [Frame(asset, k * 10**9, False, channels, f"{asset}.mat", k) for k in range(count)]


def portrait(path: Path, model, count: int = 3, asset: str = "fan") -> Path:
    drawn = Portrait(model)
    drawn.add(frames(count, asset), [record(k, asset) for k in range(count)])
    drawn.write(path)
    return path


def report(tmp_path: Path, model=None, asset: str = "fan", failed=()) -> str:
    records = [record(k, asset) for k in range(3)]
    summary = {
        "version": "0.1.0", "configuration": {"path": "configs/cwru.toml", "sha256": "ab" * 32}, "duration_s": 1.5,
        "windows": 3, "recordings": [entry(records, f"data/{asset}.mat")], "failed": list(failed),
    }  # fmt: skip
    path = portrait(tmp_path / "p.json", model or ShowingModel(), asset=asset)
    write_report(tmp_path / "report.html", summary, [path])
    return (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        (
            {"outer_impact": OUTER, "inner_impact": WEAK, "outer_spall": WIDTH},
            "outer race, 0.12 g [0.10, 0.15]; width not resolvable, below 2.9 mm",
        ),
        (
            {"outer_impact": WEAK, "ball_impact": WEAK, "outer_spall": WIDTH},
            "no fault found (outer race below 0.030 g, rolling element below 0.030 g)",
        ),
        (
            {"inner_impact": OUTER, "inner_spall": {**WIDTH, "mean": 4.1, "low": 3.2, "high": 5.0, "resolvable": True}},
            "inner race, 0.12 g [0.10, 0.15]; width 4.1 mm [3.2, 5.0]",
        ),
        ({"level": OUTER}, "level 0.12 g [0.10, 0.15]"),
        ({"oil_film": WEAK}, "oil film not resolvable, below 0.030 g"),
    ],
)
def test_verdicts_are_plain_words(parameters, said):
    assert verdict(entry([record(**parameters)])) == said


def test_an_interval_that_is_the_prior_is_not_told_as_a_bound():
    unlearnt = {**WIDTH, "low": 0.0, "high": 7.2}
    said = verdict(entry([record(outer_impact=OUTER, outer_spall=unlearnt)]))
    assert said == "outer race, 0.12 g [0.10, 0.15]; width not resolvable, anything up to 8.0 mm is possible"


def test_a_recording_without_a_usable_window_says_why():
    assert verdict(entry([record(quality="bad")] * 3)) == "no answer: dead channel"


def test_a_recording_of_doubtful_windows_is_not_called_healthy():
    doubtful = [record(quality="uncertain", outer_impact=WEAK)] * 3
    assert verdict(entry(doubtful)) == "nothing can be said: dead channel"


def test_a_claim_needs_the_majority_of_the_usable_windows():
    strong, weak = record(level=OUTER), record(level=WEAK)
    assert entry([strong, weak])["claimed"] == []
    assert entry([strong, strong, weak])["claimed"] == ["level"]
    assert entry([strong, record(quality="bad", level=WEAK), record(quality="bad", level=WEAK)])["claimed"] == ["level"]


def test_an_alarm_that_stood_before_is_not_raised_again():
    records = [record(k) for k in range(4)]
    assert entry(records)["alarms"] == [{"name": "strikes", "raised": 1, "state": "active"}]
    assert entry(records[2:], alarming={"strikes"})["alarms"][0]["raised"] == 0


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (0.1, "0.10"), (0.0321, "0.032"), (2.94, "2.9"), (41.2, "41"), (153.0, "153")]
)
def test_numbers_are_short(value, text):
    assert number(value) == text


def test_names_are_plain():
    assert [plain("outer_spall"), plain("ball_impact"), plain("oil_film")] == [
        "outer race spall width", "rolling element impact", "oil film",
    ]  # fmt: skip


class References(HTMLParser):
    """Everything that a browser might fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.policy = ""

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.found += [v for k, v in attributes if k in ("src", "href", "data", "action") and not v.startswith("#")]
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"]


def test_the_page_asks_nobody_for_anything(tmp_path):
    seen = References()
    seen.feed(report(tmp_path))
    assert seen.found == []
    assert seen.policy.startswith("default-src 'none';")
    assert "http" not in seen.policy


def test_the_page_holds_the_plotting_library_once(tmp_path):
    page = report(tmp_path)
    assert page.count("plotly.js v") == 1
    assert page.count("</html>") == 1


def test_the_page_shows_waveform_model_picture_and_parameters(tmp_path):
    page = report(tmp_path)
    specs = [json.loads(s) for s in re.findall(r'<script type="application/json" id="[^"]+">(.*?)</script>', page)]
    titles = [spec["layout"]["title"]["text"] for spec in specs]
    assert titles == ["fan.mat, window 1", "Spectrum", "Impact, 90 % intervals", "Spall width, 90 % intervals"]
    assert page.count('class="figure"') == 4
    assert "outer race, 0.12 g [0.10, 0.15]; width not resolvable, below 2.9 mm" in page
    assert "strikes: active" in page


def test_a_model_without_pictures_still_gets_its_waveform(tmp_path):
    page = report(tmp_path, PlainModel())
    assert page.count('class="figure"') == 3


def test_of_very_many_recordings_the_table_lists_some(tmp_path):
    quiet, last = [record(level=WEAK)], [record(level=OUTER)]
    recordings = [entry(last if k == 99 else quiet, f"data/{k}.mat") for k in range(100)]
    summary = {
        "version": "0.1.0", "configuration": {"path": "c.toml", "sha256": "ab" * 32}, "duration_s": 1.5,
        "windows": 100, "recordings": recordings, "failed": [],
    }  # fmt: skip
    write_report(tmp_path / "report.html", summary, [])
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert re.findall(r">(\d+\.mat)<", page) == ["99.mat"]
    assert "fan: 99 more recordings, see summary.json" in page


def test_names_cannot_break_the_page(tmp_path):
    page = report(tmp_path, asset="</script><b>fan", failed=[{"file": "x", "reason": "<i>bad</i>"}])
    assert "<b>fan" not in page
    assert "<i>bad" not in page
    assert "&lt;i&gt;bad&lt;/i&gt;" in page


def test_decimation_keeps_every_peak(tmp_path):
    drawn = json.loads(portrait(tmp_path / "p.json", ShowingModel()).read_text())
    assert max(drawn["waveforms"][0]["high"]) == pytest.approx(1.0)
    assert len(drawn["waveforms"][0]["t"]) <= 1200
    assert len(drawn["pictures"][0]["x"]) <= 2400
    assert max(drawn["pictures"][0]["y"]) == pytest.approx(1.0, abs=0.02)


def test_the_picture_is_of_a_usable_window():
    model = ShowingModel()
    drawn = Portrait(model)
    drawn.add(frames(3), [record(0, quality="bad"), record(1, quality="bad"), record(2)])
    assert model.shown == [2]


def test_samples_and_channels_that_are_lost_are_left_out(tmp_path):
    """A window that lacks some of its readings is usable to some models."""
    frame = frames(1)[0]
    samples = frame.channels["vibration"].samples.copy()
    samples[1000:4000] = np.nan
    channels = {"vibration": Waveform(samples, 1000.0, "m/s2", Quality.BAD, "NaN")}
    model = ShowingModel()
    drawn = Portrait(model)
    drawn.add([replace(frame, channels=channels)], [record(0, quality="uncertain")])
    drawn.write(tmp_path / "p.json")
    waveform = json.loads((tmp_path / "p.json").read_text())["waveforms"][0]
    assert len(waveform["t"]) == len(waveform["low"]) == len(waveform["high"])
    assert 0.35 * 1200 < len(waveform["t"]) < 0.45 * 1200
    assert model.shown == []


def test_years_of_windows_stay_a_few_thousand():
    drawn = Portrait(PlainModel())
    for k in range(9000):
        drawn._keep(record(k))
    assert len(drawn.records) <= 2000
    starts = [kept["start_ns"] // 10**9 for kept in drawn.records]
    assert drawn.every == 8
    assert starts == list(range(0, 9000, 8))


def test_marks_come_in_families():
    marks = [["shaft", 1.0], ["BPFO", 3.6], ["2xBPFO", 7.2], ["2xBSF", 4.7], ["2x2xBSF", 9.4]]
    assert mark_groups(marks) == {"shaft": [1.0], "BPFO": [3.6, 7.2], "2xBSF": [4.7, 9.4]}


def test_a_bound_near_the_prior_does_not_flatten_what_is_resolved():
    far = {**WEAK, "high": 40.0}
    columns = {key: [OUTER[key], far[key]] for key in OUTER}
    tracks = {"outer_impact": {"low": [None] * 2, "high": [None] * 2, "step_ns": []}}
    [spec] = parameters({"parameters": {"outer_impact": columns}, "start_ns": [0, 10**9], "tracks": tracks})
    drawn = json.loads(spec)
    assert drawn["layout"]["yaxis"]["range"][1] < 0.3
    bounded = next(t for t in drawn["data"] if t.get("text") == ["not resolvable, below 40 g"])
    assert bounded["marker"]["symbol"] == ["triangle-up"]


@pytest.mark.parametrize("log", [False, True])
def test_marks_outside_the_curve_are_left_out(log):
    drawn = {"title": "t", "x": [1.0, 2.0], "y": [0.5, 1.0], "x_label": "x", "y_label": "y",
             "markers": [["in", 1.5], ["out", 3.0]], "log_x": log, "log_y": log}  # fmt: skip
    spec = json.loads(picture(drawn))
    assert [trace.get("name") for trace in spec["data"]] == ["in", None]
    assert spec["layout"]["xaxis"]["type"] == ("log" if log else "linear")


def test_without_plotly_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(ReportUnavailable, match=r"pip install 'edge-inversion\[report\]'"):
        require_plotly()


def test_a_picture_must_be_a_curve():
    with pytest.raises(ValueError, match=r"Spectrum: x and y must share one shape \(n,\), got \(3,\) and \(2,\)"):
        Picture("Spectrum", np.zeros(3), np.zeros(2), "x", "y")


def test_the_track_is_a_band_where_it_resolves_the_parameter_with_its_steps(tmp_path):
    tracked = OUTER | {"low": 0.11, "high": 0.13, "step_ns": None}
    lost = tracked | {"resolvable": False}
    again = tracked | {"step_ns": 4 * 10**9}
    rows = [tracked, tracked, lost, lost, again, again, again]
    drawn = Portrait(PlainModel())
    drawn.add(frames(7), [record(k) | {"track": {"outer_impact": row}} for k, row in enumerate(rows)])
    drawn.write(tmp_path / "p.json")
    series = json.loads((tmp_path / "p.json").read_text())
    assert series["tracks"]["outer_impact"]["low"] == [0.11, 0.11, None, None, 0.11, 0.11, 0.11]
    figure = json.loads(parameters(series)[0])
    bands = [trace for trace in figure["data"] if trace.get("fill") == "toself"]
    assert [len(band["x"]) for band in bands] == [4, 6]
    assert set(bands[0]["y"]) == {0.11, 0.13}
    assert [annotation["text"] for annotation in figure["layout"]["annotations"]] == ["step"]
    assert figure["layout"]["shapes"][0]["x0"] == 4.0
