"""Empirical models on real machines: fitted on one part of the recordings, judged on groups that they never saw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import labels
from inversion.app.batch.asset import recording_source
from inversion.app.calibrate import Calibrated, run_calibration
from inversion.app.configuration import load_pipeline
from inversion.engines.least_squares import LeastSquares
from inversion.forward.empirical import Empirical
from inversion.pipeline import advance
from sensors.recording import load_layout, read_recording, window_frames

pytestmark = pytest.mark.recordings

CONFIGS = Path(__file__).parents[2] / "configs"
RANGE_V = 2.2  # of the roller


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where models, tables of truth and sites of these tests lie."""
    return tmp_path_factory.mktemp("empirical")


def site(data: Path, folder: Path, name: str, run: str = "Bearing1_1") -> Path:
    """A copy of a shipped site whose paths lead to the recordings, to this folder and to the shipped layouts."""
    text = (CONFIGS / "calibration" / f"{name}.toml").read_text(encoding="utf-8")
    text = text.replace("../../../shared/data", str(data)).replace("../../var/labels", str(folder))
    text = text.replace(f"../../var/{name}.npz", f"{folder}/{name}_{run}.npz").replace("../../var", str(folder))
    path = folder / f"{name}_{run}.toml"
    path.write_text(text.replace("../layouts", str(CONFIGS / "layouts")).replace("Bearing1_1", run), encoding="utf-8")
    return path


def alarms(path: Path) -> dict[str, list[bool]]:
    """Whether the alarm was active, a window, by asset; through the pipeline, one window after the other."""
    pipeline, source = load_pipeline(path), recording_source(path)
    states, active = {}, {}
    for file in source.paths():
        states, findings = advance(pipeline, states, source.read(file))
        for finding in findings:
            active.setdefault(finding.asset, []).append(finding.alarms[0].state == "active")
    return active


def scores(calibrated: Calibrated) -> dict[str, object]:
    return {score.name: score for score in calibrated.left_out}


@pytest.fixture(scope="module")
def roller(data, folder) -> np.ndarray:
    """(n, 6) of the windows of steps_1 by a model of steps_0: truth, value, low, high, resolved, dwelling."""
    truth = labels.dropbear(data, folder, 0, every=1)
    model = folder / "dropbear_Bearing1_1.npz"
    run_calibration(site(data, folder, "dropbear"), truth, model)
    forward = Empirical(model)
    record = read_recording(data / "dropbear" / "steps_1.txt", load_layout(CONFIGS / "layouts" / "dropbear.toml"))
    frames = list(window_frames(record, window_s=0.5))
    estimates = LeastSquares(loss="student").bind(forward).invert(forward.observe(frames))
    rows = []
    for frame, estimate in zip(frames, estimates, strict=True):
        place = frame.channels["roller_position"].samples
        resolved = estimate.resolvable("roller_position")
        interval = estimate.interval("roller_position", 0.9)
        rows.append((place.mean(), estimate.value("roller_position"), *interval, resolved, place.std() < 0.02))
    return np.array(rows)


def test_a_roller_is_placed_while_it_dwells_and_while_it_moves(roller):
    truth, value, _, _, resolved, dwelling = roller.T
    assert len(roller) == 28
    assert np.all(resolved == 1)
    error = (value - truth) / RANGE_V
    assert np.sqrt(np.mean(error[dwelling == 1] ** 2)) <= 0.02
    assert np.sqrt(np.mean(error**2)) <= 0.05


def test_intervals_of_the_roller_cover(roller):
    truth, _, low, high, _, _ = roller.T
    assert np.mean((low <= truth) & (truth <= high)) >= 0.85


def test_the_hydraulic_rigs_cooler_pump_and_accumulator(data, folder):
    truth = labels.hydraulic(data, folder)
    calibrated = run_calibration(site(data, folder, "hydraulic"), truth, folder / "hydraulic.npz", judged=36)
    assert (calibrated.windows, calibrated.groups) == (1089, 12)
    assert calibrated.reasons == {"not yet static": 756}  # said, not dropped in silence
    assert {score.name for score in calibrated.put_aside} == {"cooler", "leakage", "accumulator"}
    found = scores(calibrated)
    assert found["cooler"].rmse <= 5
    assert found["leakage"].rmse <= 0.3
    assert all(score.covered >= 0.85 for score in found.values())


def test_the_mass_on_a_motors_rim_is_held_by_its_interval(data, folder):
    truth = labels.unbalance(data, folder)
    calibrated = run_calibration(site(data, folder, "unbalance"), truth, folder / "unbalance.npz")
    assert calibrated.groups == 28  # whole trials are left out
    mass = scores(calibrated)["mass"]
    assert mass.windows >= 28
    assert mass.covered >= 0.85
    assert mass.width < 0.6  # of the prior: amplitude does tell something


def test_a_pump_that_shakes_is_found_and_a_healthy_one_is_not(data, folder):
    path = site(data, folder, "skab")
    run_calibration(path, labels.skab(folder), folder / "skab_Bearing1_1.npz")
    active = alarms(path)
    assert not any(active["anomaly-free"])
    for run, (first, last) in {"imbalance_5": (571, 981), "imbalance_6": (572, 974)}.items():
        shaken = np.arange(len(active[run])) * 30 + 30
        inside = (shaken > first) & (shaken - 30 <= last)
        assert np.mean(np.array(active[run])[inside]) > 0.7
        assert not np.any(np.array(active[run])[~inside & (shaken <= first)])
        assert not np.any(np.array(active[run])[shaken > last + 120])  # it clears


@pytest.mark.parametrize("run", ["Bearing1_1", "Bearing1_2", "Bearing2_1", "Bearing2_2"])
def test_a_bearing_is_alarmed_before_its_end_and_not_in_its_first_fifth(data, folder, run):
    path = site(data, folder, "femto", run)
    run_calibration(path, labels.femto(data, folder, run), folder / f"femto_{run}.npz")
    active = alarms(path)[run]
    assert any(active[:-1])
    assert not any(active[: -(-len(active) // 5)])
