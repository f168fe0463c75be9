"""Published balancing jobs, solved as their authors did.

Sources: Brüel & Kjær application note 17-227; Feese and Grazier, Balance This! case histories, 2004; Goodman, A
least-squares method for computing balance corrections, J. Eng. Ind. 86 (1964) 273-279. Their numbers stand in
`balancing/cases.toml` among the recordings; the verb reads that file as it is.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from inversion.app.balance import read_cases, solve
from inversion.app.verbs import app

pytestmark = pytest.mark.recordings

TOLERANCE = 0.015
CASES = {
    "two planes, influence matrix given": "Bruel & Kjaer",
    "two planes, from trial runs": "Bruel & Kjaer",
    "two planes, from trial runs, with slow-roll runout": "Bruel & Kjaer",
    "four sensors, two planes, trial masses left in": "Feese and Grazier 2004",
    "three sensors, two planes, least squares beats exact point": "Goodman 1964",
}


@pytest.fixture(scope="module")
def published(data):
    return {case.name: case for case in read_cases(data / "balancing" / "cases.toml")}


def test_every_case_of_the_file_is_tested(published):
    assert published.keys() == CASES.keys()


@pytest.mark.parametrize(("name", "source"), CASES.items())
def test_the_published_masses_are_found(published, name, source):
    case = published[name]
    assert source in case.source
    result = solve(case)
    for plane, off, (mass, degrees) in zip(result.planes, result.published_off, case.published, strict=True):
        assert off < TOLERANCE  # as vectors, so angles too
        assert abs(plane.mass.value / mass - 1) < TOLERANCE
        assert plane.resolvable
        assert plane.mass.low < mass < plane.mass.high
        turned = (plane.angle - degrees + 180) % 360 - 180
        assert abs(turned) <= plane.half_width < 60


def test_the_influence_matrix_of_the_note_is_that_of_its_trial_runs(published):
    given = published["two planes, influence matrix given"].influence
    found = solve(published["two planes, from trial runs"]).influence
    vectors = [np.array(each)[..., 0] * np.exp(1j * np.radians(np.array(each)[..., 1])) for each in (given, found)]
    assert np.all(np.abs(vectors[1] / vectors[0] - 1) < TOLERANCE)


def test_least_squares_beats_the_exact_point_method(published):
    """Goodman balances two sensors exactly and leaves more at the third than least squares leaves anywhere."""
    result = solve(published["three sensors, two planes, least squares beats exact point"])
    influence, vibration = np.array([[3, -2], [5, -2], [5, -3]]), np.array([1, -1, 0])
    exact = vibration - influence @ np.linalg.solve(influence[:2], vibration[:2])
    assert max(sensor.after.value for sensor in result.sensors) < np.abs(exact).max()


def test_the_verb_runs_the_file_as_it_is(data):
    done = CliRunner().invoke(app, ["balance", str(data / "balancing" / "cases.toml"), "--json"])
    assert done.exit_code == 0
    offs = [off for case in json.loads(done.stdout)["cases"] for off in case["published_off"]]
    assert len(offs) == 10
    assert max(offs) < TOLERANCE
