"""`inversion validate` on simulated recordings whose truth is known."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from inversion.app.simulate import run_simulation
from inversion.app.stop import Stop
from inversion.app.validate.location import verdict
from inversion.app.validate.run import Heard
from inversion.app.verbs import app
from inversion.core.scores import CURVE

CONFIGS = Path(__file__).parents[2] / "configs"
TRUTH = """file,group,location,outer_spall,outer_impact
wide.npz,first machine,outer,4,0.3
narrow.npz,first machine,outer,2,0.3
healthy,second machine,none,,
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A site, three recordings of four windows, and their truth."""
    folder = tmp_path_factory.mktemp("validate")
    shutil.copytree(CONFIGS, folder / "configs")
    own = folder / "var" / "simulated"
    for seed, (name, fault, width) in enumerate((("wide", "outer", 4), ("narrow", "outer", 2), ("healthy", "none", 0))):
        run_simulation(own / f"{name}.npz", race=fault, width_mm=width, seconds=6.0, seed=seed)
    (folder / "truth.csv").write_text(TRUTH)
    return folder


def validate(place: Path, *words: object, truth: str = "truth.csv", out: str = "out"):
    site = place / "configs" / "simulated.toml"
    return CliRunner().invoke(
        app, ["validate", str(site), str(place / truth), "--out", str(place / out), *map(str, words)], obj=Stop()
    )


@pytest.fixture(scope="module")
def result(place) -> dict:
    done = validate(place, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_figures_are_those_of_the_windows(result):
    assert (result["recordings"], result["windows"], result["failed"]) == (3, 12, [])
    spall = result["parameters"]["outer_spall"]
    assert spall["unit"] == "mm"
    everything = spall["windows"]["all"]
    assert everything["answers"] == 8
    assert len(everything["coverage"]) == len(CURVE)
    assert everything["coverage"] == sorted(everything["coverage"])
    assert everything["coverage"][CURVE.index(0.9)] >= 0.75
    assert everything["width"] < 0.7
    assert everything["score"] < 0.7
    assert spall["tracks"]["all"]["answers"] == 2
    assert spall["windows"]["groups"] == {}  # only one of the machines has a spall
    assert "inner_spall" not in result["parameters"]


def test_places_are_right(result):
    assert result["location"]["all"]["right"] == 3
    assert result["location"]["groups"]["second machine"] == {
        "recordings": 1, "right": 1, "wrong": 0, "missed": 0, "unanswered": 0, "windows": 4, "windows_wrong": 0,
    }  # fmt: skip
    assert [claim["verdict"] for claim in result["claims"]] == ["right"] * 3


def test_results_lie_in_the_folder(place, result):
    assert json.loads((place / "out" / "validation.json").read_text()) == result
    page = (place / "out" / "validation.html").read_text()
    assert "default-src 'none'" in page
    assert page.count('class="figure"') == 4  # two parameters, coverage, whiteness
    assert "3 of 3 right" in page
    assert sorted(path.name for path in (place / "out").iterdir()) == ["validation.html", "validation.json"]


def test_people_see_a_table(place):
    told = validate(place, "--no-page", out="plain").stdout
    for words in ("outer_spall, mm: each window", "covered 50/80/90/95 %", "location, by the majority", "3 of 3 right"):
        assert words in told
    assert not (place / "plain" / "validation.html").exists()


def test_a_table_of_somebody_elses(place):
    table = "name,diameter,owner\nwide.npz,4,me\nnarrow.npz,2,me\n"
    (place / "theirs.csv").write_text(table)
    columns = ("--truth-column", "file=name", "--truth-column", "outer_spall=diameter")
    done = validate(place, "--json", "--no-page", *columns, truth="theirs.csv")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["parameters"]["outer_spall"]["windows"]["all"]["answers"] == 8


def test_single_windows_and_windows_left_out(place):
    table = "file,window,leave_out,outer_spall\nwide.npz,0,,4\nwide.npz,1,running up,4\nwide.npz,3,,4\n"
    (place / "windows.csv").write_text(table)
    result = json.loads(validate(place, "--json", "--no-page", truth="windows.csv").stdout)
    assert result["parameters"]["outer_spall"]["windows"]["all"]["answers"] == 2
    assert result["left_out"] == {"running up": 1}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("file,outer_spall\nnone.npz,2\n", ":2: file: no recording 'none.npz'"),
        ("file,outer_spall\nwide.npz,40\n", ":2: outer_spall: truth must lie between"),
        ("file,outer_spall\nwide.npz,2\nwide.npz,3\n", ":3: wide.npz: contradicts line 2"),
        ("file,outer_spal\nwide.npz,2\n", ":1: outer_spal: no such parameter"),
        ("file,outer_spall\nwide.npz,two\n", ":2: outer_spall: expected a number, found 'two'"),
        ("file,group\nwide.npz,a\n", "states the truth of no parameter and no location"),
        ("file,window,outer_spall\nwide.npz,99,4\n", ":2: window: wide.npz has 4 windows, found 99"),
        ("file,outer_spall\n", "holds no labelled window"),
    ],
)
def test_a_wrong_table_is_one_line(place, table, said):
    (place / "wrong.csv").write_text(table)
    done = validate(place, "--no-page", truth="wrong.csv", out="none")
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (place / "none").exists()


def test_a_column_that_is_no_pair_is_refused(place):
    done = validate(place, "--truth-column", "outer_spall")
    assert done.exit_code == 2
    assert "expected OURS=THEIRS" in done.stderr


def test_a_damaged_recording_is_said_and_the_others_go_on(place):
    (place / "var" / "simulated" / "torn.npz").write_bytes(b"PK")
    (place / "torn.csv").write_text("file,outer_spall\ntorn.npz,3\nwide.npz,4\n")
    result = json.loads(validate(place, "--json", "--no-page", truth="torn.csv").stdout)
    (place / "var" / "simulated" / "torn.npz").unlink()
    assert result["recordings"] == 1
    assert "torn.npz" in result["failed"][0]


def test_windows_without_an_answer_are_counted_with_their_reason(place):
    dead = place / "var" / "simulated" / "dead.npz"
    np.savez(dead, vibration=np.zeros(200_000, dtype=np.float32), sample_rate=51_200.0, shaft_hz=29.5)
    (place / "dead.csv").write_text("file,location,outer_spall\ndead.npz,none,0\n")
    result = json.loads(validate(place, "--json", "--no-page", truth="dead.csv").stdout)
    dead.unlink()
    assert (result["windows"], result["parameters"]) == (0, {})
    [(reason, count)] = result["bad"].items()
    assert "dead channel" in reason
    assert count == 2
    assert result["location"]["all"]["unanswered"] == 1


@pytest.fixture(scope="module")
def fitted(tmp_path_factory) -> Path:
    """A site whose model is fitted: the pitch of a tone tells a position; four machines, each a little off."""
    folder, rng = tmp_path_factory.mktemp("fitted"), np.random.default_rng(5)
    (folder / "tone.toml").write_text(LAYOUT)
    (folder / "site.toml").write_text(SITE)
    rows = ["file,group,position"]
    for machine in range(4):
        own = rng.normal(0, 0.3)
        for k, position in enumerate(rng.uniform(0.5, 9.5, 6)):
            t = np.arange(2000) / 1000
            samples = np.sin(2 * np.pi * (40 + 4 * position + own) * t) + 0.05 * rng.normal(0, 1, t.size)
            name = f"machine{machine}_{k}.csv"
            (folder / name).write_text("x\n" + "\n".join(f"{value:.5f}" for value in samples) + "\n")
            rows.append(f"{name},machine {machine},{position:.4f}")
    (folder / "truth.csv").write_text("\n".join(rows) + "\n")
    words = ["calibrate", str(folder / "site.toml"), str(folder / "truth.csv"), "--out", str(folder / "m.npz")]
    done = CliRunner().invoke(app, words, obj=Stop())
    assert done.exit_code == 0, done.output
    return folder


LAYOUT = """
asset = "{stem}"
[reader]
use = "delimited"
[channels.tone]
variable = "x"
unit = "m/s2"
[sample_rate]
value = 1000
"""
SITE = """
[site]
name = "tone"
[source]
use = "recording"
layout = "tone.toml"
files = ["machine*.csv"]
window_s = 0.5
[forward]
use = "empirical"
model = "m.npz"
[engine]
use = "least_squares"
[calibration]
[[calibration.parameter]]
name = "position"
unit = "mm"
low = 0
high = 10
meaning = "of the slide"
[[calibration.feature]]
name = "pitch"
channel = "tone"
kind = "peak_hz"
low_hz = 20
high_hz = 120
"""


def on_fitted(fitted: Path, *words: str) -> dict:
    told = [str(fitted / "site.toml"), str(fitted / "truth.csv"), "--out", str(fitted / "out"), "--json", "--no-page"]
    done = CliRunner().invoke(app, ["validate", *told, *words], obj=Stop())
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_figures_of_groups_that_a_model_was_fitted_on_are_said_to_flatter(fitted):
    assert on_fitted(fitted)["flattered"] == [f"machine {k}" for k in range(4)]


def test_a_fitted_model_is_judged_on_groups_it_has_not_seen(fitted):
    seen, unseen = on_fitted(fitted), on_fitted(fitted, "--leave-group-out")
    assert unseen["flattered"] == []
    before, after = (each["parameters"]["position"]["windows"]["all"] for each in (seen, unseen))
    assert after["answers"] == before["answers"] == 96
    assert 0 < after["rmse"] < 0.3  # mm of 10
    assert after["rmse"] != before["rmse"]
    assert list(unseen["parameters"]["position"]["windows"]["groups"]) == [f"machine {k}" for k in range(4)]


def test_what_is_not_fitted_cannot_be_fitted_again(place):
    done = validate(place, "--leave-group-out", "--no-page", out="none")
    assert done.exit_code == 2
    assert "calibration: is required" in done.stderr


def heard(location: str, *claims: tuple[str, ...]) -> Heard:
    return Heard("x", "g", location, claims, np.zeros((0, 1)))


@pytest.mark.parametrize(
    ("recording", "said"),
    [
        (heard("outer", ("outer_impact", "outer_spall"), ("outer_impact",), ()), "right"),
        (heard("or", ("outer_impact",)), "right"),
        (heard("outer", ("inner_impact",), ("inner_impact",), ("outer_impact",)), "wrong"),
        (heard("outer", ("outer_impact",), (), ()), "missed"),
        (heard("none", (), ("outer_impact",), ()), "right"),
        (heard("normal", ("outer_impact",)), "wrong"),
        (heard("", ("outer_impact",)), ""),
        (heard("none"), "unanswered"),
    ],
)
def test_places_by_majority(recording, said):
    assert verdict(recording) == said


def test_what_the_windows_tell_apart_is_printed(place, result):
    told = result["identifiability"]
    assert told["parameters"][:2] == ["outer_impact", "inner_impact"]
    assert told["singular_values"] == sorted(told["singular_values"], reverse=True)
    assert 1 <= told["seen"] == sum(value > 1 for value in told["singular_values"]) < len(told["parameters"])
    assert f"a window's data tell {told['seen']} of {len(told['parameters'])} directions" in validate(place).stdout
