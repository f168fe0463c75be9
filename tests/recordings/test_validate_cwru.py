"""`inversion validate` on real recordings, their truth from the labels beside them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inversion.app.stop import Stop
from inversion.app.verbs import app

pytestmark = pytest.mark.recordings

CONFIGS = Path(__file__).parents[2] / "configs"
PLACES = {"OR": "outer", "IR": "inner", "B": "ball", "N": "none"}
SPALLS = ("outer_spall", "inner_spall", "ball_spall")


def write_truth(labels: Path, truth: Path) -> None:
    """Of every recording: rig and sample rate as its group, the place, and the diameter as that place's width."""
    with labels.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with truth.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "group", "location", *SPALLS])
        for row in rows:
            place = PLACES[row["fault"]]
            widths = [row["diam_mm"] if spall.startswith(place) else "" for spall in SPALLS]
            table.writerow([row["file"], f"{row['fs_hz']} {place}", place, *widths])


@pytest.fixture(scope="module")
def result(data, tmp_path_factory) -> dict:
    place = tmp_path_factory.mktemp("cwru")
    write_truth(data / "cwru" / "labels.csv", place / "truth.csv")
    site = (CONFIGS / "cwru.toml").read_text().replace("../../shared/data", str(data))
    (place / "cwru.toml").write_text(site.replace("layouts/", f"{CONFIGS}/layouts/"))
    words = ["validate", str(place / "cwru.toml"), str(place / "truth.csv"), "--out", str(place / "out"), "--json"]
    done = CliRunner().invoke(app, words, obj=Stop())
    assert done.exit_code == 0, done.output
    assert (place / "out" / "validation.html").stat().st_size > 10_000
    return json.loads(done.stdout)


def test_no_recording_is_claimed_in_a_wrong_place_and_most_in_the_right_one(result):
    groups = result["location"]["groups"]
    assert groups["12000 outer"]["right"] + groups["12000 inner"]["right"] >= 10
    assert groups["48000 outer"]["right"] + groups["48000 inner"]["right"] >= 4
    assert groups["48000 none"]["right"] == 1
    assert groups["12000 ball"]["wrong"] <= 1
    assert result["location"]["all"]["wrong"] == groups["12000 ball"]["wrong"]


def test_intervals_hold_the_pit_and_say_that_it_cannot_be_resolved(result):
    for spall in SPALLS:
        told = result["parameters"][spall]["windows"]["all"]
        assert told["answers"] >= 40
        assert told["coverage"][result["curve"].index(0.9)] >= 0.9
        assert told["unresolved"] >= 0.9
