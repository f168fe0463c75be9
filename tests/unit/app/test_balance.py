"""The verb `balance`: its answers, its notes, its complaints."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from inversion.app.balance import read_cases, solve
from inversion.app.verbs import app
from inversion.core import ConfigurationError

ROOT = Path(__file__).parents[3]
SHIPPED = sorted((ROOT / "configs" / "balancing").glob("*.toml"))
INFLUENCE = np.array([[1.0, 0.4j], [0.3 - 0.2j, -0.9], [0.6j, 0.5 + 0.5j]])
UNBALANCE = np.array([20.0, 12j - 5])


def shown(vectors: np.ndarray) -> list:
    """Complex numbers as nested [amplitude, degrees]."""
    return np.stack([np.abs(vectors), np.degrees(np.angle(vectors))], axis=-1).tolist()


def trial_job(machine: np.ndarray = INFLUENCE, **extra: object) -> str:
    """A case whose answer is minus UNBALANCE."""
    masses = np.array([15.0, 15j])
    readings = {
        "name": '"job"',
        "vibration": shown(machine @ UNBALANCE),
        "trial_masses": shown(masses),
        "trial_runs": shown((machine @ UNBALANCE)[:, None] + machine * masses),
        "error": "0.01",
        **extra,
    }
    return "\n".join(f"{key} = {value}" for key, value in readings.items() if value is not None) + "\n"


def solved(tmp_path: Path, text: str):
    path = tmp_path / "case.toml"
    path.write_text(text, encoding="utf-8")
    (case,) = read_cases(path)
    return solve(case)


def run(*words: object):
    return CliRunner().invoke(app, ["balance", *map(str, words)])


def test_a_job_without_noise_is_solved_exactly(tmp_path):
    result = solved(tmp_path, trial_job())
    for plane, true in zip(result.planes, UNBALANCE, strict=True):
        assert plane.mass.value == pytest.approx(abs(true))
        assert plane.angle == pytest.approx((np.degrees(np.angle(true)) + 180) % 360)
        assert plane.mass.low < abs(true) < plane.mass.high
        assert plane.half_width < 10
    for sensor in result.sensors:
        assert sensor.after.value < 1e-9
        assert 0 == sensor.after.low < sensor.after.high < sensor.before.value / 3
    assert result.notes == ()


def test_repeated_runs_tell_the_error(tmp_path):
    vibration, rng = INFLUENCE @ UNBALANCE, np.random.default_rng(0)
    repeats = [shown(vibration + 0.1 * (rng.normal(size=3) + 1j * rng.normal(size=3))) for _ in range(4)]
    quiet = solved(tmp_path, trial_job(error=None, repeats=[shown(vibration)] * 4))
    loud = solved(tmp_path, trial_job(error=None, repeats=repeats))
    assert loud.planes[0].half_width > 100 * quiet.planes[0].half_width
    assert "8 degrees of freedom" in loud.notes[0]


def test_repeated_trial_runs_count_too(tmp_path):
    runs = (INFLUENCE @ UNBALANCE)[:, None] + INFLUENCE * np.array([15.0, 15j])
    result = solved(tmp_path, trial_job(error=None, trial_repeats=[shown(runs + 0.2)]))
    assert "4 degrees of freedom" in result.notes[0]
    assert result.planes[0].mass.low < result.planes[0].mass.value < result.planes[0].mass.high


def test_repeated_runs_that_contradict_the_stated_error_are_said(tmp_path):
    repeats = [shown(INFLUENCE @ UNBALANCE * 1.2), shown(INFLUENCE @ UNBALANCE * 0.8)]
    assert any("repeated runs scatter" in note for note in solved(tmp_path, trial_job(repeats=repeats)).notes)


def test_a_trial_mass_that_is_too_light_is_said(tmp_path):
    masses = np.array([15.0, 15j])
    runs = (INFLUENCE @ UNBALANCE)[:, None] + INFLUENCE * masses * [1, 0.01]
    result = solved(tmp_path, trial_job(trial_runs=shown(runs)))
    assert "not resolvable: plane 2 does not move the vibration beyond its error" in result.notes[0]
    assert not result.planes[1].resolvable
    assert result.planes[1].half_width == 180
    assert "contradictory" in result.notes[1]  # plane 1 alone cannot correct what plane 2 causes


def test_a_trial_run_equal_to_the_initial_one_is_refused_in_one_line(tmp_path):
    runs = np.repeat((INFLUENCE @ UNBALANCE)[:, None], 2, axis=1)
    with pytest.raises(ConfigurationError, match=r"case.toml:4: trial_runs: .* differ from the initial run") as refused:
        solved(tmp_path, trial_job(trial_runs=shown(runs)))
    assert "\n" not in str(refused.value)


def test_planes_that_act_alike_are_said_and_the_smallest_correction_is_given(tmp_path):
    alike = np.stack([INFLUENCE[:, 0], 1.001 * INFLUENCE[:, 0]], axis=1)
    result = solved(tmp_path, trial_job(alike))
    assert "plane 1 and plane 2 cannot be told apart" in result.notes[0]
    assert not any(plane.resolvable for plane in result.planes)
    assert result.planes[0].mass.value == pytest.approx(result.planes[1].mass.value, rel=0.05)
    near = np.stack([INFLUENCE[:, 0], INFLUENCE[:, 0] + [0.1, 0, 0]], axis=1)
    noted = solved(tmp_path, trial_job(near, error="1e-5"))
    assert "nearly collinear: plane 1 and plane 2 act alike" in noted.notes[0]
    assert all(plane.resolvable for plane in noted.planes)


def test_a_wrong_reading_is_said_and_a_robust_loss_yields_to_it(tmp_path):
    influence = np.concatenate([INFLUENCE, 1j * INFLUENCE[:, ::-1]])
    vibration = influence @ UNBALANCE
    vibration[3] *= -1
    text = trial_job(
        vibration=shown(vibration), influence=shown(influence), influence_error="0.01", trial_runs=None,
        trial_masses=None,
    )  # fmt: skip
    plain, robust = solved(tmp_path, text), solved(tmp_path, text + 'loss = "bisquare"\n')
    assert "most at sensor 4" in robust.notes[0]
    assert "widened" in plain.notes[0]
    off = [abs(result.planes[0].mass.value - 20) for result in (plain, robust)]
    assert off[1] < 0.02 * off[0]
    assert robust.planes[0].mass.low < 20 < robust.planes[0].mass.high


def test_a_weight_says_which_sensor_matters(tmp_path):
    vibration = INFLUENCE @ UNBALANCE + [3, 3j, -3]
    sensors = "".join(
        f'[[sensor]]\nname = "{name}"\nweight = {weight}\n' for name, weight in zip("abc", (1, 100, 1), strict=True)
    )
    text = trial_job(
        vibration=shown(vibration), influence=shown(INFLUENCE), influence_error="0.01", trial_runs=None,
        trial_masses=None,
    )  # fmt: skip
    plain, weighted = solved(tmp_path, text), solved(tmp_path, text + sensors)
    assert weighted.sensors[1].after.value < 0.2 * plain.sensors[1].after.value


def test_trial_masses_that_stay_in_are_told_what_to_add(tmp_path):
    masses = np.array([15.0, 15j])
    runs = (INFLUENCE @ UNBALANCE)[:, None] + np.cumsum(INFLUENCE * masses, axis=1)
    result = solved(tmp_path, trial_job(trial_runs=shown(runs), keep_trial="true"))
    for plane, true, trial in zip(result.planes, UNBALANCE, masses, strict=True):
        assert plane.mass.value == pytest.approx(abs(true))
        assert plane.add[0] == pytest.approx(abs(-true - trial))


def test_grades_and_positions(tmp_path):
    planes = '[[plane]]\nname = "l"\nradius_mm = 100\npositions = 8\n[[plane]]\nname = "r"\nradius_mm = 50\n'
    planes += "positions_deg = [0, 90]\nheaviest = 5\n[rotor]\nmass_kg = 40\nrpm = 3000\ngrade = 6.3\n"
    result = solved(tmp_path, trial_job() + planes)
    left, right = result.planes
    assert left.unbalance.value == pytest.approx(2000)
    assert left.grade.value == pytest.approx(2000e-6 / 20 * 2 * np.pi * 50 * 1e3)
    assert left.positions == ((180.0, pytest.approx(20.0)),)
    assert left.split_missed < 1e-6
    assert left.probability_within_grade > 0.9
    assert [angle for angle, _ in right.positions] == [0.0]  # the correction points to 293 degrees
    assert right.left.value == pytest.approx(50 * right.split_missed)
    assert right.probability_within_grade < left.probability_within_grade
    assert any(note.startswith("r: the positions make up") for note in result.notes)


def test_mass_that_is_removed_comes_off_the_opposite_side(tmp_path):
    planes = "".join(f'[[plane]]\nname = "{name}"\npositions = 4\nremoved = true\n' for name in "lr")
    path = tmp_path / "case.toml"
    path.write_text(trial_job() + planes, encoding="utf-8")
    assert solved(tmp_path, trial_job() + planes).planes[0].positions == ((0.0, pytest.approx(20.0)),)
    assert re.search(r"^l +remove +20 .* 0\.0°", run(path).stdout, re.MULTILINE)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_cases_are_solved(path, tmp_path):
    done = run(path, "--json", "--html", tmp_path / "page.html")
    assert done.exit_code == 0
    (case,) = json.loads(done.stdout)["cases"]
    assert all(plane["resolvable"] for plane in case["planes"])
    assert all(sensor["after"]["high"] > sensor["after"]["value"] for sensor in case["sensors"])
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count('class="figure"') == len(case["planes"]) + len(case["sensors"])
    assert "scatterpolar" in page
    text = run(path).stdout
    for plane in case["planes"]:
        assert plane["name"] in text


def test_the_answer_is_the_same_every_time():
    assert run(SHIPPED[0], "--json").stdout == run(SHIPPED[0], "--json").stdout


BASE = {"influence": "[[[1, 0]]]", "vibration": "[[1, 0]]"}
COMPLAINTS = {
    "trial_runs: trial_runs must differ from the initial run at one sensor at least, run 1 does not": {
        "influence": None, "trial_masses": "[[1, 0]]", "trial_runs": "[[[1, 0]]]",
    },
    "trial_masses: trial_masses must be above zero, got a mass of 0 in run 1": {
        "influence": None, "trial_masses": "[[0, 0]]", "trial_runs": "[[[2, 0]]]",
    },
    "trial_masses: trial_masses must have 1 vectors, one a plane, got 2": {
        "influence": None, "trial_masses": "[[1, 0], [1, 0]]", "trial_runs": "[[[2, 0]]]",
    },
    "influence: influence or trial_runs with trial_masses: exactly one is expected, got both": {
        "trial_runs": "[[[2, 0]]]",
    },
    "influence: influence must not have more planes (2) than sensors (1): nothing tells them apart": {
        "influence": "[[[1, 0], [2, 0]]]",
    },
    "influence: influence must have 2 rows, one a sensor, of one vector a plane, got rows of 1": {
        "vibration": "[[1, 0], [2, 0]]",
    },
    "influence: influence must move one sensor at least, that of plane 1 is zero": {"influence": "[[[0, 0]]]"},
    "vibration: vibration must have amplitudes of zero or more, got -1": {"vibration": "[[-1, 0]]"},
    "vibration: vibration must be above zero at one sensor at least: there is nothing to balance": {
        "vibration": "[[0, 0]]",
    },
    "runout: runout must have 1 entries, got 2": {"runout": "[[1, 0], [1, 0]]"},
    "error: error must lie from 0 to 1, got 2.0": {"error": "2.0"},
    "loss: loss must be one of squares, huber, bisquare, got 'l1'": {"loss": '"l1"'},
    "runouts: no such option (did you mean 'runout'?)": {"runouts": "[[1, 0]]"},
    "rotor: rotor needs a radius_mm in every [[plane]], to make unbalances of masses": {
        "rotor": "{ mass_kg = 1, rpm = 60 }",
    },
}  # fmt: skip


@pytest.mark.parametrize(("complaint", "change"), COMPLAINTS.items(), ids=[text[:50] for text in COMPLAINTS])
def test_a_wrong_case_is_one_line_with_its_place(tmp_path, complaint, change):
    path = tmp_path / "case.toml"
    lines = [f"{key} = {value}" for key, value in {"name": '"x"', **BASE, **change}.items() if value is not None]
    path.write_text("\n".join(lines), encoding="utf-8")
    done = run(path)
    assert done.exit_code == 2
    line = next(i for i, text in enumerate(lines, start=1) if text.startswith(complaint.split(":")[0]))
    assert done.stderr == f"{path}:{line}: {complaint}\n"


def test_a_file_that_mixes_both_forms_is_refused(tmp_path):
    path = tmp_path / "case.toml"
    path.write_text('name = "x"\n[[case]]\nname = "y"\n', encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"case.toml:1: name: no such option"):
        read_cases(path)


def test_a_page_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    done = run(SHIPPED[0], "--html", tmp_path / "file" / "page.html")
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1
    assert "cannot be written" in done.stderr
