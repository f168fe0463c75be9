"""A machine of another physics: a finite-element rotor (`benchmarks/ross_rotor.py`), balanced through trial runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from inversion.app.balance import BalanceCase, solve

pytestmark = pytest.mark.statistical

REFERENCE = json.loads((Path(__file__).parents[1] / "golden" / "ross_rotor.json").read_text(encoding="utf-8"))
TRIALS = tuple((1e6 * size, degrees) for size, degrees in REFERENCE["trial_kg_m_deg"])  # g·mm
ERROR = 0.02  # relative, of a component of each reading
REPEATS = 20


def runs(rotor: dict) -> np.ndarray:
    """(3, 4) um: initial and trial runs at each probe."""
    return 1e6 * (np.array(rotor["runs"]) @ [1, 1j])


def job(readings: np.ndarray) -> BalanceCase:
    vectors = [[(float(abs(v)), float(np.degrees(np.angle(v)))) for v in run] for run in readings]
    trials = tuple(tuple(vectors[1 + plane][probe] for plane in range(2)) for probe in range(4))
    return BalanceCase(
        name="finite elements", vibration=tuple(vectors[0]), trial_runs=trials, trial_masses=TRIALS, error=ERROR
    )


def test_the_reference_says_what_made_it():
    assert REFERENCE["made_by"].startswith("ross-rotordynamics ")
    assert min(REFERENCE["natural_hz"]) > 1.3 * REFERENCE["shaft_hz"]


def test_the_unbalance_of_a_finite_element_rotor_is_covered():
    rng = np.random.default_rng(5)
    amplitudes, angles, resolvable = [], [], []
    for rotor in REFERENCE["sets"]:
        clean, unbalance = runs(rotor), 1e6 * (np.array(rotor["unbalance"]) @ [1, 1j])
        for _ in range(REPEATS):
            noise = ERROR * np.abs(clean) * (rng.normal(size=clean.shape) + 1j * rng.normal(size=clean.shape))
            for plane, true in zip(solve(job(clean + noise)).planes, unbalance, strict=True):
                turned = (plane.angle + 180 - np.degrees(np.angle(true)) + 180) % 360 - 180
                resolvable.append(plane.resolvable)
                amplitudes.append(plane.mass.low <= abs(true) <= plane.mass.high)
                angles.append(abs(turned) <= plane.half_width)
    assert np.mean(resolvable) > 0.9
    assert 0.80 < np.mean(amplitudes) < 0.97
    assert 0.80 < np.mean(angles) < 0.97


def test_without_noise_only_the_speed_that_differs_from_run_to_run_is_left():
    for rotor in REFERENCE["sets"]:
        unbalance = 1e6 * (np.array(rotor["unbalance"]) @ [1, 1j])
        result = solve(job(runs(rotor)))
        masses = np.array([plane.mass.value * np.exp(1j * np.radians(plane.angle)) for plane in result.planes])
        assert np.all(np.abs(masses + unbalance) < 0.03 * np.abs(unbalance).max())
